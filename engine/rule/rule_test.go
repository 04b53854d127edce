package rule

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"grapevine/model"
	"grapevine/money"
)

func TestConcerns(t *testing.T) {
	for _, tt := range []struct {
		claim string
		rule  model.Rule
		event Happening
		want  bool
	}{
		{"a purchase meets purchase", model.Rule{On: "purchase"}, Happening{Kind: model.Purchase}, true},
		{"a purchase does not meet sign_up", model.Rule{On: "sign_up"}, Happening{Kind: model.Purchase}, false},
		{"a purchase does not qualify", model.Rule{On: "qualified"}, Happening{Kind: model.Purchase}, false},
		{"a custom event meets its name", model.Rule{On: "demo_call"}, Happening{Kind: model.Custom, Name: "demo_call"}, true},
		{"a custom event named purchase meets purchase", model.Rule{On: "purchase"}, Happening{Kind: model.Custom, Name: "purchase"}, true},
		{"a custom event named sign_up is no sign-up", model.Rule{On: "sign_up"}, Happening{Kind: model.Custom, Name: "sign_up"}, false},
		{"a page meets its path", model.Rule{On: "/thanks"}, Happening{Kind: model.PageReached, Page: "/thanks"}, true},
		{"a page meets its path whatever the query", model.Rule{On: "/thanks"}, Happening{Kind: model.PageReached, Page: "/thanks?o=1"}, true},
		{"a page does not meet a longer one", model.Rule{On: "/thanks"}, Happening{Kind: model.PageReached, Page: "/thanks/again"}, false},
		{"a page with a star meets a part", model.Rule{On: "/thanks*"}, Happening{Kind: model.PageReached, Page: "/shop/thanks/again"}, true},
		{"one SKU is enough", model.Rule{On: "purchase", When: model.Condition{SKUs: []string{"A", "B"}}}, Happening{Kind: model.Purchase, SKUs: []string{"X", "B"}}, true},
		{"another SKU is another event", model.Rule{On: "purchase", When: model.Condition{SKUs: []string{"A"}}}, Happening{Kind: model.Purchase, SKUs: []string{"X"}}, false},
	} {
		if got := Concerns(&tt.rule, tt.event); got != tt.want {
			t.Errorf("%s: %v", tt.claim, got)
		}
	}
}

func TestJudge(t *testing.T) {
	earned := func(number int64, counts bool) Verdict {
		return Verdict{Row: true, State: model.Earned, Number: number, Counts: counts}
	}
	refused := func(state model.RewardState, reason string, number int64, counts bool) Verdict {
		return Verdict{Row: true, State: state, Reason: reason, Number: number, Counts: counts}
	}
	for _, tt := range []struct {
		claim string
		rule  model.Rule
		on    Case
		want  Verdict
	}{
		{"the first friend earns", model.Rule{}, Case{Role: model.AsAdvocate}, earned(1, true)},
		{"once is once per advocate, and the friend counts all the same", model.Rule{}, Case{Role: model.AsAdvocate, Friends: 1, Places: 1}, Verdict{Number: 2, Counts: true}},
		{"repeat earns for every friend", model.Rule{Repeat: true}, Case{Role: model.AsAdvocate, Friends: 6, Places: 6}, earned(7, true)},
		{"repeat earns for each event of one friend", model.Rule{Repeat: true}, Case{Role: model.AsAdvocate, Friends: 1, Number: 1, Places: 1}, earned(1, false)},
		{"below the tier", model.Rule{After: 3}, Case{Role: model.AsAdvocate, Friends: 1}, refused(model.NotEligible, BelowTier, 2, true)},
		{"the third referral reaches after 3", model.Rule{After: 3}, Case{Role: model.AsAdvocate, Friends: 2}, earned(3, true)},
		{"one friend twice is one referral", model.Rule{After: 2}, Case{Role: model.AsAdvocate, Friends: 1, Number: 1}, refused(model.NotEligible, BelowTier, 1, false)},
		{"every second referral earns again", model.Rule{After: 2, Repeat: true}, Case{Role: model.AsAdvocate, Friends: 3, Places: 1}, earned(4, true)},
		{"a third referral of every second waits", model.Rule{After: 2, Repeat: true}, Case{Role: model.AsAdvocate, Friends: 2, Places: 1}, refused(model.NotEligible, BelowTier, 3, true)},
		{"after never delays a friend", model.Rule{After: 5}, Case{Role: model.AsFriend}, earned(1, true)},
		{"once is once per friend", model.Rule{}, Case{Role: model.AsFriend, Places: 1}, Verdict{Number: 1, Counts: true}},
		{"the limit is reached", model.Rule{Repeat: true, Limit: 2}, Case{Role: model.AsAdvocate, Friends: 2, Places: 2}, refused(model.Rejected, AllowanceSpent, 3, true)},
		{"fraud comes first and does not count", model.Rule{After: 2, When: model.Condition{MinAmount: money.Unit}}, Case{Role: model.AsAdvocate, Fraud: SelfReferral}, refused(model.Rejected, SelfReferral, 1, false)},
		{"the minimum is inclusive", model.Rule{When: model.Condition{MinAmount: money.Unit}}, Case{Role: model.AsAdvocate, Amount: money.Unit, Currency: "USD", AccountCurrency: "USD"}, earned(1, true)},
		{"below the minimum", model.Rule{When: model.Condition{MinAmount: money.Unit}}, Case{Role: model.AsAdvocate, Amount: money.Unit - 1, Currency: "USD", AccountCurrency: "USD"}, refused(model.NotEligible, BelowMinimum, 1, false)},
		{"another currency than the account's", model.Rule{When: model.Condition{MinAmount: money.Unit}}, Case{Role: model.AsAdvocate, Amount: 9 * money.Unit, Currency: "EUR", AccountCurrency: "USD"}, refused(model.NotEligible, CurrencyDiffers, 1, false)},
		{"any currency where no minimum is set", model.Rule{}, Case{Role: model.AsAdvocate, Amount: 9 * money.Unit, Currency: "EUR", AccountCurrency: "USD"}, earned(1, true)},
		{"no amount is below a minimum", model.Rule{When: model.Condition{MinAmount: money.Unit}}, Case{Role: model.AsAdvocate, AccountCurrency: "USD"}, refused(model.NotEligible, BelowMinimum, 1, false)},
		{"an existing customer", model.Rule{When: model.Condition{NewCustomer: true}}, Case{Role: model.AsFriend}, refused(model.NotEligible, ExistingCustomer, 1, false)},
		{"a new customer", model.Rule{When: model.Condition{NewCustomer: true}}, Case{Role: model.AsFriend, NewCustomer: true}, earned(1, true)},
		{"the tier is asked before the rules", model.Rule{After: 2, When: model.Condition{NewCustomer: true}}, Case{Role: model.AsAdvocate}, refused(model.NotEligible, BelowTier, 1, false)},
		{"a customer's own second event", model.Rule{After: 2}, Case{Role: model.AsCustomer, Friends: 1}, earned(2, true)},
	} {
		if diff := cmp.Diff(tt.want, Judge(&tt.rule, tt.on)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.claim, diff)
		}
	}
}

func TestApplies(t *testing.T) {
	for _, tt := range []struct {
		to   model.Recipient
		role model.Role
		want bool
	}{
		{model.ToAdvocate, model.AsAdvocate, true}, {model.ToAdvocate, model.AsFriend, false},
		{model.ToBoth, model.AsAdvocate, true}, {model.ToBoth, model.AsFriend, true}, {model.ToBoth, model.AsCustomer, false},
		{model.ToCustomer, model.AsCustomer, true}, {model.ToCustomer, model.AsFriend, false},
	} {
		if got := Applies(&model.Rule{To: tt.to}, tt.role); got != tt.want {
			t.Errorf("to %s as %s = %v", tt.to, tt.role, got)
		}
	}
}
