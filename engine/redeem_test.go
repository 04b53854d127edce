package engine_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
)

const (
	tenDollars = "662c3a74-9d72-4d80-a835-c9db624c92b1"
	aThanks    = "8bded445-b740-44d7-8b36-08d5630ed282"
	aCoffee    = "9bded445-b740-44d7-8b36-08d5630ed282"
)

const redeeming = `
account: Acme
site: https://shop.example.com
currencies: [{code: Points, cap: 500, expires_after: 100h}]
coupons:
  - {batch: ten-off, codes: [TEN-1, TEN-2, TEN-3]}
  - {batch: gifts, codes: [GIFT-1, GIFT-2]}
redemptions:
  - {id: 662c3a74-9d72-4d80-a835-c9db624c92b1, name: $10 Coupon, cost: 50, currency: Points, coupons: ten-off}
  - {id: 9bded445-b740-44d7-8b36-08d5630ed282, name: Coffee, cost: 3, currency: USD, coupons: ten-off}
campaigns:
  - name: First
    status: launched
    rewards:
      - {name: Gift, to: advocate, on: purchase, repeat: true, value: {type: discount, amount: 10, unit: USD, coupons: gifts}}
      - {name: Trial, to: customer, on: trial, repeat: true, value: {type: ledger, amount: 7, unit: Points}}
`

func (s *stage) redeem(customer, redemption string) (*engine.Redeemed, error) {
	return s.core.Redeem(context.Background(), s.account, customer, redemption)
}

// coupons lists what a customer was given as "code, what it was bought as,
// used".
func (s *stage) coupons(q engine.CouponQuery) []string {
	s.t.Helper()
	list, err := s.core.Coupons(context.Background(), s.account, q)
	if err != nil {
		s.t.Fatal(err)
	}
	told := []string{}
	for i, c := range list {
		used := ""
		if !c.UsedAt.IsZero() {
			used = "used"
		}
		if c.HandedAt.IsZero() || i > 0 && c.HandedAt.After(list[i-1].HandedAt) {
			s.t.Errorf("coupon %s is out of order", c.Code)
		}
		told = append(told, strings.Join(strings.Fields(c.Code+" "+c.Redemption+" "+used), " "))
	}
	return told
}

func TestPointsBuyCoupons(t *testing.T) {
	onBoth(t, redeeming, func(t *testing.T, s *stage) {
		s.know("c-1", "c-1@example.com")
		s.adjust("c-1", "Points", -120, time.Time{})
		for i, want := range []engine.Redeemed{{Coupon: "TEN-1", Total: 70 * money.Unit}, {Coupon: "TEN-2", Total: 20 * money.Unit}} {
			s.wait(time.Second)
			got, err := s.redeem("c-1", strings.ToUpper(tenDollars))
			if err != nil || *got != want {
				t.Errorf("%d: %+v, %v", i, got, err)
			}
		}
		_, err := s.redeem("c-1", tenDollars)
		fails(t, err, model.Conflict, model.BalanceShort)
		_, err = s.redeem("c-1", aThanks)
		fails(t, err, model.Invalid, model.RedemptionUnknown)
		_, err = s.redeem("nobody", tenDollars)
		fails(t, err, model.Invalid, model.PersonUnknown)
		s.adjust("c-1", "Points", -100, time.Time{})
		s.wait(time.Second)
		if _, err := s.redeem("c-1", tenDollars); err != nil {
			t.Fatal(err)
		}
		before := s.rows("ledger_entry")
		_, err = s.redeem("c-1", tenDollars)
		fails(t, err, model.Conflict, model.BatchEmpty)
		if got := s.balance("c-1", "Points"); got != 70*money.Unit || s.rows("ledger_entry") != before || s.rows("event") != 4 {
			t.Errorf("an empty batch leaves %v, %d entries, %d events", got, s.rows("ledger_entry"), s.rows("event"))
		}
		// What is bought has expired with the points that would buy it.
		s.wait(101 * time.Hour)
		_, err = s.redeem("c-1", tenDollars)
		fails(t, err, model.Conflict, model.BalanceShort)
	})
}

// A person's coupons are those of rewards and of points alike, whoever they
// were before a merge; what an order names is used, whosever it is.
func TestCouponsArePersonsUntilUsedOrVoid(t *testing.T) {
	onBoth(t, redeeming, func(t *testing.T, s *stage) {
		code := s.link("ann@example.com", 0)
		s.buy("o-1", "c-1", code, "10")
		s.wait(time.Second)
		s.buy("o-2", "c-2", code, "10")
		s.know("c-9", "")
		s.adjust("c-9", "Points", -200, time.Time{})
		s.wait(time.Second)
		for range 2 {
			if _, err := s.redeem("c-9", tenDollars); err != nil {
				t.Fatal(err)
			}
			s.wait(time.Second)
		}
		ann, nine := engine.CouponQuery{Email: "ANN@example.com"}, engine.CouponQuery{CustomerID: "c-9"}
		check := func(what string, q engine.CouponQuery, want ...string) {
			t.Helper()
			if diff := cmp.Diff(want, s.coupons(q), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s: %s", what, diff)
			}
		}
		check("rewards", ann, "GIFT-2", "GIFT-1")
		check("redemptions", nine, "TEN-2 $10 Coupon", "TEN-1 $10 Coupon")
		check("nobody", engine.CouponQuery{CustomerID: "nobody"})

		for i, coupon := range []string{"TEN-1", "GIFT-1", "TEN-3", "NO-SUCH"} {
			s.purchase(engine.Purchase{Who: server("c-5", ""), Referral: engine.Referral{CouponCode: coupon}, OrderID: fmt.Sprint("with-", i), Amount: 1, Currency: "USD"})
		}
		check("an advocate's own, used by another", ann, "GIFT-2", "GIFT-1 used")
		check("bought, and used", nine, "TEN-2 $10 Coupon", "TEN-1 $10 Coupon used")
		if got := s.story("c-5"); len(got) != 4 {
			t.Errorf("coupons of advocates and for points attribute: %v", got)
		}
		yes, no := true, false
		used, unused := nine, nine
		used.Used, unused.Used = &yes, &no
		check("used only", used, "TEN-1 $10 Coupon used")
		check("unused only", unused, "TEN-2 $10 Coupon")

		s.apply(strings.Replace(redeeming, "name: $10 Coupon", "name: Ten off", 1))
		check("the name it was bought under", unused, "TEN-2 $10 Coupon")

		// They turn out to be one, and the reward that is left is revoked.
		s.know("c-9", "ann@example.com")
		check("both after a merge", nine, "TEN-2 $10 Coupon", "TEN-1 $10 Coupon used", "GIFT-2", "GIFT-1 used")
		for _, w := range s.rewardsFor("c-9") {
			if w.State == model.Earned {
				if _, err := s.core.RevokeReward(t.Context(), s.account, w.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		check("void ones left out", ann, "TEN-2 $10 Coupon", "TEN-1 $10 Coupon used", "GIFT-1 used")
	})
}

func TestNoCouponIsHandedOutTwice(t *testing.T) {
	const (
		clients, coupons = 64, 1000
		wanted           = 1500
	)
	file := strings.Replace(redeeming, "codes: [TEN-1, TEN-2, TEN-3]", fmt.Sprint("generate: ", coupons), 1)
	onBoth(t, file, func(t *testing.T, s *stage) {
		for i := range clients {
			s.know(fmt.Sprint("c-", i), "")
			s.adjust(fmt.Sprint("c-", i), "USD", -3*wanted/clients-3, time.Time{})
		}
		nodes := []*engine.Engine{s.core, s.node(2)}
		var mu sync.Mutex
		handed := map[string]bool{}
		var tried, empty atomic.Int64
		parallel(t, clients, func(i int) (bool, error) {
			for tried.Add(1) <= wanted {
				got, err := nodes[i%2].Redeem(context.Background(), s.account, fmt.Sprint("c-", i), aCoffee)
				switch model.ReasonOf(err) {
				case model.BatchEmpty:
					empty.Add(1)
					continue
				case model.BalanceShort: // this one has wanted more than its share
					tried.Add(-1)
					return true, nil
				}
				if err != nil {
					return false, err
				}
				mu.Lock()
				if handed[got.Coupon] || got.Coupon == "" {
					t.Errorf("coupon %q is handed out twice", got.Coupon)
				}
				handed[got.Coupon] = true
				mu.Unlock()
			}
			return true, nil
		})
		if len(handed) != coupons || empty.Load() != wanted-coupons {
			t.Errorf("%d coupons were handed out and %d times there was none; want %d and %d", len(handed), empty.Load(), coupons, wanted-coupons)
		}
		var spent money.Amount
		for i := range clients {
			spent += 3*wanted/clients*money.Unit + 3*money.Unit - s.balance(fmt.Sprint("c-", i), "USD")
		}
		if spent != 3*coupons*money.Unit {
			t.Errorf("%v was spent for %d coupons", spent, coupons)
		}
	})
}

// One ledger that everybody moves: adjustments, rewards and redemptions. The
// answers, the entries and the credits come to the same.
func TestOneHotLedgerIsExact(t *testing.T) {
	file := strings.Replace(redeeming, "codes: [TEN-1, TEN-2, TEN-3]", "generate: 400", 1)
	onBoth(t, file, func(t *testing.T, s *stage) {
		s.know("c-1", "")
		nodes := []*engine.Engine{s.core, s.node(2)}
		var sum, refused atomic.Int64
		parallel(t, 64, func(i int) (bool, error) {
			for k := range 6 {
				ctx, core := context.Background(), nodes[i%2]
				var total, moved money.Amount
				var err error
				switch (i + k) % 5 {
				case 0:
					_, err = core.RecordCustom(ctx, s.account, engine.CustomEvent{Who: server("c-1", ""), Name: "trial"})
				case 1, 2:
					var got *engine.Redeemed
					if got, err = core.Redeem(ctx, s.account, "c-1", tenDollars); err == nil {
						total, moved = got.Total, -50*money.Unit
					}
				default:
					a := adding("c-1", money.Amount(40+i%90))
					a.Add = k%3 != 0
					var got *engine.Adjusted
					if got, err = core.AdjustLedger(ctx, s.account, a); err == nil {
						total, moved = got.Total, got.Value
						if !a.Add {
							moved = -moved
						}
					}
				}
				switch {
				case model.ReasonOf(err) == model.BalanceShort:
					refused.Add(1)
				case err != nil:
					return false, err
				case total < 0 || total > 500*money.Unit:
					t.Errorf("a total of %v", total)
				}
				sum.Add(int64(moved))
			}
			return true, nil
		})
		for _, w := range s.rewardsFor("c-1") {
			posted := w.Amount
			if w.Why.Promised != 0 {
				posted = w.Why.Posted
			}
			sum.Add(int64(posted))
		}
		if got := s.balance("c-1", "Points"); int64(got) != sum.Load() {
			t.Errorf("the balance is %v, the answers say %v", got, money.Amount(sum.Load()))
		}
		if n := s.rows("ledger_entry"); n != 64*6-refused.Load() {
			t.Errorf("%d entries; %d of %d were refused", n, refused.Load(), 64*6)
		}
	})
}

func TestVerifyNamesDamageOfRedemptionsAndLoyalty(t *testing.T) {
	file := strings.Replace(redeeming, "campaigns:", "loyalty: {auto_opt_in: true}\nearning: [{name: Order, on: purchase, amount: 1, currency: Points}]\ncampaigns:", 1)
	onBoth(t, file, func(t *testing.T, s *stage) {
		s.damaged = true
		s.know("c-1", "")
		s.adjust("c-1", "Points", -120, time.Time{})
		s.buy("o-1", "c-1", "", "1")
		if _, err := s.redeem("c-1", tenDollars); err != nil {
			t.Fatal(err)
		}
		if report := s.verify(); len(report.Differences) != 0 {
			t.Fatalf("before any damage: %+v", report)
		}
		for _, tt := range []struct{ damage, undo, want string }{
			{"UPDATE person SET loyalty = 'out'", "UPDATE person SET loyalty = 'in'", "person loyalty"},
			{"UPDATE event SET facts = '{\"loyalty\":\"out\"}' WHERE kind = 'loyalty'", "UPDATE event SET facts = '{\"loyalty\":\"in\",\"auto\":true}' WHERE kind = 'loyalty'", "event seen by the earning rules"},
			{"UPDATE event SET amount = amount + 1 WHERE kind = 'redeemed'", "UPDATE event SET amount = amount - 1 WHERE kind = 'redeemed'", "event cost"},
			{"UPDATE coupon SET holder_id = holder_id + 1 WHERE holder_id <> 0", "UPDATE coupon SET holder_id = holder_id - 1 WHERE holder_id <> 0", "coupon holder"},
			{"UPDATE coupon SET person_id = person_id + 1 WHERE person_id <> 0", "UPDATE coupon SET person_id = person_id - 1 WHERE person_id <> 0", "coupon person"},
			{"UPDATE ledger_entry SET event_id = event_id + 1 WHERE kind = 'redeem'", "UPDATE ledger_entry SET event_id = event_id - 1 WHERE kind = 'redeem'", "ledger_entry redemption"},
			{"DELETE FROM event WHERE kind = 'redeemed'", "", "ledger_entry redemption"},
		} {
			if s.raw(tt.damage) == 0 {
				t.Errorf("%s: no row to damage", tt.damage)
			}
			if report := s.verify(); !names(report, tt.want) {
				t.Errorf("%s: verify says %v, want it to name %s", tt.damage, report.Differences, tt.want)
			}
			if tt.undo != "" {
				s.raw(tt.undo)
				if report := s.verify(); len(report.Differences) != 0 {
					t.Fatalf("%s: %v", tt.undo, report.Differences)
				}
			}
		}
	})
}
