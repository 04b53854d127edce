package engine

import (
	"cmp"
	"context"
	"slices"
	"time"

	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

// Membership is a customer's tier, and the points that it goes by.
type Membership struct {
	Tier       *model.Tier // nil: none is reached
	Precedence int         // of the tier: 1 is the lowest; 0 is none
	Currency   string      // of the points; "" where the account has no tiers
	Points     money.Amount
	Expiring   []model.Credit // active credits that expire, earliest first
	ChangedAt  time.Time      // when the points last changed; zero: never
}

// Membership finds the tier of a customer, who takes part in the loyalty
// programme: the highest that their balance reaches. Fails with NotFound
// (PersonUnknown), and with Denied (NotInLoyalty) for somebody who is out or
// blocked.
func (e *Engine) Membership(ctx context.Context, account model.AccountID, customerID string) (*Membership, error) {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return nil, err
	}
	var m *Membership
	err = e.store.View(ctx, account, func(tx *store.Tx) error {
		p, _, err := tx.PersonByCustomerID(customerID)
		if err != nil {
			return err
		}
		if statusOf(cfg, p) != model.LoyaltyIn {
			return &model.Error{Kind: model.Denied, Reason: model.NotInLoyalty, Msg: "the customer does not take part in the loyalty programme"}
		}
		m, err = membershipOf(tx, cfg.Settings.Tiers, store.PersonHolder(p.ID), e.now())
		return err
	})
	return m, err
}

func membershipOf(tx *store.Tx, tiers []model.Tier, holder string, now time.Time) (*Membership, error) {
	tiers = slices.Clone(tiers)
	slices.SortStableFunc(tiers, func(a, b model.Tier) int { return cmp.Compare(a.Points, b.Points) })
	m := &Membership{}
	if len(tiers) == 0 {
		return m, nil
	}
	heads, err := tx.Ledgers([]string{holder})
	if err != nil {
		return nil, err
	}
	balances := map[string]*Balance{}
	for _, head := range heads {
		if balances[head.Currency], err = balanceOf(tx, &head, now); err != nil {
			return nil, err
		}
	}
	m.Currency = tiers[0].Currency
	for i := range tiers {
		b := balances[tiers[i].Currency]
		if tiers[i].Points == 0 || b != nil && b.Total >= tiers[i].Points {
			m.Tier, m.Precedence, m.Currency = &tiers[i], i+1, tiers[i].Currency
		}
	}
	b := balances[m.Currency]
	if b == nil {
		return m, nil
	}
	m.Points, m.ChangedAt = b.Total, b.ChangedAt
	for _, c := range b.Credits {
		if c.EndedAt.IsZero() && !c.ExpiresAt.IsZero() {
			m.Expiring = append(m.Expiring, c)
		}
	}
	return m, nil
}
