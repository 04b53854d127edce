package store_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"grapevine/model"
	"grapevine/store"
	"grapevine/store/pgtest"
	"grapevine/store/postgres"
)

// A queue is empty now and then, and may be when PostgreSQL counts its rows:
// then every index looks as short as the key.
func TestClaimsAreFoundByTheirKeyInAQueueThatWasEmpty(t *testing.T) {
	engine, err := postgres.Open(t.Context(), postgres.Config{URL: pgtest.URL(t)})
	if err != nil {
		t.Fatal(err)
	}
	s := &spy{Engine: engine}
	run(t, s, func(t *testing.T, st *store.Store) {
		q := model.Queue{Account: 1, Kind: model.JobDeliver, Lane: 2}
		in := func(do func(tx *store.Tx) error) {
			t.Helper()
			if err := st.InTx(t.Context(), 1, do); err != nil {
				t.Fatal(err)
			}
		}
		const backlog = 2000
		leave := func(from model.JobID) {
			in(func(tx *store.Tx) error {
				for id := range model.JobID(backlog) {
					tx.Enqueue(model.Job{ID: from + id, Kind: q.Kind, Lane: q.Lane, Subject: 1, RunAt: noon})
				}
				return nil
			})
		}
		leave(1)
		in(func(tx *store.Tx) error {
			_, err := tx.TakeJobs(q, noon, backlog)
			return err
		})
		s.exec(t, "ANALYZE job")
		leave(backlog + 1)
		var jobs []model.Job
		in(func(tx *store.Tx) (err error) {
			jobs, err = tx.DueJobs(q, noon, 100)
			return err
		})
		for name, do := range map[string]func(tx *store.Tx) error{
			"ClaimListed": func(tx *store.Tx) error { _, err := tx.ClaimListed(jobs, noon, noon.Add(time.Second)); return err },
			"HoldJobs":    func(tx *store.Tx) error { _, err := tx.HoldJobs(jobs); return err },
			"FinishJobs":  func(tx *store.Tx) error { _, err := tx.FinishJobs(jobs); return err },
			"FinishJob":   func(tx *store.Tx) error { _, err := tx.FinishJob(&jobs[0]); return err },
			"RetryJob":    func(tx *store.Tx) error { _, err := tx.RetryJob(&jobs[0], noon, ""); return err },
			"BuryJob":     func(tx *store.Tx) error { _, err := tx.BuryJob(&jobs[0], ""); return err },
		} {
			in(do)
			if plan := s.explain(t); !strings.Contains(plan, "job_pkey") || strings.Contains(plan, "job_lane") || strings.Contains(plan, "job_due") {
				t.Errorf("%s: the plan is\n%s", name, plan)
			}
		}
	})
}

// exec runs a statement that stands alone.
func (s *spy) exec(t *testing.T, sql string) {
	t.Helper()
	err := s.Engine.Update(t.Context(), func(store.Conn) ([]store.Statement, error) { return []store.Statement{{SQL: sql}}, nil })
	if err != nil {
		t.Fatal(err)
	}
}

// explain is how PostgreSQL means to run the last statement.
func (s *spy) explain(t *testing.T) string {
	t.Helper()
	var plan strings.Builder
	err := s.Engine.View(context.Background(), func(c store.Conn) error {
		return c.Run(t.Context(), store.Statement{SQL: "EXPLAIN " + s.last.SQL, Args: s.last.Args, Row: func(r store.Row) error {
			var line string
			err := r.Scan(&line)
			plan.WriteString(line + "\n")
			return err
		}})
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
