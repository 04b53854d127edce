package deliver

import (
	"context"
	"time"

	"grapevine/engine"
	"grapevine/model"
)

const (
	// claimAhead is how many deliveries are claimed together for a receiver that
	// answers within quickAnswer: fewer transactions for the same work. Should it
	// become slow meanwhile, they are given back long before their lease ends.
	claimAhead  = 128
	quickAnswer = 100 * time.Millisecond
	slowAnswer  = 500 * time.Millisecond
)

// ahead is how many jobs a lane may claim beyond its slots.
func (r *Runner) ahead(l *lane) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l.quick {
		return claimAhead
	}
	return 0
}

// sendAll sends deliveries in n slots, one after the other where there are
// more, and gives the slots back.
func (r *Runner) sendAll(ctx context.Context, q model.Queue, l *lane, n int, sendings []engine.Sending) {
	used := min(n, len(sendings))
	r.mu.Lock()
	l.ready = append(l.ready, sendings[used:]...)
	r.mu.Unlock()
	for _, s := range sendings[:used] {
		r.working.Go(func() { r.sendOn(ctx, q, l, s) })
	}
	r.release(q, l, n-used)
}

// sendOn sends a delivery, and then what is ready in its lane, in one slot.
func (r *Runner) sendOn(ctx context.Context, q model.Queue, l *lane, s engine.Sending) {
	finish := context.WithoutCancel(ctx)
	for more := true; more; {
		record, o := r.send(finish, s)
		if balks(&o) || ctx.Err() != nil {
			r.giveBack(finish, q, l)
		}
		if balks(&o) {
			record() // what it does to the circuit concerns the next request
		} else {
			r.working.Go(record)
		}
		s, more = r.nextReady(l, &o)
	}
	r.release(q, l, 1)
}

// balks reports whether a receiver should get less at once.
func balks(o *engine.Outcome) bool {
	return o.State == model.DeliverySending || o.State == model.DeliveryFailed || o.Attempt.Took > slowAnswer
}

// nextReady takes the next delivery of a lane, after one with that outcome.
func (r *Runner) nextReady(l *lane, o *engine.Outcome) (s engine.Sending, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l.quick = !balks(o) && (l.quick || o.Attempt.Took < quickAnswer)
	if len(l.ready) == 0 {
		return s, false
	}
	s, l.ready = l.ready[0], l.ready[1:]
	return s, true
}

// giveBack leaves to others, or to later, what a lane has ready.
func (r *Runner) giveBack(ctx context.Context, q model.Queue, l *lane) {
	r.mu.Lock()
	back := l.ready
	l.ready = nil
	r.mu.Unlock()
	if err := r.engine.ReturnDeliveries(ctx, back); err != nil {
		r.trouble(ctx, "give deliveries back", err, "account", q.Account, "endpoint", q.Lane)
	}
}
