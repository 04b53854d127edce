package referralfactory

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
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
			t.Errorf("nothing is said of reason %q", r)
		}
	}
}

// What is documented of statuses that no call of the other tests can bring
// about, and that nothing inside shows.
func TestFailTellsNothingOfTheInside(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		status int
	}{
		{errors.New("secret"), http.StatusInternalServerError},
		{&model.Error{Kind: model.Internal, Msg: "secret"}, http.StatusInternalServerError},
		{fmt.Errorf("secret: %w", context.DeadlineExceeded), http.StatusServiceUnavailable},
		{&model.Error{Kind: model.Denied, Msg: "Not yours."}, http.StatusForbidden},
		{&model.Error{Kind: model.Gone, Msg: "Removed."}, http.StatusGone},
	} {
		w := httptest.NewRecorder()
		fail(w, httptest.NewRequest("GET", "/api/v1/users", nil), c.err)
		want := fmt.Sprintf(`{"code":%d,`, c.status)
		if w.Code != c.status || !strings.HasPrefix(w.Body.String(), want) || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%v: %d %s", c.err, w.Code, w.Body)
		}
	}
}
