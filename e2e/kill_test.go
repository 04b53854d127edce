//go:build e2e

package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	kills     = 20
	customers = 8
	advocates = 50
	// tellLimit is how long the last webhook may take: a job that a killed
	// process held runs again within 30 seconds, a refused delivery a second
	// after.
	tellLimit = 60 * time.Second
)

// Whatever was answered before a SIGKILL is there after it, and is rewarded,
// told and mailed once; what is sent twice is the same twice.
func TestKilledServerLosesNothing(t *testing.T) {
	onEachEngine(t, func(t *testing.T, d database) {
		hook := receive(t)
		authority := makeCertificate(t, "localhost")
		t.Setenv("SSL_CERT_FILE", authority.cert)
		mx := serveMail(t, authority)
		smtp := url.URL{Scheme: "smtp", User: url.UserPassword(mailUser, mailPassword), Host: mx.addr}
		d.apply(t, strings.Replace(project(hook.url, ""), "coupons:", "email: {from: hello@shop.example.com, rewards: true}\ncoupons:", 1))
		s := d.start(t, freeAddr(t), "--smtp", smtp.String())
		s.awaitReady(t)
		p := openShop(t, s)
		codes := p.links(t, advocates)

		b := newBook()
		stop := make(chan struct{})
		var group sync.WaitGroup
		for range customers {
			group.Go(func() { b.customer(p, codes, stop) })
		}
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 0))
		for range kills {
			time.Sleep(50*time.Millisecond + time.Duration(random.Int64N(int64(1200*time.Millisecond))))
			if s.ended() {
				t.Errorf("the server ended by itself: %v\n%s", s.cmd.ProcessState, s.log)
			}
			s.kill()
			s = d.start(t, s.addr, "--smtp", smtp.String())
		}
		s.awaitReady(t)
		time.Sleep(time.Second) // of load on a server that stays
		close(stop)
		group.Wait()

		orders := b.repeat(t, p, codes)
		if len(orders) < 100*kills/20 {
			t.Errorf("only %d orders: the load was no load", len(orders))
		}
		awaitTold(t, hook, len(orders))
		hook.check(t, orders)
		checkMails(t, mx, orders)
		d.command(t, "verify")
		s.stop(t)
		d.command(t, "verify")
	})
}

// checkMails holds that each reward was mailed to whom it is for, and that a
// mail that came again is the same.
func checkMails(t *testing.T, mx *mailServer, orders []int) {
	t.Helper()
	want := map[string]int{}
	for _, order := range orders {
		want[fmt.Sprintf("advocate-%d@example.com", order%advocates)]++
		want[friendOf(order)+"@example.org"]++
	}
	for end := time.Now().Add(tellLimit); mx.distinct() < 2*len(orders) && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	mx.mu.Lock()
	defer mx.mu.Unlock()
	first := map[string]taken{}
	again := 0
	for _, got := range mx.took {
		id := messageID(got.data)
		before, known := first[id]
		switch {
		case !known:
			first[id] = got
			want[got.to]--
		case before.to != got.to || unbound(before.data) != unbound(got.data):
			t.Errorf("mail %s came again, and differs:\n%s\n%s", id, before.data, got.data)
		default:
			again++
		}
	}
	for to, n := range want {
		if n != 0 {
			t.Errorf("%s got %d mails too few", to, n)
		}
	}
	t.Logf("%d mails, %d came again", len(first), again)
}

// distinct is how many different mails came.
func (m *mailServer) distinct() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	ids := map[string]bool{}
	for _, got := range m.took {
		ids[messageID(got.data)] = true
	}
	return len(ids)
}

func messageID(data []byte) string {
	m, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		return ""
	}
	return m.Header.Get("Message-ID")
}

// awaitTold waits until each order's two rewards were told of.
func awaitTold(t *testing.T, hook *receiver, orders int) {
	t.Helper()
	for end := time.Now().Add(tellLimit); !hook.complete(2 * orders); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("not all was told within %v", tellLimit)
			return
		}
	}
	// What would be told twice by mistake would come now.
	time.Sleep(2 * time.Second)
}

// heldLimit is when a job that a killed process held has run again.
const heldLimit = 30 * time.Second

// A webhook that waits for its answer when the server is killed is sent again,
// the same, within 30 seconds.
func TestHeldJobRunsAgainAfterAKill(t *testing.T) {
	onEachEngine(t, func(t *testing.T, d database) {
		t.Parallel() // it waits, and loads nothing
		type attempt struct{ id, body string }
		attempts := make(chan attempt, 16)
		hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil || !strings.Contains(string(body), "advocateReward") {
				return
			}
			attempts <- attempt{r.Header.Get("X-Friendbuy-Event-Id"), string(body)}
			<-r.Context().Done() // never answered
		}))
		t.Cleanup(hook.Close)
		d.apply(t, project(hook.URL, ""))
		s := d.serve(t)
		p := openShop(t, s)
		if _, answered, err := p.buy(1, p.links(t, 1)[0]); !answered || err != nil {
			t.Fatalf("answered %v, %v", answered, err)
		}
		first := <-attempts
		s.kill()
		killed := time.Now()
		d.start(t, s.addr)
		select {
		case again := <-attempts:
			t.Logf("again after %v", time.Since(killed).Round(time.Millisecond))
			if again != first {
				t.Errorf("again %v, want %v", again, first)
			}
		case <-time.After(heldLimit):
			t.Errorf("not sent again within %v", heldLimit)
		}
	})
}

// unbound is a mail without what separates its parts, which is chance.
func unbound(data []byte) string {
	m, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		return ""
	}
	_, params, _ := mime.ParseMediaType(m.Header.Get("Content-Type"))
	return strings.ReplaceAll(string(data), params["boundary"], "")
}
