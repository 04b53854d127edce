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

// TestNamesAreComparedExactly reads names that encoding/json would take for a
// field's, and texts that are no JSON.
func TestNamesAreComparedExactly(t *testing.T) {
	type place struct {
		City string `json:"city"`
	}
	type personJSON struct {
		Email string `json:"email"`
	}
	type order struct {
		personJSON
		Amount json.Number                `json:"amount"`
		Sku    string                     `json:"sku,omitempty"`
		Plain  string                     // called so
		Home   *place                     `json:"home"`
		Places []place                    `json:"places"`
		More   map[string]json.RawMessage `json:"more"`
		Hidden string                     `json:"-"`
	}
	for _, c := range []struct{ body, want string }{
		{`{"amount":1,"Amount":2,"AMOUNT":"x"}`, `{"amount":1}`},
		{`{"Amount":2}`, `{"amount":0}`},
		{`{"EMAIL":"a@example.com","email":"b@example.com","e\u004dail":"c"}`, `{"amount":0,"email":"b@example.com"}`},
		{`{"\u0061mount":3}`, `{"amount":3}`},
		{`{"\u017fku":"long s","s\"ku":1}`, `{"amount":0}`},
		{`{"ſku":"long s"}`, `{"amount":0}`},
		{`{"Plain":"p","plain":"q","Hidden":"h","hidden":"h"}`, `{"amount":0,"Plain":"p"}`},
		{`{"home":{"City":"a","city":"b"} , "Home" : {"city":"c"}}`, `{"amount":0,"home":{"city":"b"}}`},
		{`{"places":[ {"CITY":"a"}, {"city":"b" } ]}`, `{"amount":0,"places":[{"city":""},{"city":"b"}]}`},
		{`{"more":{"Amount":[{"amount":"}"}],"amount":{}}, "amount" : 1e2}`, `{"amount":1e2,"more":{"Amount":[{"amount":"}"}],"amount":{}}}`},
		{`{"x":[[],{},[{"a":"]"}],"\\"],"amount":4,"y":null}`, `{"amount":4}`},
	} {
		body := []byte(c.body)
		var got order
		if err := web.UnmarshalJSON(body, &got); err != nil {
			t.Errorf("%s: %v", c.body, err)
			continue
		}
		if string(body) != c.body {
			t.Errorf("%s became %s", c.body, body)
		}
		var want order
		if err := json.Unmarshal([]byte(c.want), &want); err != nil {
			t.Fatal(err)
		}
		if got, want := asJSON(t, got), asJSON(t, want); got != want {
			t.Errorf("%s: got %s, want %s", c.body, got, want)
		}
	}
	for _, body := range []string{`{`, `{"`, `{"Amount`, `{"Amount"`, `{"Amount":`, `{"a":}`, `{"a":]`, `{"Amount":1,`, `{"home":{"City":`, `{"places":[`, `{"places":[{"City":1}`, `{"\`, `{,}`, `[`, `{"a":[}`, `{"Amount":,}`} {
		if err := web.UnmarshalJSON([]byte(body), &order{}); model.KindOf(err) != model.Malformed {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// FuzzExactNames reads a text under a name whose case is another's: what it has
// is what the last entry of just that name says.
func FuzzExactNames(f *testing.F) {
	for _, body := range []string{`{"sku":"a","Sku":"b"}`, `{"SKU":"b"}`, `{"s\u006bu":"a"}`, `{"in":{"sku":"a","sKu":1},"sku":"c"}`, `[{"sku":"a"}]`, `{"x":"\\\"","SKU":{"a":[1,2]}}`, `{"\`} {
		f.Add(body)
	}
	type inner struct {
		Sku string `json:"sku"`
	}
	type outer struct {
		inner
		In inner `json:"in"`
	}
	f.Fuzz(func(t *testing.T, body string) {
		var got outer
		if web.UnmarshalJSON([]byte(body), &got) != nil {
			return
		}
		if !json.Valid([]byte(body)) {
			t.Fatalf("%q was read, and is no JSON", body)
		}
		var names map[string]json.RawMessage
		if json.Unmarshal([]byte(body), &names) != nil {
			t.Fatalf("%q was read, and is no object", body)
		}
		sent, is := names["sku"]
		var want string
		if is && string(sent) != "null" { // which leaves what was there
			if err := json.Unmarshal(sent, &want); err != nil || got.Sku != want {
				t.Errorf("%q: got %q, want %q", body, got.Sku, want)
			}
		} else if !is && got.Sku != "" {
			t.Errorf("%q: got %q of another name", body, got.Sku)
		}
	})
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
