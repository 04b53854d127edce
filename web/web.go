// Package web is the HTTP plumbing that facades share: handlers that return
// errors, JSON in and out, request ids, the address of a client, measuring,
// and the one place where errors and panics are logged. It knows the
// vocabulary of errors; it knows no use case, and what an error looks like on
// the wire is each facade's own table.
package web

import (
	"context"
	"net/http"
)

// HandlerFunc answers a request, or returns why it cannot. An error that it
// returns after it has begun to answer is logged only.
type HandlerFunc func(w http.ResponseWriter, r *http.Request) error

// Fail answers an error in a facade's own shape. It does not log: Front does,
// when the request ends.
type Fail func(w http.ResponseWriter, r *http.Request, err error)

// Handle makes a handler whose errors fail answers. A panic below it reaches
// fail as a *Panic.
func Handle(h HandlerFunc, fail Fail) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r.Context())
		if x != nil {
			x.fail, x.route, x.request = fail, r.Pattern, r
		}
		err := h(w, r)
		if err == nil {
			return
		}
		if x == nil {
			fail(w, r, err)
			return
		}
		x.err = err
		if x.status == 0 {
			fail(w, r, err)
		}
	})
}

// RequestID is the reference that an error shows to the caller and that the
// log carries too. It is "" outside of Front.
func RequestID(ctx context.Context) string {
	if x := exchangeOf(ctx); x != nil {
		return x.id[0]
	}
	return ""
}
