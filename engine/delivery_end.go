package engine

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"grapevine/model"
	"grapevine/store"
)

// Outcome is what came of an attempt.
type Outcome struct {
	Attempt model.Attempt // all but which one it was
	State   model.DeliveryState
	Next    time.Time // when it is tried again, where it is sending still
	Gone    bool      // the receiver wants no delivery any more
	Allowed []string  // recipients, by the answer to a question about them
}

// Ended is an attempt that is over.
type Ended struct {
	Sending *Sending
	Outcome Outcome
}

// endGroup is how many calls of EndDeliveries one transaction records, and
// endLanes how many such transactions an account has under way at once.
const (
	endGroup = 128
	endLanes = 4
)

// EndDeliveries records what came of attempts of deliveries to one endpoint,
// and returns the jobs that are another worker's by now: of those nothing was
// changed. Where the receiver is gone, its endpoint ends, and with it all that
// waits for it. Calls for an account share transactions.
func (e *Engine) EndDeliveries(ctx context.Context, ended []*Ended) (lost []model.Job, err error) {
	account := ended[0].Sending.Job.Account
	var plain []*Ended
	var errs []error
	for _, x := range ended {
		x.Outcome.Attempt.Delivery, x.Outcome.Attempt.Number = x.Sending.Delivery.ID, x.Sending.Delivery.Attempts
		if !x.decides() {
			plain = append(plain, x)
			continue
		}
		err := e.endDeciding(ctx, x)
		if errors.Is(err, ErrLeaseLost) {
			lost, err = append(lost, x.Sending.Job), nil
		}
		errs = append(errs, err)
	}
	if len(plain) > 0 {
		more, err := e.endings.do(ctx, account, plain)
		lost, errs = append(lost, more...), append(errs, err)
	}
	return lost, errors.Join(errs...)
}

// decides reports whether more hangs on an attempt than its delivery.
func (x *Ended) decides() bool {
	topic := x.Sending.Endpoint.Topic
	return x.Outcome.State != model.DeliverySending && (topic == model.RewardQuestioned || topic == model.RecipientsQuestioned)
}

// endDeciding records an attempt together with what it decides.
func (e *Engine) endDeciding(ctx context.Context, x *Ended) (err error) {
	s, o := x.Sending, x.Outcome
	if s.Endpoint.Topic == model.RewardQuestioned {
		err = e.endQuestion(ctx, s, o.Attempt, o.State)
	} else {
		err = e.endAuthorization(ctx, s, o)
	}
	if err != nil || !x.concerns() {
		return err
	}
	var closed []model.EndpointID
	err = e.store.InTx(ctx, s.Job.Account, func(tx *store.Tx) (err error) {
		closed, err = e.hear(tx, []*Ended{x}, e.now())
		return err
	})
	e.letGo(ctx, s.Job.Account, closed)
	return err
}

// ReturnDeliveries gives back deliveries to one endpoint of which an attempt was
// begun and not made. They are due at once. Those whose lease was lost are left
// alone.
func (e *Engine) ReturnDeliveries(ctx context.Context, sendings []Sending) error {
	if len(sendings) == 0 {
		return nil
	}
	back := slices.SortedFunc(slices.Values(sendings), func(a, b Sending) int { return cmp.Compare(a.Job.ID, b.Job.ID) })
	jobs := make([]model.Job, len(back))
	for i := range back {
		jobs[i] = back[i].Job
	}
	return e.store.InTx(ctx, jobs[0].Account, func(tx *store.Tx) error {
		held, err := tx.HoldJobs(jobs)
		standing := claims(held)
		var first []model.DeliveryID
		for i := range back {
			if s := &back[i]; standing[claimOf(&s.Job)] {
				tx.RetryHeld(&s.Job, e.now(), "")
				if s.Delivery.Tries == 1 {
					first = append(first, s.Delivery.ID)
				}
			}
		}
		tx.DelaySchedules(first)
		return err
	})
}

// endTogether records what came of attempts in one transaction. A call's result
// is what it lost.
func (e *Engine) endTogether(account model.AccountID, calls [][]*Ended) ([]result[[]model.Job], error) {
	ctx, cancel := context.WithTimeout(context.Background(), groupWait)
	defer cancel()
	results := make([]result[[]model.Job], len(calls))
	all := slices.Concat(calls...)
	var closed []model.EndpointID
	var gone bool
	err := e.store.InTx(ctx, account, func(tx *store.Tx) (err error) {
		now := e.now()
		if closed, err = e.hear(tx, all, now); err != nil {
			return err
		}
		held, err := settleAll(tx, all)
		if err != nil {
			return err
		}
		gone = false
		standing := make([]*Ended, 0, len(all))
		for i, call := range calls {
			results[i].out = nil
			for _, x := range call {
				if !held[claimOf(&x.Sending.Job)] {
					results[i].out = append(results[i].out, x.Sending.Job)
					continue
				}
				standing = append(standing, x)
				gone = gone || x.Outcome.Gone
			}
		}
		if len(standing) == 0 {
			return nil
		}
		return endHeld(tx, standing, now)
	})
	if err != nil {
		return nil, err
	}
	if gone {
		if err := e.Refresh(ctx); err != nil {
			return nil, err
		}
	}
	e.letGo(ctx, account, closed)
	return results, nil
}

// claim is a job as one worker has it: whoever claims it next has it under
// another attempt, even in the same process.
type claim struct {
	job     model.JobID
	attempt int64
}

func claimOf(j *model.Job) claim { return claim{j.ID, j.Attempt} }

func claims(jobs []model.Job) map[claim]bool {
	all := make(map[claim]bool, len(jobs))
	for i := range jobs {
		all[claimOf(&jobs[i])] = true
	}
	return all
}

// settleAll removes the jobs of attempts that are the last of their deliveries
// and locks the others. It returns the claims that still stood.
func settleAll(tx *store.Tx, ended []*Ended) (map[claim]bool, error) {
	var again, over []model.Job
	for _, x := range ended {
		if x.Outcome.State == model.DeliverySending {
			again = append(again, x.Sending.Job)
		} else {
			over = append(over, x.Sending.Job)
		}
	}
	standing, err := tx.FinishJobs(over)
	if err == nil && len(again) > 0 {
		var held []model.Job
		held, err = tx.HoldJobs(again)
		standing = append(standing, held...)
	}
	return claims(standing), err
}

// endHeld writes what came of attempts whose jobs are held, or done with.
func endHeld(tx *store.Tx, ended []*Ended, now time.Time) error {
	slices.SortFunc(ended, func(a, b *Ended) int { return cmp.Compare(a.Sending.Delivery.ID, b.Sending.Delivery.ID) })
	var quoting []model.DeliveryID // what somebody who is told of may stand in
	left := map[leaves][]model.DeliveryID{}
	for _, x := range ended {
		id := x.Sending.Delivery.ID
		if x.Outcome.Attempt.Excerpt != "" {
			quoting = append(quoting, id)
		}
		state := x.leaves()
		left[state] = append(left[state], id)
	}
	redacted, err := tx.Redacted(quoting)
	if err != nil {
		return err
	}
	attempts := make([]model.Attempt, len(ended))
	for i, x := range ended {
		s, o := x.Sending, &x.Outcome
		attempts[i] = o.Attempt
		if redacted[s.Delivery.ID] != s.Delivery.Redacted {
			attempts[i].Excerpt = "" // somebody it told of was erased meanwhile
		}
		if o.State == model.DeliverySending {
			tx.RetryHeld(&s.Job, o.Next, o.Attempt.Error)
		}
		if o.Gone {
			tx.EndEndpoint(s.Endpoint.ID)
			tx.Touch()
		}
	}
	for state, ids := range left {
		over := now
		if state.DeliveryState == model.DeliverySending {
			over = time.Time{}
		}
		tx.CountAttempts(ids, state.DeliveryState, state.began, over)
	}
	tx.InsertAttempts(attempts)
	return nil
}

// leaves is what attempts leave of their deliveries.
type leaves struct {
	model.DeliveryState
	began time.Time // their schedules, where it was the first attempt; else zero
}

func (x *Ended) leaves() leaves {
	if d := &x.Sending.Delivery; d.Tries == 1 {
		return leaves{x.Outcome.State, d.Since}
	}
	return leaves{x.Outcome.State, time.Time{}}
}

// letGo sends what the circuits of endpoints kept, which have closed. What it
// cannot let go keeps its schedule.
func (e *Engine) letGo(ctx context.Context, account model.AccountID, closed []model.EndpointID) {
	for _, id := range closed {
		e.log.Info("an endpoint that failed takes requests again", "account", account, "endpoint", id)
		if err := e.letUnsentGo(ctx, account, id); err != nil {
			e.log.Error("let go what was not sent", "account", account, "endpoint", id, "err", err)
		}
	}
}

// sorted lists the keys of a map in order.
func sorted[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
