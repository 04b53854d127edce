package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
)

const reading = `
account: Acme
site: https://shop.example.com
currencies: [{code: Points, expires_after: 100h}, {code: Stars}]
loyalty: {auto_opt_in: true}
earning: [{name: A point a dollar, on: purchase, per_unit: 1, currency: Points}]
tiers:
  - {id: 0c7c2f4e-0000-4000-8000-000000000003, name: Gold, points: 100, currency: Points}
  - {id: 0c7c2f4e-0000-4000-8000-000000000002, name: Silver, points: 50, currency: Points}
redemptions: [{id: 662c3a74-9d72-4d80-a835-c9db624c92b1, name: $10 Coupon, cost: 50, currency: Points}]
campaigns:
  - {name: First, status: launched, rewards: [{name: Trial, to: customer, on: trial, repeat: true, value: {type: ledger, amount: 7, unit: Points}}]}
`

func (s *stage) balanceOf(of engine.LedgerOf) *engine.Balance {
	s.t.Helper()
	b, err := s.core.LedgerBalance(context.Background(), s.account, of)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// What is over is in no balance, though nothing has posted it yet; reading
// changes nothing.
func TestBalanceLeavesOutWhatIsDue(t *testing.T) {
	onBoth(t, reading, func(t *testing.T, s *stage) {
		s.know("c-1", "")
		of := engine.LedgerOf{CustomerID: "c-1", Currency: "Points"}
		_, err := s.core.LedgerBalance(t.Context(), s.account, of)
		fails(t, err, model.NotFound, model.LedgerUnknown)
		_, err = s.core.LedgerBalance(t.Context(), s.account, engine.LedgerOf{CustomerID: "c-1", Currency: "Cents"})
		fails(t, err, model.Invalid, model.CurrencyUnknown)
		s.adjust("c-1", "Points", -10, time.Time{})
		s.wait(time.Hour)
		s.adjust("c-1", "Points", -20, time.Time{})
		s.wait(time.Hour)
		s.adjust("c-1", "Points", -40, noon.Add(3*time.Hour))
		s.adjust("c-1", "Points", 45, time.Time{})
		tell := func(b *engine.Balance) string {
			var list []string
			for _, c := range b.Credits {
				list = append(list, fmt.Sprint(c.Remaining, "/", c.Amount, " ", c.Ended))
			}
			return fmt.Sprint(b.Total, ": ", strings.Join(list, ", "))
		}
		for _, tt := range []struct {
			wait    time.Duration
			want    string
			expires time.Time
		}{
			{0, "25: 5/10 , 20/20 , 0/40 redeemed", noon.Add(100 * time.Hour)},
			{98*time.Hour - time.Millisecond, "25: 5/10 , 20/20 , 0/40 redeemed", noon.Add(100 * time.Hour)},
			{time.Millisecond, "20: 20/20 , 5/10 expired, 0/40 redeemed", noon.Add(101 * time.Hour)},
			{time.Hour, "0: 20/20 expired, 5/10 expired, 0/40 redeemed", time.Time{}},
		} {
			s.wait(tt.wait)
			got := s.balanceOf(of)
			if tell(got) != tt.want || !got.ExpiresAt.Equal(tt.expires) || !got.CreatedAt.Equal(noon) {
				t.Errorf("%s, expires %v; want %s, %v", tell(got), got.ExpiresAt, tt.want, tt.expires)
			}
		}
		if n := s.rows("ledger_entry"); n != 4 {
			t.Errorf("reading left %d entries, want 4", n)
		}
		s.run()
		if got := tell(s.balanceOf(of)); got != "0: 0/40 redeemed, 0/20 expired, 0/10 expired" {
			t.Errorf("once it is posted: %s", got)
		}
	})
}

func TestEntriesSayWhatBroughtThem(t *testing.T) {
	onBoth(t, reading, func(t *testing.T, s *stage) {
		s.know("c-1", "")
		of := engine.LedgerOf{CustomerID: "c-1", Currency: "Points"}
		step := func(do func()) {
			s.wait(time.Second)
			do()
		}
		step(func() { s.buy("o-1", "c-1", "", "60") })
		s.apply(strings.NewReplacer("name: A point a dollar", "name: A dollar's point", "name: $10 Coupon", "name: Ten off").Replace(reading))
		step(func() { s.custom(engine.CustomEvent{Who: server("c-1", ""), Name: "trial"}) })
		step(func() {
			if _, err := s.redeem("c-1", tenDollars); err != nil {
				t.Fatal(err)
			}
		})
		step(func() { s.adjust("c-1", "Points", -3, time.Time{}) })
		step(func() {
			if _, err := s.core.RevokeReward(t.Context(), s.account, s.rewardsFor("c-1")[1].ID); err != nil {
				t.Fatal(err)
			}
		})
		read := func(after time.Time) (list []string) {
			err := s.core.LedgerEntries(t.Context(), s.account, of, after, func(e engine.LedgerEntry) error {
				list = append(list, strings.TrimSpace(fmt.Sprint(e.Kind, " ", e.Amount, " of ", e.Balance, " ", e.Role, " ", e.Source)))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		all := []string{"reverse -7 of 13 customer", "add 3 of 20", "redeem -50 of 17  Ten off", "add 7 of 67 customer", "add 60 of 60 earning A point a dollar"}
		for i := range all {
			if diff := cmp.Diff(all[:len(all)-i], read(noon.Add(time.Duration(i)*time.Second)), cmp.Transformer("", func(s string) string { return s })); diff != "" {
				t.Errorf("after %d seconds: %s", i, diff)
			}
		}
		if got := read(noon.Add(5 * time.Second)); len(got) != 0 {
			t.Errorf("after the last: %v", got)
		}
		err := s.core.LedgerEntries(t.Context(), s.account, engine.LedgerOf{CustomerID: "nobody", Currency: "Points"}, noon, nil)
		fails(t, err, model.NotFound, model.LedgerUnknown)
	})
}

// Every entry is told once, however many pages they are read in.
func TestEntriesAreReadInPages(t *testing.T) {
	onBoth(t, reading, func(t *testing.T, s *stage) {
		s.know("c-1", "")
		parallel(t, 64, func(i int) (bool, error) {
			for range 20 {
				if _, err := s.adjusted(adding("c-1", 1)); err != nil {
					return false, err
				}
			}
			return true, nil
		})
		var numbers []int64
		err := s.core.LedgerEntries(t.Context(), s.account, engine.LedgerOf{CustomerID: "c-1", Currency: "Points"}, time.Time{}, func(e engine.LedgerEntry) error {
			numbers = append(numbers, e.Number)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		want := make([]int64, 64*20)
		for i := range want {
			want[i] = int64(len(want) - i)
		}
		if !slices.Equal(numbers, want) {
			t.Errorf("%d entries, want 1280, 1279 …", len(numbers))
		}
	})
}

func TestTierFollowsTheBalance(t *testing.T) {
	onBoth(t, reading, func(t *testing.T, s *stage) {
		_, err := s.core.Membership(t.Context(), s.account, "c-1")
		fails(t, err, model.NotFound, model.PersonUnknown)
		s.know("c-1", "")
		check := func(name string, precedence int, points money.Amount) {
			t.Helper()
			m, err := s.core.Membership(t.Context(), s.account, "c-1")
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if m.Tier != nil {
				got = m.Tier.Name
			}
			if got != name || m.Precedence != precedence || m.Points != points || m.Currency != "Points" {
				t.Errorf("%+v, want %s", m, name)
			}
		}
		check("", 0, 0)
		for _, tt := range []struct {
			add        money.Amount
			name       string
			precedence int
		}{{49, "", 0}, {1, "Silver", 1}, {49, "Silver", 1}, {1, "Gold", 2}, {-1, "Silver", 1}} {
			s.adjust("c-1", "Points", -tt.add, time.Time{})
			check(tt.name, tt.precedence, s.balance("c-1", "Points"))
		}
		s.wait(100 * time.Hour) // all is over, and nothing posted
		check("", 0, 0)
		for _, status := range []model.LoyaltyStatus{model.LoyaltyOut, model.LoyaltyBlocked} {
			s.says("c-1", "", status)
			_, err := s.core.Membership(t.Context(), s.account, "c-1")
			fails(t, err, model.Denied, model.NotInLoyalty)
		}
		s.apply("account: Acme\ncurrencies: [{code: Points}]\nloyalty: {auto_opt_in: true}\n")
		s.says("c-1", "", model.LoyaltyIn)
		if m, err := s.core.Membership(t.Context(), s.account, "c-1"); err != nil || m.Tier != nil || m.Currency != "" {
			t.Errorf("without tiers: %+v, %v", m, err)
		}
	})
}
