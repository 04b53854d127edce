package app

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"grapevine/model"
)

func TestRoutes(t *testing.T) {
	answers := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("By", name) })
	}
	f := &facades{
		friendbuy: answers("friendbuy"),
		irefer:    answers("irefer"),
		factory:   answers("factory"),
		socials:   answers("socials"),
		link:      answers("link"),
		health:    answers("health"),
		ready:     answers("ready"),
		metrics:   answers("metrics"),
	}
	for path, want := range map[string]string{
		"/v1/event/purchase": "friendbuy",
		"/v1/authorization":  "friendbuy",
		"/v1/intake/7b0f4a52-1111-4222-8333-444455556666": "friendbuy",
		"/v1":                                 "friendbuy",
		"/v1/":                                "friendbuy",
		"/r/ann":                              "link",
		"/r/":                                 "link",
		"/ann":                                "link",
		"/Ann-1_x":                            "link",
		"/V1":                                 "link",
		"/healthz":                            "health",
		"/readyz":                             "ready",
		"/metrics":                            "metrics",
		"/v1/W4qL69dbdc0ed0520530bede3c.js/x": "irefer",
		"/v1/W4qL69dbdc0ed0520530bede3c.js":   "irefer",
		"/v1.0/W4qL69.js/newSignup":           "irefer",
		"/ann/socials/email":                  "socials",
		"/ann/qr.png":                         "socials",
		"/api/v1/users":                       "factory",
		"/api/n8n/test":                       "factory",
		"/webhook/token/qualify":              "factory",

		"/":                   "",
		"/api/v2/betas/1":     "",
		"/widget/v2/token.js": "",
		"/friendbuy.js":       "",
		"/dashboard":          "",
		"/7b0f4a52-1111-4222-8333-444455556666/campaigns.js": "",
	} {
		for _, host := range []string{"localhost", "mapi.example.com", "go.example.com"} {
			w := httptest.NewRecorder()
			r := httptest.NewRequest("GET", path, nil)
			r.Host = host
			f.ServeHTTP(w, r)
			if got := w.Header().Get("By"); got != want {
				t.Errorf("%s%s is answered by %q, want %q", host, path, got, want)
			}
			if want == "" && w.Code != http.StatusNotFound {
				t.Errorf("%s%s: status %d, want 404", host, path, w.Code)
			}
		}
	}
}

func TestDocumentsAreServed(t *testing.T) {
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/openapi/friendbuy.yaml", http.StatusOK},
		{"HEAD", "/openapi/friendbuy.yaml", http.StatusOK},
		{"GET", "/openapi/referral-factory.yaml", http.StatusOK},
		{"GET", "/openapi/irefer.yaml", http.StatusOK},
		{"GET", "/openapi/prefinery.yaml", http.StatusOK},
		{"POST", "/openapi/friendbuy.yaml", http.StatusMethodNotAllowed},
		{"GET", "/openapi/nobody.yaml", http.StatusNotFound},
		{"GET", "/openapi/", http.StatusNotFound},
		{"GET", "/openapi", http.StatusNotFound},
		{"GET", "/openapi/openapi.go", http.StatusNotFound},
	} {
		w := httptest.NewRecorder()
		(&facades{}).ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if w.Code != c.want {
			t.Errorf("%s %s: status %d, want %d", c.method, c.path, w.Code, c.want)
		}
		if w.Code == http.StatusOK && (w.Header().Get("Content-Type") != "application/yaml" || !strings.HasPrefix(w.Body.String(), "openapi: 3.1")) {
			t.Errorf("%s %s: %s\n%.60s", c.method, c.path, w.Header().Get("Content-Type"), w.Body)
		}
	}
}

// A code has letters, digits, - and _, so that a word with a dot cannot be one.
func TestCodesAreNeverWordsOfTheTable(t *testing.T) {
	for word := range segments {
		if !strings.Contains(word, ".") && !model.Reserved(word) {
			t.Errorf("%q is in the table, and can be made into a code", word)
		}
	}
	for _, word := range model.ReservedWords {
		if segments[word] == nil {
			t.Errorf("%q is reserved, and the table does not know it", word)
		}
	}
}
