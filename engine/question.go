package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

// Why a reward ended that the merchant was asked about.
const (
	ValidationRefused    = "validation_refused"
	ValidationUnanswered = "validation_unanswered"
)

// Question is what a merchant is told who is asked whether a reward is to be
// given. What was erased is empty.
type Question struct {
	Kind        model.EventKind // of the event that the reward is for
	At          time.Time
	OrderID     string
	Amount      money.Amount
	Currency    string
	NewCustomer bool
	IP          string          // sent with the event
	Sent        json.RawMessage // what else was sent with it
	Actor       Contact         // whose event it was
	Advocate    Contact         // empty where nobody referred
}

// question asks the merchant about a reward. A question is a delivery of its
// own: it is tried and kept as one, and its answer decides. Where the address
// is in force no more, the reward waits for a person to decide.
func (t *turn) question(w *model.Reward, url string) error {
	for _, endpoint := range t.cfg.Endpoints(model.RewardQuestioned, w.Campaign) {
		if endpoint.URL != url {
			continue
		}
		d, job, err := t.e.newDelivery(endpoint.ID, t.now)
		if err != nil {
			return err
		}
		d.Items = 1
		t.tx.InsertDeliveries([]model.Delivery{d})
		t.tx.InsertItems([]store.Item{{Delivery: d.ID, Subject: int64(w.ID)}})
		t.jobs = append(t.jobs, job)
		return nil
	}
	return nil
}

// askAnew asks what was asked of an endpoint that has ended at the one that took
// its place: a merchant who finds that questions come in a form that is not
// understood asks for the other. The hours in which they may answer begin again.
func (e *Engine) askAnew(tx *store.Tx, ended *model.Endpoint, dropped []model.DeliveryID, now time.Time) error {
	endpoints, err := tx.Endpoints() // those of the configuration may be seconds old
	if err != nil {
		return err
	}
	at := slices.IndexFunc(endpoints, func(p model.Endpoint) bool {
		return p.Topic == ended.Topic && p.URL == ended.URL && p.Campaign == ended.Campaign
	})
	if at < 0 {
		return nil
	}
	items, err := tx.Items(dropped)
	if err != nil {
		return err
	}
	for _, item := range items {
		d, job, err := e.newDelivery(endpoints[at].ID, now)
		if err != nil {
			return err
		}
		d.Items, item.Delivery = 1, d.ID
		tx.InsertDeliveries([]model.Delivery{d})
		tx.InsertItems([]store.Item{item})
		tx.Enqueue(job)
	}
	return nil
}

// questioned fills in what is asked about rewards.
func (e *Engine) questioned(tx *store.Tx, told []ToldReward) error {
	for i := range told {
		w := told[i].Reward
		event, body, err := tx.EventWithDetail(w.Event)
		if err != nil {
			return err
		}
		var detail eventDetail
		if body != "" {
			if err := json.Unmarshal([]byte(body), &detail); err != nil {
				return fmt.Errorf("detail of event %d: %w", event.ID, err)
			}
		}
		known, err := tx.Contacts([]model.PersonID{event.Person, w.Why.Advocate})
		if err != nil {
			return err
		}
		told[i].Question = &Question{
			Kind: event.Kind, At: event.At, OrderID: detail.Order, Amount: event.Amount, Currency: event.Currency,
			NewCustomer: event.Facts.NewCustomer != nil && *event.Facts.NewCustomer,
			IP:          detail.IP, Sent: detail.Sent, Actor: contact(known[event.Person]), Advocate: contact(known[w.Why.Advocate]),
		}
	}
	return nil
}

// endQuestion records how a question ended, and moves its reward, in one
// transaction. An answer that comes after somebody decided changes nothing.
func (e *Engine) endQuestion(ctx context.Context, s *Sending, a model.Attempt, state model.DeliveryState) error {
	return e.inTurn(ctx, s.Job.Account, func(t *turn) error {
		held, err := t.tx.FinishJob(&s.Job)
		if err != nil {
			return err
		}
		if !held {
			return ErrLeaseLost
		}
		if err := endHeld(t.tx, []*Ended{{s, Outcome{Attempt: a, State: state}}}, t.now); err != nil {
			return err
		}
		items, err := t.tx.Items([]model.DeliveryID{s.Delivery.ID})
		if err != nil {
			return err
		}
		for _, item := range items {
			if err := t.answered(model.RewardID(item.Subject), state); err != nil {
				return err
			}
		}
		return nil
	})
}

// answered moves a reward that waits for an answer.
func (t *turn) answered(id model.RewardID, state model.DeliveryState) error {
	w, err := t.tx.Reward(id)
	if err != nil {
		return err
	}
	if w, err = t.lockReward(w); err != nil || w.State != model.Pending || w.Why.Reason != Validating {
		return err
	}
	switch state {
	case model.DeliveryDelivered:
		r, err := t.ruleOf(w)
		if err != nil {
			return err
		}
		t.moved(model.RewardValidated, w)
		if err := t.earn(w, r); err != nil {
			return err
		}
	case model.DeliveryRefused:
		t.moved(model.RewardRefused, w)
		t.reject(w, ValidationRefused)
	default:
		t.moved(model.RewardUnanswered, w)
		t.reject(w, ValidationUnanswered)
		w.State = model.Failed
	}
	return t.saveReward(w)
}
