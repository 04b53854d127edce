package engine

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"grapevine/model"
)

// Customer is what a merchant tells of a person.
type Customer struct {
	Who
	Detail json.RawMessage // kept as sent, until the person is erased
}

// CustomerSaved is a customer who is known from now on.
type CustomerSaved struct {
	UUID    string // of the event that saved it
	At      time.Time
	Created bool
	Since   time.Time // when the person was made; zero where the event is repeated
	// Repeated tells that a browser's event was saved before.
	Repeated bool
}

// SaveCustomer makes or updates a person. It is no sign-up: no rule runs.
// Another e-mail address than before becomes the main one, if the merchant says
// so; what just a browser says changes nobody who is there.
func (e *Engine) SaveCustomer(ctx context.Context, account model.AccountID, c Customer) (*CustomerSaved, error) {
	if err := c.Who.check(); err != nil {
		return nil, err
	}
	var answer *CustomerSaved
	err := e.inTurn(ctx, account, func(t *turn) error {
		o := occurrence{Who: c.Who, kind: model.CustomerKept, detail: eventDetail{Sent: c.Detail}}
		event := t.happened(o.kind, 0)
		found, err := t.tx.Look(t.lookup(o, event.ID))
		if err != nil {
			return err
		}
		if first := found.First; first != nil {
			answer = &CustomerSaved{UUID: first.UUID, At: first.At, Repeated: true}
			t.events = nil
			return nil
		}
		actor := t.identify(found, c.Who)
		if err := t.enter(actor, c.Who, nil); err != nil {
			return err
		}
		if err := t.note(event, o, found, actor); err != nil {
			return err
		}
		if !actor.fresh && c.Email != "" && c.vouched() {
			if err := t.replaceMain(actor, model.FoldEmail(c.Email)); err != nil {
				return err
			}
		}
		answer = &CustomerSaved{UUID: event.UUID, At: t.now, Created: actor.fresh}
		if p := t.persons[actor.id]; p != nil {
			answer.Since = p.CreatedAt
		}
		return nil
	})
	return answer, err
}

// replaceMain makes an e-mail address the main one of a person who has it. The
// one that was it before is theirs no longer.
func (t *turn) replaceMain(a actor, email string) error {
	group := t.group(a.id)
	names, err := t.tx.Identities(group)
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(n model.Identity) bool { return n.Kind != model.Email })
	at := slices.IndexFunc(names, func(n model.Identity) bool { return n.Value == email })
	if at < 0 || (at == 0 && names[0].Main) {
		return nil // somebody else's, or the main one already
	}
	if at > 0 {
		t.tx.DeleteIdentity(names[0])
	}
	t.tx.SetMainIdentity(group, model.Email, email)
	t.shows(a.id, inAllLists)
	t.renews(a.id)
	return nil
}
