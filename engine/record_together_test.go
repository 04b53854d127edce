package engine_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
)

const fiveEach = `
account: Acme
site: https://shop.example.com
currencies: [{code: Points}]
coupons:
  - {batch: ten-off, codes: [TEN-1, TEN-2, TEN-3, TEN-4, TEN-5, TEN-6, TEN-7]}
loyalty: {auto_opt_in: true}
earning:
  - {name: Two points a dollar, on: purchase, per_unit: 2, currency: Points}
campaigns:
  - name: Evergreen
    status: launched
    rewards:
      - {name: Coupon, to: advocate, on: purchase, repeat: true, limit: 5, value: {type: discount, amount: 10, unit: USD, coupons: ten-off}}
      - {name: First, to: friend, on: purchase, when: {new_customer: true}, value: {type: ledger, amount: 5, unit: USD}}
`

// Purchases that come at once share transactions. What is wrong with one of
// them is nobody else's, and they count one after the other.
func TestPurchasesAtOnceAreEachTheirOwn(t *testing.T) {
	onBoth(t, fiveEach, func(t *testing.T, s *stage) {
		ann, bob := s.link("ann@example.com", 0), s.link("bob@example.com", 0)
		states := parallel(t, 24, func(i int) ([]string, error) {
			p := engine.Purchase{
				Who:      engine.Who{CustomerID: fmt.Sprint("c-", i%20), Email: fmt.Sprintf("c-%d@example.com", i%20), Server: true},
				Referral: engine.Referral{ReferralCode: []string{ann, ann, bob}[i%3]},
				OrderID:  fmt.Sprint("o-", i), Amount: 3 * money.Unit, Currency: "USD",
			}
			switch i {
			case 5:
				p.Amount = math.MaxInt64
			case 9: // who brings others buys, too, and nobody brought her
				p.Who, p.ReferralCode = engine.Who{Email: "ann@example.com", Server: true}, ""
			}
			r, err := s.core.RecordPurchase(context.Background(), s.account, p)
			if i == 5 {
				if model.ReasonOf(err) != "" || err == nil {
					return nil, fmt.Errorf("too much was earned by %+v: %v", r, err)
				}
				return nil, nil
			}
			if err != nil {
				return nil, err
			}
			return s.rewards(r.Event), nil
		})
		count := map[string]int{}
		for _, list := range states {
			for _, state := range list {
				count[state]++
			}
		}
		// Each advocate has five places, of which seven coupons are for all.
		if count["advocate coupon earned"] != 7 || count["advocate coupon pending no_coupon"] != 3 {
			t.Errorf("coupons: %v", count)
		}
		if got := s.balance("c-5", "Points"); got != -1 {
			t.Errorf("who earned too much has %v", got)
		}
		if got := s.balance("c-7", "Points"); got != 6*money.Unit {
			t.Errorf("points for 3 dollars: %v, want 6", got)
		}
		if got := s.balance("c-2", "Points"); got != 12*money.Unit { // bought twice, as customer 22 is customer 2
			t.Errorf("points for two orders: %v, want 12", got)
		}
		if got := s.balance("c-2", "USD"); got != 5*money.Unit {
			t.Errorf("for being new: %v, want 5", got)
		}
	})
}
