package prefinery_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"grapevine/openapi/checktest"
)

// document is what every exchange of these tests is held against.
var document *checktest.Document

func TestMain(m *testing.M) {
	var err error
	if document, err = checktest.Open("prefinery.yaml"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(document.Run(m))
}

// watch holds every exchange with next against the document.
func watch(t testing.TB, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		document.Watch(t, http.HandlerFunc(func(w http.ResponseWriter, watched *http.Request) {
			r.Body = watched.Body
			next.ServeHTTP(w, r)
		})).ServeHTTP(w, plain(t, r))
	})
}

// plain is a request as the document lists it, of which the document says in
// words how else it may be sent: an address that ends in .json, a POST that
// stands for another method, JSON that is said to be a form.
func plain(t testing.TB, r *http.Request) *http.Request {
	p := r.Clone(r.Context())
	p.URL.Path = strings.TrimSuffix(p.URL.Path, ".json")
	switch method := strings.ToUpper(p.Header.Get("X-HTTP-Method-Override")); method {
	case http.MethodPut, http.MethodPatch, http.MethodDelete:
		if p.Method == http.MethodPost {
			p.Method = method
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Errorf("%s %s: read the body: %v", r.Method, r.URL, err)
	}
	p.Body = io.NopCloser(bytes.NewReader(body))
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		p.Header.Set("Content-Type", "application/json")
	}
	return p
}
