package prefinery_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"grapevine/dialect/dialecttest"
	"grapevine/dialect/prefinery"
	"grapevine/web"
)

// stage is a dialecttest.Stage with the handler of the dialect, held against
// its document.
type stage struct {
	*dialecttest.Stage
	handler http.Handler
}

func enter(t testing.TB, d *dialecttest.Stage) *stage {
	api := prefinery.New(d.Core, prefinery.Options{Rates: web.NewRates(d.Clock.Now, d.Core)})
	return &stage{d, watch(t, d.Front(api))}
}

// TestExchanges plays the documented exchanges.
func TestExchanges(t *testing.T) {
	t.Parallel()
	dialecttest.Exchanges(t, func(t *testing.T, d *dialecttest.Stage) (http.Handler, map[string]string) {
		return enter(t, d).handler, nil
	})
}

// call sends a body as JSON, with the key that has all permissions.
func (s *stage) call(method, target, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.SetBasicAuth("pf-key", "X")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}
