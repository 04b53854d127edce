package engine

import (
	"context"
	"slices"
	"time"

	"grapevine/model"
	"grapevine/store"
)

// An endpoint's circuit opens when so many tries in a row have failed. Then one
// request at a time goes out, after pauses that double.
const (
	opensAfter   = 20
	firstPause   = time.Second
	longestPause = time.Minute
	sendAtOnce   = 500 // deliveries that one transaction lets go when the circuit closes
)

// What an open circuit makes of a delivery that is due, as its job and its log
// say.
const (
	waits   = "waits to be the next request to an endpoint that fails"
	skipped = "not sent: the latest requests to the endpoint failed"
)

// Next is when a delivery is tried again whose latest attempt has failed at
// now; false gives it up.
type Next func(d *model.Delivery, to *model.Endpoint, now time.Time) (next time.Time, again bool)

// admitted is what becomes of jobs whose deliveries are due.
type admitted struct {
	send  []model.Job
	probe model.JobID         // one of them; 0: none
	skip  map[int64]time.Time // by delivery: a try is counted and not made, and when the next is due
}

// admit decides what an open circuit lets through: the last try of a delivery
// always, since what was never asked is not given up; and one request when the
// pause is over. One more delivery waits to be the request after that. For all
// others it counts a try that failed, so that their schedules go on.
func admit(tx *store.Tx, to *model.Endpoint, c model.Circuit, held []model.Job, ready map[int64]model.Delivery, next Next, now time.Time) *admitted {
	if !c.Open() {
		return &admitted{send: held}
	}
	a := &admitted{skip: map[int64]time.Time{}}
	for _, j := range inOrder(held, c.Next) {
		d, isReady := ready[j.Subject]
		again, more := time.Time{}, false
		if isReady && d.Body != "" {
			again, more = next(&d, to, now)
		}
		switch {
		case !more:
			a.send = append(a.send, j)
		case a.probe == 0 && !now.Before(c.ProbeAt):
			a.send, a.probe = append(a.send, j), j.ID
			c.ProbeAt, c.Next = now.Add(lease), 0 // another may try if this one's worker dies
		case c.Next == 0 || c.Next == j.ID:
			c.Next = j.ID
			tx.RetryHeld(&j, c.ProbeAt, waits)
		default:
			a.send = append(a.send, j)
			a.skip[j.Subject] = again
		}
	}
	tx.SaveCircuit(to.ID, c)
	return a
}

// inOrder puts first who waits to be the next request, then those who were
// passed over before.
func inOrder(jobs []model.Job, next model.JobID) []model.Job {
	rank := func(j model.Job) int {
		switch {
		case j.ID == next:
			return 0
		case j.Error == skipped:
			return 1
		}
		return 2
	}
	sorted := slices.Clone(jobs)
	slices.SortStableFunc(sorted, func(a, b model.Job) int { return rank(a) - rank(b) })
	return sorted
}

// concerns reports whether what came of an attempt may change the circuit of
// its endpoint.
func (x *Ended) concerns() bool { return !x.answered() || x.Sending.Endpoint.Circuit.Failures > 0 }

// answered reports whether the receiver took the delivery, or told us to try it
// no more.
func (x *Ended) answered() bool {
	return x.Outcome.State == model.DeliveryDelivered || x.Outcome.State == model.DeliveryRefused
}

// after is the circuit after an attempt.
func (x *Ended) after(c model.Circuit, now time.Time) model.Circuit {
	if x.answered() {
		return model.Circuit{}
	}
	if c.Open() && !x.Sending.Probe { // it left before, or it was the last of its schedule
		return c
	}
	c.Failures++
	if c.Failures < opensAfter {
		return c
	}
	c.ProbeAt = now.Add(pauseAfter(c.Failures))
	// A delivery that is alone keeps its schedule.
	if again := x.Outcome.Next; !again.IsZero() && again.Before(c.ProbeAt) {
		c.ProbeAt = again
	}
	return c
}

func pauseAfter(failures int64) time.Duration {
	if doubled := failures - opensAfter; doubled < 6 {
		return min(longestPause, firstPause<<doubled)
	}
	return longestPause
}

// hear keeps what attempts say of their endpoints, and returns those whose
// circuit closed. It locks endpoints, so it comes before all that locks jobs.
func (e *Engine) hear(tx *store.Tx, endings []*Ended, now time.Time) (closed []model.EndpointID, err error) {
	concerned := map[model.EndpointID][]*Ended{}
	for _, x := range endings {
		if x.concerns() {
			concerned[x.Sending.Endpoint.ID] = append(concerned[x.Sending.Endpoint.ID], x)
		}
	}
	for _, id := range sorted(concerned) {
		_, was, err := tx.LockEndpoint(id)
		if err != nil {
			return nil, err
		}
		c := was
		for _, x := range concerned[id] {
			c = x.after(c, now)
		}
		if c == was {
			continue
		}
		tx.SaveCircuit(id, c)
		if c.Next != 0 {
			tx.MoveJob(c.Next, waits, c.ProbeAt)
		}
		if was.Open() && !c.Open() {
			closed = append(closed, id)
		}
		if !was.Open() && c.Open() {
			e.log.Warn("an endpoint fails, and gets single requests from now on", "endpoint", id, "failures", c.Failures)
		}
	}
	return closed, nil
}

// letUnsentGo sends what the circuit of an endpoint kept, once it is closed.
func (e *Engine) letUnsentGo(ctx context.Context, account model.AccountID, endpoint model.EndpointID) error {
	for more := true; more; {
		err := e.store.InTx(ctx, account, func(tx *store.Tx) error {
			kept, err := tx.Unsent(endpoint, waits, skipped, sendAtOnce)
			more = len(kept.Jobs) == sendAtOnce
			if err == nil && len(kept.Jobs) > 0 {
				tx.Send(kept, e.now())
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
