package main

import (
	"net/http"
	"strings"
)

// serveBare answers every request as a click is answered, and does nothing
// else: what Go's HTTP server can do on this machine. It runs in a process of
// its own, as the program that is compared with it does.
func serveBare(addr string, locationLength int) error {
	location := "https://shop.example.com/"
	location += strings.Repeat("x", max(0, locationLength-len(location)))
	return http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusFound)
	}))
}
