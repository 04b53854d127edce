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
		link:      answers("link"),
		health:    answers("health"),
		ready:     answers("ready"),
		metrics:   answers("metrics"),
	}
	for path, want := range map[string]string{
		"/v1/event/purchase": "friendbuy",
		"/v1/authorization":  "friendbuy",
		"/v1":                "friendbuy",
		"/v1/":               "friendbuy",
		"/r/ann":             "link",
		"/r/":                "link",
		"/ann":               "link",
		"/Ann-1_x":           "link",
		"/V1":                "link",
		"/healthz":           "health",
		"/readyz":            "ready",
		"/metrics":           "metrics",

		"/":                                   "",
		"/ann/socials/email":                  "",
		"/v1/W4qL69dbdc0ed0520530bede3c.js/x": "",
		"/v1/W4qL69dbdc0ed0520530bede3c.js":   "",
		"/v1.0/W4qL69.js/newSignup":           "",
		"/api/v1/users":                       "",
		"/api/v2/betas/1":                     "",
		"/webhook/token/qualify":              "",
		"/widget/v2/token.js":                 "",
		"/friendbuy.js":                       "",
		"/dashboard":                          "",
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
