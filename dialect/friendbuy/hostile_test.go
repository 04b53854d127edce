package friendbuy_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// hostile is what nobody sends who means well, as JSON.
var hostile = []string{
	`"` + strings.Repeat("long ", 20_000) + `"`,
	`"` + strings.Repeat("x", 5_000) + `@example.com"`,
	`"\ud800"`, `"\u202e\u0007\r\n"`, `"%"`, `" "`, `0.00001`, `-0`, `1e30`, `9223372036854775807`,
	`"9999-12-31T23:59:59.999Z"`, `"0001-01-01T00:00:00Z"`,
	strings.Repeat("[", 5_000) + strings.Repeat("]", 5_000),
}

// TestNobodyCausesAFailure puts each hostile value into each field and
// parameter. Whether it is taken is the document's to say; it is never 500,
// and all figures stay right.
func TestNobodyCausesAFailure(t *testing.T) {
	if testing.Short() {
		t.Skip("a thousand calls")
	}
	t.Parallel()
	onBoth(t, nobodyCausesAFailure)
}

func nobodyCausesAFailure(t *testing.T, s *stage) {
	token := s.token(t)
	try := func(o operation, what string) {
		t.Helper()
		if w := s.call(o.method, o.target, token, o.body); w.Code >= 500 {
			t.Errorf("%s: %.80s: %d %s", o, what, w.Code, w.Body)
		}
	}
	playOperations(t, s)
	for _, o := range operations {
		for _, value := range hostile {
			for body := range withEach(t, o.body, value) {
				try(operation{o.method, o.target, body}, value)
			}
			var text string
			if json.Unmarshal([]byte(value), &text) != nil {
				text = value
			}
			for target := range withEachParameter(t, o.target, text) {
				try(operation{o.method, target, o.body}, value)
			}
		}
	}
}

// withEach is a body again and again, each time with the value at another
// place.
func withEach(t *testing.T, body, value string) func(func(string) bool) {
	return func(yield func(string) bool) {
		if body == "" {
			return
		}
		var whole any
		if err := json.Unmarshal([]byte(body), &whole); err != nil {
			t.Fatal(err)
		}
		const mark = "the-place"
		put(whole, mark, func(changed any) bool {
			text, err := json.Marshal(changed)
			if err != nil {
				t.Fatal(err)
			}
			return yield(strings.Replace(string(text), `"`+mark+`"`, value, 1))
		})
	}
}

// put is a value again and again, each time with the mark instead of another
// of its parts.
func put(value any, mark string, each func(any) bool) bool {
	switch value := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			object := maps.Clone(value)
			if !put(value[name], mark, func(changed any) bool {
				object[name] = changed
				return each(object)
			}) {
				return false
			}
		}
		return true
	case []any:
		return put(value[0], mark, func(changed any) bool { return each(append([]any{changed}, value[1:]...)) })
	default:
		return each(mark)
	}
}

func withEachParameter(t *testing.T, target, value string) func(func(string) bool) {
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func(string) bool) {
		for name := range u.Query() {
			query := u.Query()
			query.Set(name, value)
			if !yield(fmt.Sprintf("%s?%s", u.Path, query.Encode())) {
				return
			}
		}
	}
}
