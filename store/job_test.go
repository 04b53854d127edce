package store_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"grapevine/model"
	"grapevine/store"
	"grapevine/store/sqlite"
)

// spy remembers the statement that ran last.
type spy struct {
	store.Engine
	last store.Statement
}

type spyConn struct {
	store.Conn
	*spy
}

func (c spyConn) Run(ctx context.Context, statements ...store.Statement) error {
	c.last = statements[len(statements)-1]
	return c.Conn.Run(ctx, statements...)
}

func (s *spy) View(ctx context.Context, fn func(store.Conn) error) error {
	return s.Engine.View(ctx, func(c store.Conn) error { return fn(spyConn{c, s}) })
}

func (s *spy) Update(ctx context.Context, fn func(store.Conn) ([]store.Statement, error)) error {
	return s.Engine.Update(ctx, func(c store.Conn) ([]store.Statement, error) { return fn(spyConn{c, s}) })
}

// plan is how SQLite means to run the last statement.
func (s *spy) plan(t *testing.T) string {
	t.Helper()
	var lines []string
	err := s.Engine.View(t.Context(), func(c store.Conn) error {
		return c.Run(t.Context(), store.Statement{
			SQL:  "EXPLAIN QUERY PLAN " + s.last.SQL,
			Args: s.last.Args,
			Row: func(r store.Row) error {
				var id, parent, unused int64
				var line string
				err := r.Scan(&id, &parent, &unused, &line)
				lines = append(lines, line)
				return err
			},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// SQLite once grouped the due queues along an index that holds every job:
// half a million that were not due took 30 ms, each second.
func TestWhatIsNotDueIsNotWalked(t *testing.T) {
	engine, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "test.db")})
	if err != nil {
		t.Fatal(err)
	}
	s := &spy{Engine: engine}
	run(t, s, func(t *testing.T, st *store.Store) {
		q := model.Queue{Account: 1, Kind: model.JobTell, Lane: 2}
		for _, c := range []struct {
			name string
			ask  func() error
			want string
		}{
			{"DueQueues", func() error { _, err := st.DueQueues(t.Context(), noon, 10); return err }, "job_due (run_at<?)"},
			{"NextJob", func() error { _, err := st.NextJob(t.Context(), noon); return err }, "job_due (run_at>?)"},
			{"ClaimJobs", func() error {
				return st.InTx(t.Context(), 1, func(tx *store.Tx) error {
					_, err := tx.ClaimJobs(q, noon, noon.Add(time.Second), 10)
					return err
				})
			}, "job_lane (account_id=? AND kind=? AND lane=? AND run_at<?)"},
			{"DueJobs", func() error {
				return st.View(t.Context(), 1, func(tx *store.Tx) error {
					_, err := tx.DueJobs(q, noon, 10)
					return err
				})
			}, "job_lane (account_id=? AND kind=? AND lane=? AND run_at<?)"},
			{"TakeJobs", func() error {
				return st.InTx(t.Context(), 1, func(tx *store.Tx) error {
					_, err := tx.TakeJobs(q, noon, 10)
					return err
				})
			}, "job_lane (account_id=? AND kind=? AND lane=? AND run_at<?)"},
			{"OpenDelivery", func() error {
				return st.InTx(t.Context(), 1, func(tx *store.Tx) error {
					_, err := tx.OpenDelivery(3, 10)
					return err
				})
			}, "delivery_open (account_id=? AND endpoint_id=?)"},
		} {
			if err := c.ask(); err != nil {
				t.Fatal(err)
			}
			if got := s.plan(t); !strings.Contains(got, c.want) || strings.Contains(got, "SCAN job") {
				t.Errorf("%s: want a search of %s, got\n%s", c.name, c.want, got)
			}
		}
	})
}
