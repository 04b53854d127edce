package engine_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
)

// acme has one campaign in which an advocate earns a coupon and the friend a
// credit, and another that rewards only what somebody earns by repeating.
const acme = `
account: Acme
site: https://shop.example.com
currencies: [{code: Points, cap: 500}]
coupons:
  - {batch: ten-off, codes: [TEN-1, TEN-2, TEN-3]}
campaigns:
  - name: Evergreen
    status: launched
    attribution_window: 720h
    invitation_codes: [{code: PRESS, uses: 3}]
    rewards:
      - {name: Coupon, to: advocate, on: purchase, repeat: true, issue: auto, value: {type: discount, amount: 10, unit: USD, coupons: ten-off}}
      - {name: Credit, to: friend, on: purchase, value: {type: ledger, amount: 5, unit: USD}}
  - name: Other
    status: launched
    rewards:
      - {name: Third, to: advocate, on: purchase, after: 3, repeat: true, limit: 2, value: {type: cash, amount: 1, unit: USD}}
webhooks:
  - {on: friendbuy.advocateReward, url: "https://shop.example.com/hook"}
`

func TestPurchaseRewardsBothSides(t *testing.T) {
	onBoth(t, acme, func(t *testing.T, s *stage) {
		code := s.link("ann@example.com", 0)
		bought := s.buy("o-1", "c-1", code, "57.87")
		want := []string{"advocate coupon delivered", "friend credit delivered"}
		if diff := cmp.Diff(want, s.rewards(bought.Event)); diff != "" {
			t.Error(diff)
		}
		if got := s.balance("c-1", "USD"); got != 5*money.Unit {
			t.Errorf("friend's balance is %v, want 5", got)
		}
		if n := s.told(); n != 1 {
			t.Errorf("%d endpoints are told, want 1", n)
		}
	})
}

func TestRepeatedOrderAnswersTheFirst(t *testing.T) {
	onBoth(t, acme, func(t *testing.T, s *stage) {
		code := s.link("ann@example.com", 0)
		first := s.buy("o-1", "c-1", code, "10")
		s.wait(time.Hour)
		again := s.buy("o-1", "somebody-else", code, "999")
		if !again.Repeated || again.UUID != first.UUID || !again.At.Equal(first.At) {
			t.Errorf("again %+v, want the first %+v", again, first)
		}
		if n := s.told(); n != 1 {
			t.Errorf("%d are told, want 1", n)
		}
	})
}

func TestSameOrderInParallelRewardsOnce(t *testing.T) {
	onBoth(t, acme, func(t *testing.T, s *stage) {
		code := s.link("ann@example.com", 0)
		uuids := parallel(t, 32, func(int) (string, error) {
			r, err := s.core.RecordPurchase(context.Background(), s.account, engine.Purchase{
				Who: engine.Who{CustomerID: "c-1", Email: "c-1@example.com", Server: true}, Referral: engine.Referral{ReferralCode: code},
				OrderID: "o-1", Amount: money.Unit, Currency: "USD",
			})
			if err != nil {
				return "", err
			}
			return r.UUID, nil
		})
		for _, uuid := range uuids {
			if uuid != uuids[0] {
				t.Fatalf("two answers: %s and %s", uuid, uuids[0])
			}
		}
		if got := s.balance("c-1", "USD"); got != 5*money.Unit {
			t.Errorf("friend's balance is %v, want 5", got)
		}
		if n := s.told(); n != 1 {
			t.Errorf("%d are told, want 1", n)
		}
	})
}

// parallel runs fn n times at once and returns what each returned.
func parallel[T any](t *testing.T, n int, fn func(i int) (T, error)) []T {
	t.Helper()
	out := make([]T, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { out[i], errs[i] = fn(i) })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	return out
}

func TestEmptyBatchKeepsRewardsPending(t *testing.T) {
	onBoth(t, acme, func(t *testing.T, s *stage) {
		code := s.link("ann@example.com", 0)
		states := parallel(t, 8, func(i int) (string, error) {
			r, err := s.core.RecordPurchase(context.Background(), s.account, engine.Purchase{
				Who: engine.Who{CustomerID: fmt.Sprint("c-", i), Server: true}, Referral: engine.Referral{ReferralCode: code},
				OrderID: fmt.Sprint("o-", i), Amount: money.Unit, Currency: "USD",
			})
			if err != nil {
				return "", err
			}
			return s.rewards(r.Event)[0], nil
		})
		count := map[string]int{}
		for _, state := range states {
			count[state]++
		}
		want := map[string]int{"advocate coupon delivered": 3, "advocate coupon pending no_coupon": 5}
		if diff := cmp.Diff(want, count); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAttribution(t *testing.T) {
	onBoth(t, acme, func(t *testing.T, s *stage) {
		ann, bob := s.link("ann@example.com", 0), s.link("bob@example.com", 0)
		coupon := s.couponOf("earlier", ann)
		order := 0
		via := func(r engine.Referral) string {
			order++
			done := s.purchase(engine.Purchase{
				Who: engine.Who{CustomerID: fmt.Sprint("f-", order), Server: true}, Referral: r,
				OrderID: fmt.Sprint("a-", order), Amount: money.Unit, Currency: "USD",
			})
			return s.via(done.Event)
		}
		landing, err := s.core.Click(t.Context(), engine.Visit{Code: ann})
		if err != nil {
			t.Fatal(err)
		}
		attribution := between(landing.URL, "signed=", ".shop.example.com")
		for _, tt := range []struct {
			claim string
			sent  engine.Referral
			want  string
		}{
			{"a code names its owner", engine.Referral{ReferralCode: ann}, "code ann@example.com"},
			{"a code in another case is found", engine.Referral{ReferralCode: upper(bob)}, "code bob@example.com"},
			{"an attribution id names its code", engine.Referral{AttributionID: attribution}, "attribution ann@example.com"},
			{"an attribution id comes before a code", engine.Referral{AttributionID: attribution, ReferralCode: bob}, "attribution ann@example.com"},
			{"a friend's coupon comes first", engine.Referral{CouponCode: coupon, ReferralCode: bob}, ""},
			{"an unknown coupon falls through", engine.Referral{CouponCode: "NONE", ReferralCode: bob}, "code bob@example.com"},
			{"an unknown attribution falls through", engine.Referral{AttributionID: "00000000-0000-4000-8000-000000000000", ReferralCode: bob}, "code bob@example.com"},
			{"an unknown code ends the search", engine.Referral{ReferralCode: "nobody"}, ""},
			{"nothing sent is nobody's", engine.Referral{}, ""},
		} {
			want := tt.want
			if tt.sent.CouponCode == coupon {
				want = "code bob@example.com" // the advocate's own coupon never attributes
			}
			if got := via(tt.sent); got != want {
				t.Errorf("%s: %q, want %q", tt.claim, got, want)
			}
		}
		s.wait(721 * time.Hour)
		if got := via(engine.Referral{AttributionID: attribution}); got != "" {
			t.Errorf("after its window an attribution still hits: %q", got)
		}
		if got := via(engine.Referral{ReferralCode: ann}); got != "code ann@example.com" {
			t.Errorf("a code has no window: %q", got)
		}
	})
}

func TestSelfReferralIsRejected(t *testing.T) {
	onBoth(t, acme, func(t *testing.T, s *stage) {
		code := s.link("c-1@example.com", 0)
		bought := s.buy("o-1", "c-1", code, "10")
		want := []string{"advocate coupon rejected self_referral", "friend credit rejected self_referral"}
		if diff := cmp.Diff(want, s.rewards(bought.Event)); diff != "" {
			t.Error(diff)
		}
		if n := s.told(); n != 0 {
			t.Errorf("%d are told of nothing", n)
		}
	})
}

func TestAfterRepeatLimit(t *testing.T) {
	onBoth(t, acme, func(t *testing.T, s *stage) {
		code := s.link("ann@example.com", 1)
		var got []string
		for i := range 10 {
			r := s.buy(fmt.Sprint("o-", i), fmt.Sprint("c-", i), code, "1")
			got = append(got, s.rewards(r.Event)...)
		}
		tier := "advocate third not_eligible below_tier"
		want := []string{
			tier, tier, "advocate third earned", tier, tier, "advocate third earned",
			"advocate third rejected reward_allowance_spent", "advocate third rejected reward_allowance_spent",
			"advocate third rejected reward_allowance_spent", "advocate third rejected reward_allowance_spent",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// Every limit that is k gives exactly k under parallel load.
func TestLimitsAreExactUnderLoad(t *testing.T) {
	onBoth(t, acme, func(t *testing.T, s *stage) {
		code := s.link("ann@example.com", 1)
		all := parallel(t, 48, func(i int) ([]string, error) {
			r, err := s.core.RecordPurchase(context.Background(), s.account, engine.Purchase{
				Who: engine.Who{CustomerID: fmt.Sprint("c-", i), Server: true}, Referral: engine.Referral{ReferralCode: code},
				OrderID: fmt.Sprint("o-", i), Amount: money.Unit, Currency: "USD",
			})
			if err != nil {
				return nil, err
			}
			return s.rewards(r.Event), nil
		})
		earned := 0
		for _, list := range all {
			if len(list) == 1 && list[0] == "advocate third earned" {
				earned++
			}
		}
		if earned != 2 {
			t.Errorf("%d earned, want exactly the limit of 2", earned)
		}
	})
}

func TestPurchaseOfAnonymousCreditsByCodeAlone(t *testing.T) {
	onBoth(t, acme, func(t *testing.T, s *stage) {
		code := s.link("ann@example.com", 0)
		r := s.purchase(engine.Purchase{Referral: engine.Referral{ReferralCode: code}, OrderID: "o-1", Amount: money.Unit, Currency: "USD"})
		if diff := cmp.Diff([]string{"advocate coupon delivered"}, s.rewards(r.Event)); diff != "" {
			t.Error(diff)
		}
	})
}

// PostgreSQL refuses a key that does not fit its pages, which would be a 500.
func TestTextTooLongForAKeyIsRefused(t *testing.T) {
	onBoth(t, acme, func(t *testing.T, s *stage) {
		long := strings.Repeat("x", engine.Longest+1)
		for _, p := range []engine.Purchase{
			{Who: engine.Who{CustomerID: long}},
			{Who: engine.Who{Email: long + "@example.com"}},
		} {
			p.OrderID, p.Amount, p.Currency = "o-1", 1, "USD"
			_, err := s.core.RecordPurchase(t.Context(), s.account, p)
			if model.KindOf(err) != model.Invalid || !strings.Contains(err.Error(), " is longer than 255 bytes") {
				t.Errorf("%+v: %v, want invalid", p, err)
			}
		}
		_, err := s.core.RecordCustom(t.Context(), s.account, engine.CustomEvent{Who: engine.Who{Email: "c@example.com"}, Name: long})
		if model.KindOf(err) != model.Invalid {
			t.Errorf("an event's name: %v, want invalid", err)
		}
		longest := engine.Who{CustomerID: strings.Repeat("c", engine.Longest)}
		if r := s.purchase(engine.Purchase{Who: longest, OrderID: "o-1", Amount: 1, Currency: "USD"}); r.Repeated {
			t.Error("a refused purchase took the order's number")
		}
		unknown := engine.Referral{ReferralCode: long, CouponCode: long, AttributionID: long}
		r := s.purchase(engine.Purchase{Who: engine.Who{CustomerID: "c"}, Referral: unknown, OrderID: "o-2", Amount: 1, Currency: "USD"})
		if got := s.via(r.Event); got != "" {
			t.Errorf("a code that nobody can have attributes to %s", got)
		}
	})
}

func TestBadPurchaseLeavesNothing(t *testing.T) {
	onBoth(t, acme, func(t *testing.T, s *stage) {
		for _, p := range []engine.Purchase{
			{OrderID: "o-1", Amount: -1, Currency: "USD"},
			{OrderID: "o-1", Amount: 1, Currency: "usd"},
			{OrderID: "o-1", Amount: 1, Currency: "XXX"},
			{OrderID: "o-1", Amount: 1, Currency: ""},
		} {
			if _, err := s.core.RecordPurchase(t.Context(), s.account, p); model.KindOf(err) != model.Invalid {
				t.Errorf("%+v: %v, want invalid", p, err)
			}
		}
		if r := s.buy("o-1", "c-1", "", "1"); r.Repeated {
			t.Error("a refused purchase took the order's number")
		}
		if r := s.purchase(engine.Purchase{OrderID: "o-2", Amount: 1, Currency: "Points"}); r.Event == 0 {
			t.Error("points of the account are no currency")
		}
	})
}
