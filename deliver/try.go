package deliver

import (
	"context"
	"net/http"
	"time"

	"grapevine/engine"
	"grapevine/model"
)

// Try sends once, records nothing, and returns the headers that it sent and
// what came of it.
func Try(ctx context.Context, client *http.Client, renderer Renderer, s *engine.Sending, now func() time.Time) (http.Header, model.Attempt, model.Verdict) {
	began := now()
	header := renderer.Header(&s.Delivery, &s.Endpoint, began, s.Secret)
	got := post(ctx, client, s.Endpoint.URL, header.Clone(), s.Delivery.Body, renderer.Timeout())
	verdict := model.TryAgain
	if got.status != 0 {
		verdict = renderer.Judge(&s.Endpoint, got.status)
	}
	return header, model.Attempt{At: began, Took: now().Sub(began), Status: got.status, Excerpt: got.excerpt, Error: got.trouble}, verdict
}
