package engine

import (
	"cmp"
	"context"
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

// ending is an attempt that is over.
type ending struct {
	sending *Sending
	outcome Outcome
}

// endGroup is how many attempts one transaction records.
const endGroup = 512

// EndDelivery records what came of an attempt. Where the receiver is gone, its
// endpoint ends, and with it all that waits for it. It fails with ErrLeaseLost.
// Calls for an account share transactions.
func (e *Engine) EndDelivery(ctx context.Context, s *Sending, o Outcome) error {
	o.Attempt.Delivery, o.Attempt.Number = s.Delivery.ID, s.Delivery.Attempts
	x := &ending{s, o}
	over := o.State != model.DeliverySending
	var err error
	switch {
	case over && s.Endpoint.Topic == model.RewardQuestioned:
		err = e.endQuestion(ctx, s, o.Attempt, o.State)
	case over && s.Endpoint.Topic == model.RecipientsQuestioned:
		err = e.endAuthorization(ctx, s, o)
	default:
		_, err = e.endings.do(ctx, s.Job.Account, x)
		return err
	}
	if err != nil || !x.concerns() {
		return err
	}
	var closed []model.EndpointID
	err = e.store.InTx(ctx, s.Job.Account, func(tx *store.Tx) (err error) {
		closed, err = e.hear(tx, []*ending{x}, e.now())
		return err
	})
	e.letGo(ctx, s.Job.Account, closed)
	return err
}

// ReturnDeliveries takes back attempts of deliveries to one endpoint that were
// begun and not made, as if they had not been. They are due at once. Those whose
// lease was lost are left alone.
func (e *Engine) ReturnDeliveries(ctx context.Context, sendings []Sending) error {
	if len(sendings) == 0 {
		return nil
	}
	return e.store.InTx(ctx, sendings[0].Job.Account, func(tx *store.Tx) error {
		endings := make([]*ending, len(sendings))
		for i := range sendings {
			endings[i] = &ending{sending: &sendings[i]}
		}
		held, err := holdAll(tx, endings)
		for _, id := range sorted(held) {
			s := held[id].sending
			tx.UndoAttempt(&s.Delivery)
			tx.RetryHeld(&s.Job, e.now(), "")
		}
		return err
	})
}

// endTogether records what came of attempts in one transaction.
func (e *Engine) endTogether(account model.AccountID, endings []*ending) ([]result[struct{}], error) {
	ctx, cancel := context.WithTimeout(context.Background(), groupWait)
	defer cancel()
	results := make([]result[struct{}], len(endings))
	var closed []model.EndpointID
	gone := false
	err := e.store.InTx(ctx, account, func(tx *store.Tx) (err error) {
		now := e.now()
		if closed, err = e.hear(tx, endings, now); err != nil {
			return err
		}
		held, err := holdAll(tx, endings)
		if err != nil {
			return err
		}
		for i, x := range endings {
			results[i].err = nil
			if _, is := held[x.sending.Job.ID]; !is {
				results[i].err = ErrLeaseLost
			}
			gone = gone || x.outcome.Gone
		}
		if len(held) == 0 {
			return nil
		}
		return endHeld(tx, slices.Collect(maps.Values(held)), now)
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

// holdAll locks the jobs of attempts, and returns those whose claim still
// stands, by job.
func holdAll(tx *store.Tx, endings []*ending) (map[model.JobID]*ending, error) {
	byJob := make(map[model.JobID]*ending, len(endings))
	jobs := make([]model.Job, len(endings))
	for i, x := range endings {
		jobs[i] = x.sending.Job
		byJob[jobs[i].ID] = x
	}
	held, err := tx.HoldJobs(jobs)
	standing := make(map[model.JobID]*ending, len(held))
	for _, j := range held {
		standing[j.ID] = byJob[j.ID]
	}
	return standing, err
}

// endHeld writes what came of attempts whose jobs are held.
func endHeld(tx *store.Tx, endings []*ending, now time.Time) error {
	slices.SortFunc(endings, func(a, b *ending) int { return cmp.Compare(a.sending.Delivery.ID, b.sending.Delivery.ID) })
	ids := make([]model.DeliveryID, len(endings))
	for i, x := range endings {
		ids[i] = x.sending.Delivery.ID
	}
	redacted, err := tx.Redacted(ids)
	if err != nil {
		return err
	}
	var finished []model.Job
	var attempts []model.Attempt
	ended := map[model.DeliveryState][]model.DeliveryID{}
	for _, x := range endings {
		s, o := x.sending, &x.outcome
		a := o.Attempt
		if redacted[s.Delivery.ID] != s.Delivery.Redacted {
			a.Excerpt = "" // somebody it told of was erased meanwhile
		}
		attempts = append(attempts, a)
		if o.State == model.DeliverySending {
			tx.RetryHeld(&s.Job, o.Next, a.Error)
		} else {
			finished = append(finished, s.Job)
			ended[o.State] = append(ended[o.State], s.Delivery.ID)
		}
		if o.Gone {
			tx.EndEndpoint(s.Endpoint.ID)
			tx.Touch()
		}
	}
	tx.FinishJobs(finished)
	for _, state := range sorted(ended) {
		tx.EndDeliveries(ended[state], state, now)
	}
	tx.EndAttempts(attempts)
	return nil
}

// endAttempt queues what came of an attempt that ends with what is done besides.
func endAttempt(tx *store.Tx, s *Sending, a model.Attempt, state model.DeliveryState, now time.Time) error {
	redacted, err := tx.Redacted([]model.DeliveryID{s.Delivery.ID})
	if err != nil {
		return err
	}
	if redacted[s.Delivery.ID] != s.Delivery.Redacted {
		a.Excerpt = ""
	}
	tx.EndDeliveries([]model.DeliveryID{s.Delivery.ID}, state, now)
	tx.EndAttempts([]model.Attempt{a})
	return nil
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
