package friendbuy

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

const (
	usualPage   = 200
	largestPage = 1000
)

// terms is how a list may be asked for.
type terms struct {
	undated bool // it takes no dates
	filters []filter
}

// filter is a query parameter that narrows a list.
type filter struct {
	name     string
	required bool
	check    func(name, value string) error // nil takes any value
	set      func(q *engine.ListQuery, value string)
}

// asked is which page of a list a call asks for. It travels in page tokens, so
// that dates, size and filters stay those of the first call.
type asked struct {
	From    int64             `json:"f,omitempty"` // milliseconds, both inclusive
	To      int64             `json:"t,omitempty"`
	Size    int               `json:"s"`
	Filters map[string]string `json:"by,omitempty"` // as they were sent
	At      int64             `json:"a,omitempty"`  // the last row of the page before
	ID      int64             `json:"i,omitempty"`
}

// answerPage answers a call for a page of a list.
func answerPage[T, J any](
	a *API, w http.ResponseWriter, r *http.Request, account model.AccountID, by terms,
	list func(context.Context, model.AccountID, engine.ListQuery) (*engine.Listed[T], error), toJSON func(*T) J,
) error {
	values, err := web.ReadQuery(r)
	if err != nil {
		return err
	}
	scope := fmt.Sprintf("%s %d", r.URL.Path, account)
	page, err := a.pages.asked(values, by, scope)
	if err != nil {
		return err
	}
	got, err := list(r.Context(), account, page.query(by))
	if err != nil {
		return err
	}
	out := pageJSON[J]{TotalResults: got.Total, Results: make([]J, len(got.Rows))}
	for i := range got.Rows {
		out.Results[i] = toJSON(&got.Rows[i])
	}
	if got.More {
		if out.NextPageToken, err = a.pages.after(got.Next, page, scope); err != nil {
			return err
		}
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

// pages makes and reads page tokens. They are sealed: nobody else reads or
// makes one, and one that was given in another account or list opens nothing.
// Safe for concurrent use.
type pages struct{ seal cipher.AEAD }

func newPages(core *engine.Engine) pages {
	block, err := aes.NewCipher(core.SigningKey("friendbuy page token"))
	if err != nil {
		panic(err) // a key of 32 bytes fits
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // the block size of AES fits
	}
	return pages{seal}
}

// asked reads which page a call asks for: the first by its own parameters, or
// the one that its token names. Beside a token, filters may be repeated, and
// dates and size count for nothing.
func (p pages) asked(values url.Values, by terms, scope string) (*asked, error) {
	if token := values.Get("pageToken"); token != "" {
		page, err := p.open(token, scope)
		if err != nil {
			return nil, err
		}
		for _, f := range by.filters {
			if value := values.Get(f.name); value != "" && value != page.Filters[f.name] {
				return nil, malformed(f.name, "is not what pageToken was given for")
			}
		}
		return page, nil
	}
	page := &asked{}
	if err := first(page.readDates(values, by), page.readSize(values), page.readFilters(values, by)); err != nil {
		return nil, err
	}
	return page, nil
}

func (a *asked) readDates(values url.Values, by terms) error {
	if by.undated {
		return nil
	}
	for _, name := range []string{"fromDate", "toDate"} {
		if values.Get(name) == "" {
			return invalid(name, "is required unless pageToken is sent")
		}
	}
	from, fromErr := instant("fromDate", values.Get("fromDate"))
	to, toErr := instant("toDate", values.Get("toDate"))
	if err := first(fromErr, toErr); err != nil {
		return err
	}
	if to.Before(from) {
		return invalid("toDate", "must not be before fromDate")
	}
	a.From, a.To = from.UnixMilli(), to.UnixMilli()
	return nil
}

func (a *asked) readSize(values url.Values) error {
	text := values.Get("pageSize")
	if text == "" {
		a.Size = usualPage
		return nil
	}
	size, err := strconv.Atoi(text)
	if err != nil || size < 1 || size > largestPage {
		return invalid("pageSize", fmt.Sprintf("must be a whole number from 1 to %d", largestPage))
	}
	a.Size = size
	return nil
}

func (a *asked) readFilters(values url.Values, by terms) error {
	a.Filters = map[string]string{}
	for _, f := range by.filters {
		value := values.Get(f.name)
		if value == "" {
			if f.required {
				return invalid(f.name, "is required unless pageToken is sent")
			}
			continue
		}
		if f.check != nil {
			if err := f.check(f.name, value); err != nil {
				return err
			}
		}
		a.Filters[f.name] = value
	}
	return nil
}

func (a *asked) query(by terms) engine.ListQuery {
	q := engine.ListQuery{Size: a.Size}
	if !by.undated {
		q.From, q.To = time.UnixMilli(a.From).UTC(), time.UnixMilli(a.To).UTC()
	}
	if a.ID != 0 {
		q.After = engine.Cursor{At: time.UnixMilli(a.At).UTC(), ID: a.ID}
	}
	for _, f := range by.filters {
		if value := a.Filters[f.name]; value != "" {
			f.set(&q, value)
		}
	}
	return q
}

func (p pages) open(token, scope string) (*asked, error) {
	no := malformed("pageToken", "is not one that this list gave")
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || base64.RawURLEncoding.EncodeToString(sealed) != token { // base64 can write the same bytes in several ways
		return nil, no
	}
	plain, err := p.seal.Open(nil, nil, sealed, []byte(scope))
	if err != nil {
		return nil, no
	}
	var page asked
	if err := json.Unmarshal(plain, &page); err != nil {
		return nil, err
	}
	return &page, nil
}

// after is the token of the page that follows a row.
func (p pages) after(row engine.Cursor, page *asked, scope string) (string, error) {
	next := *page
	next.At, next.ID = row.At.UnixMilli(), row.ID
	plain, err := json.Marshal(next)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(p.seal.Seal(nil, nil, plain, []byte(scope))), nil
}
