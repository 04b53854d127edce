package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

// everything has every sort of rule that there is; %s are a status, a limit,
// codes, whether people are in the loyalty programme unasked, and how alike
// addresses of two may be.
const everything = `
account: Acme
site: https://shop.example.com
currencies: [{code: Points, cap: 200, expires_after: 50h}]
coupons: [{batch: ten-off, codes: [%[3]s]}]
redemptions:
  - {id: 662c3a74-9d72-4d80-a835-c9db624c92b1, name: Ten off, cost: 5, currency: Points, coupons: ten-off}
  - {id: 8bded445-b740-44d7-8b36-08d5630ed282, name: A thanks, cost: 1, currency: USD}
loyalty: {auto_opt_in: %[4]s}
fraud: {same_ip: %[4]s, similar_email: %[5]d}
blocked: {emails: ["p-%[2]s@*"], ips: [192.0.2.%[2]s]}
earning:
  - {name: Welcome, on: sign_up, amount: 10, currency: Points}
  - {name: Order, on: purchase, per_unit: 1, currency: Points}
campaigns:
  - name: First
    code: first-join
    status: launched
    attribution_window: 30h
    rewards:
      - {name: Both, to: both, on: purchase, repeat: true, limit: %[2]s, issue: auto, value: {type: discount, amount: 10, unit: USD, coupons: ten-off}}
      - {name: Third, to: advocate, on: purchase, after: 3, repeat: true, value: {type: ledger, amount: 20, unit: Points}}
      - {name: Signed, to: both, on: sign_up, hold: 5h, value: {type: ledger, amount: 5, unit: USD}}
      - {name: Pair, to: advocate, on: qualified, after: 2, repeat: true, value: {type: ledger, amount: 30, unit: Points}}
      - {name: Each, to: both, on: qualified, repeat: true, hold: 2h, value: {type: ledger, amount: 7, unit: Points}}
      - {name: New, to: friend, on: purchase, when: {new_customer: true, min_amount: 3}, value: {type: cash, amount: 1, unit: USD}}
  - name: Second
    status: %[1]s
    rewards:
      - {name: Invited, to: friend, on: invited, value: {type: ledger, amount: 2, unit: USD}}
      - {name: Captured, to: advocate, on: email_capture, repeat: true, limit: 3, value: {type: cash, amount: 1, unit: USD}}
      - {name: Qualified, to: advocate, on: qualified, value: {type: cash, amount: 1, unit: USD}}
      - {name: Trial, to: customer, on: trial, after: 2, repeat: true, limit: 2, value: {type: ledger, amount: 1, unit: USD}}
      - {name: Hello, to: customer, on: sign_up, value: {type: cash, amount: 1, unit: USD}}
`

// A mess is a stage on which anything may happen.
type mess struct {
	*stage
	codes    []string
	versions int
	people   int
}

func (m *mess) file(chance *rand.Rand) string {
	m.versions++
	var coupons []string
	for i := range 3 * m.versions {
		coupons = append(coupons, fmt.Sprint("TEN-", i))
	}
	return fmt.Sprintf(everything, []string{"launched", "paused"}[chance.IntN(2)], fmt.Sprint(chance.IntN(4)), strings.Join(coupons, ", "), fmt.Sprint(chance.IntN(3) > 0), []int{0, 93, 100}[chance.IntN(3)])
}

// somebody is one of the people, named in one of the ways there are, perhaps
// where and in whose browser another was.
func (m *mess) somebody(chance *rand.Rand, n, people int) engine.Who {
	who := []engine.Who{
		server(fmt.Sprint("c-", n), ""), {Email: fmt.Sprintf("p-%d@example.com", n)},
		server(fmt.Sprint("c-", n), fmt.Sprintf("p-%d@example.com", n)), server(fmt.Sprint("c-", n), fmt.Sprintf("p-%d@example.com", chance.IntN(people))),
		{CustomerID: fmt.Sprint("c-", n), Email: fmt.Sprintf("p-%d@example.com", n)}, {},
	}[chance.IntN(6)]
	if chance.IntN(3) == 0 {
		who.IP, who.Agent = fmt.Sprint("192.0.2.", chance.IntN(people)), []string{"", "Firefox"}[chance.IntN(2)]
	}
	if chance.IntN(5) == 0 {
		who.Visitor = model.VisitorID(1 + chance.IntN(2*people))
	}
	return who
}

// happen makes one thing happen, and returns what the engine refused.
func (m *mess) happen(ctx context.Context, chance *rand.Rand) error {
	n := chance.IntN(m.people)
	who := m.somebody(chance, n, m.people)
	if chance.IntN(8) == 0 {
		who.Loyalty = []model.LoyaltyStatus{model.LoyaltyIn, model.LoyaltyOut, model.LoyaltyBlocked}[chance.IntN(3)]
	}
	referral := []engine.Referral{
		{}, by(m.codes[chance.IntN(len(m.codes))]), by(m.codes[chance.IntN(len(m.codes))]), by("nobody"), {CouponCode: fmt.Sprint("TEN-", chance.IntN(9))},
	}[chance.IntN(5)]
	var err error
	switch chance.IntN(13) {
	case 0, 1, 2:
		_, err = m.core.RecordPurchase(ctx, m.account, engine.Purchase{
			Who: who, Referral: referral, OrderID: fmt.Sprint("o-", chance.IntN(400)), Amount: money.Amount(chance.IntN(8)) * money.Unit, Currency: []string{"USD", "EUR"}[chance.IntN(2)]})
	case 3:
		_, err = m.core.RecordCustom(ctx, m.account, engine.CustomEvent{Who: who, Referral: referral, Name: []string{"trial", "purchase"}[chance.IntN(2)]})
	case 4, 5:
		_, err = m.core.Join(ctx, m.account, engine.Join{Who: who, Referral: referral, Kind: []model.EventKind{model.SignUp, model.EmailCapture}[chance.IntN(2)]})
	case 6:
		_, err = m.core.SaveCustomer(ctx, m.account, engine.Customer{Who: who})
	case 7, 8:
		if ids := m.ids("participant"); len(ids) > 0 {
			err = m.core.Qualify(ctx, m.account, model.ParticipantID(ids[chance.IntN(len(ids))]), chance.IntN(3) > 0)
		}
	case 9, 10:
		if ids := m.ids("reward"); len(ids) > 0 {
			_, err = []move{approve, reject, deliver, revoke}[chance.IntN(4)](m.core, ctx, m.account, model.RewardID(ids[chance.IntN(len(ids))]))
		}
	case 11:
		a := taking(fmt.Sprint("c-", n), money.Amount(1+chance.IntN(20)))
		a.Add = chance.IntN(2) == 0
		_, err = m.core.AdjustLedger(ctx, m.account, a)
	case 12:
		_, err = m.core.Redeem(ctx, m.account, fmt.Sprint("c-", n), []string{tenDollars, aThanks}[chance.IntN(2)])
	}
	return err
}

func (m *mess) ids(table string) (ids []int64) {
	m.ask(`SELECT id FROM `+table+` WHERE account_id = $1 ORDER BY id`, func(r store.Row) error {
		var id int64
		err := r.Scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids
}

// foreseen reports whether an error is one that a caller may cause.
func foreseen(err error) bool {
	switch model.ReasonOf(err) {
	case model.TransitionForbidden, model.BalanceShort, model.BatchEmpty, model.PersonUnknown:
		return true
	}
	return err == nil
}

func newMess(s *stage) *mess {
	m := &mess{stage: s, people: 7}
	m.apply(fmt.Sprintf(everything, "launched", "0", "", "false", 100))
	for i := range 3 {
		m.codes = append(m.codes, m.link(fmt.Sprintf("p-%d@example.com", i), i%2), m.linkOf(server(fmt.Sprint("c-", i), ""), 0))
	}
	m.codes = append(m.codes, "first-join")
	return m
}

const anyAccount = "account: Acme\nsite: https://shop.example.com\ncampaigns: [{name: First, status: launched}, {name: Second, status: launched}]\n"

// Whatever happens in whatever order, the engine refuses only what it says it
// does, and verify, which decides everything once more, comes to the same.
func TestWhateverHappensVerifyAgrees(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			onBoth(t, anyAccount, func(t *testing.T, s *stage) {
				chance := rand.New(rand.NewPCG(seed, 1))
				m := newMess(s)
				for step := range 250 {
					if err := m.happen(t.Context(), chance); !foreseen(err) {
						t.Fatalf("step %d: %v", step, err)
					}
					switch chance.IntN(40) {
					case 0:
						m.apply(m.file(chance))
					case 1, 2, 3:
						m.wait(time.Duration(chance.IntN(600)) * time.Minute)
						m.run()
					}
					if step%50 != 49 {
						continue
					}
					if report := m.verify(); len(report.Differences) > 0 {
						t.Fatalf("step %d: %v", step, report.Differences)
					}
				}
			})
		})
	}
}

// The same from many sides at once, on two nodes.
func TestWhateverHappensAtOnceVerifyAgrees(t *testing.T) {
	onBoth(t, anyAccount, func(t *testing.T, s *stage) {
		one := newMess(s)
		two := *one
		two.stage = &stage{t: t, core: s.node(2), store: s.store, account: s.account}
		for round := range 4 {
			parallel(t, 12, func(i int) (bool, error) {
				chance := rand.New(rand.NewPCG(uint64(round), uint64(i)))
				m := []*mess{one, &two}[i%2]
				for range 15 {
					if err := m.happen(context.Background(), chance); !foreseen(err) {
						return false, err
					}
				}
				return true, nil
			})
			s.wait(3 * time.Hour)
			s.run()
			if report := s.verify(); len(report.Differences) > 0 {
				t.Fatalf("round %d: %v", round, report.Differences)
			}
		}
	})
}
