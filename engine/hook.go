package engine

import (
	"context"
	"time"

	"github.com/google/uuid"

	"grapevine/model"
	"grapevine/store"
)

// Hook is an endpoint with how much waits for it.
type Hook struct {
	model.Endpoint
	Waiting int64 // deliveries that are not over
}

// Hooks lists the endpoints of an account, by id.
func (e *Engine) Hooks(ctx context.Context, account model.AccountID) ([]Hook, error) {
	var hooks []Hook
	err := e.store.View(ctx, account, func(tx *store.Tx) error {
		hooks = nil
		endpoints, err := tx.Endpoints()
		if err != nil {
			return err
		}
		waiting, err := tx.WaitingFor(model.JobDeliver)
		for _, p := range endpoints {
			hooks = append(hooks, Hook{p, waiting[p.ID]})
		}
		return err
	})
	return hooks, err
}

// HookSample is what a test of an endpoint sends: its newest delivery that was
// written, or an empty object under a new id where there is none. Fails as
// PauseEndpoint does.
func (e *Engine) HookSample(ctx context.Context, account model.AccountID, id model.EndpointID) (*Sending, error) {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return nil, err
	}
	sample := &Sending{Delivery: model.Delivery{UUID: uuid.NewString(), Body: "{}"}, Secret: cfg.Secret}
	err = e.store.View(ctx, account, func(tx *store.Tx) error {
		to, err := listening(tx, id)
		if err != nil {
			return err
		}
		sample.Endpoint = *to
		newest, err := tx.DeliveryLog(id, time.UnixMilli(0), e.now(), 1<<62, 10)
		for _, d := range newest {
			if d.Body != "" {
				sample.Delivery = d
				break
			}
		}
		return err
	})
	return sample, err
}

// PauseEndpoint holds back all that an endpoint is told, from its commit on;
// what is out at that moment comes to its end. Fails with NotFound, and with
// Gone for one that has ended.
func (e *Engine) PauseEndpoint(ctx context.Context, account model.AccountID, id model.EndpointID) error {
	return e.store.InTx(ctx, account, func(tx *store.Tx) error {
		if _, err := listening(tx, id); err != nil {
			return err
		}
		tx.PauseEndpoint(id, true)
		return nil
	})
}

// letGoAtOnce is how many deliveries one transaction lets go.
const letGoAtOnce = 1000

// ResumeEndpoint lets an endpoint hear again, and first of all what it was not
// told while it was paused. It closes a circuit that is open. Fails as
// PauseEndpoint does.
func (e *Engine) ResumeEndpoint(ctx context.Context, account model.AccountID, id model.EndpointID) error {
	for more := true; more; {
		err := e.store.InTx(ctx, account, func(tx *store.Tx) error {
			if _, err := listening(tx, id); err != nil {
				return err
			}
			// Whoever holds a job back does so under this lock.
			if _, _, err := tx.LockEndpoint(id); err != nil {
				return err
			}
			tx.PauseEndpoint(id, false)
			tx.SaveCircuit(id, model.Circuit{})
			n, err := tx.LetGo(id, letGoAtOnce)
			more = n == letGoAtOnce
			return err
		})
		if err != nil {
			return err
		}
	}
	return e.letUnsentGo(ctx, account, id)
}

// listening finds an endpoint that has not ended.
func listening(tx *store.Tx, id model.EndpointID) (*model.Endpoint, error) {
	endpoint, ended, err := tx.Endpoint(id)
	if err == nil && ended {
		err = &model.Error{Kind: model.Gone, Msg: "the endpoint has ended"}
	}
	return endpoint, err
}

// holdBack makes jobs of a paused endpoint wait that nobody else has claimed;
// where it was resumed meanwhile, they are due at once.
func (e *Engine) holdBack(ctx context.Context, q model.Queue, jobs []model.Job) error {
	return e.store.InTx(ctx, q.Account, func(tx *store.Tx) error {
		paused, _, err := tx.LockEndpoint(model.EndpointID(q.Lane))
		if err != nil {
			return err
		}
		for _, j := range jobs {
			if paused {
				tx.HoldBack(&j, e.now())
			} else if _, err := tx.RetryJob(&j, e.now(), ""); err != nil {
				return err
			}
		}
		return nil
	})
}

// LogQuery asks for deliveries.
type LogQuery struct {
	Endpoint model.EndpointID // 0: any
	Event    string           // of what is told, as the project file says it or by the dialect's name alone; "" is any
	From, To time.Time        // when they were made, inclusive
	Below    model.DeliveryID // newest first; 0 begins
	Size     int
}

// Logged is a delivery with where it went and what came of it.
type Logged struct {
	model.Delivery
	To       model.Endpoint
	Attempts []model.Attempt
}

// DeliveryLog lists deliveries with their attempts, newest first.
func (e *Engine) DeliveryLog(ctx context.Context, account model.AccountID, q LogQuery) ([]Logged, error) {
	var log []Logged
	err := e.store.View(ctx, account, func(tx *store.Tx) error {
		log = nil
		endpoints := map[model.EndpointID]*model.Endpoint{}
		below := q.Below
		if below == 0 {
			below = 1 << 62
		}
		for len(log) < q.Size {
			page, err := tx.DeliveryLog(q.Endpoint, q.From, q.To, below, q.Size)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, d := range page {
				below = d.ID
				to := endpoints[d.Endpoint]
				if to == nil {
					if to, _, err = tx.Endpoint(d.Endpoint); err != nil {
						return err
					}
					endpoints[d.Endpoint] = to
				}
				if len(log) == q.Size || q.Event != "" && q.Event != to.Event && q.Event != to.Dialect+"."+to.Event {
					continue
				}
				attempts, err := tx.Attempts(d.ID)
				if err != nil {
					return err
				}
				log = append(log, Logged{d, *to, attempts})
			}
		}
		return nil
	})
	return log, err
}

// Replay sends a delivery that has ended once more: with the same id and the
// same bytes, on a schedule of its own. Fails with NotFound, with Gone where its
// endpoint has ended, and with Conflict where it is not over.
func (e *Engine) Replay(ctx context.Context, account model.AccountID, uuid string) error {
	return e.store.InTx(ctx, account, func(tx *store.Tx) error {
		d, err := tx.DeliveryByUUID(uuid)
		if err != nil {
			return err
		}
		reopened, err := e.reopen(tx, d)
		if err == nil && !reopened {
			err = &model.Error{Kind: model.Conflict, Reason: model.TransitionForbidden, Msg: "the delivery is not over, or has nothing to tell any more"}
		}
		return err
	})
}

// ReplayAll is Replay of each delivery that the query asks for and that has
// ended, and returns how many there were. Those to endpoints that have ended
// are left out.
func (e *Engine) ReplayAll(ctx context.Context, account model.AccountID, q LogQuery) (int, error) {
	replayed := 0
	for q.Size = 200; ; {
		page, err := e.DeliveryLog(ctx, account, q)
		if err != nil || len(page) == 0 {
			return replayed, err
		}
		q.Below = page[len(page)-1].ID
		n := 0
		err = e.store.InTx(ctx, account, func(tx *store.Tx) error {
			n = 0
			for i := range page {
				reopened, err := e.reopen(tx, &page[i].Delivery)
				if err != nil && model.KindOf(err) != model.Gone {
					return err
				}
				if reopened {
					n++
				}
			}
			return nil
		})
		if err != nil {
			return replayed, err
		}
		replayed += n
	}
}

func (e *Engine) reopen(tx *store.Tx, d *model.Delivery) (bool, error) {
	if _, err := listening(tx, d.Endpoint); err != nil {
		return false, err
	}
	reopened, err := tx.Reopen(d.ID)
	if err != nil || !reopened {
		return false, err
	}
	id, err := e.newID()
	if err != nil {
		return false, err
	}
	tx.Enqueue(model.Job{ID: model.JobID(id), Kind: model.JobDeliver, Lane: int64(d.Endpoint), Subject: int64(d.ID), RunAt: e.now()})
	return true, nil
}
