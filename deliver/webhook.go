package deliver

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"grapevine/engine"
	"grapevine/model"
)

// begin claims up to n deliveries and begins an attempt of each. It says
// whether there may be more.
func (r *Runner) begin(ctx context.Context, q model.Queue, n int) (begun []engine.Sending, more bool) {
	if ctx.Err() != nil {
		return nil, false
	}
	finish := context.WithoutCancel(ctx) // claims whose answer is lost would hold their jobs up
	begun, more, err := r.engine.BeginDeliveries(finish, q, n, r.render, r.next)
	if err == nil {
		return begun, more
	}
	// One that cannot be begun does not hold up the others.
	jobs, more := r.take(ctx, q, n)
	for _, j := range jobs {
		one, err := r.engine.StartDeliveries(finish, q, []model.Job{j}, r.render, r.next)
		if err != nil {
			r.retry(finish, j, err)
		}
		begun = append(begun, one...)
	}
	return begun, more
}

func (r *Runner) render(d *model.Delivery, to *model.Endpoint, told []engine.Told, cfg *engine.Config) ([]byte, error) {
	renderer, err := r.renderer(to)
	if err != nil {
		return nil, err
	}
	return renderer.Body(d, to, told, cfg)
}

func (r *Runner) next(d *model.Delivery, to *model.Endpoint, now time.Time) (time.Time, bool) {
	renderer, err := r.renderer(to)
	if err != nil {
		return time.Time{}, false
	}
	return renderer.Next(d, to, now)
}

// fits is what the endpoint's dialect says. Where nobody writes for it, what is
// told waits in deliveries all the same.
func (r *Runner) fits(to *model.Endpoint) int64 {
	renderer, err := r.renderer(to)
	if err != nil {
		return 1
	}
	return renderer.Fits(to)
}

func (r *Runner) renderer(to *model.Endpoint) (Renderer, error) {
	renderer, ok := r.renderers[to.Dialect]
	if !ok {
		return nil, fmt.Errorf("nobody writes for %s.%s", to.Dialect, to.Event)
	}
	return renderer, nil
}

// send makes one attempt of a delivery and returns what came of it. It fails
// where nobody writes for its endpoint, or whoever does panics.
func (r *Runner) send(ctx context.Context, s *engine.Sending) (x *engine.Ended, err error) {
	defer rescue(&err)
	renderer, err := r.renderer(&s.Endpoint)
	if err != nil {
		return nil, err
	}
	began := r.now()
	got := post(ctx, r.client, s.Endpoint.URL, renderer.Header(&s.Delivery, &s.Endpoint, began, s.Secret), s.Delivery.Body, renderer.Timeout())
	ended := r.now()
	var allowed []string
	if asker, asks := renderer.(Authorizer); asks && s.Endpoint.Topic == model.RecipientsQuestioned && got.status == http.StatusOK {
		if allowed, err = asker.Allowed(got.body); err != nil {
			got.status, got.trouble = 0, "the answer is no list of recipients"
		}
	}
	o := outcome(renderer, s, got.status, ended)
	o.Allowed = allowed
	o.Attempt = model.Attempt{At: began, Took: ended.Sub(began), Status: got.status, Excerpt: got.excerpt, Error: got.trouble}
	if o.State != model.DeliveryDelivered && o.Attempt.Error == "" {
		o.Attempt.Error = fmt.Sprintf("answered %d", got.status)
	}
	return &engine.Ended{Sending: s, Outcome: o}, nil
}

// outcome says where an attempt leaves its delivery, and when it is tried again
// if it is not over. Status 0 is no answer.
func outcome(renderer Renderer, s *engine.Sending, status int, now time.Time) engine.Outcome {
	verdict := model.TryAgain
	if status != 0 {
		verdict = renderer.Judge(&s.Endpoint, status)
	}
	switch verdict {
	case model.Accepted:
		return engine.Outcome{State: model.DeliveryDelivered}
	case model.Refused:
		return engine.Outcome{State: model.DeliveryRefused}
	case model.ReceiverGone:
		return engine.Outcome{State: model.DeliveryFailed, Gone: true}
	}
	if next, again := renderer.Next(&s.Delivery, &s.Endpoint, now); again {
		return engine.Outcome{State: model.DeliverySending, Next: next}
	}
	return engine.Outcome{State: model.DeliveryFailed}
}

// report logs an attempt. The endpoint is named by its id: its address may
// carry credentials.
func (r *Runner) report(ctx context.Context, s *engine.Sending, o *engine.Outcome) {
	if o.State == model.DeliveryDelivered && !r.log.Enabled(ctx, slog.LevelDebug) {
		return // as nearly all do
	}
	log := r.log.With("account", s.Job.Account, "endpoint", s.Endpoint.ID, "event", s.Endpoint.Event,
		"delivery", s.Delivery.UUID, "attempt", s.Delivery.Attempts, "status", o.Attempt.Status, "took", o.Attempt.Took)
	switch o.State {
	case model.DeliveryDelivered:
		log.DebugContext(ctx, "webhook delivered")
	case model.DeliverySending:
		log.InfoContext(ctx, "webhook not accepted", "err", o.Attempt.Error, "again_at", o.Next)
	case model.DeliveryRefused:
		log.InfoContext(ctx, "webhook refused", "err", o.Attempt.Error)
	default:
		log.WarnContext(ctx, "webhook given up", "err", o.Attempt.Error, "endpoint_ends", o.Gone)
	}
}
