package engine_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

const adjusting = `
account: Acme
site: https://shop.example.com
currencies: [{code: Points, cap: 500, expires_after: 100h}, {code: Stars}]
campaigns:
  - {name: First, status: launched, rewards: [{name: Points, to: customer, on: trial, repeat: true, value: {type: ledger, amount: 7, unit: Points}}]}
`

// adding and taking are adjustments of a customer's points.
func adding(customer string, units money.Amount) engine.Adjustment {
	return engine.Adjustment{CustomerID: customer, Currency: "Points", Add: true, Value: units * money.Unit}
}

func taking(customer string, units money.Amount) engine.Adjustment {
	return engine.Adjustment{CustomerID: customer, Currency: "Points", Value: units * money.Unit}
}

func (s *stage) adjusted(a engine.Adjustment) (*engine.Adjusted, error) {
	return s.core.AdjustLedger(context.Background(), s.account, a)
}

func TestAdjustmentAnswersWhatItCameTo(t *testing.T) {
	onBoth(t, adjusting, func(t *testing.T, s *stage) {
		s.know("c-1", "")
		limit := 500 * money.Unit
		add := adding("c-1", 300)
		add.Note = "sorry"
		first, err := s.adjusted(add)
		if err != nil {
			t.Fatal(err)
		}
		expires := noon.Add(100 * time.Hour)
		want := &engine.Adjusted{
			Currency: "Points", Value: 300 * money.Unit, Total: 300 * money.Unit, Cap: &limit, Note: "sorry", At: noon, ExpiresAt: expires, Created: true,
			Credits: []model.Credit{{
				ID: first.Credits[0].ID, Holder: store.PersonHolder(s.personOf("c-1")), Currency: "Points",
				Amount: 300 * money.Unit, Remaining: 300 * money.Unit, ExpiresAt: expires, EarnedAt: noon,
			}},
		}
		if diff := cmp.Diff(want, first); diff != "" {
			t.Error(diff)
		}
		sooner := adding("c-1", 250)
		sooner.ExpiresAt = noon.Add(time.Hour)
		second, err := s.adjusted(sooner)
		if err != nil || second.Value != 200*money.Unit || second.Total != limit || !second.ExpiresAt.Equal(sooner.ExpiresAt) || second.Created {
			t.Errorf("cut to the cap: %+v, %v", second, err)
		}
		full, err := s.adjusted(adding("c-1", 1))
		if err != nil || full.Value != 0 || full.Total != limit || len(full.Credits) != 0 {
			t.Errorf("at the cap: %+v, %v", full, err)
		}
		// What expires first is spent first: all 200 of the second, 50 of the first.
		spent, err := s.adjusted(taking("c-1", 250))
		if err != nil || spent.Value != 250*money.Unit || spent.Total != 250*money.Unit || len(spent.Credits) != 2 ||
			spent.Credits[0].Remaining != 0 || spent.Credits[0].Ended != model.CreditRedeemed || spent.Credits[1].Remaining != 250*money.Unit || !spent.ExpiresAt.Equal(expires) {
			t.Errorf("spent: %+v, %v", spent, err)
		}
		stars := engine.Adjustment{CustomerID: "c-1", Currency: "Stars", Add: true, Value: 1}
		if got, err := s.adjusted(stars); err != nil || got.Cap != nil || !got.ExpiresAt.IsZero() || got.Created {
			t.Errorf("a currency without cap and expiry: %+v, %v", got, err)
		}
	})
}

func TestRefusedAdjustmentLeavesNothing(t *testing.T) {
	onBoth(t, adjusting, func(t *testing.T, s *stage) {
		s.know("c-1", "")
		custom := taking("wallet", 1)
		custom.Custom = true
		for _, tt := range []struct {
			a      engine.Adjustment
			kind   model.Kind
			reason model.Reason
		}{
			{taking("c-1", 1), model.Conflict, model.BalanceShort},
			{custom, model.Conflict, model.BalanceShort},
			{adding("c-1", 0), model.Invalid, ""},
			{adding("c-1", -1), model.Invalid, ""},
			{adding("nobody", 1), model.Invalid, model.PersonUnknown},
			{engine.Adjustment{CustomerID: "c-1", Currency: "points", Add: true, Value: 1}, model.Invalid, model.CurrencyUnknown},
		} {
			_, err := s.adjusted(tt.a)
			fails(t, err, tt.kind, tt.reason)
		}
		if n := s.rows("ledger"); n != 0 {
			t.Errorf("%d ledgers are left behind", n)
		}
		custom.Add = true
		for _, created := range []bool{true, false} {
			if got, err := s.adjusted(custom); err != nil || got.Created != created {
				t.Errorf("a ledger of its own: %+v, %v; want created %v", got, err, created)
			}
		}
		stars := custom
		stars.Currency = "Stars"
		if got, err := s.adjusted(stars); err != nil || got.Created {
			t.Errorf("its second currency: %+v, %v; want not created", got, err)
		}
		most := adding("c-1", 0)
		most.Currency, most.Value = "Stars", money.Max
		if _, err := s.adjusted(most); err != nil {
			t.Fatal(err)
		}
		_, err := s.adjusted(most)
		fails(t, err, model.Invalid, "")
		if got := s.balance("c-1", "Stars"); got != money.Max {
			t.Errorf("balance is %v", got)
		}
	})
}

func TestCustomLedgersAndCustomersNeverMeet(t *testing.T) {
	onBoth(t, adjusting, func(t *testing.T, s *stage) {
		s.know("x", "")
		custom := adding("x", 3)
		custom.Custom = true
		if _, err := s.adjusted(custom); err != nil {
			t.Fatal(err)
		}
		if got := s.balance("x", "Points"); got != -1 {
			t.Errorf("the customer has %v of the ledger that has their name", got)
		}
		if _, err := s.adjusted(adding("x", 4)); err != nil {
			t.Fatal(err)
		}
		custom.Add, custom.Value = false, 3*money.Unit
		if got, err := s.adjusted(custom); err != nil || got.Total != 0 {
			t.Errorf("the ledger of its own: %+v, %v", got, err)
		}
		if got := s.balance("x", "Points"); got != 4*money.Unit {
			t.Errorf("the customer has %v, want 4", got)
		}
	})
}

func TestCreditEndsAtItsMoment(t *testing.T) {
	onBoth(t, adjusting, func(t *testing.T, s *stage) {
		s.know("c-1", "")
		for _, units := range []money.Amount{10, 20} {
			if _, err := s.adjusted(adding("c-1", units)); err != nil {
				t.Fatal(err)
			}
			s.wait(time.Hour)
		}
		custom := adding("wallet", 5)
		custom.Custom = true
		if _, err := s.adjusted(custom); err != nil {
			t.Fatal(err)
		}
		s.wait(98*time.Hour - time.Millisecond)
		if _, err := s.adjusted(taking("c-1", 1)); err != nil { // of the first
			t.Fatal(err)
		}
		s.wait(time.Millisecond)
		// The job has not run yet: an adjustment posts what is due before anything else.
		_, err := s.adjusted(taking("c-1", 21))
		fails(t, err, model.Conflict, model.BalanceShort)
		if got, err := s.adjusted(taking("c-1", 1)); err != nil || got.Total != 19*money.Unit {
			t.Errorf("after the first credit is over: %+v, %v", got, err)
		}
		s.wait(time.Hour)
		s.run()
		if got := s.balance("c-1", "Points"); got != 0 {
			t.Errorf("the job leaves %v, want 0", got)
		}
		s.wait(time.Hour)
		s.run()
		custom.Add = false
		_, err = s.adjusted(custom)
		fails(t, err, model.Conflict, model.BalanceShort)
		if got := s.entries("expire"); !slices.Equal(got, []int64{-50000, -90000, -190000}) {
			t.Errorf("posted %v", got)
		}
	})
}

// What expires before it begins is booked, and over at once.
func TestCreditThatIsOverIsNeverSpent(t *testing.T) {
	onBoth(t, adjusting, func(t *testing.T, s *stage) {
		s.know("c-1", "")
		if _, err := s.adjusted(adding("c-1", 10)); err != nil {
			t.Fatal(err)
		}
		past := adding("c-1", 5)
		past.ExpiresAt = noon.Add(-time.Hour)
		got, err := s.adjusted(past)
		if err != nil || got.Value != 5*money.Unit || got.Total != 10*money.Unit || len(got.Credits) != 1 || got.Credits[0].Ended != model.CreditExpired || !got.ExpiresAt.Equal(noon.Add(100*time.Hour)) {
			t.Errorf("%+v, %v", got, err)
		}
		_, err = s.adjusted(taking("c-1", 11))
		fails(t, err, model.Conflict, model.BalanceShort)
	})
}

// Whatever is added and removed at once, on two nodes: each answer is right in
// its turn, nothing goes below zero or over the cap, and the sum is what the
// answers say. Rewards post to the same ledger meanwhile.
func TestLedgerIsExactUnderLoad(t *testing.T) {
	onBoth(t, adjusting, func(t *testing.T, s *stage) {
		s.know("c-1", "")
		nodes := []*engine.Engine{s.core, s.node(2)}
		var added, removed, refused, rewarded atomic.Int64
		parallel(t, 64, func(i int) (bool, error) {
			for k := range 4 {
				ctx := context.Background()
				core := nodes[i%2]
				if (i+k)%8 == 0 {
					_, err := core.RecordCustom(ctx, s.account, engine.CustomEvent{Who: server("c-1", ""), Name: "trial", DeduplicationID: fmt.Sprint(i, k)})
					if err != nil {
						return false, err
					}
					rewarded.Add(1)
					continue
				}
				a := adding("c-1", money.Amount(40+i%9))
				a.Add = (i+k)%2 == 0
				got, err := core.AdjustLedger(ctx, s.account, a)
				switch {
				case model.ReasonOf(err) == model.BalanceShort:
					refused.Add(1)
				case err != nil:
					return false, err
				case got.Total < 0 || got.Total > 500*money.Unit:
					t.Errorf("a total of %v", got.Total)
				case a.Add:
					added.Add(int64(got.Value))
				default:
					removed.Add(int64(got.Value))
				}
			}
			return true, nil
		})
		var rewards int64
		for _, w := range s.rewardsFor("c-1") {
			posted := w.Amount
			if w.Why.Promised != 0 {
				posted = w.Why.Posted
			}
			rewards += int64(posted)
		}
		if n := s.rows("reward"); n != rewarded.Load() {
			t.Errorf("%d rewards of %d events", n, rewarded.Load())
		}
		if got := s.balance("c-1", "Points"); int64(got) != added.Load()+rewards-removed.Load() {
			t.Errorf("balance is %v, the answers say %d", got, added.Load()+rewards-removed.Load())
		}
		if n := s.rows("ledger_entry"); n != 64*4-refused.Load() {
			t.Errorf("%d entries, %d adjustments were refused", n, refused.Load())
		}
	})
}

// rows counts the account's rows of a table.
func (s *stage) rows(table string) (n int64) {
	s.t.Helper()
	s.ask(`SELECT COUNT(*) FROM `+table+` WHERE account_id = $1`, func(r store.Row) error { return r.Scan(&n) })
	return n
}

// entries lists the amounts of ledger entries of a kind, the smallest change
// first.
func (s *stage) entries(kind string) (amounts []int64) {
	s.t.Helper()
	s.ask(`SELECT amount FROM ledger_entry WHERE account_id = $1 AND kind = '`+kind+`'`, func(r store.Row) error {
		var amount int64
		err := r.Scan(&amount)
		amounts = append(amounts, amount)
		return err
	})
	slices.SortFunc(amounts, func(a, b int64) int { return int(b - a) })
	return amounts
}

func (s *stage) ask(sql string, row func(store.Row) error) {
	s.t.Helper()
	ctx := context.Background()
	err := s.store.Engine().View(ctx, func(conn store.Conn) error {
		return conn.Run(ctx, store.Statement{SQL: sql, Args: []any{int64(s.account)}, Row: row})
	})
	if err != nil {
		s.t.Fatal(err)
	}
}
