package dialecttest_test

import (
	"testing"

	"grapevine/dialect/dialecttest"
)

func TestMatchFinds(t *testing.T) {
	t.Parallel()
	named := map[string]string{}
	for _, c := range []struct {
		pattern, got string
		want         bool
	}{
		{`{"a":"<uuid first>"}`, `{"a":"3fa85f64-5717-4562-b3fc-2c963f66afa6"}`, true},
		{`{"a":"<uuid first>"}`, `{"a":"3fa85f64-5717-4562-b3fc-2c963f66afa7"}`, false},
		{`{"a":"<uuid>"}`, `{"a":"3fa85f64-5717-4562-b3fc-2c963f66afa7"}`, true},
		{`{"a":"<time>"}`, `{"a":"2020-03-05T01:07:38Z"}`, false},
		{`{"a":"<any>"}`, `{"a":""}`, false},
		{`{"a":1}`, `{"a":1.0}`, false},
		{`{"a":1}`, `{"a":1,"b":2}`, false},
		{`{"a":<number n>}`, `{"a":42}`, true},
		{`{"a":<number n>}`, `{"a":43}`, false},
		{`{"a":<number>}`, `{"a":"42"}`, false},
	} {
		if err := dialecttest.Match(c.pattern, c.got, named); (err == nil) != c.want {
			t.Errorf("%s on %s: %v", c.pattern, c.got, err)
		}
	}
}
