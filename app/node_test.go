package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"grapevine/model"
	"grapevine/store"
	"grapevine/store/sqlite"
)

// inBubble runs a test on an empty database with a clock that jumps as soon as
// everybody waits.
func inBubble(t *testing.T, test func(*testing.T, *store.Store)) {
	file := filepath.Join(t.TempDir(), "test.db")
	synctest.Test(t, func(t *testing.T) {
		engine, err := sqlite.Open(t.Context(), sqlite.Config{Path: file})
		if err != nil {
			t.Fatal(err)
		}
		defer engine.Close()
		if err := engine.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		// The bubble's clock begins before ids do.
		time.Sleep(time.Until(model.Epoch.Add(24 * time.Hour)))
		test(t, store.New(engine))
	})
}

var quiet = slog.New(slog.DiscardHandler)

// holdAll leases all numbers, and renews none.
func holdAll(t *testing.T, st *store.Store) {
	t.Helper()
	for range model.Nodes {
		if _, err := st.LeaseNode(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestProcessWithoutANodeNumberGivesUpAfterTenSeconds(t *testing.T) {
	inBubble(t, func(t *testing.T, st *store.Store) {
		holdAll(t, st)
		began := time.Now()
		_, err := leaseNode(t.Context(), st, time.Now, quiet)
		if !errors.Is(err, store.ErrNoNode) || !strings.Contains(err.Error(), "32 processes") {
			t.Errorf("got %v, want an error that says how many there can be", err)
		}
		if waited := time.Since(began); waited < nodeWait || waited > nodeWait+time.Second {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestProcessWaitsForANodeNumber(t *testing.T) {
	inBubble(t, func(t *testing.T, st *store.Store) {
		holdAll(t, st)
		time.Sleep(store.NodeLease - 5*time.Second)
		began := time.Now()
		n, err := leaseNode(t.Context(), st, time.Now, quiet)
		if err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited < 4*time.Second || waited > 6*time.Second {
			t.Errorf("waited %v for a number that was free after 5s", waited)
		}
		if !n.held() {
			t.Error("it is not held")
		}
	})
}

// keep runs n.keep until the test calls stop.
func keep(t *testing.T, n *node) (stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	kept := make(chan error, 1)
	go func() { kept <- n.keep(ctx) }()
	return func() error {
		cancel()
		return <-kept
	}
}

func TestNodeNumberIsKeptAndGivenBack(t *testing.T) {
	inBubble(t, func(t *testing.T, st *store.Store) {
		n, err := leaseNode(t.Context(), st, time.Now, quiet)
		if err != nil {
			t.Fatal(err)
		}
		stop := keep(t, n)
		last := int64(0)
		for range 100 {
			time.Sleep(time.Second)
			id, err := n.NewID()
			if err != nil || id <= last || !n.held() {
				t.Fatalf("id %d after %d, held %v, %v", id, last, n.held(), err)
			}
			last = id
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if err := n.release(t.Context()); err != nil {
			t.Fatal(err)
		}
		if id, err := n.NewID(); err == nil {
			t.Errorf("id %d was made after the release", id)
		}
		for number := -1; number != n.lease.Number; {
			next, err := leaseNode(t.Context(), st, time.Now, quiet)
			if err != nil {
				t.Fatal(err)
			}
			number = next.lease.Number
			if id, err := next.NewID(); err != nil || number == n.lease.Number && id <= last {
				t.Errorf("the next holder made id %d after %d: %v", id, last, err)
			}
		}
	})
}

func TestProcessThatSleptTakesAnotherNumber(t *testing.T) {
	inBubble(t, func(t *testing.T, st *store.Store) {
		n, err := leaseNode(t.Context(), st, time.Now, quiet)
		if err != nil {
			t.Fatal(err)
		}
		before := n.lease.Number
		id, err := n.NewID()
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // nobody renews
		if _, err := n.NewID(); err == nil {
			t.Error("an id was made long after the lease")
		}
		for { // until somebody takes the number over
			other, err := st.LeaseNode(t.Context(), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if other.Number == before {
				break
			}
		}
		time.Sleep(store.NodeLease) // and dies
		var log bytes.Buffer
		n.log = slog.New(slog.NewTextHandler(&log, nil))
		stop := keep(t, n)
		time.Sleep(nodeRenew + time.Second)
		again, err := n.NewID()
		if err != nil || again <= id || !n.held() {
			t.Errorf("id %d after %d, held %v, %v", again, id, n.held(), err)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(log.String(), "taken over") {
			t.Errorf("the log does not tell: %s", &log)
		}
	})
}

func TestProcessThatLostItsNumberForGoodStops(t *testing.T) {
	inBubble(t, func(t *testing.T, st *store.Store) {
		n, err := leaseNode(t.Context(), st, time.Now, quiet)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		holdAll(t, st) // its own, too
		if err := n.keep(t.Context()); !errors.Is(err, store.ErrNoNode) {
			t.Errorf("got %v, want ErrNoNode", err)
		}
	})
}
