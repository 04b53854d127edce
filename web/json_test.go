package web_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"grapevine/model"
	"grapevine/web"
)

func TestReadJSON(t *testing.T) {
	type product struct {
		Price json.Number `json:"price"`
	}
	type personJSON struct {
		Email string `json:"email"`
	}
	type purchase struct {
		personJSON
		Order    string    `json:"orderId"`
		Quantity int64     `json:"quantity"`
		Products []product `json:"products"`
	}
	large := `{"orderId":"` + strings.Repeat("x", web.MaxBody) + `"}`
	for _, c := range []struct {
		name, body string
		kind       model.Kind
		reason     model.Reason
		field      string
	}{
		{name: "a value", body: `{"orderId":"o-1","unknown":[1]}`},
		{name: "a backslash before u0000", body: `{"orderId":"\\u0000"}`},
		{name: "nothing", body: " ", kind: model.Malformed},
		{name: "no JSON", body: `{"orderId":`, kind: model.Malformed},
		{name: "two values", body: `{} {}`, kind: model.Malformed},
		{name: "a wrong type", body: `{"quantity":"two"}`, kind: model.Malformed, field: "quantity"},
		{name: "a wrong type below", body: `{"products":[{"price":{}}]}`, kind: model.Malformed, field: "products.price"},
		{name: "a wrong type in what is embedded", body: `{"email":[]}`, kind: model.Malformed, field: "email"},
		{name: "no UTF-8", body: "{\"orderId\":\"\xff\"}", kind: model.Malformed},
		{name: "another sort of value", body: `[1]`, kind: model.Malformed},
		{name: "a NUL", body: `{"orderId":"a\\\u0000"}`, kind: model.Malformed},
		{name: "too much", body: large, kind: model.Malformed, reason: model.BodyTooLarge},
	} {
		for _, told := range []bool{true, false} {
			t.Run(c.name, func(t *testing.T) {
				r := httptest.NewRequest("POST", "/", strings.NewReader(c.body))
				if !told {
					r.ContentLength = -1
				}
				var got purchase
				err := web.ReadJSON(r, &got)
				if c.kind == "" {
					if err != nil || got.Order == "" {
						t.Fatalf("got %+v, %v", got, err)
					}
					return
				}
				e, ok := err.(*model.Error)
				if !ok {
					t.Fatalf("got %v, want a *model.Error", err)
				}
				if e.Kind != c.kind || e.Reason != c.reason || e.Field != c.field {
					t.Errorf("got kind %q reason %q field %q, want %q %q %q", e.Kind, e.Reason, e.Field, c.kind, c.reason, c.field)
				}
				if strings.Contains(e.Msg, "Go ") || e.Msg == "" {
					t.Errorf("the message %q is not for a caller", e.Msg)
				}
			})
		}
	}
}
