// Package fraud tells whether a friend looks like the advocate who referred
// them, and whether somebody takes no part at all. It is pure: it knows what
// was read of both, and neither where that is kept nor what becomes of a
// suspicion.
package fraud

import (
	"net/netip"
	"slices"
	"strings"

	"grapevine/model"
)

// Reasons of a suspicion, strongest first: the first that holds is the one a
// reward is rejected for.
const (
	BlockedPerson  = "blocked_person"
	BlockedDomain  = "blocked_email_domain"
	BlockedEmail   = "blocked_email"
	BlockedIP      = "blocked_ip"
	SameCustomerID = "same_customer_id"
	SameEmail      = "same_email"
	SimilarEmail   = "similar_email"
	SameCookie     = "same_cookie"
	SameIPAndAgent = "same_ip_and_agent"
	SameIP         = "same_ip"
)

// Party is one side of a referral, as far as it is known.
type Party struct {
	Emails      []string // folded; all that the person is known by, or was named by
	CustomerIDs []string
	IP          string // last sent of an advocate; of a friend the one that came with the event
	Agent       string // likewise
}

// Checks are what an account looks for.
type Checks struct {
	model.FraudChecks
	Blocks *Blocks // may be nil
}

// Suspects tells what makes a referral of the friend by the advocate suspect;
// sameCookie reports whether a browser was known as both. Two who are one
// person are a self-referral, which is no matter of likeness.
func (c Checks) Suspects(friend, advocate Party, sameCookie bool) []model.Signal {
	signals := append(c.Blocked(friend), c.Blocked(advocate)...)
	if c.SameCustomerID && overlap(friend.CustomerIDs, advocate.CustomerIDs, foldID) {
		signals = append(signals, model.Signal{Reason: SameCustomerID})
	}
	same := overlap(friend.Emails, advocate.Emails, model.FoldEmail)
	if c.SameEmail && same {
		signals = append(signals, model.Signal{Reason: SameEmail})
	}
	if c.SimilarEmail > 0 && !same {
		if score := likeness(friend.Emails, advocate.Emails); score >= c.SimilarEmail {
			signals = append(signals, model.Signal{Reason: SimilarEmail, Score: score})
		}
	}
	if c.SameCookie && sameCookie {
		signals = append(signals, model.Signal{Reason: SameCookie})
	}
	if ip := FoldIP(friend.IP); ip != "" && ip == FoldIP(advocate.IP) {
		if c.SameIPAndAgent && friend.Agent != "" && friend.Agent == advocate.Agent {
			signals = append(signals, model.Signal{Reason: SameIPAndAgent})
		}
		if c.SameIP {
			signals = append(signals, model.Signal{Reason: SameIP})
		}
	}
	slices.SortStableFunc(signals, func(a, b model.Signal) int { return rank(a.Reason) - rank(b.Reason) })
	return slices.Compact(signals)
}

// Blocked tells why somebody takes no part, nothing where they may.
func (c Checks) Blocked(p Party) []model.Signal {
	if c.Blocks == nil {
		return nil
	}
	var signals []model.Signal
	add := func(reason string) {
		if s := (model.Signal{Reason: reason}); reason != "" && !slices.Contains(signals, s) {
			signals = append(signals, s)
		}
	}
	for _, email := range p.Emails {
		add(c.Blocks.email(email))
	}
	if c.Blocks.ip(p.IP) {
		add(BlockedIP)
	}
	slices.SortFunc(signals, func(a, b model.Signal) int { return rank(a.Reason) - rank(b.Reason) })
	return signals
}

var ranks = []string{
	BlockedPerson, BlockedDomain, BlockedEmail, BlockedIP, SameCustomerID, SameEmail, SimilarEmail, SameCookie, SameIPAndAgent, SameIP,
}

func rank(reason string) int { return slices.Index(ranks, reason) }

// NeedsNames reports whether a referral is judged by what both are called.
func (c Checks) NeedsNames() bool {
	return c.SameCustomerID || c.SameEmail || c.SimilarEmail > 0 || c.BlocksEmails()
}

// NeedsAddresses reports whether it is judged by where both were, a friend
// having come from somewhere or not.
func (c Checks) NeedsAddresses(ip string) bool {
	return ip != "" && (c.SameIPAndAgent || c.SameIP) || c.BlocksIPs()
}

// BlocksEmails reports whether any address is blocked.
func (c Checks) BlocksEmails() bool { return c.Blocks != nil && len(c.Blocks.emails) > 0 }

// BlocksIPs reports whether any network is blocked.
func (c Checks) BlocksIPs() bool { return c.Blocks != nil && c.Blocks.anyIP() }

func overlap(a, b []string, fold func(string) string) bool {
	return slices.ContainsFunc(a, func(one string) bool {
		one = fold(one)
		return one != "" && slices.ContainsFunc(b, func(other string) bool { return fold(other) == one })
	})
}

// foldID takes two ids for one that differ only as people type them: exactly
// equal ones are one person's.
func foldID(id string) string { return strings.ToLower(strings.TrimSpace(id)) }

// FoldIP is the form in which network addresses are compared; "" for what is
// none.
func FoldIP(text string) string {
	address, err := netip.ParseAddr(text)
	if err != nil {
		return ""
	}
	return address.Unmap().WithZone("").String()
}
