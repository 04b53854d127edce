package deliver

import (
	"context"
	"encoding/binary"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// A name that stood for a public address when somebody looked, and stands for a
// private one when the connection is made, is refused then.
func TestNameThatTurnsPrivateIsRefusedAtDial(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	port := r.URL[strings.LastIndex(r.URL, ":"):]
	for _, private := range []string{"127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1"} {
		names := resolver(t, "93.184.216.34", private)
		looked, err := names.LookupHost(t.Context(), "hooks.example.com")
		if err != nil || len(looked) != 1 || !public(netip.MustParseAddr(looked[0])) {
			t.Fatalf("the name stands for %v, %v", looked, err)
		}
		got := post(t.Context(), newClient(false, names), "http://hooks.example.com"+port+"/?token=geheim", nil, "{}", 10*time.Second)
		if got.status != 0 || got.trouble != private+port+" is on a private network, which the operator does not allow" {
			t.Errorf("%s: %+v", private, got)
		}
	}
	names := resolver(t, "93.184.216.34", "127.0.0.1")
	if _, err := names.LookupHost(t.Context(), "hooks.example.com"); err != nil {
		t.Fatal(err)
	}
	if n := len(r.bodies()); n != 0 {
		t.Errorf("%d requests reached a private receiver", n)
	}
	// The resolver does lead there, for an operator who allows it.
	if got := post(t.Context(), newClient(true, names), "http://hooks.example.com"+port, nil, "{}", 10*time.Second); got.status != http.StatusOK {
		t.Errorf("an operator who allows private receivers gets %+v", got)
	}
}

// resolver answers the first question for a name with one address, and all that
// follow with another.
func resolver(t *testing.T, first, then string) *net.Resolver {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { server.Close() })
	go func() {
		answer := netip.MustParseAddr(first).As4()
		for packet := make([]byte, 512); ; {
			n, from, err := server.ReadFrom(packet)
			if err != nil {
				return
			}
			reply, isA := answerTo(packet[:n], answer)
			if isA {
				answer = netip.MustParseAddr(then).As4()
			}
			if _, err := server.WriteTo(reply, from); err != nil {
				return
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

// answerTo is the reply to one question of RFC 1035: an address to one of type
// A, nothing to any other.
func answerTo(question []byte, address [4]byte) (reply []byte, isA bool) {
	const header, typeA = 12, 1
	end := header
	for question[end] != 0 {
		end += int(question[end]) + 1
	}
	asked := binary.BigEndian.Uint16(question[end+1:])
	end += 5
	reply = append(reply, question[:end]...)
	reply[2], reply[3] = 0x81, 0x80 // an answer, recursion and all
	for i := 6; i < header; i++ {
		reply[i] = 0
	}
	if asked != typeA {
		return reply, false
	}
	reply[7] = 1
	reply = append(reply, 0xc0, header, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4)
	return append(reply, address[:]...), true
}
