package postgres_test

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"grapevine/store"
	"grapevine/store/pgtest"
	"grapevine/store/postgres"
)

// When one process of a server crashes, the server ends all others, and goes on
// from its log: transactions that it had not written down give their numbers to
// others.
func TestMarkIsAnotherOneAfterACrash(t *testing.T) {
	if strings.Contains(os.Getenv(pgtest.EnvSkip), "postgres") {
		t.Skip(pgtest.EnvSkip + " says so")
	}
	t.Parallel()
	ctx := t.Context()
	cluster, err := pgtest.Start(ctx)
	if errors.Is(err, pgtest.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	e, err := postgres.Open(ctx, postgres.Config{URL: cluster.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	run(t, e, `CREATE TABLE item (id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)`)
	victim, err := pgx.Connect(ctx, cluster.URL)
	if err != nil {
		t.Fatal(err)
	}
	other, err := pgx.Connect(ctx, cluster.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"ALTER SYSTEM SET wal_writer_delay = '10s'", "ALTER SYSTEM SET autovacuum = off", "SELECT pg_reload_conf()"} {
		if _, err := victim.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(500 * time.Millisecond) // the log is written down, and from now on for commits alone
	nothing := errors.New("nothing")
	err = e.Update(ctx, func(c store.Conn) ([]store.Statement, error) {
		return nil, errors.Join(nothing, c.Run(ctx, store.Statement{SQL: addsItem, Args: []any{int64(1), "never"}}))
	})
	if !errors.Is(err, nothing) {
		t.Fatal(err)
	}
	before, had := e.Mark(ctx), count(t, e)
	if err := syscall.Kill(int(victim.PgConn().PID()), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return other.Ping(ctx) != nil })
	until(t, func() bool { // the server is there again, and nobody who was connected is
		conn, err := pgx.Connect(ctx, cluster.URL)
		return err == nil && conn.Close(ctx) == nil
	})
	if _, err := add(e, 2); err != nil {
		t.Fatal(err)
	}
	if now, has := e.Mark(ctx), count(t, e); has != had+1 || now == before {
		t.Errorf("%d items under the mark %d, and %d under %d", had, before, has, now)
	}
}

// until waits for what comes to be soon.
func until(t *testing.T, is func() bool) {
	t.Helper()
	for waited := time.Duration(0); !is(); waited += 10 * time.Millisecond {
		if waited > 20*time.Second {
			t.Fatal("it does not come to be")
		}
		time.Sleep(10 * time.Millisecond)
	}
}
