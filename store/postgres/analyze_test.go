package postgres_test

import (
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
	update(`CREATE TABLE busy (a BIGINT NOT NULL PRIMARY KEY, b BIGINT NOT NULL)`)
	for i := range 120 {
		update(`INSERT INTO busy (a, b) VALUES ($1, 7)`, i)
	}
	// PostgreSQL counts changes up to a second late, so a later look is the one that
	// is sure to see them.
	time.Sleep(1100 * time.Millisecond)
	for i := 120; i < 1000; i++ {
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
			t.Fatal("no statistics of a table after a thousand transactions")
		}
		time.Sleep(10 * time.Millisecond)
	}
}
