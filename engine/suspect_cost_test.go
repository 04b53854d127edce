package engine_test

import (
	"context"
	"path/filepath"
	"testing"

	"grapevine/engine"
	"grapevine/store"
	"grapevine/store/sqlite"
)

// counting is a database that counts what it is asked.
type counting struct {
	store.Engine
	trips, statements int
}

type countingConn struct {
	store.Conn
	of *counting
}

func (c *counting) Update(ctx context.Context, fn func(store.Conn) ([]store.Statement, error)) error {
	return c.Engine.Update(ctx, func(conn store.Conn) ([]store.Statement, error) {
		queued, err := fn(countingConn{conn, c})
		c.trips++
		c.statements += len(queued)
		return queued, err
	})
}

func (c countingConn) Run(ctx context.Context, statements ...store.Statement) error {
	c.of.trips++
	c.of.statements += len(statements)
	return c.Conn.Run(ctx, statements...)
}

// costOf is what a purchase asks of the database.
func costOf(t *testing.T, settings string, who engine.Who, referred bool) (trips, statements int) {
	t.Helper()
	database, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "test.db")})
	if err != nil {
		t.Fatal(err)
	}
	counts := &counting{Engine: database}
	s := newStage(t, counts, watching(settings))
	code := s.start()
	s.buys("o-1", who, "") // the friend is known
	if !referred {
		code = ""
	}
	counts.trips, counts.statements = 0, 0
	s.buys("o-2", who, code)
	return counts.trips, counts.statements
}

// What fraud checks ask goes with the question that locks the persons, and
// what no check needs is not asked.
func TestFraudChecksCostNoRoundTrip(t *testing.T) {
	t.Parallel()
	const off = "fraud: {same_cookie: false, same_ip_and_agent: false, same_email: false, similar_email: 0, same_customer_id: false}"
	plain := engine.Who{CustomerID: "zoe", Email: "zoe@else.test", Server: true}
	placed, browsing := plain, plain
	placed.IP, placed.Agent = "198.51.100.9", "Safari"
	browsing.Visitor = 78
	for _, c := range []struct {
		name     string
		who      engine.Who
		referred bool
		settings string
		more     int // statements
	}{
		{"nobody referred", plain, false, "", 0},
		{"names and browsers", plain, true, "", 2},
		{"and where they are", placed, true, "", 3},
		{"and in which browser", browsing, true, "", 3},
		{"names alone", placed, true, "fraud: {same_cookie: false, same_ip_and_agent: false}", 1},
		{"nobody referred, some are blocked", plain, false, "blocked: {emails: ['*@junk.test'], ips: [203.0.113.9]}", 1},
	} {
		trips, statements := costOf(t, off, c.who, c.referred)
		checkedTrips, checkedStatements := costOf(t, c.settings, c.who, c.referred)
		if checkedTrips != trips {
			t.Errorf("%s: %d round trips, want the %d there are without checks", c.name, checkedTrips, trips)
		}
		if more := checkedStatements - statements; more != c.more {
			t.Errorf("%s: %d more statements than %d, want %d", c.name, more, statements, c.more)
		}
	}
}
