package deliver

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"grapevine/model"
)

func TestPrivateAddresses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		address string
		public  bool
	}{
		{"93.184.216.34", true},
		{"1.1.1.1", true},
		{"172.15.255.255", true},
		{"172.32.0.1", true},
		{"100.63.255.255", true},
		{"100.128.0.1", true},
		{"2606:2800:220:1:248:1893:25c8:1946", true},
		{"2a00:1450:4001:800::200e", true},

		{"0.0.0.0", false},
		{"0.1.2.3", false},
		{"10.0.0.1", false},
		{"100.64.0.1", false},
		{"127.0.0.1", false},
		{"127.255.255.254", false},
		{"169.254.169.254", false},
		{"172.16.0.1", false},
		{"172.31.255.255", false},
		{"192.0.0.8", false},
		{"192.0.2.1", false},
		{"192.88.99.1", false},
		{"192.168.1.1", false},
		{"198.18.0.1", false},
		{"198.19.255.255", false},
		{"198.51.100.1", false},
		{"203.0.113.1", false},
		{"224.0.0.1", false},
		{"239.255.255.255", false},
		{"240.0.0.1", false},
		{"255.255.255.255", false},
		{"::", false},
		{"::1", false},
		{"::7f00:1", false},               // IPv4-compatible
		{"::ffff:127.0.0.1", false},       // IPv4-mapped
		{"::ffff:10.1.2.3", false},        // IPv4-mapped
		{"64:ff9b::7f00:1", false},        // NAT64
		{"64:ff9b:1::a00:1", false},       // local NAT64
		{"100::1", false},                 // discard
		{"2001::1", false},                // Teredo
		{"2001:db8::1", false},            // documentation
		{"2002:7f00:1::1", false},         // 6to4
		{"3fff::1", false},                // documentation
		{"5f00::1", false},                // segment routing
		{"fc00::1", false},                // unique local
		{"fd12:3456:789a::1", false},      // unique local
		{"fe80::1", false},                // link-local
		{"fe80::1%eth0", false},           // link-local
		{"fec0::1", false},                // site-local
		{"ff02::1", false},                // multicast
		{"::ffff:93.184.216.34", true},    // IPv4-mapped
		{"::ffff:100.64.0.1", false},      // IPv4-mapped
		{"::ffff:169.254.169.254", false}, // IPv4-mapped
	} {
		if got := public(netip.MustParseAddr(c.address)); got != c.public {
			t.Errorf("%s is public: %v, want %v", c.address, got, c.public)
		}
	}
}

func TestPrivateReceiverIsRefused(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	port := r.URL[strings.LastIndex(r.URL, ":")+1:]
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "127.1"} {
		got := post(t.Context(), NewClient(false), "http://"+host+":"+port, nil, "{}", 10*time.Second)
		if got.status != 0 || got.trouble == "" {
			t.Errorf("%s answered %d", host, got.status)
		}
	}
	if n := len(r.bodies()); n != 0 {
		t.Errorf("%d requests reached a private receiver", n)
	}
	got := post(t.Context(), NewClient(false), r.URL, nil, "{}", 10*time.Second)
	if !strings.Contains(got.trouble, "private network") {
		t.Errorf("trouble is %q, want it to say private network", got.trouble)
	}
	if got := post(t.Context(), NewClient(true), r.URL, nil, "{}", 10*time.Second); got.status != 200 {
		t.Errorf("an operator who allows private receivers gets %+v", got)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	target := newReceiver(t, nil)
	r := newReceiver(t, func(w http.ResponseWriter, _ string) {
		w.Header().Set("Location", target.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	got := post(t.Context(), NewClient(true), r.URL, nil, "{}", 10*time.Second)
	if got.status != http.StatusTemporaryRedirect || len(target.bodies()) != 0 {
		t.Errorf("answer %+v, and the target got %d requests", got, len(target.bodies()))
	}
}

func TestReceiverHasTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		client := &http.Client{Transport: transport(func(q *http.Request) (*http.Response, error) {
			<-q.Context().Done()
			return nil, q.Context().Err()
		})}
		got := post(t.Context(), client, "https://shop.example.com", nil, "{}", 10*time.Second)
		if took := time.Since(began); took != 10*time.Second || got.status != 0 || got.trouble != "no answer within 10s" {
			t.Errorf("after %v: %+v", took, got)
		}
	})
}

func TestBodyThatNeverEndsHoldsUpNothingButItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &http.Client{Transport: transport(func(q *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: endless{q.Context()}, Request: q}, nil
		})}
		began := time.Now()
		got := post(t.Context(), client, "https://shop.example.com", nil, "{}", 10*time.Second)
		if took := time.Since(began); took != 10*time.Second || got.status != 200 {
			t.Errorf("after %v: %+v, want the status that came", took, got)
		}
	})
}

func TestExcerptIsShortAndClean(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, func(w http.ResponseWriter, _ string) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, "nul \x00, no text \xff\xfe, ")
		fmt.Fprint(w, strings.Repeat("ä", 1<<20))
	})
	got := post(t.Context(), NewClient(true), r.URL, nil, "{}", 10*time.Second)
	if got.status != 400 || !strings.HasPrefix(got.excerpt, "nul \uFFFD, no text \uFFFD, ") {
		t.Errorf("answer %d %.40q", got.status, got.excerpt)
	}
	if n := len(got.excerpt); n > 1100 || !utf8.ValidString(got.excerpt) || strings.Contains(got.excerpt, "\x00") {
		t.Errorf("excerpt of %d bytes ends %q", n, got.excerpt[n-8:])
	}
}

func TestCredentialsOfAnAddressAreSentAndNotTold(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	address := strings.Replace(r.URL, "http://", "http://shop:geheim@", 1) + "/?token=geheim"
	if got := post(t.Context(), NewClient(true), address, nil, "{}", 10*time.Second); got.status != 200 {
		t.Fatalf("answer %+v", got)
	}
	if user, password, _ := (&http.Request{Header: r.header[0]}).BasicAuth(); user != "shop" || password != "geheim" {
		t.Errorf("credentials arrived as %q, %q", user, password)
	}
	r.Close()
	for _, address := range []string{address, "http://shop:geheim@[::1", "ftp://shop:geheim@example.com/", "http://shop:geheim@no.invalid/"} {
		got := post(t.Context(), NewClient(true), address, nil, "{}", 10*time.Second)
		if got.status != 0 || got.trouble == "" || strings.Contains(got.trouble, "geheim") {
			t.Errorf("trouble is %q", got.trouble)
		}
	}
}

func TestHangingReceiverIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, onSQLite(t), "https://shop.example.com")
	s.client = &http.Client{Transport: transport(func(q *http.Request) (*http.Response, error) {
		s.clock.Add(10 * time.Second)
		return nil, context.DeadlineExceeded
	})}
	s.purchase()
	next := s.tell()
	if want := s.deliveries()[0].FirstAt.Add(15 * time.Minute); !next.Equal(want) {
		t.Errorf("tried again at %v, want %v", next, want)
	}
	a := s.attempts(s.deliveries()[0].ID)[0]
	if a.Took != (plain{}).Timeout() || a.Status != 0 || a.Error != "no answer within 10s" {
		t.Errorf("attempt is %+v", a)
	}
	if d := s.deliveries()[0]; d.State != model.DeliverySending {
		t.Errorf("delivery is %s, want sending", d.State)
	}
}

// transport answers in place of the network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(q *http.Request) (*http.Response, error) { return f(q) }

// endless is a body of which nothing comes.
type endless struct{ context.Context }

func (e endless) Read([]byte) (int, error) { <-e.Done(); return 0, e.Err() }
func (e endless) Close() error             { return nil }
