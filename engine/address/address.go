// Package address tells whether a text is an e-mail address that mail can be
// sent to by its looks alone. It asks no server, and it knows nothing of who
// is blocked.
package address

import (
	"net/mail"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// RFC 5321, 4.5.3.1: what a server must accept, and few accept more.
const (
	longest      = 254
	longestLocal = 64
)

// domains reads a domain as a resolver would, and holds its labels to the
// lengths of DNS.
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// Valid reports whether text is one bare address: no name beside it, nothing
// around it, and a domain that somebody can register below a public suffix.
func Valid(text string) bool {
	if len(text) > longest || strings.ContainsFunc(text, unseen) {
		return false
	}
	parsed, err := mail.ParseAddress(text)
	if err != nil || parsed.Name != "" || parsed.Address != text {
		return false
	}
	at := strings.LastIndexByte(text, '@')
	return at <= longestLocal && registrable(text[at+1:])
}

// unseen is what nobody sees in an address, so that two look alike, and what
// stands for a character that was lost on the way.
func unseen(r rune) bool { return !unicode.IsGraphic(r) || r == unicode.ReplacementChar }

func registrable(domain string) bool {
	ascii, err := domains.ToASCII(domain)
	if err != nil {
		return false
	}
	suffix, icann := publicsuffix.PublicSuffix(ascii)
	if icann {
		return ascii != suffix
	}
	// A company may offer names below a domain of its own; what the list does
	// not know at all has an unknown top level.
	_, icann = publicsuffix.PublicSuffix(ascii[strings.LastIndexByte(ascii, '.')+1:])
	return icann
}
