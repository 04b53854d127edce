package engine_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

// qualifying rewards qualified friends in every way that un-qualifying takes
// back differently.
const qualifying = `
account: Acme
site: https://shop.example.com
coupons: [{batch: ten-off, codes: [TEN-1, TEN-2, TEN-3]}]
campaigns:
  - name: First
    status: launched
    rewards:
      - {name: Each, to: advocate, on: qualified, repeat: true, value: {type: ledger, amount: 10, unit: USD}}
      - {name: Pair, to: advocate, on: qualified, after: 2, repeat: true, value: {type: cash, amount: 1, unit: USD}}
      - {name: Held, to: advocate, on: qualified, repeat: true, hold: 24h, value: {type: cash, amount: 1, unit: USD}}
      - {name: Thanks, to: friend, on: qualified, value: {type: discount, amount: 10, unit: USD, coupons: ten-off}}
      - {name: Bought, to: advocate, on: purchase, repeat: true, value: {type: cash, amount: 1, unit: USD}}
`

// bring has somebody sign up with a code, and returns the participant.
func (s *stage) bring(customer, code string) model.ParticipantID {
	s.t.Helper()
	return s.signUp(server(customer, ""), code).Participant
}

func (s *stage) qualify(id model.ParticipantID, qualified bool) {
	s.t.Helper()
	if err := s.core.Qualify(context.Background(), s.account, id, qualified); err != nil {
		s.t.Fatal(err)
	}
}

// standing counts a person's rewards by rule and state.
func (s *stage) standing(name string) map[string]int {
	s.t.Helper()
	got := map[string]int{}
	for _, w := range s.rewardsFor(name) {
		got[s.ruleName(w.Rule)+" "+string(w.State)]++
	}
	return got
}

func TestQualifyingRewardsOnce(t *testing.T) {
	onBoth(t, qualifying, func(t *testing.T, s *stage) {
		s.know("ann", "ann@example.com")
		ann := s.link("ann@example.com", 0)
		friend := s.bring("c-1", ann)
		s.buy("o-1", "c-1", "", "1") // qualifies nobody
		if p := s.participant(friend); !p.QualifiedAt.IsZero() {
			t.Error("a purchase qualified")
		}
		parallel(t, 8, func(int) (bool, error) {
			return true, s.core.Qualify(context.Background(), s.account, friend, true)
		})
		if p := s.participant(friend); !p.QualifiedAt.Equal(noon) {
			t.Errorf("qualified at %v", p.QualifiedAt)
		}
		want := map[string]int{"bought earned": 1, "each delivered": 1, "pair not_eligible": 1, "held pending": 1}
		if diff := cmp.Diff(want, s.standing("ann")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]int{"thanks earned": 1}, s.standing("c-1")); diff != "" {
			t.Error(diff)
		}
		referrer := s.participant(friend).Referrer
		if n := s.tally(int64(referrer), "qualified_now"); n != 1 {
			t.Errorf("ann has %d qualified friends, want 1", n)
		}
		err := s.core.Qualify(t.Context(), s.account, 1, true)
		fails(t, err, model.NotFound, model.ParticipantUnknown)
	})
}

func TestUnqualifyingTakesBackWhatTheFriendBrought(t *testing.T) {
	onBoth(t, qualifying, func(t *testing.T, s *stage) {
		s.know("ann", "ann@example.com")
		ann := s.link("ann@example.com", 0)
		friends := make([]model.ParticipantID, 5)
		for i := range friends {
			friends[i] = s.bring(fmt.Sprint("c-", i), ann)
			s.qualify(friends[i], i < 3)
		}
		s.buy("o-1", "c-0", "", "1")
		want := map[string]int{"bought earned": 1, "each delivered": 3, "pair not_eligible": 2, "pair earned": 1, "held pending": 3}
		if diff := cmp.Diff(want, s.standing("ann")); diff != "" {
			t.Fatal(diff)
		}
		if got := s.balance("ann", "USD"); got != 30*money.Unit {
			t.Errorf("balance is %v, want 30", got)
		}

		// The first of three goes: two are left, who cover the pair.
		s.qualify(friends[0], false)
		s.qualify(friends[0], false) // again changes nothing
		want = map[string]int{"bought earned": 1, "each delivered": 2, "each revoked": 1, "pair not_eligible": 2, "pair earned": 1, "held pending": 2, "held rejected": 1}
		if diff := cmp.Diff(want, s.standing("ann")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]int{"thanks revoked": 1}, s.standing("c-0")); diff != "" {
			t.Error(diff)
		}
		if got := s.balance("ann", "USD"); got != 20*money.Unit {
			t.Errorf("balance is %v, want 20", got)
		}

		// One is left: the pair is no longer covered.
		s.qualify(friends[1], false)
		want = map[string]int{"bought earned": 1, "each delivered": 1, "each revoked": 2, "pair not_eligible": 2, "pair revoked": 1, "held pending": 1, "held rejected": 2}
		if diff := cmp.Diff(want, s.standing("ann")); diff != "" {
			t.Error(diff)
		}
		if n := s.tally(store.OfCampaign(s.project.Campaigns[0].ID), "qualified_now"); n != 1 {
			t.Errorf("%d are qualified, want 1", n)
		}

		// Qualifying again earns anew: the place was freed.
		s.qualify(friends[0], true)
		want = map[string]int{"bought earned": 1, "each delivered": 2, "each revoked": 2, "pair not_eligible": 2, "pair revoked": 1, "pair earned": 1, "held pending": 2, "held rejected": 2}
		if diff := cmp.Diff(want, s.standing("ann")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]int{"thanks revoked": 1, "thanks pending": 1}, s.standing("c-0")); diff != "" {
			t.Error(diff) // three coupons were handed out, and a void one never is again
		}
	})
}

// What was revoked by hand keeps its place: neither un-qualifying nor
// qualifying again makes it earned anew.
func TestUnqualifyingLeavesWhatWasRevokedByHand(t *testing.T) {
	onBoth(t, `
account: Acme
site: https://shop.example.com
campaigns:
  - {name: First, status: launched, rewards: [{name: One, to: advocate, on: qualified, repeat: true, limit: 1, value: {type: cash, amount: 1, unit: USD}}]}
`, func(t *testing.T, s *stage) {
		friend := s.bring("c-1", s.link("ann@example.com", 0))
		s.qualify(friend, true)
		s.move(revoke, s.rewardsFor("ann@example.com")[0].ID)
		s.qualify(friend, false)
		s.qualify(friend, true)
		want := map[string]int{"one revoked": 1, "one rejected": 1}
		if diff := cmp.Diff(want, s.standing("ann@example.com")); diff != "" {
			t.Error(diff)
		}
	})
}

// Two who were one all along: each of their participants is qualified and
// un-qualified for whoever brought it.
func TestUnqualifyingAfterAMergeTakesOnlyWhatThatReferralBrought(t *testing.T) {
	onBoth(t, qualifying, func(t *testing.T, s *stage) {
		s.know("ann", "ann@example.com")
		s.know("ben", "ben@example.com")
		byAnn := s.bring("c-1", s.link("ann@example.com", 0))
		byBen := s.signUp(engine.Who{Email: "c-1@example.com"}, s.link("ben@example.com", 0)).Participant
		s.qualify(byAnn, true)
		s.qualify(byBen, true)
		s.know("c-1", "c-1@example.com")
		s.qualify(byBen, false)
		want := map[string]int{"each delivered": 1, "pair not_eligible": 1, "held pending": 1}
		if diff := cmp.Diff(want, s.standing("ann")); diff != "" {
			t.Errorf("ann: %s", diff)
		}
		want = map[string]int{"each revoked": 1, "pair not_eligible": 1, "held rejected": 1}
		if diff := cmp.Diff(want, s.standing("ben")); diff != "" {
			t.Errorf("ben: %s", diff)
		}
		if got := s.balance("ben", "USD"); got != 0 {
			t.Errorf("ben keeps %v", got)
		}
	})
}

// The advocate was merged since: what their friend brought is found and
// reversed all the same.
func TestUnqualifyingFollowsTheAdvocatesMerge(t *testing.T) {
	onBoth(t, qualifying, func(t *testing.T, s *stage) {
		friend := s.bring("c-1", s.link("ann@example.com", 0))
		other := s.bring("c-2", s.link("ann@example.com", 0))
		s.qualify(friend, true)
		s.know("ann", "")
		s.know("ann", "ann@example.com")
		s.qualify(other, true)
		if got := s.balance("ann", "USD"); got != 20*money.Unit {
			t.Fatalf("balance is %v, want 20", got)
		}
		s.qualify(friend, false)
		want := map[string]int{"each delivered": 1, "each revoked": 1, "pair not_eligible": 1, "pair revoked": 1, "held pending": 1, "held rejected": 1}
		if diff := cmp.Diff(want, s.standing("ann")); diff != "" {
			t.Error(diff)
		}
		if got := s.balance("ann", "USD"); got != 10*money.Unit {
			t.Errorf("balance is %v, want 10", got)
		}
	})
}

func TestQualifyingWhoNobodyBroughtRewardsNobody(t *testing.T) {
	onBoth(t, qualifying, func(t *testing.T, s *stage) {
		joined := s.joinAs(engine.Join{Who: server("c-1", ""), Kind: model.SignUp, Campaign: s.project.Campaigns[0].ID})
		s.qualify(joined.Participant, true)
		s.qualify(joined.Participant, false)
		s.qualify(joined.Participant, true)
		if got := s.standing("c-1"); len(got) != 0 {
			t.Errorf("rewards: %v", got)
		}
		if p := s.participant(joined.Participant); p.QualifiedAt.IsZero() {
			t.Error("not qualified")
		}
	})
}

// Qualifying, un-qualifying, buying and signing up at once leave the advocate
// with exactly what the friends who are qualified in the end brought.
func TestParallelQualifyingIsExact(t *testing.T) {
	onBoth(t, `
account: Acme
site: https://shop.example.com
campaigns:
  - name: First
    status: launched
    rewards:
      - {name: Each, to: advocate, on: qualified, repeat: true, value: {type: ledger, amount: 10, unit: USD}}
      - {name: Pair, to: advocate, on: qualified, after: 2, repeat: true, value: {type: cash, amount: 1, unit: USD}}
`, func(t *testing.T, s *stage) {
		s.know("ann", "ann@example.com")
		ann := s.link("ann@example.com", 0)
		const friends = 6
		ids := make([]model.ParticipantID, friends)
		for i := range ids {
			ids[i] = s.bring(fmt.Sprint("c-", i), ann)
		}
		parallel(t, 8*friends, func(k int) (bool, error) {
			i := k % friends
			if k%8 == 7 {
				_, err := s.core.Join(context.Background(), s.account, engine.Join{Who: server(fmt.Sprint("c-", i), ""), Kind: model.EmailCapture, Referral: by(ann)})
				return true, err
			}
			return true, s.core.Qualify(context.Background(), s.account, ids[i], k/friends%2 == 0)
		})
		qualified := 0
		for _, id := range ids {
			if p := s.participant(id); !p.QualifiedAt.IsZero() {
				qualified++
			}
		}
		got := s.standing("ann")
		if got["each delivered"] != qualified || got["pair earned"] > qualified/2 {
			t.Errorf("%d are qualified: %v", qualified, got)
		}
		if balance := s.balance("ann", "USD"); balance != money.Amount(10*qualified)*money.Unit && !(qualified == 0 && balance == -1) {
			t.Errorf("balance is %v for %d qualified friends", balance, qualified)
		}
	})
}
