package engine_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
)

const loyal = `
account: Acme
site: https://shop.example.com
currencies: [{code: Points}]
loyalty: {auto_opt_in: false}
earning:
  - {name: Welcome, on: sign_up, amount: 40, currency: Points}
  - {name: Order, on: purchase, amount: 5, currency: Points}
campaigns:
  - name: First
    status: launched
    rewards:
      - {name: Hello, to: customer, on: purchase, repeat: true, value: {type: ledger, amount: 1, unit: USD}}
`

// member is a customer as the merchant reads one.
func (s *stage) member(customer string) *engine.Member {
	s.t.Helper()
	m, err := s.core.Customer(context.Background(), s.account, customer)
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

// says tells whether a customer takes part in loyalty.
func (s *stage) says(customer, email string, status model.LoyaltyStatus) {
	s.t.Helper()
	who := server(customer, email)
	who.Loyalty = status
	if _, err := s.core.SaveCustomer(context.Background(), s.account, engine.Customer{Who: who}); err != nil {
		s.t.Fatal(err)
	}
}

// Earning rules pay who is in at the moment of the event, a ledger reward of a
// campaign pays anybody, and what could not be earned once is not lost.
func TestEarningNeedsTheStatusOfItsMoment(t *testing.T) {
	onBoth(t, loyal, func(t *testing.T, s *stage) {
		s.signUp(server("c-1", "c-1@example.com"), "")
		step := 0
		for _, tt := range []struct {
			status        model.LoyaltyStatus
			points, money money.Amount // after one more purchase
		}{
			{"", -1, 1}, {model.LoyaltyIn, 5, 2}, {"", 10, 3}, {model.LoyaltyOut, 10, 4}, {model.LoyaltyBlocked, 10, 5}, {model.LoyaltyIn, 15, 6},
		} {
			s.says("c-1", "c-1@example.com", tt.status)
			step++
			s.buy("o-"+string(rune('0'+step)), "c-1", "", "1")
			want := tt.points
			if want > 0 {
				want *= money.Unit
			}
			if got := s.balance("c-1", "Points"); got != want {
				t.Errorf("step %d, %q: %v points, want %v", step, tt.status, got, want)
			}
			if got := s.balance("c-1", "USD"); got != tt.money*money.Unit {
				t.Errorf("step %d, %q: %v USD, want %v", step, tt.status, got, tt.money)
			}
		}
		for range 2 {
			s.signUp(server("c-1", "c-1@example.com"), "")
		}
		if got := s.balance("c-1", "Points"); got != 55*money.Unit {
			t.Errorf("after signing up again, in: %v, want 55", got)
		}
		// The sign-up that says so counts itself.
		who := server("c-2", "c-2@example.com")
		who.Loyalty = model.LoyaltyIn
		s.signUp(who, "")
		if got := s.balance("c-2", "Points"); got != 40*money.Unit {
			t.Errorf("a sign-up that opts in: %v, want 40", got)
		}
	})
}

func TestLoyaltyIsLoggedAndKept(t *testing.T) {
	onBoth(t, loyal, func(t *testing.T, s *stage) {
		who := server("c-1", "Ann@example.com")
		who.FirstName, who.LastName = "Ann", "Ames"
		s.signUp(who, "")
		want := &engine.Member{CustomerID: "c-1", Email: "Ann@example.com", Name: "Ann Ames", Loyalty: engine.Loyalty{Status: model.LoyaltyOut}}
		if diff := cmp.Diff(want, s.member("c-1")); diff != "" {
			t.Error(diff)
		}
		s.apply(strings.Replace(loyal, "false", "true", 1))
		// By default they are in, though nothing has happened to them yet.
		want.Loyalty = engine.Loyalty{Status: model.LoyaltyIn, EverIn: true}
		if diff := cmp.Diff(want, s.member("c-1")); diff != "" {
			t.Error(diff)
		}
		var log []engine.LoyaltyAction
		act := func(said, becomes model.LoyaltyStatus, auto bool) {
			s.wait(time.Hour)
			s.says("c-1", "ann@example.com", said)
			s.says("c-1", "ann@example.com", said) // says nothing new
			log = append(log, engine.LoyaltyAction{Status: becomes, Auto: auto, At: s.clock()})
		}
		act("", model.LoyaltyIn, true)
		act(model.LoyaltyOut, model.LoyaltyOut, false)
		act(model.LoyaltyIn, model.LoyaltyIn, false)
		since := s.clock()
		act(model.LoyaltyBlocked, model.LoyaltyBlocked, false)
		want.Loyalty = engine.Loyalty{Status: model.LoyaltyBlocked, Log: log, EverIn: true, InSince: since}
		if diff := cmp.Diff(want, s.member("c-1")); diff != "" {
			t.Error(diff)
		}
		// The default opts nobody out.
		s.says("c-2", "c-2@example.com", "")
		s.apply(loyal)
		if got := s.member("c-2").Loyalty; got.Status != model.LoyaltyIn || len(got.Log) != 1 || !got.Log[0].Auto {
			t.Errorf("after the default is gone: %+v", got)
		}
		_, err := s.core.Customer(t.Context(), s.account, "nobody")
		fails(t, err, model.NotFound, model.PersonUnknown)
		who.Loyalty = "perhaps"
		_, err = s.core.SaveCustomer(t.Context(), s.account, engine.Customer{Who: who})
		fails(t, err, model.Invalid, "")
	})
}

// Who was blocked or had left, as either of two who are one, stays so, unless
// the call that finds them to be one says otherwise.
func TestMergeKeepsTheStricterStatus(t *testing.T) {
	onBoth(t, loyal, func(t *testing.T, s *stage) {
		for i, tt := range []struct{ kept, gone, said, want model.LoyaltyStatus }{
			{"", "", "", model.LoyaltyOut},
			{"", model.LoyaltyIn, "", model.LoyaltyIn},
			{model.LoyaltyIn, model.LoyaltyOut, "", model.LoyaltyOut},
			{model.LoyaltyOut, model.LoyaltyIn, "", model.LoyaltyOut},
			{model.LoyaltyIn, model.LoyaltyBlocked, "", model.LoyaltyBlocked},
			{model.LoyaltyIn, model.LoyaltyBlocked, model.LoyaltyIn, model.LoyaltyIn},
		} {
			customer := "c-" + string(rune('a'+i))
			s.says(customer, "", tt.kept)
			s.wait(time.Second)
			s.says("", customer+"@example.com", tt.gone)
			s.wait(time.Second)
			who := server(customer, customer+"@example.com")
			who.Loyalty = tt.said
			s.purchase(engine.Purchase{Who: who, OrderID: customer, Amount: money.Unit, Currency: "USD"})
			got := s.member(customer).Loyalty
			if got.Status != tt.want {
				t.Errorf("%+v: %s", tt, got.Status)
			}
			for at, said := range []model.LoyaltyStatus{tt.kept, tt.gone, tt.said} {
				if said != "" && !slices.ContainsFunc(got.Log, func(a engine.LoyaltyAction) bool { return a.Status == said }) {
					t.Errorf("%+v: the log %+v lacks action %d", tt, got.Log, at)
				}
			}
			earned := money.Amount(-1)
			if tt.want == model.LoyaltyIn {
				earned = 5 * money.Unit
			}
			if points := s.balance(customer, "Points"); points != earned {
				t.Errorf("%+v: %v points, want %v", tt, points, earned)
			}
		}
	})
}
