package deliver

import (
	"context"
	"fmt"
	"time"

	"grapevine/engine"
	"grapevine/model"
)

// open begins an attempt of each delivery. One that cannot be begun does not
// hold up the others.
func (r *Runner) open(ctx context.Context, q model.Queue, jobs []model.Job) []engine.Sending {
	sendings, err := r.engine.StartDeliveries(ctx, q, jobs, r.render)
	if err == nil {
		return sendings
	}
	if len(jobs) == 1 {
		r.retry(ctx, jobs[0], err)
		return nil
	}
	for _, j := range jobs {
		sendings = append(sendings, r.open(ctx, q, []model.Job{j})...)
	}
	return sendings
}

func (r *Runner) render(d *model.Delivery, to *model.Endpoint, told []engine.Told) ([]byte, error) {
	renderer, err := r.renderer(to)
	if err != nil {
		return nil, err
	}
	return renderer.Body(d, to, told)
}

func (r *Runner) renderer(to *model.Endpoint) (Renderer, error) {
	renderer, ok := r.renderers[to.Dialect]
	if !ok {
		return nil, fmt.Errorf("nobody writes for %s.%s", to.Dialect, to.Event)
	}
	return renderer, nil
}

// send makes one attempt of a delivery and records what came of it.
func (r *Runner) send(ctx context.Context, s engine.Sending) {
	renderer, err := r.renderer(&s.Endpoint)
	if err != nil {
		r.retry(ctx, s.Job, err)
		return
	}
	began := r.now()
	got := post(ctx, r.client, s.Endpoint.URL, renderer.Header(&s.Delivery, &s.Endpoint, s.Secret), s.Delivery.Body)
	ended := r.now()
	attempt := model.Attempt{Took: ended.Sub(began), Status: got.status, Excerpt: got.excerpt, Error: got.trouble}
	state, next := ends(renderer, &s, got.status, ended)
	if state != model.DeliveryDelivered && attempt.Error == "" {
		attempt.Error = fmt.Sprintf("answered %d", got.status)
	}
	r.report(ctx, &s, attempt, state, next)
	r.settled(ctx, s.Job, r.engine.EndDelivery(ctx, &s, attempt, state, next))
}

// ends says where an attempt leaves its delivery, and when it is tried again
// if it is not over. Status 0 is no answer.
func ends(renderer Renderer, s *engine.Sending, status int, now time.Time) (model.DeliveryState, time.Time) {
	if status != 0 {
		if state := renderer.Judge(&s.Endpoint, status); state != model.DeliverySending {
			return state, time.Time{}
		}
	}
	if next, again := renderer.Next(&s.Endpoint, s.Delivery.FirstAt, now); again {
		return model.DeliverySending, next
	}
	return model.DeliveryFailed, time.Time{}
}

// report logs an attempt. The endpoint is named by its id: its address may
// carry credentials.
func (r *Runner) report(ctx context.Context, s *engine.Sending, a model.Attempt, state model.DeliveryState, next time.Time) {
	log := r.log.With("account", s.Job.Account, "endpoint", s.Endpoint.ID, "event", s.Endpoint.Event,
		"delivery", s.Delivery.UUID, "attempt", s.Delivery.Attempts, "status", a.Status, "took", a.Took)
	switch state {
	case model.DeliveryDelivered:
		log.DebugContext(ctx, "webhook delivered")
	case model.DeliverySending:
		log.InfoContext(ctx, "webhook not accepted", "err", a.Error, "again_at", next)
	case model.DeliveryRefused:
		log.InfoContext(ctx, "webhook refused", "err", a.Error)
	default:
		log.WarnContext(ctx, "webhook given up", "err", a.Error)
	}
}
