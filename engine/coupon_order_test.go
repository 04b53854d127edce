package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

const fewEarn = `
account: Acme
site: https://shop.example.com
coupons:
  - {batch: ten-off, generate: 70}
webhooks: [{on: referral_factory.coupons_low, url: "https://shop.example.com/stock"}]
campaigns:
  - name: Evergreen
    status: launched
    rewards:
      - {name: Coupon, to: friend, on: purchase, when: {min_amount: 100}, value: {type: discount, amount: 10, unit: USD, coupons: ten-off}}
`

// Purchases that share a transaction, of which few earn a coupon, leave the
// codes in their order where the writer is alone, and elsewhere nearly so: the
// merchant is told of what is used, and not of what might have been.
func TestCouponsGoInTheirOrderHoweverManyAsk(t *testing.T) {
	onBoth(t, fewEarn, func(t *testing.T, s *stage) {
		code := s.link("ann@example.com", 0)
		for round := range 3 {
			parallel(t, 64, func(i int) (any, error) {
				p := engine.Purchase{
					Who:      engine.Who{CustomerID: fmt.Sprintf("c-%d-%d", round, i), Server: true},
					Referral: engine.Referral{ReferralCode: code},
					OrderID:  fmt.Sprintf("o-%d-%d", round, i), Amount: money.Unit, Currency: "USD",
				}
				if i%16 == 0 {
					p.Amount = 200 * money.Unit
				}
				_, err := s.core.RecordPurchase(context.Background(), s.account, p)
				return nil, err
			})
		}
		var last model.CouponID
		for _, c := range s.handedOut() {
			last = max(last, c)
		}
		if n := len(s.handedOut()); n != 12 || last != 12 && s.store.Engine().Name() == "sqlite" {
			t.Errorf("%d codes were handed out, up to number %d, want the first 12", n, last)
		}
		if percents, _ := s.stock(); len(percents) != 0 {
			t.Errorf("the merchant was told that %v percent are used", percents)
		}
	})
}

// handedOut lists the codes of batches that somebody has.
func (s *stage) handedOut() (ids []model.CouponID) {
	s.t.Helper()
	err := s.store.View(context.Background(), s.account, func(tx *store.Tx) error {
		return tx.CouponsHeld(func(c store.CouponHeld) error {
			ids = append(ids, c.ID)
			return nil
		})
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return ids
}

// Groups of two nodes hold more codes than they hand out. Whoever finds none
// left waits for what comes back, so that all are handed out and none is missed.
func TestGroupsOfTwoNodesHandOutEveryCode(t *testing.T) {
	onBoth(t, strings.Replace(fewEarn, "generate: 70", "generate: 40", 1), func(t *testing.T, s *stage) {
		code := s.link("ann@example.com", 0)
		nodes := []*engine.Engine{s.core, s.node(2)}
		states := parallel(t, 120, func(i int) (string, error) {
			p := engine.Purchase{
				Who: engine.Who{CustomerID: fmt.Sprint("c-", i), Server: true}, Referral: engine.Referral{ReferralCode: code},
				OrderID: fmt.Sprint("o-", i), Amount: 200 * money.Unit, Currency: "USD",
			}
			if i%4 > 1 {
				p.Amount = money.Unit
			}
			r, err := nodes[i%2].RecordPurchase(context.Background(), s.account, p)
			if err != nil || i%4 > 1 {
				return "", err
			}
			return s.rewards(r.Event)[0], nil
		})
		count := map[string]int{}
		for _, state := range states {
			count[state]++
		}
		if count["friend coupon earned"] != 40 || count["friend coupon pending no_coupon"] != 20 {
			t.Errorf("%v", count)
		}
	})
}
