package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"grapevine/engine/ledger"
	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

// Why a reward waits.
const (
	OnHold     = "hold"
	Validating = "validation"
	NoCoupon   = "no_coupon"
)

// begin takes a reward that passed every check as far as it goes: hold,
// validation, coupon in stock; then it is earned.
func (t *turn) begin(w *model.Reward, r *model.Rule) error {
	if due := t.dueAfter(r.Hold); !due.IsZero() {
		w.State, w.DueAt = model.Pending, due
		w.Why.Reason, w.Why.HoldUntil = OnHold, &due
		t.jobs = append(t.jobs, model.Job{ID: model.JobID(t.id()), Kind: model.JobHoldOver, Subject: int64(w.ID), RunAt: due})
		return nil
	}
	return t.validate(w, r)
}

// validate asks the merchant where the rule says so. An answer is what a
// reward waits for: without one it stays pending.
func (t *turn) validate(w *model.Reward, r *model.Rule) error {
	if r.ValidateURL != "" {
		w.State, w.Why.Reason = model.Pending, Validating
		return t.question(w, r.ValidateURL)
	}
	return t.earn(w, r)
}

// earn hands out the coupon of a reward and makes it earned; with an empty
// batch it waits for codes. An automatic one is delivered as well.
func (t *turn) earn(w *model.Reward, r *model.Rule) error {
	if w.Batch != 0 && w.Coupon == 0 {
		coupon, ok, err := t.tx.TakeCoupon(w.Batch, store.Holder{ID: int64(w.ID), Person: w.Person, Friend: w.Role == model.AsFriend, At: t.now})
		if err != nil {
			return err
		}
		if !ok {
			w.State, w.Why.Reason = model.Pending, NoCoupon
			return nil
		}
		w.Coupon = coupon
		t.handed(w, model.CouponRef{Batch: w.Batch, ID: coupon})
		if err := t.watchStock(w.Batch, coupon); err != nil {
			return err
		}
	}
	w.State, w.EarnedAt, w.EndedAt, w.Why.Reason = model.Earned, t.now, time.Time{}, ""
	t.holds(w, model.Earned, 1)
	t.mailReward(w)
	if err := t.scoreReward(w, r); err != nil {
		return err
	}
	t.tellReward(w)
	if r.Auto {
		return t.deliver(w)
	}
	return nil
}

// handed records that a reward got a coupon: with the event that earned it,
// or, where it waited, in an event of its own.
func (t *turn) handed(w *model.Reward, coupon model.CouponRef) {
	for _, event := range t.events {
		if event.ID == w.Event {
			event.Facts.Handed = append(event.Facts.Handed, model.Handed{Reward: w.ID, CouponRef: coupon})
			return
		}
	}
	t.moved(model.CouponHandedOut, w).Facts.Coupon = &coupon
}

// deliver makes an earned reward delivered: what is of type ledger is posted,
// cut to the ledger's cap.
func (t *turn) deliver(w *model.Reward) error {
	w.State, w.DeliveredAt = model.Delivered, t.now
	t.holds(w, model.Earned, -1)
	t.holds(w, model.Delivered, 1)
	if w.Kind == model.LedgerValue {
		if err := t.postReward(w); err != nil {
			return err
		}
	}
	t.tellReward(w)
	return nil
}

func (t *turn) postReward(w *model.Reward) error {
	book, err := t.book(w.Person, w.Unit)
	if err != nil {
		return err
	}
	limit, expires := t.cfg.LedgerRules(w.Unit)
	credit, err := book.Add(ledger.Addition{
		Kind: model.EntryAdd, Amount: w.Amount, Cap: limit, ExpiresAt: t.dueAfter(expires), Reward: w.ID,
	})
	if err != nil {
		return err
	}
	if credit.Amount != w.Amount {
		w.Why.Promised, w.Why.Posted = w.Amount, credit.Amount
	}
	if until := t.dueAfter(expires); !until.IsZero() {
		t.jobs = append(t.jobs, expiryJob(t.id(), book.Head, until))
	}
	return nil
}

// revoke takes back an earned or delivered reward: the coupon is void unless
// it was used, and what is unspent of the credit is reversed. The place stays
// taken.
func (t *turn) revoke(w *model.Reward) error {
	if w.Coupon != 0 {
		t.tx.VoidCoupon(model.CouponRef{Batch: w.Batch, ID: w.Coupon}, t.now)
	}
	if w.State == model.Delivered && w.Kind == model.LedgerValue {
		kept, err := t.takeBack(w)
		if err != nil {
			return err
		}
		w.Why.Kept = kept
	}
	if err := t.unscore(int64(w.ID)); err != nil {
		return err
	}
	t.holds(w, w.State, -1)
	if w.State == model.Delivered {
		t.holds(w, model.Revoked, 1)
	}
	w.State, w.EndedAt = model.Revoked, t.now
	t.tellReward(w)
	return nil
}

// takeBack reverses what is unspent of a reward's credit, and returns what
// the person keeps of what was posted. A merge leaves the credit its reward.
func (t *turn) takeBack(w *model.Reward) (money.Amount, error) {
	kept := w.Amount
	if w.Why.Promised != 0 {
		kept = w.Why.Posted
	}
	book, err := t.book(w.Person, w.Unit)
	if err != nil {
		return 0, err
	}
	t.saveBook(book)
	credit, err := t.tx.ActiveCreditOf(book.Head.Holder, book.Head.Currency, w.ID)
	if err != nil || credit == nil {
		return kept, err
	}
	reversed, err := book.TakeBack(*credit)
	return kept - reversed, err
}

// moved adds the event that changed a reward.
func (t *turn) moved(kind model.EventKind, w *model.Reward) *model.Event {
	event := t.happened(kind, w.Person)
	event.Subject = int64(w.ID)
	return event
}

// RewardByID finds a reward by its id or UUID. Fails with NotFound.
func (e *Engine) RewardByID(ctx context.Context, account model.AccountID, id string) (*model.Reward, error) {
	var found *model.Reward
	err := e.store.View(ctx, account, func(tx *store.Tx) error {
		var err error
		found, err = tx.RewardByName(id)
		return err
	})
	return found, err
}

// ApproveReward ends hold and validation, and lifts what was rejected, not
// eligible or failed. It may pass the rule's limit; it makes no coupons: with
// an empty batch the reward waits. Fails with NotFound, TransitionForbidden.
func (e *Engine) ApproveReward(ctx context.Context, account model.AccountID, id model.RewardID) (*model.Reward, error) {
	return e.moveReward(ctx, account, id, model.RewardApproved, func(t *turn, w *model.Reward, r *model.Rule) error {
		switch w.State {
		case model.Pending:
		case model.Rejected, model.NotEligible, model.Failed:
			t.place(w, 1)
		default:
			return forbidden(w, model.Earned)
		}
		w.DueAt, w.EndedAt = time.Time{}, time.Time{}
		return t.earn(w, r)
	})
}

// RejectReward ends a pending reward. Fails with NotFound,
// TransitionForbidden: an earned reward is revoked instead.
func (e *Engine) RejectReward(ctx context.Context, account model.AccountID, id model.RewardID) (*model.Reward, error) {
	return e.moveReward(ctx, account, id, model.RewardRejected, func(t *turn, w *model.Reward, _ *model.Rule) error {
		if w.State != model.Pending {
			return forbidden(w, model.Rejected)
		}
		t.reject(w, "rejected")
		return nil
	})
}

func (t *turn) reject(w *model.Reward, reason string) {
	t.place(w, -1)
	w.State, w.EndedAt, w.Why.Reason = model.Rejected, t.now, reason
}

// DeliverReward delivers an earned reward. Fails with NotFound,
// TransitionForbidden.
func (e *Engine) DeliverReward(ctx context.Context, account model.AccountID, id model.RewardID) (*model.Reward, error) {
	return e.moveReward(ctx, account, id, model.RewardIssued, func(t *turn, w *model.Reward, _ *model.Rule) error {
		if w.State != model.Earned {
			return forbidden(w, model.Delivered)
		}
		return t.deliver(w)
	})
}

// RevokeReward takes an earned or delivered reward back. Fails with NotFound,
// TransitionForbidden.
func (e *Engine) RevokeReward(ctx context.Context, account model.AccountID, id model.RewardID) (*model.Reward, error) {
	return e.moveReward(ctx, account, id, model.RewardTakenBack, func(t *turn, w *model.Reward, _ *model.Rule) error {
		if w.State != model.Earned && w.State != model.Delivered {
			return forbidden(w, model.Revoked)
		}
		return t.revoke(w)
	})
}

// RevokeEarned takes a reward back that is earned and not yet delivered. Fails
// with NotFound, TransitionForbidden.
func (e *Engine) RevokeEarned(ctx context.Context, account model.AccountID, id model.RewardID) (*model.Reward, error) {
	return e.moveReward(ctx, account, id, model.RewardTakenBack, func(t *turn, w *model.Reward, _ *model.Rule) error {
		if w.State != model.Earned {
			return forbidden(w, model.Revoked)
		}
		return t.revoke(w)
	})
}

func forbidden(w *model.Reward, to model.RewardState) error {
	return &model.Error{Kind: model.Conflict, Reason: model.TransitionForbidden, Field: "reward",
		Msg: "a reward that is " + string(w.State) + " cannot become " + string(to)}
}

// holdOver ends the hold of a reward, at the end of which its job is due. It
// changes nothing when the reward has moved since.
func (e *Engine) holdOver(ctx context.Context, account model.AccountID, id model.RewardID) error {
	_, err := e.moveReward(ctx, account, id, model.HoldOver, func(t *turn, w *model.Reward, r *model.Rule) error {
		if w.State != model.Pending || w.Why.Reason != OnHold {
			return errNothing
		}
		w.DueAt = time.Time{}
		return t.validate(w, r)
	})
	return err
}

// moveReward locks who receives a reward, then the reward, and moves it under
// the rule of the version it was made under. An event of that kind says so,
// unless it is "": then the move itself leaves one.
func (e *Engine) moveReward(ctx context.Context, account model.AccountID, id model.RewardID, kind model.EventKind, move func(*turn, *model.Reward, *model.Rule) error) (*model.Reward, error) {
	var moved *model.Reward
	err := e.inTurn(ctx, account, func(t *turn) error {
		w, err := t.tx.Reward(id)
		if err != nil {
			return err
		}
		if w, err = t.lockReward(w); err != nil {
			return err
		}
		r, err := t.ruleOf(w)
		if err != nil {
			return err
		}
		if kind != "" {
			t.moved(kind, w)
		}
		if err := move(t, w, r); err != nil {
			return err
		}
		moved = w
		return t.saveReward(w)
	})
	if errors.Is(err, errNothing) {
		return nil, nil
	}
	return moved, err
}

// lockReward locks the recipient and then the reward. The reward's person is
// who they are now: a merge since it was made is followed.
func (t *turn) lockReward(w *model.Reward) (*model.Reward, error) {
	person, err := t.tx.Canonical(w.Person)
	if err != nil {
		return nil, err
	}
	if err := t.standErased(person); err != nil {
		return nil, err
	}
	locked, err := t.tx.LockReward(w.ID)
	if err != nil {
		return nil, err
	}
	locked.Person = person
	return locked, nil
}

// ruleOf is the rule a reward was made under, in the version it was made under.
func (t *turn) ruleOf(w *model.Reward) (*model.Rule, error) {
	if w.Role == model.AsEarner {
		return &model.Rule{ID: w.Rule, Auto: true}, nil
	}
	campaign, err := t.cfg.Campaign(w.Campaign)
	if err != nil || campaign.Version != w.Version {
		campaign, err = t.tx.CampaignVersion(w.Campaign, w.Version)
	}
	if err != nil {
		return nil, err
	}
	if r := campaign.Rule(w.Rule); r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("reward %d: version %d of campaign %d has no rule %d", w.ID, w.Version, w.Campaign, w.Rule)
}

// errNothing ends a transaction that has nothing to change.
var errNothing = errors.New("nothing to change")
