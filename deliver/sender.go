package deliver

import (
	"context"
	"time"

	"grapevine/engine"
	"grapevine/model"
)

const (
	// claimAhead is how many deliveries are claimed together for a receiver that
	// answers within quickAnswer, when claimEarly are left to send: no request
	// waits for a claim. Should it become slow meanwhile, they are given back.
	claimAhead  = 128
	claimEarly  = 64
	quickAnswer = 100 * time.Millisecond
	slowAnswer  = 500 * time.Millisecond
	// recordAtOnce is how many attempts at a quick receiver are recorded
	// together, and recordWithin how long one waits for that.
	recordAtOnce = 64
	recordWithin = 50 * time.Millisecond
	// recordAhead is how many may wait to be recorded when more are claimed: a
	// process that dies sends them again.
	recordAhead = 256
	// share is how many deliveries a slot sends before it goes to another lane
	// that waits for one.
	share = 32
)

// feed claims deliveries of a queue ahead of the slots that send them, until
// there are none left.
func (r *Runner) feed(ctx context.Context, q model.Queue, l *lane) {
	finish := context.WithoutCancel(ctx)
	record := time.NewTicker(recordWithin)
	defer record.Stop()
	for more := true; r.stays(ctx, q, l, more); {
		n, slots := r.wanted(ctx, l, more)
		var begun []engine.Sending
		if n > 0 {
			begun, more = r.begin(ctx, q, n)
		}
		r.handOut(ctx, q, l, begun, n == claimAhead, slots)
		if n > 0 || slots > 0 {
			continue
		}
		select {
		case <-l.done:
		case <-record.C:
			r.recordAll(finish, l)
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		r.giveBack(finish, q, r.leftIn(l))
	}
	r.recordAll(finish, l)
}

// stays reports whether a lane has to be fed on: there may be more to claim, or
// nobody sends what is ready. Where not, the lane is left.
func (r *Runner) stays(ctx context.Context, q model.Queue, l *lane, more bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() == nil && (more || len(l.ready) > 0 && l.running == 0) {
		return true
	}
	l.claiming = false
	l.more.Broadcast()
	r.forget(q, l)
	return false
}

// wanted says how many deliveries to claim for a lane, and takes slots for them
// and for what is ready; it waits for the first where the lane has none.
func (r *Runner) wanted(ctx context.Context, l *lane, more bool) (n, slots int) {
	r.mu.Lock()
	room := l.width - l.running
	if !more || l.quick && !l.low() {
		room = min(room, len(l.ready)-l.idle)
	}
	alone := l.running == 0
	r.mu.Unlock()
	if room > 0 && alone {
		r.recordAll(context.WithoutCancel(ctx), l) // to wait for a slot may take long
	}
	if room > 0 {
		slots = r.fill(ctx, l, room, alone)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !more:
	case !l.quick:
		n = max(0, slots-len(l.ready))
	case l.low():
		n = claimAhead
	}
	return n, slots
}

// low reports whether a lane of a quick receiver needs more to send. The caller
// holds the lock.
func (l *lane) low() bool { return len(l.ready) <= claimEarly && l.recording <= recordAhead }

// handOut leaves what has begun to those who wait for more, and to as many of
// the slots as it needs; the others it gives back. When ctx has ended, all that
// has begun goes back, and so does what was claimed ahead of a receiver that
// balked meanwhile.
func (r *Runner) handOut(ctx context.Context, q model.Queue, l *lane, begun []engine.Sending, ahead bool, slots int) {
	r.mu.Lock()
	if ctx.Err() != nil || ahead && !l.quick {
		defer r.giveBack(context.WithoutCancel(ctx), q, begun)
		begun = nil
	}
	if len(begun) > 0 {
		l.ready = append(l.ready, begun...)
		l.more.Broadcast()
	}
	started := max(0, min(slots, len(l.ready)-l.idle))
	first := l.ready[:started]
	l.ready = l.ready[started:]
	r.mu.Unlock()
	for _, s := range first {
		r.working.Go(func() { r.sendOn(ctx, q, l, s) })
	}
	if slots > started {
		r.release(q, l, slots-started)
	}
}

// sendOn sends a delivery, and then what is ready in its lane, in one slot.
func (r *Runner) sendOn(ctx context.Context, q model.Queue, l *lane, s engine.Sending) {
	more := true
	for sent := 1; more; sent++ {
		r.sendOne(ctx, q, l, s)
		s, more = r.nextReady(q, l, sent)
	}
	<-l.slots
	l.tell()
}

// sendOne sends a delivery and has recorded what came of it, if not at once.
func (r *Runner) sendOne(ctx context.Context, q model.Queue, l *lane, s engine.Sending) {
	finish := context.WithoutCancel(ctx)
	if r.late(&s) {
		r.giveBack(finish, q, append(r.leftIn(l), s))
		return
	}
	x, err := r.send(finish, &s)
	if err != nil {
		r.retry(finish, s.Job, err)
		return
	}
	if balks(&x.Outcome) || ctx.Err() != nil {
		r.giveBack(finish, q, r.leftIn(l))
	}
	batch := r.ended(l, x)
	if balks(&x.Outcome) {
		r.record(finish, l, batch) // what it does to the circuit concerns the next request
	} else if len(batch) > 0 {
		r.working.Go(func() { r.record(finish, l, batch) })
	}
}

// late reports whether a delivery was claimed so long ago, ahead of slots that
// were few or slow, that its lease could end before the answer comes: then
// another process would send it too.
func (r *Runner) late(s *engine.Sending) bool {
	renderer, err := r.renderer(&s.Endpoint)
	return err == nil && r.now().Add(renderer.Timeout()).After(s.Job.RunAt)
}

// balks reports whether a receiver should get less at once.
func balks(o *engine.Outcome) bool {
	return o.State == model.DeliverySending || o.State == model.DeliveryFailed || o.Attempt.Took > slowAnswer
}

// nextReady takes the next delivery of a lane, for a slot that has sent so many;
// at a quick receiver it waits for it while more are claimed. Without more the
// slot is to be given back: the lane has it no longer.
func (r *Runner) nextReady(q model.Queue, l *lane, sent int) (s engine.Sending, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		crowded := l.claiming && sent >= share && len(l.slots) == cap(l.slots)
		switch {
		case len(l.ready) > 0 && !crowded:
			s, l.ready = l.ready[0], l.ready[1:]
			if len(l.ready) == claimEarly {
				l.tell()
			}
			return s, true
		case crowded || !l.claiming || !l.quick:
			l.running--
			r.forget(q, l)
			return s, false
		}
		l.idle++
		l.tell()
		l.more.Wait()
		l.idle--
	}
}

// ended keeps what came of an attempt, and returns what is to be recorded
// at once, if anything is: attempts at a quick receiver are recorded together.
func (r *Runner) ended(l *lane, x *engine.Ended) []*engine.Ended {
	r.mu.Lock()
	defer r.mu.Unlock()
	l.quick = !balks(&x.Outcome) && (l.quick || x.Outcome.Attempt.Took < quickAnswer)
	if !l.quick {
		l.more.Broadcast() // who waits, waits for what was claimed ahead
	}
	l.ended = append(l.ended, x)
	if l.quick && l.claiming && len(l.ended) < recordAtOnce {
		return nil
	}
	return l.toRecord()
}

// toRecord takes what a lane has kept. The caller holds the lock.
func (l *lane) toRecord() []*engine.Ended {
	batch := l.ended
	l.ended = nil
	l.recording += len(batch)
	return batch
}

// recordAll records what a lane has kept.
func (r *Runner) recordAll(ctx context.Context, l *lane) {
	r.mu.Lock()
	batch := l.toRecord()
	r.mu.Unlock()
	if len(batch) > 0 {
		r.working.Go(func() { r.record(ctx, l, batch) })
	}
}

// record keeps what came of attempts of a lane's deliveries.
func (r *Runner) record(ctx context.Context, l *lane, ended []*engine.Ended) {
	for _, x := range ended {
		r.report(ctx, x.Sending, &x.Outcome)
	}
	lost, err := r.engine.EndDeliveries(ctx, ended)
	for _, j := range lost {
		r.settled(ctx, j, engine.ErrLeaseLost)
	}
	if err != nil {
		first := &ended[0].Sending.Job
		r.trouble(ctx, "record attempts", err, "account", first.Account, "endpoint", first.Lane, "attempts", len(ended))
	}
	r.mu.Lock()
	l.recording -= len(ended)
	r.mu.Unlock()
	l.tell()
}

// leftIn takes what a lane has ready.
func (r *Runner) leftIn(l *lane) []engine.Sending {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := l.ready
	l.ready = nil
	return left
}

// giveBack leaves deliveries to others, or to later.
func (r *Runner) giveBack(ctx context.Context, q model.Queue, begun []engine.Sending) {
	if err := r.engine.ReturnDeliveries(ctx, begun); err != nil {
		r.trouble(ctx, "give deliveries back", err, "account", q.Account, "endpoint", q.Lane)
	}
}
