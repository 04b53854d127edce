package engine_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
)

// rewarding has a custom event for each way in which a reward begins.
const rewarding = `
account: Acme
site: https://shop.example.com
currencies: [{code: Points, cap: 500, expires_after: 100h}]
coupons:
  - {batch: ten-off, codes: [TEN-1, TEN-2]}
  - {batch: none, codes: []}
campaigns:
  - name: First
    status: launched
    rewards:
      - {name: Cash, to: advocate, on: cash, repeat: true, value: {type: cash, amount: 1, unit: USD}}
      - {name: Coupon, to: advocate, on: coupon, repeat: true, value: {type: discount, amount: 10, unit: USD, coupons: ten-off}}
      - {name: Points, to: advocate, on: points, repeat: true, value: {type: ledger, amount: 100, unit: Points}}
      - {name: Later, to: advocate, on: later, repeat: true, issue: manual, value: {type: ledger, amount: 100, unit: Points}}
      - {name: Held, to: advocate, on: held, repeat: true, hold: 24h, value: {type: cash, amount: 1, unit: USD}}
      - {name: Asked, to: advocate, on: asked, repeat: true, hold: 1h, validate_url: "https://shop.example.com/ask", value: {type: cash, amount: 1, unit: USD}}
      - {name: Empty, to: advocate, on: empty, repeat: true, value: {type: discount, amount: 10, unit: USD, coupons: none}}
      - {name: Large, to: advocate, on: purchase, repeat: true, when: {min_amount: 50}, value: {type: cash, amount: 1, unit: USD}}
      - {name: Once, to: advocate, on: once, repeat: true, limit: 1, value: {type: cash, amount: 1, unit: USD}}
`

// earn has a friend of ann's do something, and returns ann's reward.
func (s *stage) earn(event string) *model.Reward {
	s.t.Helper()
	s.acts++
	recorded := s.custom(engine.CustomEvent{
		Who: server(fmt.Sprint("friend-", s.acts), ""), Referral: by(s.link("ann@example.com", 0)), Name: event,
	})
	return s.rewardsOf(recorded.Event)[0]
}

func (s *stage) reward(id model.RewardID) *model.Reward {
	s.t.Helper()
	w, err := s.core.RewardByID(context.Background(), s.account, fmt.Sprint(id))
	if err != nil {
		s.t.Fatal(err)
	}
	return w
}

type move func(*engine.Engine, context.Context, model.AccountID, model.RewardID) (*model.Reward, error)

var (
	approve move = (*engine.Engine).ApproveReward
	reject  move = (*engine.Engine).RejectReward
	deliver move = (*engine.Engine).DeliverReward
	revoke  move = (*engine.Engine).RevokeReward
)

// move moves a reward.
func (s *stage) move(m move, id model.RewardID) *model.Reward {
	s.t.Helper()
	w, err := m(s.core, context.Background(), s.account, id)
	if err != nil {
		s.t.Fatal(err)
	}
	return w
}

func TestRewardsMoveAsTheyMay(t *testing.T) {
	onBoth(t, rewarding, func(t *testing.T, s *stage) {
		s.damaged = true // nothing but a validation that is given up makes an error, so the test does
		states := []struct {
			name string
			make func() *model.Reward
			want [4]model.RewardState // after approve, reject, deliver, revoke; "" is refused
		}{
			{"pending, on hold", func() *model.Reward { return s.earn("held") }, [4]model.RewardState{model.Earned, model.Rejected, "", ""}},
			{"pending, without a coupon", func() *model.Reward { return s.earn("empty") }, [4]model.RewardState{model.Pending, model.Rejected, "", ""}},
			{"earned", func() *model.Reward { return s.earn("cash") }, [4]model.RewardState{"", "", model.Delivered, model.Revoked}},
			{"delivered", func() *model.Reward { return s.move(deliver, s.earn("cash").ID) }, [4]model.RewardState{"", "", "", model.Revoked}},
			{"delivered at once", func() *model.Reward { return s.earn("points") }, [4]model.RewardState{"", "", "", model.Revoked}},
			{"rejected", func() *model.Reward { return s.move(reject, s.earn("held").ID) }, [4]model.RewardState{model.Earned, "", "", ""}},
			{"revoked", func() *model.Reward { return s.move(revoke, s.earn("cash").ID) }, [4]model.RewardState{"", "", "", ""}},
			{"not eligible", func() *model.Reward {
				s.acts++
				return s.rewardsOf(s.buy(fmt.Sprint("o-", s.acts), fmt.Sprint("b-", s.acts), s.link("ann@example.com", 0), "1").Event)[0]
			}, [4]model.RewardState{model.Earned, "", "", ""}},
			{"error", func() *model.Reward {
				w := s.earn("held")
				s.raw(fmt.Sprintf("UPDATE reward SET state = 'error', place = 0 WHERE id = %d", w.ID))
				return w
			}, [4]model.RewardState{model.Earned, "", "", ""}},
		}
		for _, state := range states {
			for i, m := range []move{approve, reject, deliver, revoke} {
				name := fmt.Sprint(state.name, " ", []string{"approve", "reject", "deliver", "revoke"}[i])
				before := state.make()
				before = s.reward(before.ID)
				got, err := m(s.core, t.Context(), s.account, before.ID)
				if state.want[i] == "" {
					fails(t, err, model.Conflict, model.TransitionForbidden)
					if diff := cmp.Diff(before, s.reward(before.ID)); diff != "" {
						t.Errorf("%s is refused and changes something: %s", name, diff)
					}
					continue
				}
				if err != nil || got.State != state.want[i] {
					t.Errorf("%s: %+v, %v, want %s", name, got, err, state.want[i])
					continue
				}
				if diff := cmp.Diff(got, s.reward(before.ID)); diff != "" {
					t.Errorf("%s answers something else than it left: %s", name, diff)
				}
			}
		}
		for _, m := range []move{approve, reject, deliver, revoke} {
			_, err := m(s.core, t.Context(), s.account, 1)
			fails(t, err, model.NotFound, model.RewardUnknown)
		}
	})
}

func TestRewardIsFoundByNumberAndUUID(t *testing.T) {
	onBoth(t, rewarding, func(t *testing.T, s *stage) {
		w := s.earn("cash")
		for _, id := range []string{fmt.Sprint(w.ID), w.UUID} {
			if got, err := s.core.RewardByID(t.Context(), s.account, id); err != nil || got.ID != w.ID {
				t.Errorf("by %s: %+v, %v", id, got, err)
			}
		}
		for _, id := range []string{"1", "", "x", "00000000-0000-4000-8000-000000000000"} {
			_, err := s.core.RewardByID(t.Context(), s.account, id)
			fails(t, err, model.NotFound, model.RewardUnknown)
		}
	})
}

// What a reward says of itself: who brought it, by what, under which rule and
// version, and the dates.
func TestRewardCarriesWhy(t *testing.T) {
	onBoth(t, rewarding, func(t *testing.T, s *stage) {
		ann := s.link("ann@example.com", 0)
		w := s.earn("held")
		rule := s.project.Campaigns[0].Rules[4]
		until := noon.Add(24 * time.Hour)
		want := model.Why{
			Via: model.ViaCode, Code: s.codeID(ann), Advocate: s.personOf("ann@example.com"), Rule: rule.ID, Version: 1,
			Reason: engine.OnHold, CountedFrom: &noon, HoldUntil: &until,
		}
		if diff := cmp.Diff(want, w.Why); diff != "" {
			t.Error(diff)
		}
	})
}

func TestHoldEndsWithItsJob(t *testing.T) {
	onBoth(t, rewarding, func(t *testing.T, s *stage) {
		held, lifted, ended := s.earn("held"), s.earn("held"), s.earn("held")
		if held.State != model.Pending || !held.Place || !held.EarnedAt.IsZero() {
			t.Errorf("on hold: %+v", held)
		}
		s.move(approve, lifted.ID)
		s.move(reject, ended.ID)
		s.wait(24*time.Hour - time.Millisecond)
		s.run()
		if got := s.reward(held.ID); got.State != model.Pending {
			t.Errorf("just before its end the hold is %s", got.State)
		}
		s.wait(time.Millisecond)
		s.run()
		if got := s.reward(held.ID); got.State != model.Earned || !got.EarnedAt.Equal(noon.Add(24*time.Hour)) || got.Why.Reason != "" {
			t.Errorf("at its end: %+v", got)
		}
		if got := s.reward(lifted.ID); got.State != model.Earned || !got.EarnedAt.Equal(noon) {
			t.Errorf("what was approved before: %+v", got)
		}
		if got := s.reward(ended.ID); got.State != model.Rejected {
			t.Errorf("what was rejected before is %s", got.State)
		}
	})
}

func TestValidationKeepsARewardPending(t *testing.T) {
	onBoth(t, rewarding, func(t *testing.T, s *stage) {
		w := s.earn("asked")
		if w.State != model.Pending || w.Why.Reason != engine.OnHold {
			t.Errorf("the hold comes first: %+v", w)
		}
		s.wait(time.Hour)
		s.run()
		if got := s.reward(w.ID); got.State != model.Pending || got.Why.Reason != engine.Validating {
			t.Errorf("after the hold: %s %s, want it to wait for an answer", got.State, got.Why.Reason)
		}
		if got := s.move(approve, w.ID); got.State != model.Earned || got.Why.Reason != "" {
			t.Errorf("approved: %+v", got)
		}
	})
}

// Approval may pass a limit, and what it lifts counts for the limit.
func TestApprovalCountsForTheLimitAndMayPassIt(t *testing.T) {
	onBoth(t, rewarding, func(t *testing.T, s *stage) {
		first, second := s.earn("once"), s.earn("once")
		if first.State != model.Earned || second.State != model.Rejected || second.Place {
			t.Fatalf("first %s, second %s", first.State, second.State)
		}
		if got := s.move(approve, second.ID); got.State != model.Earned || !got.Place || !got.EndedAt.IsZero() {
			t.Errorf("approved past the limit: %+v", got)
		}
		// A revoked reward keeps its place.
		s.move(revoke, first.ID)
		s.move(revoke, second.ID)
		if got := s.earn("once"); got.State != model.Rejected {
			t.Errorf("after both were revoked the next is %s", got.State)
		}
	})
}

func TestRejectedRewardLeavesItsPlace(t *testing.T) {
	onBoth(t, `
account: Acme
site: https://shop.example.com
campaigns:
  - {name: First, status: launched, rewards: [{name: Held, to: advocate, on: held, repeat: true, limit: 1, hold: 24h, value: {type: cash, amount: 1, unit: USD}}]}
`, func(t *testing.T, s *stage) {
		s.move(reject, s.earn("held").ID)
		w := s.earn("held")
		if w.State != model.Pending {
			t.Errorf("after a rejection the next is %s", w.State)
		}
		if got := s.earn("held"); got.State != model.Rejected || got.Why.Reason != "reward_allowance_spent" {
			t.Errorf("a pending one takes no place: %+v", got)
		}
	})
}

// Codes that are added go to those who wait, oldest first, in the version
// they were promised under.
func TestAddedCodesGoToThoseWhoWaitLongest(t *testing.T) {
	const file = `
account: Acme
site: https://shop.example.com
coupons: [{batch: ten-off, codes: [%s]}]
campaigns:
  - name: First
    status: %s
    rewards:
      - {name: Coupon, to: advocate, on: coupon, repeat: true, hold: %s, issue: %s, value: {type: discount, amount: 10, unit: USD, coupons: ten-off}}
`
	onBoth(t, fmt.Sprintf(file, "", "launched", "0s", "auto"), func(t *testing.T, s *stage) {
		var waiting []model.RewardID
		for range 5 {
			waiting = append(waiting, s.earn("coupon").ID)
			s.wait(time.Second)
		}
		s.move(reject, waiting[1])
		s.apply(fmt.Sprintf(file, "A, B", "paused", "1h", "manual"))
		s.run()
		var got []string
		for _, id := range waiting {
			got = append(got, string(s.reward(id).State))
		}
		want := []string{"delivered", "rejected", "delivered", "pending", "pending"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		s.apply(fmt.Sprintf(file, "A, B, C, D, E", "launched", "1h", "manual"))
		s.run()
		if got := s.reward(waiting[4]); got.State != model.Delivered {
			t.Errorf("the last is %s", got.State)
		}
		// What is on hold takes no code yet.
		held := s.earn("coupon")
		s.apply(fmt.Sprintf(file, "A, B, C, D, E, F", "launched", "1h", "manual"))
		s.run()
		if got := s.reward(held.ID); got.State != model.Pending || got.Coupon != 0 {
			t.Errorf("on hold: %+v", got)
		}
		s.wait(time.Hour)
		s.run()
		if got := s.reward(held.ID); got.State != model.Earned || got.Coupon != 5 {
			t.Errorf("after its hold: %s with coupon %d, want the fifth", got.State, got.Coupon)
		}
	})
}

func TestRevokedCouponIsVoidUnlessItWasUsed(t *testing.T) {
	const file = `
account: Acme
site: https://shop.example.com
coupons: [{batch: ten-off, codes: [TEN-1, TEN-2]}]
campaigns:
  - {name: First, status: launched, rewards: [{name: Coupon, to: friend, on: purchase, value: {type: discount, amount: 10, unit: USD, coupons: ten-off}}]}
`
	onBoth(t, file, func(t *testing.T, s *stage) {
		ann := s.link("ann@example.com", 0)
		get := func(order, customer string) *model.Reward {
			return s.rewardsOf(s.buy(order, customer, ann, "1").Event)[0]
		}
		use := func(order, code string) string {
			return s.via(s.purchase(engine.Purchase{Who: server("c-"+order, ""), Referral: engine.Referral{CouponCode: code}, OrderID: order, Amount: 1, Currency: "USD"}).Event)
		}
		used, unused := get("o-1", "c-1"), get("o-2", "c-2")
		if got := use("o-3", "TEN-1"); got != "coupon ann@example.com" {
			t.Errorf("a friend's coupon counts by %q", got)
		}
		s.move(revoke, used.ID)
		s.move(revoke, unused.ID)
		if got := use("o-4", "TEN-2"); got != "" {
			t.Errorf("a void coupon counts by %q", got)
		}
		if got := use("o-5", "TEN-1"); got != "coupon ann@example.com" {
			t.Errorf("a coupon that was used before it was revoked counts by %q", got)
		}
		if w := get("o-6", "c-6"); w.State != model.Pending || w.Why.Reason != engine.NoCoupon {
			t.Errorf("a void coupon was handed out again: %+v", w)
		}
	})
}

// Taking a reward back reverses what is unspent of its credit, whatever became
// of the credit: spent in part, spent, over and not yet posted, or moved by a
// merge.
func TestRevokingReversesWhatIsUnspent(t *testing.T) {
	onBoth(t, rewarding, func(t *testing.T, s *stage) {
		kept := func(w *model.Reward) money.Amount {
			t.Helper()
			got := s.move(revoke, w.ID)
			if got.State != model.Revoked || got.Amount != 100*money.Unit {
				t.Errorf("revoked: %+v", got)
			}
			return got.Why.Kept
		}
		balance := func(want money.Amount) {
			t.Helper()
			if got := s.balance("ann", "Points"); got != want*money.Unit {
				t.Errorf("balance is %v, want %v", got, want)
			}
		}
		s.know("ann", "ann@example.com")
		untouched := s.earn("points")
		if got := kept(untouched); got != 0 {
			t.Errorf("kept %v of what was untouched", got)
		}
		balance(0)
		partly := s.earn("points")
		s.adjust("ann", "Points", 30, time.Time{})
		if got := kept(partly); got != 30*money.Unit {
			t.Errorf("kept %v, want the 30 that were spent", got)
		}
		balance(0)
		spent, next := s.earn("points"), s.earn("points")
		s.adjust("ann", "Points", 110, time.Time{})
		if got := kept(spent); got != 100*money.Unit {
			t.Errorf("kept %v of what was spent, want all", got)
		}
		balance(90)
		if got := kept(next); got != 10*money.Unit {
			t.Errorf("kept %v, want 10", got)
		}
		over := s.earn("points")
		s.wait(101 * time.Hour) // and no job has posted it
		if got := kept(over); got != 100*money.Unit {
			t.Errorf("reversed some of a credit that is over: kept %v", got)
		}
		balance(0)
		// A reward that waits for somebody to deliver it has posted nothing.
		later := s.earn("later")
		if got := kept(later); got != 0 {
			t.Errorf("kept %v of what was not posted", got)
		}
		balance(0)
		// Cut to the cap: no more than what was posted.
		s.adjust("ann", "Points", -470, time.Time{})
		cut := s.earn("points")
		if cut.Why.Promised != 100*money.Unit || cut.Why.Posted != 30*money.Unit || cut.State != model.Delivered {
			t.Errorf("over the cap: %+v", cut)
		}
		nothing := s.earn("points")
		if nothing.Why.Promised != 100*money.Unit || nothing.Why.Posted != 0 || nothing.State != model.Delivered {
			t.Errorf("at the cap: %+v", nothing)
		}
		balance(500)
		if got := kept(cut); got != 0 {
			t.Errorf("kept %v of what was cut", got)
		}
		balance(470)
		if got := kept(nothing); got != 0 {
			t.Errorf("kept %v of nothing", got)
		}
	})
}

func TestRevokingFollowsAMerge(t *testing.T) {
	onBoth(t, rewarding, func(t *testing.T, s *stage) {
		// Two customers: ann's friends brought points before she was known as c-1.
		s.know("c-1", "")
		w, kept := s.earn("points"), s.earn("later")
		s.know("c-1", "ann@example.com")
		s.adjust("c-1", "Points", 40, time.Time{})
		if got := s.move(revoke, w.ID); got.Why.Kept != 40*money.Unit {
			t.Errorf("kept %v, want the 40 that were spent", got.Why.Kept)
		}
		s.move(deliver, kept.ID)
		if got := s.balance("c-1", "Points"); got != 100*money.Unit {
			t.Errorf("balance is %v, want the reward that was delivered after the merge", got)
		}
		if got := s.move(revoke, kept.ID); got.Why.Kept != 0 {
			t.Errorf("kept %v", got.Why.Kept)
		}
		if got := s.balance("c-1", "Points"); got != 0 {
			t.Errorf("balance is %v, want 0", got)
		}
	})
}

// However often and by however many a reward is moved at once, one of them
// moves it.
func TestParallelMovesMoveOnce(t *testing.T) {
	onBoth(t, rewarding, func(t *testing.T, s *stage) {
		for range 3 {
			w := s.earn("later")
			moved := parallel(t, 12, func(i int) (bool, error) {
				_, err := []move{deliver, revoke}[i%2](s.core, context.Background(), s.account, w.ID)
				if model.ReasonOf(err) == model.TransitionForbidden {
					return false, nil
				}
				return true, err
			})
			n := len(slices.DeleteFunc(slices.Clone(moved), func(ok bool) bool { return !ok }))
			if got := s.reward(w.ID); got.State != model.Revoked || n < 1 || n > 2 {
				t.Errorf("%d moves, and it is %s", n, got.State)
			}
		}
	})
}
