package web_test

import (
	"errors"
	"net/http/httptest"
	"testing"

	"grapevine/model"
	"grapevine/web"
)

func TestQueriesAreRead(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest("GET", "/?a=1&a=2&b=%C3%BC&c&d=1%2C2+3", nil)
	values, err := web.ReadQuery(r)
	if err != nil || values.Get("a") != "1" || values.Get("b") != "ü" || !values.Has("c") || values.Get("d") != "1,2 3" {
		t.Errorf("got %v, %v", values, err)
	}
}

func TestQueriesThatCannotBeReadAreRefused(t *testing.T) {
	t.Parallel()
	for query, field := range map[string]string{
		"campaignId=%zz":      "",
		"a=%f":                "",
		"a=1;b=2":             "",
		"customerId=%00":      "customerId",
		"a=1&a=%00":           "a",
		"advocateEmail=%ff@x": "advocateEmail",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.RawQuery = query
		_, err := web.ReadQuery(r)
		var known *model.Error
		if !errors.As(err, &known) || known.Kind != model.Malformed || known.Field != field {
			t.Errorf("%s: %v", query, err)
		}
	}
}
