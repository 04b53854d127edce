package main

import (
	"crypto/sha256"
	"net/http"
	"os"
	"strings"
)

// bareOptions is what a bare handler answers, and what a bare client sends.
type bareOptions struct {
	addr     string
	location int    // how long the Location of a 302 is
	body     string // a file: it is answered instead, with 200
	key      string // that calls have to carry to get the body
	send     string // a file: it is sent
	to       string // to these addresses, with commas between them
	count    int64  // so often
}

// serveBare answers every request as a click or a read is answered, and does
// nothing else: what Go's HTTP server can do on this machine. It runs in a
// process of its own, as the program that is compared with it does.
func serveBare(o bareOptions) error {
	if o.body == "" {
		return http.ListenAndServe(o.addr, bareRedirect(o.location))
	}
	body, err := os.ReadFile(o.body)
	if err != nil {
		return err
	}
	return http.ListenAndServe(o.addr, bareRead(body, o.key))
}

func bareRedirect(length int) http.Handler {
	location := "https://shop.example.com/"
	location += strings.Repeat("x", max(0, length-len(location)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusFound)
	})
}

// bareRead looks the key of a call up by its hash, as a key is looked up that
// is kept by its hash alone.
func bareRead(body []byte, key string) http.Handler {
	known := map[[sha256.Size]byte]bool{sha256.Sum256([]byte(key)): true}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !known[sha256.Sum256([]byte(sent))] {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		w.Write(body)
	})
}
