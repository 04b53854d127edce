package engine_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/store"
)

// sealed is the minute before which the stage's account is counted.
func (s *stage) sealed() (minute int64) {
	s.t.Helper()
	s.view(func(tx *store.Tx) (err error) {
		minute, err = tx.Sealed()
		return err
	})
	return minute
}

func (s *stage) roll(node *engine.Engine) {
	s.t.Helper()
	if err := node.Roll(context.Background()); err != nil {
		s.t.Fatal(err)
	}
}

func TestRollSealsMinutesThatAreOver(t *testing.T) {
	onBoth(t, crowded, func(t *testing.T, s *stage) {
		s.wait(20 * time.Second)
		other := s.node(2)
		s.roll(other) // from here on it knows of nothing that it did not write
		first := s.sealed()
		ann := s.link("ann@example.com", 0)
		s.wait(20 * time.Second)
		s.follow(ann, "")
		s.wait(30 * time.Second)
		s.roll(s.core) // whoever wrote it may not have committed
		if got := s.sealed(); got != first {
			t.Errorf("sealed up to %d a moment after %d", got, first)
		}
		s.wait(20 * time.Second)
		s.roll(other)
		if got := s.sealed(); got != first {
			t.Errorf("a node that wrote nothing sealed up to %d, from %d", got, first)
		}
		s.roll(s.core)
		if got := s.sealed(); got != first+1 {
			t.Errorf("sealed up to %d, want %d", got, first+1)
		}
		s.wait(10 * time.Minute)
		s.roll(s.core) // nothing is left to count, so there is nothing to write
		if got := s.sealed(); got != first+1 {
			t.Errorf("sealed up to %d though nothing came", got)
		}
		s.wait(time.Hour)
		s.roll(other) // who wrote may be gone: somebody looks after all
		if got := s.sealed(); got != first+71 {
			t.Errorf("sealed up to %d, want %d", got, first+71)
		}
	})
}

func TestVerifyCountsListsAgain(t *testing.T) {
	for _, damage := range []struct{ what, sql, want string }{
		{"a count", `UPDATE facet_count SET n = n + 1 WHERE account_id = $1 AND level = 60`, "level 60"},
		{"a missing count", `DELETE FROM facet_count WHERE account_id = $1 AND level = 1440`, "missing"},
		{"counts of no facet", `INSERT INTO facet_count (account_id, facet_id, level, bucket, n) VALUES ($1, 7, 1, 1, 1)`, "facet_count 7"},
		{"a click's facet", `UPDATE click SET facet_id = 7 WHERE account_id = $1`, "click"},
		{"a conversion's facet", `UPDATE conversion SET facet_id = 0 WHERE account_id = $1`, "conversion"},
		{"a reward's facet", `UPDATE reward SET facet_id = 0 WHERE account_id = $1`, "facet is 0"},
	} {
		t.Run(damage.what, func(t *testing.T) {
			onBoth(t, crowded, func(t *testing.T, s *stage) {
				ann := s.link("ann@example.com", 0)
				s.follow(ann, "")
				s.buy("o-1", "c-1", ann, "1")
				s.wait(2 * time.Minute)
				s.roll(s.core)
				if report := s.verify(); len(report.Differences) > 0 {
					t.Fatal(report.Differences)
				}
				s.damaged = true
				if err := s.store.Engine().Update(context.Background(), func(conn store.Conn) ([]store.Statement, error) {
					return []store.Statement{{SQL: damage.sql, Args: []any{int64(s.account)}}}, nil
				}); err != nil {
					t.Fatal(err)
				}
				report := s.verify()
				if len(report.Differences) == 0 || !strings.Contains(report.Differences[0].String(), damage.want) {
					t.Errorf("verify says %v, want %q", report.Differences, damage.want)
				}
			})
		})
	}
}
