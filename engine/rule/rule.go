// Package rule judges whether an event earns a reward. It is pure: it knows
// what it is told, and verify asks it again, years later, with the answers
// that were recorded.
package rule

import (
	"slices"
	"strings"

	"grapevine/model"
	"grapevine/money"
)

// Happening is an event as the rules see it.
type Happening struct {
	Kind model.EventKind
	Name string   // of a custom event
	Page string   // path of the page reached, with its query
	SKUs []string // in the order
}

// Concerns reports whether the rule asks for an event like this one: its
// kind, name, page and one of its SKUs. Where it does not, the event leaves no
// trace of the rule.
func Concerns(r *model.Rule, h Happening) bool {
	if !raises(r.On, h) {
		return false
	}
	return len(r.When.SKUs) == 0 || slices.ContainsFunc(r.When.SKUs, func(sku string) bool {
		return slices.Contains(h.SKUs, sku)
	})
}

func raises(on string, h Happening) bool {
	switch h.Kind {
	case model.Custom:
		// A custom event raises its name, and may stand for a purchase. What
		// happens once per person and campaign has calls of its own.
		return on == h.Name && !once(on)
	case model.PageReached:
		return strings.HasPrefix(on, "/") && reached(on, h.Page)
	}
	return on == string(h.Kind)
}

func once(on string) bool {
	switch model.EventKind(on) {
	case model.SignUp, model.EmailCapture, model.Invited, model.Qualified:
		return true
	}
	return false
}

// reached compares a page exactly, or by what stands before a final "*".
func reached(on, page string) bool {
	if part, ok := strings.CutSuffix(on, "*"); ok {
		return strings.Contains(page, part)
	}
	path, _, _ := strings.Cut(page, "?")
	return on == page || on == path
}

// Applies reports whether a rule rewards somebody in a role.
func Applies(r *model.Rule, role model.Role) bool {
	switch role {
	case model.AsAdvocate:
		return r.To == model.ToAdvocate || r.To == model.ToBoth
	case model.AsFriend:
		return r.To == model.ToFriend || r.To == model.ToBoth
	case model.AsCustomer:
		return r.To == model.ToCustomer
	}
	return false
}

// Case is what a rule is judged on: the event, and how far the recipient has
// come.
type Case struct {
	Role            model.Role
	Fraud           string // the reason of a fraud check that failed; "" is none
	Amount          money.Amount
	Currency        string
	AccountCurrency string
	NewCustomer     bool

	Friends int64 // referrals of the recipient that count already; of a customer, own events
	Number  int64 // this friend counts already, as that one; 0: does not
	Places  int64 // rewards of the recipient that count for limit, after and repeat
}

// Reasons of a verdict.
const (
	SelfReferral     = "self_referral"
	AllowanceSpent   = "reward_allowance_spent"
	BelowTier        = "below_tier"
	BelowMinimum     = "below_minimum"
	CurrencyDiffers  = "currency_differs"
	ExistingCustomer = "existing_customer"
)

// Verdict is what becomes of a case.
type Verdict struct {
	Row    bool              // false: it leaves no reward at all
	State  model.RewardState // Earned where every check passed, else Rejected or NotEligible
	Reason string
	Counts bool  // the friend, or the customer's event, counts from now on
	Number int64 // which friend of the advocate this is
}

// Judge decides one case of one rule. The checks come in the order fraud,
// tier, rules; the first that fails gives the reason. A friend counts towards
// the tier when fraud checks and rules pass, whatever the tier says.
func Judge(r *model.Rule, c Case) Verdict {
	v := Verdict{Row: true, Number: c.Number}
	broken := broken(r, c)
	if v.Number == 0 {
		v.Number = c.Friends + 1
		v.Counts = c.Fraud == "" && broken == ""
	}
	if !r.Repeat && c.Places > 0 {
		v.Row = false
		return v
	}
	switch {
	case c.Fraud != "":
		v.State, v.Reason = model.Rejected, c.Fraud
	case r.Limit > 0 && c.Places >= r.Limit:
		v.State, v.Reason = model.Rejected, AllowanceSpent
	case !reachesTier(r, c, v.Number):
		v.State, v.Reason = model.NotEligible, BelowTier
	case broken != "":
		v.State, v.Reason = model.NotEligible, broken
	default:
		v.State = model.Earned
	}
	return v
}

// reachesTier reports whether so many friends earn one more reward. A friend
// is rewarded for what they do, whichever friend they are.
func reachesTier(r *model.Rule, c Case, number int64) bool {
	after := max(r.After, 1)
	if c.Role == model.AsFriend || (after == 1 && r.Repeat) {
		return true
	}
	return c.Places < Entitled(r, max(c.Friends, number))
}

// Entitled is how many rewards so many referrals earn.
func Entitled(r *model.Rule, friends int64) int64 {
	earned := friends / max(r.After, 1)
	if !r.Repeat {
		return min(earned, 1)
	}
	return earned
}

// broken is the condition of the rule that the event does not meet.
func broken(r *model.Rule, c Case) string {
	switch {
	case r.When.MinAmount > 0 && c.Currency != "" && c.Currency != c.AccountCurrency:
		return CurrencyDiffers
	case r.When.MinAmount > 0 && c.Amount < r.When.MinAmount:
		return BelowMinimum
	case r.When.NewCustomer && !c.NewCustomer:
		return ExistingCustomer
	}
	return ""
}
