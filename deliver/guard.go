package deliver

import (
	"fmt"
	"net/netip"
	"syscall"
)

// closed are networks that no merchant's receiver is on, beyond those that
// netip knows: https://www.iana.org/assignments/iana-ipv4-special-registry and
// its IPv6 sister.
var closed = prefixes(
	"0.0.0.0/8",       // this network
	"100.64.0.0/10",   // carrier-grade NAT
	"192.0.0.0/24",    // protocol assignments
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // 6to4 relays
	"198.18.0.0/15",   // benchmarks
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"240.0.0.0/4",     // reserved, and broadcast
	"2001::/23",       // protocol assignments, Teredo among them
	"2001:db8::/32",   // documentation
	"2002::/16",       // 6to4: carries an IPv4 address
	"3fff::/20",       // documentation
)

// open6 is all that is given out of IPv6. Outside of it lie NAT64 (64:ff9b::),
// IPv4 in other clothes, unique local and link-local addresses.
var open6 = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// public reports whether an address is on the internet, for everyone.
func public(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.Is6() && !open6.Contains(a) {
		return false
	}
	for _, p := range closed {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// privateError says that a receiver is on a network that is not for everyone.
type privateError struct{ address string }

func (e *privateError) Error() string {
	return fmt.Sprintf("%s is on a private network, which the operator does not allow", e.address)
}

// dialPublic is asked before each connection, with the address that a name
// stood for at that moment: a name that changes its address does not get past.
func dialPublic(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil || !public(a.Addr()) {
		return &privateError{address: address}
	}
	return nil
}
