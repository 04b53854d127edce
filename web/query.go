package web

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"grapevine/model"
)

// ReadQuery reads the parameters of a call. It fails with Malformed where they
// cannot be read: URL.Query would leave them out, and of a list with one
// filter less nobody could tell.
func ReadQuery(r *http.Request) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, &model.Error{Kind: model.Malformed, Msg: "the query is not well formed", Err: err}
	}
	for name, texts := range values {
		for _, text := range texts {
			if !utf8.ValidString(text) || strings.Contains(text, "\x00") { // PostgreSQL cannot keep them
				return nil, &model.Error{Kind: model.Malformed, Field: name, Msg: "the query must be UTF-8, without the character U+0000"}
			}
		}
	}
	return values, nil
}
