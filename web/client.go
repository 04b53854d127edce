package web

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// ClientIP is the address of who sent the request: of the connection, or,
// behind proxies that are trusted, the right-most forwarded address that is
// not one of theirs. What stands left of it anybody could have written.
func ClientIP(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	client := peer.Addr().Unmap()
	trusted := trustedBy(r)
	if !isTrusted(trusted, client) {
		return client.WithZone("").String()
	}
	hops := r.Header.Values("X-Forwarded-For")
	for _, hop := range slices.Backward(strings.Split(strings.Join(hops, ","), ",")) {
		address, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		client = address.Unmap()
		if !isTrusted(trusted, client) {
			break
		}
	}
	return client.WithZone("").String()
}

// Secure reports whether the client speaks HTTPS, to us or to a proxy that is
// trusted.
func Secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	trusted := trustedBy(r)
	if len(trusted) == 0 || r.Header.Get("X-Forwarded-Proto") != "https" {
		return false
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && isTrusted(trusted, peer.Addr().Unmap())
}

func trustedBy(r *http.Request) []netip.Prefix {
	if x := exchangeOf(r.Context()); x != nil {
		return x.settings.Trusted
	}
	return nil
}

func isTrusted(proxies []netip.Prefix, address netip.Addr) bool {
	return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(address) })
}
