package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"grapevine/model"
	"grapevine/store"
)

// gatherAtOnce is how many tells one transaction makes deliveries of.
const gatherAtOnce = 1000

// Fits says of how much one delivery to an endpoint tells at most.
type Fits func(to *model.Endpoint) int64

// GatherTells turns the tells of a queue into deliveries, those too that would
// be due a moment later, and returns how many there were and whether there may
// be more. What they tell of joins the endpoint's open delivery until that is
// full, then new ones.
func (e *Engine) GatherTells(ctx context.Context, q model.Queue, fits Fits) (gathered int, more bool, err error) {
	err = e.store.InTx(ctx, q.Account, func(tx *store.Tx) error {
		now := e.now()
		tells, err := tx.TakeJobs(q, now.Add(Gather), gatherAtOnce)
		gathered, more = len(tells), len(tells) == gatherAtOnce
		if err != nil || len(tells) == 0 {
			return err
		}
		to, ended, err := tx.Endpoint(model.EndpointID(q.Lane))
		if err != nil || ended {
			return err // nobody listens any more: the tells are done with
		}
		return e.deliverAll(tx, to.ID, tells, fits(to), now)
	})
	return gathered, more, err
}

// deliverAll puts what is told into deliveries of an endpoint, so much into
// each at most.
func (e *Engine) deliverAll(tx *store.Tx, endpoint model.EndpointID, tells []model.Job, most int64, now time.Time) error {
	open, err := tx.OpenDelivery(endpoint, most)
	if err != nil {
		return err
	}
	var items []store.Item
	put := func(delivery model.DeliveryID, n int64) {
		for _, tell := range tells[:n] {
			items = append(items, store.Item{Delivery: delivery, Subject: tell.Subject, Payload: tell.Payload})
		}
		tells = tells[n:]
	}
	if open.ID != 0 {
		n := min(most-open.Items, int64(len(tells)))
		tx.GrowDelivery(open.ID, n)
		put(open.ID, n)
	}
	var deliveries []model.Delivery
	var jobs []model.Job
	for len(tells) > 0 {
		d, job, err := e.newDelivery(endpoint, now)
		if err != nil {
			return err
		}
		d.Items = min(most, int64(len(tells)))
		put(d.ID, d.Items)
		deliveries, jobs = append(deliveries, d), append(jobs, job)
	}
	tx.InsertDeliveries(deliveries)
	tx.InsertItems(items)
	tx.Enqueue(jobs...)
	return nil
}

// newDelivery makes an open delivery and the job that sends it.
func (e *Engine) newDelivery(endpoint model.EndpointID, now time.Time) (model.Delivery, model.Job, error) {
	ids, err := e.newIDs(2)
	if err != nil {
		return model.Delivery{}, model.Job{}, err
	}
	d := model.Delivery{ID: model.DeliveryID(ids[0]), UUID: uuid.NewString(), Endpoint: endpoint, State: model.DeliveryOpen, At: now}
	job := model.Job{ID: model.JobID(ids[1]), Kind: model.JobDeliver, Lane: int64(endpoint), Subject: ids[0], RunAt: now}
	return d, job, nil
}

// Sending is an attempt of a delivery that has begun.
type Sending struct {
	Job      model.Job
	Delivery model.Delivery // with the body that all its attempts send
	Endpoint model.Endpoint
	Secret   func(use string) string // keys of the account, by their use
}

// Render writes the body of a delivery of an account.
type Render func(d *model.Delivery, to *model.Endpoint, told []Told, cfg *Config) ([]byte, error)

// unanswered is what a try says that nobody lived to complete.
const unanswered = "no answer was recorded"

// StartDeliveries begins an attempt of each delivery that claimed jobs of one
// queue are for, and returns those that are to be sent. The first attempt of a
// delivery closes it and freezes its body. A job whose delivery or endpoint
// has ended is finished here, one whose delivery just grew is due again, and
// one whose lease was lost is left out.
func (e *Engine) StartDeliveries(ctx context.Context, q model.Queue, jobs []model.Job, render Render) ([]Sending, error) {
	cfg, err := e.Config(ctx, q.Account)
	if err != nil {
		return nil, err
	}
	// All that is read is read beside the writers; what changed since shows in
	// the transaction that follows.
	now := e.now()
	var to *model.Endpoint
	var ended bool
	var ready []model.Delivery
	err = e.store.View(ctx, q.Account, func(tx *store.Tx) error {
		if to, ended, err = tx.Endpoint(model.EndpointID(q.Lane)); err != nil || ended || to.Paused {
			return err
		}
		ready, err = e.readyDeliveries(tx, cfg, to, jobs, now, render)
		return err
	})
	if err != nil {
		return nil, err
	}
	if to.Paused && !ended {
		return nil, e.holdBack(ctx, q, jobs)
	}
	var sendings []Sending
	err = e.store.InTx(ctx, q.Account, func(tx *store.Tx) error {
		sendings = nil
		held, err := tx.HoldJobs(jobs)
		if err != nil {
			return err
		}
		if ended {
			return e.dropDeliveries(tx, held)
		}
		started, err := startAll(tx, held, ready, now)
		for _, j := range held {
			if d, ok := started[j.Subject]; ok {
				sendings = append(sendings, Sending{Job: j, Delivery: d, Endpoint: *to, Secret: cfg.Secret})
			}
		}
		return err
	})
	return sendings, err
}

// readyDeliveries reads the deliveries of jobs as their next attempt will
// leave them. Those that have ended are left out; one without a body is one
// that has nothing left to tell.
func (e *Engine) readyDeliveries(tx *store.Tx, cfg *Config, to *model.Endpoint, jobs []model.Job, now time.Time, render Render) ([]model.Delivery, error) {
	ids := make([]model.DeliveryID, len(jobs))
	for i, j := range jobs {
		ids[i] = model.DeliveryID(j.Subject)
	}
	found, err := tx.DeliveriesByID(ids)
	if err != nil {
		return nil, err
	}
	var ready []model.Delivery
	var blank []model.DeliveryID
	for _, d := range found {
		if d.State != model.DeliveryOpen && d.State != model.DeliverySending {
			continue
		}
		d.Attempts++
		d.Tries++
		if d.FirstAt.IsZero() {
			d.FirstAt = now
		}
		if d.Since.IsZero() {
			d.Since = now
		}
		if d.Body == "" {
			blank = append(blank, d.ID)
		}
		ready = append(ready, d)
	}
	of, err := e.toldOf(tx, now, cfg, to, blank)
	if err != nil {
		return nil, err
	}
	for i := range ready {
		d := &ready[i]
		if d.Body != "" || len(of[d.ID]) == 0 {
			continue
		}
		body, err := render(d, to, of[d.ID], cfg)
		if err != nil {
			return nil, fmt.Errorf("write delivery %s: %w", d.UUID, err)
		}
		d.Body = string(body)
	}
	return ready, nil
}

// toldOf finds what deliveries tell of. One that has nothing left to tell is
// left out.
func (e *Engine) toldOf(tx *store.Tx, began time.Time, cfg *Config, to *model.Endpoint, of []model.DeliveryID) (map[model.DeliveryID][]Told, error) {
	items, err := tx.Items(of)
	if err != nil || len(items) == 0 {
		return nil, err
	}
	told, err := e.told(tx, began, cfg, to.Topic, items)
	if err != nil {
		return nil, err
	}
	byDelivery := make(map[model.DeliveryID][]Told, len(of))
	for _, item := range items {
		if t, is := told[item.Subject]; is {
			byDelivery[item.Delivery] = append(byDelivery[item.Delivery], t)
		}
	}
	return byDelivery, nil
}

// startAll begins an attempt of each ready delivery that a held job is for.
func startAll(tx *store.Tx, held []model.Job, ready []model.Delivery, now time.Time) (map[int64]model.Delivery, error) {
	byID := make(map[int64]model.Delivery, len(ready))
	for _, d := range ready {
		byID[int64(d.ID)] = d
	}
	var list []model.Delivery
	var jobs []model.Job
	for _, j := range held {
		d, ok := byID[j.Subject]
		if !ok || d.Body == "" { // it has ended, or is about nothing
			if err := endVoid(tx, &j, d, ok, now); err != nil {
				return nil, err
			}
			continue
		}
		list, jobs = append(list, d), append(jobs, j)
	}
	began, err := tx.StartDeliveries(list)
	if err != nil {
		return nil, err
	}
	started := make(map[int64]model.Delivery, len(list))
	var attempts []model.Attempt
	for i, d := range list {
		if !began[i] { // items joined since it was read, or somebody in it was erased
			if _, err := tx.RetryJob(&jobs[i], now, ""); err != nil {
				return nil, err
			}
			continue
		}
		started[int64(d.ID)] = d
		attempts = append(attempts, model.Attempt{Delivery: d.ID, Number: d.Attempts, At: now, Error: unanswered})
	}
	tx.InsertAttempts(attempts)
	return started, nil
}

// endVoid finishes the job of a delivery that has ended, or, where it is there
// and has nothing to tell, ends it: unless something joined it since it was
// read, which is told next.
func endVoid(tx *store.Tx, j *model.Job, d model.Delivery, there bool, now time.Time) error {
	if there {
		void, err := tx.VoidDelivery(&d, now)
		if err == nil && !void {
			_, err = tx.RetryJob(j, now, "")
		}
		if err != nil || !void {
			return err
		}
	}
	_, err := tx.FinishJob(j)
	return err
}

// dropDeliveries gives up what would go to an endpoint that has ended.
func (e *Engine) dropDeliveries(tx *store.Tx, jobs []model.Job) error {
	for _, j := range jobs {
		tx.EndDelivery(model.DeliveryID(j.Subject), model.DeliveryFailed, e.now())
		tx.ForbidMails(model.DeliveryID(j.Subject), e.now())
		if _, err := tx.FinishJob(&j); err != nil {
			return err
		}
	}
	return nil
}

// Outcome is what came of an attempt.
type Outcome struct {
	Attempt model.Attempt // all but which one it was
	State   model.DeliveryState
	Next    time.Time // when it is tried again, where it is sending still
	Gone    bool      // the receiver wants no delivery any more
	Allowed []string  // recipients, by the answer to a question about them
}

// EndDelivery records what came of an attempt. Where the receiver is gone, its
// endpoint ends, and with it all that waits for it. It fails with ErrLeaseLost.
func (e *Engine) EndDelivery(ctx context.Context, s *Sending, o Outcome) error {
	o.Attempt.Delivery, o.Attempt.Number = s.Delivery.ID, s.Delivery.Attempts
	if s.Endpoint.Topic == model.RewardQuestioned && o.State != model.DeliverySending {
		return e.endQuestion(ctx, s, o.Attempt, o.State)
	}
	if s.Endpoint.Topic == model.RecipientsQuestioned && o.State != model.DeliverySending {
		return e.endAuthorization(ctx, s, o)
	}
	err := e.settle(ctx, s.Job, func(tx *store.Tx) (held bool, err error) {
		if o.State == model.DeliverySending {
			held, err = tx.RetryJob(&s.Job, o.Next, o.Attempt.Error)
		} else {
			held, err = tx.FinishJob(&s.Job)
			tx.EndDelivery(s.Delivery.ID, o.State, e.now())
		}
		tx.EndAttempt(&s.Delivery, o.Attempt)
		if o.Gone {
			tx.EndEndpoint(s.Endpoint.ID)
			tx.Touch()
		}
		return held, err
	})
	if err != nil || !o.Gone {
		return err
	}
	return e.Refresh(ctx)
}
