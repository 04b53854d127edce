package friendbuy

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"grapevine/model"
)

func TestErrorTableIsWhole(t *testing.T) {
	t.Parallel()
	for _, k := range model.Kinds {
		if kinds[k] == 0 {
			t.Errorf("no status for kind %q", k)
		}
	}
	for _, r := range model.Reasons {
		if _, ok := reasons[r]; !ok {
			t.Errorf("nothing is said of reason %q: give it a status, or byKind", r)
		}
	}
	if len(reasons) != len(model.Reasons) || len(kinds) != len(model.Kinds) {
		t.Error("the table knows a kind or reason that the model does not")
	}
}

func TestErrorsAreShown(t *testing.T) {
	t.Parallel()
	blocked := &model.Error{Kind: model.Invalid, Reason: model.CodeBlocked, Msg: "the code is blocked", Err: errors.New("secret")}
	for _, c := range []struct {
		name   string
		err    error
		status int
		body   string
	}{
		{"a reason comes before its kind", fmt.Errorf("around: %w", blocked), http.StatusBadRequest,
			`{"error":"Bad Request","message":"the code is blocked","code":400,"reference":""}`},
		{"a kind", &model.Error{Kind: model.Invalid, Msg: "amount must not be negative"}, http.StatusUnprocessableEntity,
			`{"error":"Unprocessable Entity","message":"amount must not be negative","code":422,"reference":""}`},
		{"an unknown person where one is adjusted", &model.Error{Kind: model.Invalid, Reason: model.PersonUnknown, Msg: "no such customer"}, http.StatusUnprocessableEntity,
			`{"error":"Unprocessable Entity","message":"no such customer","code":422,"reference":""}`},
		{"nothing from inside", errors.New("pq: password of ann"), http.StatusInternalServerError,
			`{"error":"Internal Server Error","message":"The call could not be carried out. The log says why, under the reference.","code":500,"reference":""}`},
		{"nothing from inside, though it has a kind", &model.Error{Kind: model.Internal, Msg: "no id can be made"}, http.StatusInternalServerError,
			`{"error":"Internal Server Error","message":"The call could not be carried out. The log says why, under the reference.","code":500,"reference":""}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			fail(w, httptest.NewRequest("GET", "/v1/x", nil), c.err)
			if w.Code != c.status || w.Body.String() != c.body {
				t.Errorf("got %d %s\nwant %d %s", w.Code, w.Body, c.status, c.body)
			}
		})
	}
}
