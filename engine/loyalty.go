package engine

import (
	"context"
	"time"

	"grapevine/model"
	"grapevine/store"
)

// validLoyalty refuses a status that is none.
func validLoyalty(status model.LoyaltyStatus) error {
	switch status {
	case model.LoyaltyUnsaid, model.LoyaltyIn, model.LoyaltyOut, model.LoyaltyBlocked:
		return nil
	}
	return &model.Error{Kind: model.Invalid, Field: "loyalty", Msg: "the loyalty status is none of in, out, blocked"}
}

// settleLoyalty gives a person whose lock is held the loyalty status that a
// call says. Where none was ever said, an account that opts in by itself does.
func (t *turn) settleLoyalty(id model.PersonID, said model.LoyaltyStatus) {
	p := t.persons[id]
	auto := said == model.LoyaltyUnsaid && p.Loyalty == model.LoyaltyUnsaid && t.cfg.Settings.AutoOptIn
	if auto {
		said = model.LoyaltyIn
	}
	if said == model.LoyaltyUnsaid || said == p.Loyalty {
		return
	}
	p.Loyalty = said
	t.tx.SetLoyalty(id, said)
	event := t.happened(model.LoyaltyChanged, id)
	event.Facts.Loyalty, event.Facts.Auto = said, auto
}

// takesPart reports whether a person whose lock is held is in the loyalty
// programme at this moment.
func (t *turn) takesPart(id model.PersonID) bool {
	p := t.persons[id]
	return p != nil && p.Loyalty == model.LoyaltyIn
}

// Loyalty is how somebody stands in the loyalty programme.
type Loyalty struct {
	Status  model.LoyaltyStatus // in, out or blocked
	Log     []LoyaltyAction     // oldest first
	EverIn  bool
	InSince time.Time // when they last came in; zero: never, or no call has come since the account opts in by itself
}

// LoyaltyAction is a change of somebody's loyalty status.
type LoyaltyAction struct {
	Status model.LoyaltyStatus // taken on
	Auto   bool                // by the account's default
	At     time.Time
}

// statusOf is a person's status. Whom nobody has said anything of is what
// the account takes for its default.
func statusOf(cfg *Config, p *model.Person) model.LoyaltyStatus {
	switch {
	case p.Loyalty != model.LoyaltyUnsaid:
		return p.Loyalty
	case cfg.Settings.AutoOptIn:
		return model.LoyaltyIn
	}
	return model.LoyaltyOut
}

// loyaltyOf is how a person stands.
func loyaltyOf(tx *store.Tx, cfg *Config, p *model.Person, group []model.PersonID) (Loyalty, error) {
	l := Loyalty{Status: statusOf(cfg, p)}
	l.EverIn = l.Status == model.LoyaltyIn
	changes, err := tx.LoyaltyChanges(group)
	for _, e := range changes {
		l.Log = append(l.Log, LoyaltyAction{Status: e.Facts.Loyalty, Auto: e.Facts.Auto, At: e.At})
		if e.Facts.Loyalty == model.LoyaltyIn {
			l.EverIn, l.InSince = true, e.At
		}
	}
	return l, err
}

// Member is a customer as the merchant asks for one.
type Member struct {
	CustomerID string
	Email      string // "" where none is known
	Name       string
	Loyalty    Loyalty
}

// Customer tells of the person who has a customer id. Fails with NotFound.
func (e *Engine) Customer(ctx context.Context, account model.AccountID, customerID string) (*Member, error) {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return nil, err
	}
	m := &Member{CustomerID: customerID}
	err = e.store.View(ctx, account, func(tx *store.Tx) error {
		p, group, err := tx.PersonByCustomerID(customerID)
		if err != nil {
			return err
		}
		contacts, err := tx.Contacts([]model.PersonID{p.ID})
		if err != nil {
			return err
		}
		m.Email, m.Name = contacts[p.ID].Email, contacts[p.ID].Profile.Name()
		m.Loyalty, err = loyaltyOf(tx, cfg, p, group)
		return err
	})
	return m, err
}
