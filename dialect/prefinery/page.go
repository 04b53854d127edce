package prefinery

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"

	"grapevine/model"
	"grapevine/web"
)

// perPage is how many items a page has.
const perPage = 25

// page is which page of a list is asked for, from 1.
func page(r *http.Request) (int, error) {
	text := r.URL.Query().Get("page")
	if text == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > math.MaxInt32 {
		return 0, &model.Error{Kind: model.Malformed, Field: "page", Msg: "page must be a whole number from 1 on."}
	}
	return n, nil
}

// writePage answers a page of a list, and says in a header where in the list
// it is.
func writePage[T any](w http.ResponseWriter, page int, rows []T, total int64) error {
	pages := int((total + perPage - 1) / perPage)
	at := paginationJSON{CurrentPage: page, PerPage: perPage, Count: len(rows), Pages: pages, Total: total}
	if page > 1 {
		before := page - 1
		at.PreviousPage = &before
	}
	if page < pages {
		after := page + 1
		at.NextPage = &after
	}
	header, err := json.Marshal(at)
	if err != nil {
		return err
	}
	w.Header().Set("X-Pagination", string(header))
	if rows == nil {
		rows = []T{}
	}
	return web.WriteJSON(w, http.StatusOK, rows)
}

// number reads an id; what is none is 0, which nothing has.
func number(text string) int64 {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0
	}
	return int64(n)
}
