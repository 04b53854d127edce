package engine

import (
	"context"

	"grapevine/engine/address"
	"grapevine/model"
	"grapevine/store"
)

// Suppressed tells whether addresses get no mail, and why: a suppression for
// each that gets none, by the address as it was asked for.
func (e *Engine) Suppressed(ctx context.Context, account model.AccountID, emails ...string) (map[string]model.Suppression, error) {
	found := map[string]model.Suppression{}
	err := e.store.View(ctx, account, func(tx *store.Tx) error {
		hashes := make([]string, len(emails))
		for i, email := range emails {
			hashes[i] = e.addressHash(email)
		}
		suppressed, err := tx.Suppressed(hashes)
		for i, email := range emails {
			if s, is := suppressed[hashes[i]]; is {
				found[email] = s
			}
		}
		return err
	})
	return found, err
}

// Suppressions lists which addresses get no mail, newest first, from an offset
// on, and how many there are. Those that were erased hold, and are not listed.
func (e *Engine) Suppressions(ctx context.Context, account model.AccountID, offset, limit int) (list []model.Suppression, total int64, err error) {
	err = e.store.View(ctx, account, func(tx *store.Tx) error {
		if total, err = tx.CountSuppressions(); err != nil {
			return err
		}
		list, err = tx.Suppressions(offset, limit)
		return err
	})
	return list, total, err
}

// Suppression finds a suppression. It fails with NotFound.
func (e *Engine) Suppression(ctx context.Context, account model.AccountID, id model.SuppressionID) (*model.Suppression, error) {
	var found *model.Suppression
	err := e.store.View(ctx, account, func(tx *store.Tx) (err error) {
		found, err = tx.Suppression(id)
		return err
	})
	return found, err
}

// Suppress keeps mail from an address from its commit on: no attempt of one
// begins after that. Fails with Invalid for what is no
// address, and with Conflict, EmailTaken, where the address is suppressed.
func (e *Engine) Suppress(ctx context.Context, account model.AccountID, email string, reason model.SuppressionReason) (*model.Suppression, error) {
	if !address.Valid(email) {
		return nil, &model.Error{Kind: model.Invalid, Field: "email", Msg: "email is no e-mail address"}
	}
	if reason != model.SuppressedManually && reason != model.Unsubscribed {
		return nil, &model.Error{Kind: model.Invalid, Field: "reason", Msg: "the reason must be one that a person can give"}
	}
	var made *model.Suppression
	err := e.inTurn(ctx, account, func(t *turn) error {
		hash := e.addressHash(email)
		named, err := t.tx.NameSuppression(hash, email) // one that was erased
		if err != nil {
			return err
		}
		known, err := t.tx.Suppressed([]string{hash})
		if err != nil {
			return err
		}
		added, err := t.suppress(hash, email, reason)
		if err != nil {
			return err
		}
		if !added && !named {
			return &model.Error{Kind: model.Conflict, Reason: model.EmailTaken, Field: "email", Msg: "the address is suppressed already"}
		}
		if reason == model.Unsubscribed && known[hash].Reason != model.Unsubscribed {
			if err := t.tellUnsubscribed(email); err != nil {
				return err
			}
		}
		if known, err = t.tx.Suppressed([]string{hash}); err == nil {
			s := known[hash]
			made = &s
		}
		return err
	})
	return made, err
}

// suppress keeps mail from an address, and reports whether it got mail before.
// email may be "": then nobody can say whose address it is.
func (t *turn) suppress(hash, email string, reason model.SuppressionReason) (bool, error) {
	if hash == "" {
		return false, nil
	}
	if err := t.showsAddress(email); err != nil {
		return false, err
	}
	return t.tx.Suppress(model.Suppression{ID: model.SuppressionID(t.id()), Address: hash, Email: email, Reason: reason, At: t.now})
}

// showsAddress says that a change of whoever has an address shows in lists.
func (t *turn) showsAddress(email string) error {
	if email == "" {
		return nil
	}
	found, err := t.tx.Look(store.Lookup{Email: model.FoldEmail(email)})
	if err != nil {
		return err
	}
	t.shows(found.ByEmail, store.InPeople)
	return nil
}

// Unsuppress lets an address get mail again. Fails with NotFound, and with
// Conflict, TransitionForbidden, where its owner wants none.
func (e *Engine) Unsuppress(ctx context.Context, account model.AccountID, id model.SuppressionID) error {
	return e.inTurn(ctx, account, func(t *turn) error {
		s, err := t.tx.Suppression(id)
		if err != nil {
			return err
		}
		if err := t.showsAddress(s.Email); err != nil {
			return err
		}
		lifted, err := t.tx.Unsuppress(id)
		if err != nil || lifted {
			return err
		}
		if _, err := t.tx.Suppression(id); err != nil { // somebody else has just lifted it
			return err
		}
		return &model.Error{Kind: model.Conflict, Reason: model.TransitionForbidden, Field: "reason", Msg: "whose address it is wants no mail"}
	})
}
