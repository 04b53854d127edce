//go:build e2e

package e2e_test

import (
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
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

// Whatever was answered before a SIGKILL is there after it, and is rewarded
// and told once.
func TestKilledServerLosesNothing(t *testing.T) {
	onEachEngine(t, func(t *testing.T, d database) {
		hook := receive(t)
		d.apply(t, project(hook.url, ""))
		s := d.serve(t)
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
			s = d.start(t, s.addr)
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
		d.command(t, "verify")
		s.stop(t)
		d.command(t, "verify")
	})
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
