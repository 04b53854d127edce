package engine_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"grapevine/engine"
	"grapevine/model"
)

const tellingFile = `
account: Acme
currency: USD
coupons: [{batch: ten, codes: [TEN-1, TEN-2, TEN-3]}]
currencies: [{code: Points}]
loyalty: {auto_opt_in: true}
earning: [{name: A point a purchase, on: purchase, amount: 1, currency: Points}]
campaigns:
  - name: Evergreen
    status: launched
    landing: https://shop.example.com
    rewards:
      - {name: Ten, to: advocate, on: purchase, repeat: true, value: {type: discount, amount: 10, unit: USD, label: Coupon, coupons: ten}}
      - {name: Every third, description: For three friends, to: advocate, on: purchase, after: 3, repeat: true, value: {type: cash, amount: 50, unit: USD}}
      - {name: Welcome, to: friend, on: purchase, value: {type: credit, amount: 5, unit: USD, label: Welcome}}
webhooks:
  - {on: friendbuy.advocateReward, url: "https://shop.example.com/advocate"}
  - {on: friendbuy.friendIncentive, url: "https://shop.example.com/friend"}
  - {on: friendbuy.loyaltyReward, url: "https://shop.example.com/loyalty"}
`

// tolds is what endpoints are told of the rewards of an event, by rule.
func (s *stage) tolds(event model.EventID) map[string]engine.ToldReward {
	s.t.Helper()
	var ids []int64
	for _, w := range s.rewardsOf(event) {
		if w.State == model.Earned || w.State == model.Delivered {
			ids = append(ids, int64(w.ID))
		}
	}
	told, err := s.core.Told(context.Background(), s.account, model.RewardEarned, ids)
	if err != nil {
		s.t.Fatal(err)
	}
	if len(told) != len(ids) {
		s.t.Fatalf("told of %d rewards, want %d", len(told), len(ids))
	}
	byRule := map[string]engine.ToldReward{}
	for _, t := range told {
		byRule[s.ruleName(t.Reward.Rule)] = *t.Reward
	}
	return byRule
}

// together puts all that is told into one delivery.
func together(*model.Endpoint) int64 { return 100 }

// wantTold compares what endpoints are told, but the reward and the campaign.
func wantTold(t *testing.T, got, want engine.ToldReward) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(engine.ToldReward{}, "Reward", "In", "Held", "Owner")); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func friend(name string, number int64) engine.Friend {
	return engine.Friend{Contact: engine.Contact{Email: name + "@example.com", CustomerID: name}, Number: number}
}

func TestToldIsAllThatAnEndpointNeeds(t *testing.T) {
	onBoth(t, tellingFile, func(t *testing.T, s *stage) {
		code := s.link("Ada@Example.com", 0)
		s.purchase(engine.Purchase{
			Who:     engine.Who{Email: "ada@example.com", FirstName: "Ada", LastName: "L", IP: "198.51.100.7", Server: true},
			OrderID: "own", Amount: 1_0000, Currency: "USD",
		})
		ada := engine.Contact{Email: "Ada@Example.com", FirstName: "Ada", LastName: "L", IP: "198.51.100.7"}
		got := s.tolds(s.buy("o1", "bob", code, "20").Event)
		wantTold(t, got["ten"], engine.ToldReward{
			Trigger: "purchase", Info: "Coupon", Coupon: "TEN-1", Receiver: ada, Friends: []engine.Friend{friend("bob", 1)},
		})
		wantTold(t, got["welcome"], engine.ToldReward{
			Trigger: "purchase", Info: "Welcome", Receiver: friend("bob", 0).Contact, Advocate: ada,
		})
		wantTold(t, got["A point a purchase"], engine.ToldReward{
			Trigger: "purchase", Info: "A point a purchase", Receiver: friend("bob", 0).Contact,
		})
		if _, early := got["every_third"]; early || len(got) != 3 {
			t.Errorf("told of %d rewards, want three", len(got))
		}
	})
}

func TestRewardForThreeFriendsTellsOfAllThree(t *testing.T) {
	onBoth(t, tellingFile, func(t *testing.T, s *stage) {
		code := s.link("ada@example.com", 0)
		var last *engine.Recorded
		for _, friend := range []string{"bob", "cyd", "dan", "eve", "fay", "gil"} {
			last = s.buy(friend, friend, code, "20")
		}
		wantTold(t, s.tolds(last.Event)["every_third"], engine.ToldReward{
			Trigger: "purchase", Info: "For three friends", Receiver: engine.Contact{Email: "ada@example.com"},
			Friends: []engine.Friend{friend("eve", 4), friend("fay", 5), friend("gil", 6)},
		})
	})
}

func TestToldNamesWhomAPersonWasMergedInto(t *testing.T) {
	onBoth(t, tellingFile, func(t *testing.T, s *stage) {
		code := s.link("ada@example.com", 0)
		bought := s.buy("o1", "bob", code, "20")
		// The shop knows ada by a number, too, and says so after she earned.
		s.purchase(engine.Purchase{Who: engine.Who{CustomerID: "4711", Server: true}, OrderID: "o2", Amount: 1_0000, Currency: "USD"})
		s.purchase(engine.Purchase{
			Who: engine.Who{CustomerID: "4711", Email: "ada@example.com", Server: true}, OrderID: "o3", Amount: 1_0000, Currency: "USD",
		})
		ada := engine.Contact{Email: "ada@example.com", CustomerID: "4711"}
		got := s.tolds(bought.Event)
		wantTold(t, got["ten"], engine.ToldReward{
			Trigger: "purchase", Info: "Coupon", Coupon: "TEN-1", Receiver: ada, Friends: []engine.Friend{friend("bob", 1)},
		})
		if diff := cmp.Diff(ada, got["welcome"].Advocate); diff != "" {
			t.Errorf("advocate (-want +got):\n%s", diff)
		}
	})
}

func TestToldKeepsTheVersionOfTheReward(t *testing.T) {
	onBoth(t, tellingFile, func(t *testing.T, s *stage) {
		code := s.link("ada@example.com", 0)
		bought := s.buy("o1", "bob", code, "20")
		s.wait(time.Second)
		s.apply(strings.Replace(tellingFile, "label: Coupon", "label: Voucher", 1))
		if got := s.tolds(bought.Event)["ten"].Info; got != "Coupon" {
			t.Errorf("an old reward is told as %q", got)
		}
		if got := s.tolds(s.buy("o2", "cyd", code, "20").Event)["ten"].Info; got != "Voucher" {
			t.Errorf("a reward of the second version is told as %q", got)
		}
	})
}

func TestEndpointsAreToldOfTheirTopic(t *testing.T) {
	onBoth(t, tellingFile, func(t *testing.T, s *stage) {
		code := s.link("ada@example.com", 0)
		s.buy("o1", "bob", code, "20")
		s.wait(engine.Gather)
		got := map[string]int{}
		queues, err := s.core.DueQueues(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range queues {
			if q.Kind != model.JobTell {
				continue
			}
			n, more, err := s.core.GatherTells(t.Context(), q, together)
			if err != nil || more {
				t.Fatal(more, err)
			}
			for _, p := range s.project.Endpoints {
				if int64(p.ID) == q.Lane {
					got[p.Event] += n
				}
			}
		}
		want := map[string]int{"advocateReward": 1, "friendIncentive": 1, "loyaltyReward": 1}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("tells (-want +got):\n%s", diff)
		}
	})
}
