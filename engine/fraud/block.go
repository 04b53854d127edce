package fraud

import (
	"net/netip"
	"slices"
	"strings"

	"grapevine/model"
)

// Blocks is who takes no part in an account. It is never changed.
type Blocks struct {
	emails   []pattern
	prefixes []netip.Prefix
	ips      []string // with "*"
}

type pattern struct{ text, reason string }

// NewBlocks reads the lists of a project file, which are known to be well
// formed.
func NewBlocks(b model.Blocked) *Blocks {
	blocks := &Blocks{}
	for _, text := range b.Emails {
		text = model.FoldEmail(text)
		blocks.emails = append(blocks.emails, pattern{text, reasonOf(text)})
	}
	for _, text := range b.IPs {
		if prefix, ok := network(text); ok {
			blocks.prefixes = append(blocks.prefixes, prefix)
		} else {
			blocks.ips = append(blocks.ips, strings.ToLower(text))
		}
	}
	return blocks
}

// reasonOf tells an address from a domain and from a pattern.
func reasonOf(text string) string {
	domain, any := strings.CutPrefix(text, "*@")
	switch {
	case !strings.Contains(text, "*"):
		return BlockedPerson
	case any && !strings.Contains(domain, "*"):
		return BlockedDomain
	}
	return BlockedEmail
}

// email is why an address is blocked, the strongest reason, or "".
func (b *Blocks) email(address string) string {
	address = model.FoldEmail(address)
	why := ""
	for _, p := range b.emails {
		if Matches(p.text, address) && (why == "" || rank(p.reason) < rank(why)) {
			why = p.reason
		}
	}
	return why
}

func (b *Blocks) anyIP() bool { return len(b.prefixes) > 0 || len(b.ips) > 0 }

func (b *Blocks) ip(text string) bool {
	address, err := netip.ParseAddr(text)
	if err != nil {
		return false
	}
	address = address.Unmap().WithZone("")
	return slices.ContainsFunc(b.prefixes, func(p netip.Prefix) bool { return p.Contains(address) }) ||
		slices.ContainsFunc(b.ips, func(pattern string) bool { return Matches(pattern, address.String()) })
}

// Matches tells whether text is what pattern says, where "*" stands for any
// run of characters. Its time is at most the product of the lengths.
func Matches(pattern, text string) bool {
	star, resume := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, t
			p++
		case p < len(pattern) && pattern[p] == text[t]:
			p++
			t++
		case star >= 0: // let the last star take one character more
			resume++
			p, t = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
