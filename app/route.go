package app

import (
	"net/http"
	"strings"
)

// facades are who answers.
type facades struct {
	friendbuy http.Handler
	irefer    http.Handler
	factory   http.Handler // Referral Factory's programs
	socials   http.Handler // and its addresses for people
	prefinery http.Handler
	link      http.Handler
	confirm   http.Handler
	mail      http.Handler
	feedback  http.Handler
	health    http.Handler
	ready     http.Handler
	metrics   http.Handler
}

// segments is who answers a path, by its first segment: the vendors' own
// paths, ours, and what browsers ask every host for. A vendor-like host
// (mapi.…, api.…, static.…, campaign.…) gets the same. None of these words is
// ever made into a code, also where nobody answers it: model.ReservedWords.
var segments = map[string]func(f *facades, second string) http.Handler{
	"r":       func(f *facades, _ string) http.Handler { return f.link },
	"confirm": func(f *facades, _ string) http.Handler { return f.confirm },
	"mail": func(f *facades, second string) http.Handler {
		if second == "events" {
			return f.feedback
		}
		return f.mail
	},

	"v1": func(f *facades, second string) http.Handler {
		if strings.HasSuffix(second, ".js") { // {license}.js
			return f.irefer
		}
		return f.friendbuy
	},
	"friendbuy.js": nobody,
	"v1.0":         func(f *facades, _ string) http.Handler { return f.irefer },
	"api": func(f *facades, second string) http.Handler {
		if second == "v2" {
			return f.prefinery
		}
		return f.factory
	},
	"webhook": func(f *facades, _ string) http.Handler { return f.factory },
	"widget":  nobody, // Prefinery

	"admin":     nobody,
	"assets":    nobody,
	"dashboard": nobody,
	"demo":      nobody,
	"login":     nobody,
	"logout":    nobody,
	"manage":    nobody,
	"openapi":   func(*facades, string) http.Handler { return http.HandlerFunc(documents) },
	"sdk":       nobody,
	"static":    nobody,
	"v2":        nobody,
	"healthz":   func(f *facades, _ string) http.Handler { return f.health },
	"readyz":    func(f *facades, _ string) http.Handler { return f.ready },
	"metrics":   func(f *facades, _ string) http.Handler { return f.metrics },

	"favicon.ico": nobody,
	"robots.txt":  nobody,
	".well-known": nobody,
}

func nobody(*facades, string) http.Handler { return nil }

// ServeHTTP picks who answers by the first segment of the path; the patterns
// of all dialects would collide in one mux. What the table does not have is a
// code.
func (f *facades) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := f.pick(r); h != nil {
		h.ServeHTTP(w, r)
		return
	}
	r.Pattern = "" // what is not there has no name among the measures
	http.NotFound(w, r)
}

func (f *facades) pick(r *http.Request) http.Handler {
	first, rest, deep := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if segment, ok := segments[first]; ok {
		second, _, _ := strings.Cut(rest, "/")
		r.Pattern = "/" + first + "/"
		return segment(f, second)
	}
	if second, _, _ := strings.Cut(rest, "/"); second == "socials" || second == "qr.png" {
		r.Pattern = "/{code}/" + second
		return f.socials
	}
	if first == "" || deep { // as {merchantId}/campaigns.js, Friendbuy's
		return nil
	}
	r.Pattern = "/{code}"
	return f.link
}
