package deliver

import (
	"net/http"
	"time"

	"grapevine/engine"
	"grapevine/model"
)

// Renderer is how a dialect tells the merchant: in which words, signed how,
// what it takes for an answer, and how often it tries. Its methods are called
// by many goroutines at once.
type Renderer interface {
	// Fits says of how many things one delivery tells at most.
	Fits(to *model.Endpoint) int64

	// Timeout is how long a receiver may take to answer, well below the 25
	// seconds that a job is leased for.
	Timeout() time.Duration

	// Body writes a delivery. It is called once, by the first attempt, and all
	// attempts send what it returned.
	Body(d *model.Delivery, to *model.Endpoint, told []engine.Told, cfg *engine.Config) ([]byte, error)

	// Header signs a delivery. It is called for each attempt, with the time at
	// which that begins; secret reads the account's keys.
	Header(d *model.Delivery, to *model.Endpoint, now time.Time, secret func(use string) string) http.Header

	// Judge says what a status means.
	Judge(to *model.Endpoint, status int) model.Verdict

	// Next is when a delivery is tried again whose latest attempt has failed at
	// now; false gives it up.
	Next(d *model.Delivery, to *model.Endpoint, now time.Time) (time.Time, bool)
}

// Authorizer is a Renderer that asks merchants about recipients.
type Authorizer interface {
	// Allowed reads the answer: those who may get mail.
	Allowed(body []byte) ([]string, error)
}
