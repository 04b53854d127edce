package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"grapevine/store"
)

// These tests look at what shares a commit, so they fill the queue while the
// writer is held up.

const (
	table  = `CREATE TABLE item (id BIGINT NOT NULL PRIMARY KEY, data TEXT NOT NULL)`
	insert = `INSERT INTO item (id, data) VALUES ($1, $2)`
)

func openTable(t *testing.T) *Engine {
	t.Helper()
	e, err := Open(context.Background(), Config{Path: filepath.Join(t.TempDir(), "test.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	if err := runAlone(e, store.Statement{SQL: table}); err != nil {
		t.Fatal(err)
	}
	return e
}

func runAlone(e *Engine, statements ...store.Statement) error {
	return e.Update(context.Background(), func(store.Conn) ([]store.Statement, error) { return statements, nil })
}

func count(t *testing.T, e *Engine) (n int) {
	t.Helper()
	err := e.View(context.Background(), func(c store.Conn) error {
		return c.Run(context.Background(), store.Statement{
			SQL: `SELECT COUNT(*) FROM item`,
			Row: func(r store.Row) error { return r.Scan(&n) },
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// batch runs the functions in one batch, in order, and returns their errors. A
// request of its own holds the writer up until all wait.
func batch(t *testing.T, e *Engine, fns ...func(store.Conn) error) []error {
	t.Helper()
	var group sync.WaitGroup
	held, release := make(chan bool), make(chan bool)
	group.Go(func() {
		e.Update(context.Background(), func(store.Conn) ([]store.Statement, error) {
			close(held)
			<-release
			return nil, nil
		})
	})
	<-held
	errs := make([]error, len(fns))
	for i, fn := range fns {
		group.Go(func() {
			errs[i] = e.Update(context.Background(), func(c store.Conn) ([]store.Statement, error) { return nil, fn(c) })
		})
		for len(e.writer.queue) <= i {
			runtime.Gosched()
		}
	}
	close(release)
	group.Wait()
	return errs
}

func adds(id int64) func(store.Conn) error {
	return func(c store.Conn) error {
		return c.Run(context.Background(), store.Statement{SQL: insert, Args: []any{id, "x"}})
	}
}

func runs(sql string) func(store.Conn) error {
	return func(c store.Conn) error { return c.Run(context.Background(), store.Statement{SQL: sql}) }
}

// wantLost checks that the request i failed without looking like the culprit.
func wantLost(t *testing.T, errs []error, indexes ...int) {
	t.Helper()
	for _, i := range indexes {
		if errs[i] == nil || errors.Is(errs[i], store.ErrUnique) || errors.Is(errs[i], store.ErrSlow) {
			t.Errorf("request %d of the lost batch was told %v", i, errs[i])
		}
	}
}

func wantDone(t *testing.T, errs []error, indexes ...int) {
	t.Helper()
	for _, i := range indexes {
		if errs[i] != nil {
			t.Errorf("request %d was told %v", i, errs[i])
		}
	}
}

func TestConflictRollbackEndsTheBatch(t *testing.T) {
	t.Parallel()
	e := openTable(t)
	errs := batch(t, e, adds(1), adds(2), runs(`INSERT OR ROLLBACK INTO item (id, data) VALUES (1, 'again')`), adds(3))
	wantLost(t, errs, 0, 1)
	if !errors.Is(errs[2], store.ErrUnique) {
		t.Errorf("the culprit was told %v", errs[2])
	}
	wantDone(t, errs, 3) // in the next batch
	if n := count(t, e); n != 1 {
		t.Errorf("%d rows, want the one that was answered", n)
	}
}

// A function that hides the error must not let what follows commit on its own.
func TestConflictRollbackThatIsHiddenEndsTheBatch(t *testing.T) {
	t.Parallel()
	e := openTable(t)
	errs := batch(t, e, adds(1), func(c store.Conn) error {
		_ = runs(`INSERT OR ROLLBACK INTO item (id, data) VALUES (1, 'again')`)(c)
		_ = adds(7)(c)
		return nil
	}, adds(3))
	wantLost(t, errs, 0)
	if !errors.Is(errs[1], store.ErrUnique) {
		t.Errorf("the culprit was told %v", errs[1])
	}
	wantDone(t, errs, 2)
	if n := count(t, e); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}

func TestTransactionControlEndsTheBatch(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{`COMMIT`, `ROLLBACK`, `RELEASE request`} {
		e := openTable(t)
		errs := batch(t, e, adds(1), func(c store.Conn) error {
			if err := adds(2)(c); err != nil {
				return err
			}
			return runs(sql)(c)
		}, adds(3))
		for i, err := range errs {
			var found int
			must(t, e.View(context.Background(), func(c store.Conn) error {
				return c.Run(context.Background(), store.Statement{SQL: `SELECT COUNT(*) FROM item WHERE id = $1`, Args: []any{i + 1},
					Row: func(r store.Row) error { return r.Scan(&found) }})
			}))
			if err == nil && found == 0 {
				t.Errorf("%s: request %d was answered and is not there", sql, i)
			}
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFullDiskIsHonest(t *testing.T) {
	t.Parallel()
	e := openTable(t)
	must(t, runAlone(e, store.Statement{SQL: `PRAGMA max_page_count = 20`}))
	big := strings.Repeat("x", 200_000)
	fills := func(c store.Conn) error {
		return c.Run(context.Background(), store.Statement{SQL: insert, Args: []any{1000, big}})
	}
	errs := batch(t, e, adds(1), adds(2), fills, adds(3))
	if errs[2] == nil {
		t.Error("a row larger than the disk was kept")
	}
	want := 0
	for _, err := range errs {
		if err == nil {
			want++
		}
	}
	if n := count(t, e); n != want {
		t.Errorf("%d rows, %d were answered", n, want)
	}
	must(t, runAlone(e, store.Statement{SQL: `PRAGMA max_page_count = 1000000`}))
	wantDone(t, batch(t, e, fills, adds(10)), 0, 1)
}

func TestEndedGoroutineIsAnError(t *testing.T) {
	t.Parallel()
	e := openTable(t)
	errs := batch(t, e, adds(1), func(store.Conn) error { runtime.Goexit(); return nil }, adds(3))
	wantLost(t, errs, 0, 1)
	wantDone(t, errs, 2)
	if n := count(t, e); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
	err := make(chan error)
	go func() {
		defer close(err)
		e.View(context.Background(), func(store.Conn) error { runtime.Goexit(); return nil })
	}()
	<-err
	for range 10 { // its connection is not lost
		count(t, e)
	}
}

func TestWaitingTransactionsShareACommit(t *testing.T) {
	t.Parallel()
	e := openTable(t)
	frames := func() (n int) {
		must(t, runAlone(e, store.Statement{SQL: `SELECT 1`}))
		c, err := open(e.path, readerPragmas)
		must(t, err)
		defer c.close()
		must(t, c.run(&store.Statement{SQL: `PRAGMA wal_checkpoint(PASSIVE)`, Row: func(r store.Row) error {
			var busy, checkpointed int
			return r.Scan(&busy, &n, &checkpointed)
		}}))
		return n
	}
	before := frames()
	var fns []func(store.Conn) error
	for i := range int64(100) {
		fns = append(fns, adds(i))
	}
	for i, err := range batch(t, e, fns...) {
		if err != nil {
			t.Errorf("request %d: %v", i, err)
		}
	}
	// A commit writes each page that it touches once: alone, each of the hundred
	// would write two at least.
	if wrote := frames() - before; wrote > 20 {
		t.Errorf("100 transactions wrote %d pages", wrote)
	}
}

func TestClosingWaitsForWhatWaits(t *testing.T) {
	t.Parallel()
	e := openTable(t)
	held, release := make(chan bool), make(chan bool)
	errs := make(chan error, 2)
	go func() {
		errs <- e.Update(context.Background(), func(c store.Conn) ([]store.Statement, error) {
			close(held)
			<-release
			return nil, adds(1)(c)
		})
	}()
	<-held
	go func() {
		errs <- e.Update(context.Background(), func(c store.Conn) ([]store.Statement, error) { return nil, adds(2)(c) })
	}()
	for len(e.writer.queue) == 0 {
		runtime.Gosched()
	}
	closed := make(chan error)
	go func() { closed <- e.Close() }()
	select {
	case err := <-closed:
		t.Fatalf("Close returned (%v) while a transaction ran", err)
	case <-time.After(20 * time.Millisecond):
	}
	close(release)
	must(t, <-closed)
	must(t, <-errs)
	must(t, <-errs)
	again, err := Open(context.Background(), Config{Path: e.path})
	must(t, err)
	defer again.Close()
	if n := count(t, again); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
}

func TestTwoEnginesShareAFile(t *testing.T) {
	t.Parallel()
	one := openTable(t)
	two, err := Open(context.Background(), Config{Path: one.path})
	must(t, err)
	defer two.Close()
	var group sync.WaitGroup
	for i, e := range []*Engine{one, two} {
		for j := range 8 {
			group.Go(func() {
				for k := range 50 {
					id := int64(i*1_000_000 + j*1000 + k)
					if err := runAlone(e, store.Statement{SQL: insert, Args: []any{id, fmt.Sprint(id)}}); err != nil {
						t.Errorf("insert %d: %v", id, err)
						return
					}
				}
			})
		}
	}
	group.Wait()
	if n := count(t, one); n != 800 {
		t.Errorf("%d rows, want 800", n)
	}
}

func TestManyOpenANewFileAtOnce(t *testing.T) {
	t.Parallel()
	for range 2 {
		path := filepath.Join(t.TempDir(), "new.db")
		var group sync.WaitGroup
		for i := range int64(8) {
			group.Go(func() {
				e, err := Open(context.Background(), Config{Path: path})
				if err != nil {
					t.Error(err)
					return
				}
				defer e.Close()
				if err := e.Migrate(context.Background()); err != nil {
					t.Error(err)
				}
				if err := runAlone(e, store.Statement{SQL: `CREATE TABLE IF NOT EXISTS item (id BIGINT NOT NULL PRIMARY KEY, data TEXT NOT NULL)`},
					store.Statement{SQL: insert, Args: []any{i, "x"}}); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		e, err := Open(context.Background(), Config{Path: path})
		must(t, err)
		if n := count(t, e); n != 8 {
			t.Errorf("%d rows, want 8", n)
		}
		must(t, e.Close())
	}
}
