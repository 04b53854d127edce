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
	Probe    bool                    // the one request that the circuit of its endpoint let through
}

// Render writes the body of a delivery of an account.
type Render func(d *model.Delivery, to *model.Endpoint, told []Told, cfg *Config) ([]byte, error)

// BeginDeliveries begins an attempt of up to limit deliveries of a queue that
// are due. It returns those that are to be sent, and whether there may be more.
// An attempt is counted, and in the log, once it is over.
// It is ClaimJobs and StartDeliveries in one transaction.
func (e *Engine) BeginDeliveries(ctx context.Context, q model.Queue, limit int, render Render, next Next) (sendings []Sending, more bool, err error) {
	found, claimed := 0, -1
	sendings, err = e.startDeliveries(ctx, q, render, next,
		func(tx *store.Tx, now time.Time) ([]model.Job, error) {
			jobs, err := tx.DueJobs(q, now, limit)
			found = len(jobs)
			return jobs, err
		},
		func(tx *store.Tx, jobs []model.Job, now time.Time) ([]model.Job, error) {
			held, err := tx.ClaimListed(jobs, now, now.Add(lease))
			claimed = len(held)
			return held, err
		})
	// Where another process takes them, this one looks again later.
	return sendings, found == limit && claimed != 0, err
}

// StartDeliveries begins an attempt of each delivery that claimed jobs of one
// queue are for, and returns those that are to be sent. The first attempt of a
// delivery closes it and freezes its body. A job whose delivery or endpoint
// has ended is finished here, one whose delivery just grew is due again, and
// one whose lease was lost is left out. So is what the endpoint's circuit keeps.
func (e *Engine) StartDeliveries(ctx context.Context, q model.Queue, jobs []model.Job, render Render, next Next) ([]Sending, error) {
	return e.startDeliveries(ctx, q, render, next,
		func(*store.Tx, time.Time) ([]model.Job, error) { return jobs, nil },
		func(tx *store.Tx, jobs []model.Job, _ time.Time) ([]model.Job, error) { return tx.HoldJobs(jobs) })
}

// startDeliveries is StartDeliveries of the jobs that find returns, which hold
// then makes this worker's until the transaction ends.
func (e *Engine) startDeliveries(ctx context.Context, q model.Queue, render Render, next Next,
	find func(*store.Tx, time.Time) ([]model.Job, error),
	hold func(*store.Tx, []model.Job, time.Time) ([]model.Job, error),
) ([]Sending, error) {
	cfg, err := e.Config(ctx, q.Account)
	if err != nil {
		return nil, err
	}
	// All that is read is read beside the writers; what changed since shows in
	// the transaction that follows.
	now := e.now()
	var to *model.Endpoint
	var ended bool
	var jobs []model.Job
	var ready map[int64]model.Delivery
	err = e.store.View(ctx, q.Account, func(tx *store.Tx) error {
		if jobs, err = find(tx, now); err != nil || len(jobs) == 0 {
			return err
		}
		if to, ended, err = tx.Endpoint(model.EndpointID(q.Lane)); err != nil || ended || to.Paused {
			return err
		}
		ready, err = e.readyDeliveries(tx, cfg, to, jobs, now, render)
		return err
	})
	if err != nil || len(jobs) == 0 {
		return nil, err
	}
	if to.Paused && !ended {
		return nil, e.holdBack(ctx, q, jobs)
	}
	var sendings []Sending
	err = e.store.InTx(ctx, q.Account, func(tx *store.Tx) error {
		sendings = nil
		var circuit model.Circuit
		if to.Circuit.Open() && !ended { // locked before the jobs
			if _, circuit, err = tx.LockEndpoint(to.ID); err != nil {
				return err
			}
		}
		held, err := hold(tx, jobs, now)
		if err != nil {
			return err
		}
		if ended {
			return e.dropDeliveries(tx, to, held, now)
		}
		let := admit(tx, to, circuit, held, ready, next, now)
		started, err := startAll(tx, let.send, ready, now)
		if err != nil {
			return err
		}
		sendings = make([]Sending, 0, len(started))
		for _, j := range let.send {
			d, ok := started[j.Subject]
			if again, skip := let.skip[j.Subject]; skip && ok {
				tx.CountAttempts([]model.DeliveryID{d.ID}, model.DeliverySending, now, time.Time{})
				tx.InsertAttempts([]model.Attempt{{Delivery: d.ID, Number: d.Attempts, At: now, Error: skipped}})
				tx.RetryHeld(&j, again, skipped)
			} else if ok {
				if j.Error == waits || j.Error == skipped { // a circuit that closes now does not send it, too
					tx.RetryHeld(&j, j.RunAt, "")
				}
				sendings = append(sendings, Sending{Job: j, Delivery: d, Endpoint: *to, Secret: cfg.Secret, Probe: j.ID == let.probe})
			}
		}
		return nil
	})
	return sendings, err
}

// readyDeliveries reads the deliveries of jobs as their next attempt will
// leave them. Those that have ended are left out; one without a body is one
// that has nothing left to tell.
func (e *Engine) readyDeliveries(tx *store.Tx, cfg *Config, to *model.Endpoint, jobs []model.Job, now time.Time, render Render) (map[int64]model.Delivery, error) {
	ids := make([]model.DeliveryID, len(jobs))
	for i, j := range jobs {
		ids[i] = model.DeliveryID(j.Subject)
	}
	found, err := tx.DeliveriesByID(ids)
	if err != nil {
		return nil, err
	}
	ready := make(map[int64]model.Delivery, len(found))
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
		ready[int64(d.ID)] = d
	}
	of, err := e.toldOf(tx, now, cfg, to, blank)
	if err != nil {
		return nil, err
	}
	for id, told := range of {
		d := ready[int64(id)]
		body, err := render(&d, to, told, cfg)
		if err != nil {
			return nil, fmt.Errorf("write delivery %s: %w", d.UUID, err)
		}
		d.Body = string(body)
		ready[int64(id)] = d
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
func startAll(tx *store.Tx, held []model.Job, byID map[int64]model.Delivery, now time.Time) (map[int64]model.Delivery, error) {
	list := make([]model.Delivery, 0, len(held))
	jobs := make([]model.Job, 0, len(held))
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
	for i, d := range list {
		if !began[i] { // it has changed since it was read
			if _, err := tx.RetryJob(&jobs[i], now, ""); err != nil {
				return nil, err
			}
			continue
		}
		started[int64(d.ID)] = d
	}
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

// dropDeliveries gives up what would go to an endpoint that has ended. What it
// asked is asked anew where the same address is asked in another form.
func (e *Engine) dropDeliveries(tx *store.Tx, to *model.Endpoint, jobs []model.Job, now time.Time) error {
	var ids []model.DeliveryID
	for _, j := range jobs {
		ids = append(ids, model.DeliveryID(j.Subject))
		tx.ForbidMails(model.DeliveryID(j.Subject), now)
	}
	tx.EndDeliveries(ids, model.DeliveryFailed, now)
	if to.Topic == model.RewardQuestioned {
		if err := e.askAnew(tx, to, ids, now); err != nil {
			return err
		}
	}
	_, err := tx.FinishJobs(jobs)
	return err
}
