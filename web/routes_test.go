package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"grapevine/web"
)

func TestRoutesRefuseWhatTheyDoNotHave(t *testing.T) {
	t.Parallel()
	says := func(text string) web.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) error {
			_, err := w.Write([]byte(text))
			return err
		}
	}
	routes := web.NewRoutes(web.Plain, says("unknown"), func(allow string) web.HandlerFunc { return says("only " + allow) })
	routes.Add("GET /a/{id}", says("show"))
	routes.Add("DELETE /a/{id}", says("delete"))
	routes.Add("POST /a/all", says("post"))
	for request, want := range map[string]string{
		"GET /a/1": "show", "HEAD /a/1": "show", "DELETE /a/1": "delete", "POST /a/all": "post", "GET /a/all": "show",
		"POST /a/1": "only DELETE, GET, HEAD", "FOO /a/1": "only DELETE, GET, HEAD", "PUT /a/all": "only POST",
		"GET /": "unknown", "GET /a": "unknown", "GET /a/": "unknown", "GET /a/1/": "unknown", "GET //a/1": "unknown", "GET /a/../a/1": "unknown",
	} {
		method, at, _ := strings.Cut(request, " ")
		w := httptest.NewRecorder()
		r := httptest.NewRequest(method, "/", nil)
		r.URL.Path = at
		routes.ServeHTTP(w, r)
		if w.Body.String() != want || w.Code != http.StatusOK {
			t.Errorf("%s: %d %q, want %q", request, w.Code, w.Body, want)
		}
	}
}
