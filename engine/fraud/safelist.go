package fraud

import (
	"net/netip"
	"regexp"
)

// Safelist is the network addresses that a campaign's limits leave alone. It is
// never changed.
type Safelist struct {
	prefixes []netip.Prefix
	patterns []*regexp.Regexp
}

// NewSafelist reads the list of a project file: addresses, networks, and
// regular expressions of a whole address. What cannot be read is nobody's.
func NewSafelist(entries []string) *Safelist {
	s := &Safelist{}
	for _, text := range entries {
		if prefix, ok := network(text); ok {
			s.prefixes = append(s.prefixes, prefix)
		} else if pattern, err := regexp.Compile(`^(?:` + text + `)$`); err == nil {
			s.patterns = append(s.patterns, pattern)
		}
	}
	return s
}

// network reads an address, or a network such as 10.0.0.0/8.
func network(text string) (netip.Prefix, bool) {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return prefix.Masked(), true
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, false
	}
	address = address.Unmap().WithZone("")
	return netip.PrefixFrom(address, address.BitLen()), true
}

// Has reports whether an address, as FoldIP writes it, is on the list.
func (s *Safelist) Has(ip string) bool {
	if address, err := netip.ParseAddr(ip); err == nil {
		for _, prefix := range s.prefixes {
			if prefix.Contains(address) {
				return true
			}
		}
	}
	for _, pattern := range s.patterns {
		if pattern.MatchString(ip) {
			return true
		}
	}
	return false
}
