package engine_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
)

const ruled = `
account: Acme
site: https://shop.example.com
currencies: [{code: Points}]
loyalty: {auto_opt_in: true}
earning:
  - {name: Abroad, on: purchase, per_unit: 2, currency: Points}
  - {name: Order, on: purchase, amount: 5, currency: Points}
  - {name: Trial, on: trial, amount: 7, currency: Points}
campaigns:
  - name: First
    status: launched
    rewards:
      - {name: New, to: advocate, on: purchase, repeat: true, when: {new_customer: true}, value: {type: cash, amount: 1, unit: USD}}
      - {name: Large, to: friend, on: purchase, repeat: true, when: {min_amount: 50}, value: {type: cash, amount: 1, unit: USD}}
      - {name: Second page, to: advocate, on: "/done*", repeat: true, value: {type: cash, amount: 1, unit: USD}}
      - {name: Trial, to: both, on: trial, value: {type: cash, amount: 1, unit: USD}}
      - {name: Regular, to: customer, on: purchase, after: 3, repeat: true, limit: 2, value: {type: cash, amount: 1, unit: USD}}
`

// did lists what a rule made of an event.
func (s *stage) did(event model.EventID, rule string) (list []string) {
	s.t.Helper()
	for _, w := range s.rewardsOf(event) {
		if s.ruleName(w.Rule) == rule {
			list = append(list, fmt.Sprint(w.Role, " ", w.State, " ", w.Why.Reason))
		}
	}
	return list
}

func TestNewCustomerIsTheFlagElseTheHistory(t *testing.T) {
	onBoth(t, ruled, func(t *testing.T, s *stage) {
		ann := s.link("ann@example.com", 0)
		yes, no := true, false
		existing := []string{"advocate not_eligible existing_customer"}
		for i, tt := range []struct {
			claim    string
			customer string
			flag     *bool
			want     []string
		}{
			{"a first purchase", "c-1", nil, []string{"advocate earned "}},
			{"a second one", "c-1", nil, existing},
			{"a second one that the shop calls new", "c-1", &yes, []string{"advocate earned "}},
			{"a first one that the shop calls old", "c-2", &no, existing},
			{"a second one whose first was flagged", "c-2", nil, existing},
			{"nobody known", "", nil, []string{"advocate earned "}},
		} {
			who := engine.Who{}
			if tt.customer != "" {
				who = server(tt.customer, "")
			}
			bought := s.purchase(engine.Purchase{Who: who, Referral: by(ann), OrderID: fmt.Sprint("o-", i), Amount: 1, Currency: "USD", NewCustomer: tt.flag})
			if diff := cmp.Diff(tt.want, s.did(bought.Event, "new")); diff != "" {
				t.Errorf("%s: %s", tt.claim, diff)
			}
		}
		// Only purchases make a history; a custom event named purchase is none.
		s.custom(engine.CustomEvent{Who: server("c-3", ""), Name: "purchase"})
		s.signUp(server("c-3", ""), "")
		if got := s.did(s.buy("o-9", "c-3", ann, "1").Event, "new"); !slices.Equal(got, []string{"advocate earned "}) {
			t.Errorf("after a sign-up and a custom event: %v", got)
		}
	})
}

func TestParallelPurchasesHaveOneNewCustomer(t *testing.T) {
	onBoth(t, ruled, func(t *testing.T, s *stage) {
		ann := s.link("ann@example.com", 0)
		events := parallel(t, 16, func(i int) (model.EventID, error) {
			r, err := s.core.RecordPurchase(context.Background(), s.account, engine.Purchase{
				Who: server("c-1", "c-1@example.com"), Referral: by(ann), OrderID: fmt.Sprint("o-", i), Amount: 1, Currency: "USD",
			})
			if err != nil {
				return 0, err
			}
			return r.Event, nil
		})
		earned := 0
		for _, e := range events {
			if s.did(e, "new")[0] == "advocate earned " {
				earned++
			}
		}
		if earned != 1 {
			t.Errorf("%d purchases were a new customer's, want 1", earned)
		}
	})
}

func TestCustomEventNamedPurchaseHasNoAmount(t *testing.T) {
	onBoth(t, ruled, func(t *testing.T, s *stage) {
		ann := s.link("ann@example.com", 0)
		e := s.custom(engine.CustomEvent{Who: server("c-1", ""), Referral: by(ann), Name: "purchase"}).Event
		want := []string{"advocate new earned", "customer regular not_eligible below_tier", "earning Order delivered", "friend large not_eligible below_minimum"}
		got := s.rewards(e)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		// One named like what happens once per person raises only its name.
		for _, name := range []string{"sign_up", "invited", "qualified", "email_capture", "Purchase", "nothing"} {
			if got := s.rewards(s.custom(engine.CustomEvent{Who: server("c-1", ""), Referral: by(ann), Name: name}).Event); got != nil {
				t.Errorf("a custom event named %s: %v", name, got)
			}
		}
	})
}

func TestPagesAreComparedWholeOrByAPart(t *testing.T) {
	onBoth(t, ruled, func(t *testing.T, s *stage) {
		ann := s.link("ann@example.com", 0)
		for page, want := range map[string]int{"/done": 1, "/shop/done/x?y=1": 1, "/don": 0} {
			r, err := s.core.RecordPage(t.Context(), s.account, engine.Page{Who: server("c-1", ""), Referral: by(ann), URL: page})
			if err != nil {
				t.Fatal(err)
			}
			if got := s.did(r.Event, "second_page"); len(got) != want {
				t.Errorf("page %s: %v, want %d", page, got, want)
			}
		}
	})
}

// What a deduplication id makes one is one per kind and name of event, for
// whoever sends it.
func TestDeduplicationIsPerKindAndName(t *testing.T) {
	onBoth(t, ruled, func(t *testing.T, s *stage) {
		ann := s.link("ann@example.com", 0)
		trial := engine.CustomEvent{Who: server("c-1", ""), Referral: by(ann), Name: "trial", DeduplicationID: "d-1"}
		first := s.custom(trial)
		trial.Who = server("c-2", "")
		again := s.custom(trial)
		if again.UUID != first.UUID || !again.Repeated || first.Repeated {
			t.Errorf("first %+v, again %+v", first, again)
		}
		trial.Name = "demo"
		if other := s.custom(trial); other.Repeated {
			t.Error("another event with the id is a repeat")
		}
		if s.buy("d-1", "c-1", "", "1").Repeated {
			t.Error("an order with the id is a repeat")
		}
		page := engine.Page{Who: server("c-1", ""), URL: "/x", DeduplicationID: "d-1"}
		for _, repeated := range []bool{false, true} {
			if r, err := s.core.RecordPage(t.Context(), s.account, page); err != nil || r.Repeated != repeated {
				t.Errorf("a page: %+v, %v; want repeated %v", r, err, repeated)
			}
		}
		trial.DeduplicationID = ""
		if a, b := s.custom(trial), s.custom(trial); a.UUID == b.UUID {
			t.Error("without an id an event repeats")
		}
		orderless := engine.Purchase{Who: server("c-1", ""), Amount: 1, Currency: "USD"}
		if a, b := s.purchase(orderless), s.purchase(orderless); a.UUID == b.UUID {
			t.Error("two purchases without an order are one")
		}
		if s.personOf("c-2") == 0 {
			t.Error("the other person of the repeat was not known by the demo")
		}
	})
}

func TestSameDeduplicationIDInParallelCountsOnce(t *testing.T) {
	onBoth(t, ruled, func(t *testing.T, s *stage) {
		ann := s.link("ann@example.com", 0)
		uuids := parallel(t, 32, func(i int) (string, error) {
			r, err := s.core.RecordCustom(context.Background(), s.account, engine.CustomEvent{
				Who: server(fmt.Sprint("c-", i%4), ""), Referral: by(ann), Name: "trial", DeduplicationID: "d-1",
			})
			if err != nil {
				return "", err
			}
			return r.UUID, nil
		})
		slices.Sort(uuids)
		if n := len(slices.Compact(uuids)); n != 1 {
			t.Errorf("%d different answers", n)
		}
		want := map[string]int{"trial earned": 1}
		if diff := cmp.Diff(want, s.standing("ann@example.com")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRuleForCustomersCountsTheirOwnEvents(t *testing.T) {
	onBoth(t, ruled, func(t *testing.T, s *stage) {
		ann := s.link("ann@example.com", 0)
		var got []string
		for i := range 10 {
			code := ""
			if i%2 == 0 {
				code = ann // referred or not
			}
			got = append(got, s.did(s.buy(fmt.Sprint("o-", i), "c-1", code, "1").Event, "regular")...)
		}
		tier, spent := "customer not_eligible below_tier", "customer rejected reward_allowance_spent"
		want := []string{tier, tier, "customer earned ", tier, tier, "customer earned ", spent, spent, spent, spent}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// Each earning rule is asked, also when the one before pays nothing.
func TestEveryEarningRuleIsAsked(t *testing.T) {
	onBoth(t, ruled, func(t *testing.T, s *stage) {
		s.purchase(engine.Purchase{Who: server("c-1", ""), OrderID: "o-1", Amount: 9*money.Unit + 9999, Currency: "EUR"})
		if got := s.balance("c-1", "Points"); got != 5*money.Unit {
			t.Errorf("for an order in another currency %v points, want 5", got)
		}
		s.purchase(engine.Purchase{Who: server("c-1", ""), OrderID: "o-2", Amount: 9*money.Unit + 9999, Currency: "USD"})
		s.purchase(engine.Purchase{Who: server("c-1", ""), OrderID: "o-2", Amount: 9 * money.Unit, Currency: "USD"})
		if got := s.balance("c-1", "Points"); got != 28*money.Unit {
			t.Errorf("after 9.9999 dollars %v points, want 5 + 5 + 18", got)
		}
		s.custom(engine.CustomEvent{Who: server("c-1", ""), Name: "trial"})
		if got := s.balance("c-1", "Points"); got != 35*money.Unit {
			t.Errorf("after a custom event %v points, want 7 more", got)
		}
	})
}

func TestBothHalvesAreJudgedApart(t *testing.T) {
	onBoth(t, `
account: Acme
site: https://shop.example.com
coupons: [{batch: ten-off, codes: [TEN-1, TEN-2, TEN-3, TEN-4, TEN-5]}]
campaigns:
  - {name: First, status: launched, rewards: [{name: Two, to: both, on: purchase, after: 2, repeat: true, limit: 1, value: {type: discount, amount: 10, unit: USD, coupons: ten-off}}]}
`, func(t *testing.T, s *stage) {
		ann := s.link("ann@example.com", 0)
		var got [][]string
		for i := range 4 {
			got = append(got, s.rewards(s.buy(fmt.Sprint("o-", i), fmt.Sprint("c-", i), ann, "1").Event))
		}
		got = append(got, s.rewards(s.buy("o-4", "c-0", ann, "1").Event))
		want := [][]string{
			{"advocate two not_eligible below_tier", "friend two earned"},
			{"advocate two earned", "friend two earned"},
			{"advocate two rejected reward_allowance_spent", "friend two earned"},
			{"advocate two rejected reward_allowance_spent", "friend two earned"},
			{"advocate two rejected reward_allowance_spent", "friend two rejected reward_allowance_spent"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// k coupons go to exactly k rewards, each to one.
func TestCouponsAreHandedOutOnceUnderLoad(t *testing.T) {
	onBoth(t, `
account: Acme
site: https://shop.example.com
coupons: [{batch: ten-off, generate: 20, prefix: TEN-}]
campaigns:
  - {name: First, status: launched, rewards: [{name: Both, to: both, on: purchase, repeat: true, value: {type: discount, amount: 10, unit: USD, coupons: ten-off}}]}
`, func(t *testing.T, s *stage) {
		var codes []string
		for i := range 4 {
			codes = append(codes, s.link(fmt.Sprintf("ann-%d@example.com", i), 0))
		}
		events := parallel(t, 32, func(i int) (model.EventID, error) {
			r, err := s.core.RecordPurchase(context.Background(), s.account, engine.Purchase{
				Who: server(fmt.Sprint("c-", i), ""), Referral: by(codes[i%4]), OrderID: fmt.Sprint("o-", i), Amount: 1, Currency: "USD",
			})
			if err != nil {
				return 0, err
			}
			return r.Event, nil
		})
		holders := map[model.CouponID]int{}
		waiting := 0
		for _, e := range events {
			for _, w := range s.rewardsOf(e) {
				if w.State == model.Earned && w.Coupon != 0 {
					holders[w.Coupon]++
				} else if w.State == model.Pending && w.Coupon == 0 {
					waiting++
				}
			}
		}
		if len(holders) != 20 || waiting != 44 {
			t.Errorf("%d coupons are held and %d rewards wait, want 20 and 44", len(holders), waiting)
		}
		for coupon, n := range holders {
			if n != 1 {
				t.Errorf("coupon %d is held by %d", coupon, n)
			}
		}
	})
}
