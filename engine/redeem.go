package engine

import (
	"context"
	"slices"
	"time"

	"grapevine/engine/ledger"
	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

// Redemptions lists what points buy.
func (e *Engine) Redemptions(ctx context.Context, account model.AccountID) ([]model.Redemption, error) {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return nil, err
	}
	return cfg.Settings.Redemption, nil
}

// Redeemed is what a redemption came to.
type Redeemed struct {
	Coupon string // "" where it comes without one
	Total  money.Amount
}

// Redeem buys something for a customer with what they have in a ledger. The
// event, the entry and the coupon are one: where the balance is short or the
// batch empty, nothing of it happens. Fails with Invalid (RedemptionUnknown,
// PersonUnknown), BalanceShort, BatchEmpty.
func (e *Engine) Redeem(ctx context.Context, account model.AccountID, customerID, redemption string) (*Redeemed, error) {
	var bought *Redeemed
	err := e.inTurn(ctx, account, func(t *turn) error {
		what, ok := t.cfg.Settings.RedemptionByID(redemption)
		if !ok {
			return &model.Error{Kind: model.Invalid, Reason: model.RedemptionUnknown, Field: "redemption", Msg: "the redemption is not known"}
		}
		person, err := t.customer(customerID)
		if err != nil {
			return err
		}
		bought, err = t.redeem(person, what)
		return err
	})
	return bought, err
}

// customer locks who has a customer id, with their ledgers.
func (t *turn) customer(customerID string) (model.PersonID, error) {
	found, err := t.tx.Look(store.Lookup{CustomerID: customerID})
	if err != nil {
		return 0, err
	}
	if found.ByCustomer == 0 {
		return 0, &model.Error{Kind: model.Invalid, Reason: model.PersonUnknown, Field: "customer_id", Msg: "the customer is not known"}
	}
	return found.ByCustomer, t.stand([]model.PersonID{found.ByCustomer}, nil, true)
}

func (t *turn) redeem(person model.PersonID, what model.Redemption) (*Redeemed, error) {
	book, err := t.book(person, what.Currency)
	if err != nil {
		return nil, err
	}
	event := t.happened(model.Redeemed, person)
	event.Amount, event.Currency, event.Facts.Redemption = what.Cost, what.Currency, what.ID
	if _, err := book.Remove(ledger.Removal{Kind: model.EntryRedeem, Amount: what.Cost, Event: event.ID}); err != nil {
		return nil, err
	}
	bought := &Redeemed{Total: book.Head.Balance}
	if what.Batch == 0 {
		return bought, nil
	}
	coupon, ok, err := t.tx.TakeCoupon(what.Batch, store.Holder{ID: int64(event.ID), Person: person, At: t.now})
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, &model.Error{Kind: model.Conflict, Reason: model.BatchEmpty, Msg: "no coupon is left"}
	}
	if err := t.watchStock(what.Batch, coupon); err != nil {
		return nil, err
	}
	event.Facts.Coupon = &model.CouponRef{Batch: what.Batch, ID: coupon}
	bought.Coupon, err = t.tx.CouponCode(*event.Facts.Coupon)
	return bought, err
}

// CouponQuery asks for the coupons that a person was given.
type CouponQuery struct {
	CustomerID, Email string // whose; the customer id decides where both are given
	Used              *bool  // nil: used and not
}

// Coupon is a code that somebody was given, as a reward or for points.
type Coupon struct {
	Code       string
	HandedAt   time.Time
	UsedAt     time.Time // zero: not yet
	Redemption string    // the name of what it was bought as; "" is a reward's
}

// couponsListed bounds a list of coupons.
const couponsListed = 10_000

// Coupons lists what coupons a person was given, newest first, void ones left
// out. Somebody unknown has none.
func (e *Engine) Coupons(ctx context.Context, account model.AccountID, q CouponQuery) ([]Coupon, error) {
	var list []Coupon
	err := e.store.View(ctx, account, func(tx *store.Tx) error {
		list = nil
		look := store.Lookup{CustomerID: q.CustomerID}
		if q.CustomerID == "" {
			look.Email = model.FoldEmail(q.Email)
		}
		found, err := tx.Look(look)
		if err != nil {
			return err
		}
		person := max(found.ByCustomer, found.ByEmail)
		if person == 0 {
			return nil
		}
		group, err := tx.Group(&model.Person{ID: person, Aliases: 1})
		if err != nil {
			return err
		}
		coupons, err := tx.CouponsOf(group, q.Used, couponsListed)
		if err != nil {
			return err
		}
		for _, c := range coupons {
			name, err := e.redemptionName(tx, account, c.Version, c.Redemption)
			if err != nil {
				return err
			}
			list = append(list, Coupon{Code: c.Code, HandedAt: c.HandedAt, UsedAt: c.UsedAt, Redemption: name})
		}
		return nil
	})
	return list, err
}

// redemptionName is what a redemption was called in a version of the settings;
// "" has none.
func (e *Engine) redemptionName(tx *store.Tx, account model.AccountID, version int64, id string) (string, error) {
	if id == "" {
		return "", nil
	}
	settings, err := e.settingsIn(tx, account, version)
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(settings.Redemption, func(r model.Redemption) bool { return r.ID == id })
	if at < 0 {
		return "", nil
	}
	return settings.Redemption[at].Name, nil
}
