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
	// Body writes a delivery. It is called once, by the first attempt, and all
	// attempts send what it returned.
	Body(d *model.Delivery, to *model.Endpoint, told []engine.Told) ([]byte, error)

	// Header signs a delivery. It is called for each attempt; secret reads the
	// account's keys.
	Header(d *model.Delivery, to *model.Endpoint, secret func(use string) string) http.Header

	// Judge says where a status leaves a delivery: delivered, refused, or sending
	// still, as if no answer had come.
	Judge(to *model.Endpoint, status int) model.DeliveryState

	// Next is when a delivery whose first attempt was at first is tried again,
	// after the latest has failed at now; false gives it up.
	Next(to *model.Endpoint, first, now time.Time) (time.Time, bool)
}
