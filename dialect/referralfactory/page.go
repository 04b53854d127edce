package referralfactory

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"grapevine/web"
)

type linksJSON struct {
	First string  `json:"first"`
	Last  string  `json:"last"`
	Prev  *string `json:"prev"`
	Next  *string `json:"next"`
}

type metaJSON struct {
	CurrentPage int    `json:"current_page"`
	From        *int   `json:"from"`
	LastPage    int    `json:"last_page"`
	Path        string `json:"path"`
	PerPage     int    `json:"per_page"`
	To          *int   `json:"to"`
	Total       int    `json:"total"`
}

// links lead to other pages of the same list: they keep all of the query but
// the page.
func (q *query) links(r *http.Request, last int) linksJSON {
	base := addressOf(r) + "?"
	for _, pair := range strings.Split(r.URL.RawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil || plain == "" || plain == "page" {
			continue
		}
		text, err := url.QueryUnescape(value)
		if err != nil {
			continue // the query was read: it has none of these
		}
		base += url.QueryEscape(plain) + "=" + url.QueryEscape(text) + "&"
	}
	to := func(page int) string { return base + "page=" + strconv.Itoa(page) }
	links := linksJSON{First: to(1), Last: to(last)}
	if q.page > 1 {
		prev := to(q.page - 1)
		links.Prev = &prev
	}
	if q.page < last {
		next := to(q.page + 1)
		links.Next = &next
	}
	return links
}

func (q *query) meta(r *http.Request, rows, total, last int) metaJSON {
	m := metaJSON{CurrentPage: q.page, LastPage: last, Path: addressOf(r), PerPage: q.perPage, Total: total}
	if rows > 0 {
		from, to := q.skip()+1, q.skip()+rows
		m.From, m.To = &from, &to
	}
	return m
}

// addressOf is where a call went, without its query.
func addressOf(r *http.Request) string {
	scheme := "http://"
	if web.Secure(r) {
		scheme = "https://"
	}
	return scheme + r.Host + r.URL.EscapedPath()
}

// listed answers a page of a list.
func (q *query) listed(w http.ResponseWriter, r *http.Request, rows []object, total int, tail ...member) error {
	last := max(1, (total+q.perPage-1)/q.perPage)
	if rows == nil {
		rows = []object{}
	}
	answer := object{{"data", rows}, {"links", q.links(r, last)}, {"meta", q.meta(r, len(rows), total, last)}}
	return web.WriteJSON(w, http.StatusOK, append(answer, tail...))
}

// closing is how most answers end.
func closing(status int, message any) []member {
	return []member{{"code", status}, {"message", message}}
}

// single answers one row.
func single(w http.ResponseWriter, status int, row object, message any) error {
	return web.WriteJSON(w, status, append(object{{"data", row}}, closing(status, message)...))
}
