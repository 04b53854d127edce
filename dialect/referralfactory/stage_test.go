package referralfactory_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"grapevine/dialect/dialecttest"
	"grapevine/dialect/referralfactory"
	"grapevine/web"
)

// stage is the dialect on the real engine, with the account of
// testdata/acme.yaml.
type stage struct {
	*dialecttest.Stage
	handler http.Handler
}

func enter(t testing.TB, d *dialecttest.Stage, rates *web.Rates) *stage {
	t.Helper()
	programs := referralfactory.New(d.Core, referralfactory.Options{Rates: rates, PublicURL: "https://grapevine.example.com"})
	people := referralfactory.NewSocials(d.Core)
	return &stage{d, d.Front(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/") || strings.HasPrefix(r.URL.Path, "/webhook/") {
			programs.ServeHTTP(w, r)
			return
		}
		people.ServeHTTP(w, r)
	}))}
}

// call sends a call with the account's token.
func (s *stage) call(method, target, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer rf-token")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// decode reads an answer.
func decode(t *testing.T, w *httptest.ResponseRecorder, into any) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
}
