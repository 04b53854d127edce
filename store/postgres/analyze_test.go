package postgres_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"grapevine/store"
	"grapevine/store/pgtest"
	"grapevine/store/postgres"
)

// A new database has no statistics, and without them PostgreSQL plans searches
// by whatever index comes first.
func TestBusyTablesGetStatistics(t *testing.T) {
	engine, err := postgres.Open(t.Context(), postgres.Config{URL: pgtest.URL(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	update := func(sql string, args ...any) {
		t.Helper()
		err := engine.Update(t.Context(), func(store.Conn) ([]store.Statement, error) {
			return []store.Statement{{SQL: sql, Args: args}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	// Another one had 9 TB when it was analyzed; only a superuser can say so.
	update(`CREATE TABLE vast (a BIGINT NOT NULL)`)
	update(`DO $$ BEGIN
		IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
			UPDATE pg_class SET relpages = 1200000000 WHERE relname = 'vast' AND relnamespace = current_schema()::regnamespace;
		END IF;
	END $$`)
	update(`CREATE TABLE busy (a BIGINT NOT NULL PRIMARY KEY, b BIGINT NOT NULL)`)
	for i := range 1000 {
		update(`INSERT INTO busy (a, b) VALUES ($1, 7)`, i)
	}
	statistics := func() (n int) {
		err := engine.View(t.Context(), func(c store.Conn) error {
			return c.Run(t.Context(), store.Statement{
				SQL: `SELECT COUNT(*) FROM pg_stats WHERE schemaname = current_schema() AND tablename = 'busy'`,
				Row: func(r store.Row) error { return r.Scan(&n) },
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for waited := time.Duration(0); statistics() != 2; waited += 10 * time.Millisecond {
		if waited > 10*time.Second {
			t.Fatal("no statistics of a table of a thousand rows")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// A plan that is good for an account of average size reads all of a large one.
func TestPlansAreMadeForTheLargestAccount(t *testing.T) {
	engine, err := postgres.Open(t.Context(), postgres.Config{URL: pgtest.URL(t), MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	for range 2 { // a second time nothing is left to do
		if err := engine.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	// An account of 2,000 people, and 2,000 of one.
	run(t, engine, `INSERT INTO progress (account_id, rule_id, role, person_id, friends, places)
		SELECT CASE WHEN n < 2000 THEN 1 ELSE n END, 1, 'advocate', n, 1, 0 FROM generate_series(1, 4000) n`)
	run(t, engine, `ANALYZE progress`)
	var list, values strings.Builder
	for i := range 64 {
		fmt.Fprintf(&list, ", $%d", i+2)
		fmt.Fprintf(&values, ", %d", i)
	}
	plan := ""
	err = engine.Update(t.Context(), func(c store.Conn) ([]store.Statement, error) {
		if err := c.Run(t.Context(), store.Statement{SQL: `PREPARE q AS SELECT friends FROM progress WHERE account_id = $1 AND person_id IN (` + list.String()[2:] + `)`}); err != nil {
			return nil, err
		}
		return nil, c.Run(t.Context(), store.Statement{SQL: `EXPLAIN EXECUTE q (1` + values.String() + `)`, Row: func(r store.Row) error {
			var line string
			err := r.Scan(&line)
			plan += line + "\n"
			return err
		}})
	})
	if err != nil {
		t.Fatal(err)
	}
	if found, _ := regexp.MatchString(`Index Cond: .*person_id = ANY`, plan); !found {
		t.Errorf("the plan is\n%s", plan)
	}
}
