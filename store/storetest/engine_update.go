package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"grapevine/store"
)

var errOurs = errors.New("ours")

func testCommit(t *testing.T, e store.Engine) {
	ctx := context.Background()
	must(t, e.Update(ctx, func(c store.Conn) ([]store.Statement, error) {
		if err := c.Run(ctx, insert(1, "a"), insert(2, "b")); err != nil {
			return nil, err
		}
		got, err := ids(ctx, c)
		if err == nil && len(got) != 2 {
			err = fmt.Errorf("own rows are %v, want 1 and 2", got)
		}
		return nil, err
	}))
	wantIDs(t, e, 1, 2)
}

func testLast(t *testing.T, e store.Engine) {
	ctx := context.Background()
	must(t, e.Update(ctx, func(c store.Conn) ([]store.Statement, error) {
		return []store.Statement{insert(2, "b"), insert(3, "c")}, c.Run(ctx, insert(1, "a"))
	}))
	wantIDs(t, e, 1, 2, 3)
}

func testLastFails(t *testing.T, e store.Engine) {
	ctx := context.Background()
	err := e.Update(ctx, func(c store.Conn) ([]store.Statement, error) {
		return []store.Statement{insert(2, "b"), insert(1, "c"), insert(3, "d")}, c.Run(ctx, insert(1, "a"))
	})
	wantError(t, err, store.ErrUnique)
	wantIDs(t, e)
	wantError(t, update(e, insert(2, "b"), insert(2, "c")), store.ErrUnique)
	wantIDs(t, e)
}

func testRollback(t *testing.T, e store.Engine) {
	ctx := context.Background()
	err := e.Update(ctx, func(c store.Conn) ([]store.Statement, error) {
		if err := c.Run(ctx, insert(1, "a")); err != nil {
			return nil, err
		}
		return []store.Statement{insert(2, "b")}, errOurs
	})
	wantError(t, err, errOurs)
	err = e.Update(ctx, func(store.Conn) ([]store.Statement, error) {
		return []store.Statement{insert(3, "c")}, errOurs
	})
	wantError(t, err, errOurs)
	wantIDs(t, e)
}

func testSwallowed(t *testing.T, e store.Engine) {
	ctx := context.Background()
	err := e.Update(ctx, func(c store.Conn) ([]store.Statement, error) {
		if err := c.Run(ctx, insert(1, "a")); err != nil {
			return nil, err
		}
		_ = c.Run(ctx, insert(1, "b"))
		if err := c.Run(ctx, insert(2, "c")); err == nil {
			t.Error("a statement ran after one that failed")
		}
		return nil, nil
	})
	wantError(t, err, store.ErrUnique)
	wantIDs(t, e)
	err = e.View(ctx, func(c store.Conn) error {
		_ = c.Run(ctx, statement(`SELECT id FROM nothing`))
		return nil
	})
	if err == nil {
		t.Error("a View whose statement failed returned nil")
	}
}

func testPanic(t *testing.T, e store.Engine) {
	ctx := context.Background()
	err := e.Update(ctx, func(c store.Conn) ([]store.Statement, error) {
		must(t, c.Run(ctx, insert(1, "a")))
		panic("ouch")
	})
	p, ok := errors.AsType[*store.Panic](err)
	if !ok || p.Value != "ouch" || len(p.Stack) == 0 {
		t.Fatalf("got error %v, want a Panic with a stack", err)
	}
	err = e.Update(ctx, func(c store.Conn) ([]store.Statement, error) {
		last := insert(2, "b")
		last.SQL += ` RETURNING id`
		last.Row = func(store.Row) error { panic("in Row") }
		return []store.Statement{last}, nil
	})
	if p, ok := errors.AsType[*store.Panic](err); !ok || p.Value != "in Row" {
		t.Fatalf("got error %v, want a Panic", err)
	}
	must(t, update(e, insert(3, "c")))
	wantIDs(t, e, 3)
}

func testConnEnds(t *testing.T, e store.Engine) {
	ctx := context.Background()
	var kept store.Conn
	must(t, e.Update(ctx, func(c store.Conn) ([]store.Statement, error) {
		kept = c
		return nil, c.Run(ctx, insert(1, "a"))
	}))
	if err := kept.Run(ctx, insert(2, "b")); err == nil {
		t.Error("a Conn of an Update ran a statement after its end")
	}
	must(t, e.View(ctx, func(c store.Conn) error { kept = c; return nil }))
	if _, err := ids(ctx, kept); err == nil {
		t.Error("a Conn of a View ran a statement after its end")
	}
	wantIDs(t, e, 1)
}

func testRowEnds(t *testing.T, e store.Engine) {
	ctx := context.Background()
	must(t, update(e, insert(1, "a")))
	must(t, e.View(ctx, func(c store.Conn) error {
		var kept store.Row
		if err := c.Run(ctx, store.Statement{SQL: `SELECT id FROM item WHERE account_id = 1`, Row: func(r store.Row) error {
			kept = r
			return nil
		}}); err != nil {
			return err
		}
		var id int64
		if kept.Scan(&id) == nil {
			return errors.New("a Row was read after its call")
		}
		return nil
	}))
}

func testRowFails(t *testing.T, e store.Engine) {
	ctx := context.Background()
	must(t, update(e, insert(1, "a"), insert(2, "b")))
	calls := 0
	err := e.Update(ctx, func(c store.Conn) ([]store.Statement, error) {
		return nil, c.Run(ctx, insert(3, "c"), store.Statement{
			SQL: `SELECT id FROM item WHERE account_id = 1`,
			Row: func(store.Row) error { calls++; return errOurs },
		}, insert(4, "d"))
	})
	wantError(t, err, errOurs)
	if calls != 1 {
		t.Errorf("Row was called %d times, want once", calls)
	}
	wantIDs(t, e, 1, 2)
}

func testNested(t *testing.T, e store.Engine) {
	ctx := context.Background()
	must(t, update(e, insert(1, "a")))
	var nested error
	err := e.Update(ctx, func(c store.Conn) ([]store.Statement, error) {
		return nil, c.Run(ctx, store.Statement{SQL: `SELECT id FROM item WHERE account_id = 1`, Row: func(store.Row) error {
			nested = c.Run(ctx, insert(2, "b"))
			return nil
		}})
	})
	if nested == nil || err == nil {
		t.Errorf("got %v from the nested call and %v from Update, want errors", nested, err)
	}
	wantIDs(t, e, 1)
}

func testAffected(t *testing.T, e store.Engine) {
	must(t, update(e, insert(1, "a"), insert(2, "b"), insert(3, "c")))
	const upsert = `INSERT INTO item (account_id, id, name) VALUES (1, $1, $2) ON CONFLICT (account_id, id) DO `
	for _, test := range []struct {
		sql  string
		args []any
		want int64
	}{
		{`UPDATE item SET stock = stock + 1 WHERE account_id = 1 AND id <= $1`, []any{2}, 2},
		{`UPDATE item SET stock = 1 WHERE account_id = 1 AND id = $1`, []any{9}, 0},
		{`SELECT id FROM item WHERE account_id = $1`, []any{1}, 0},
		{upsert + `NOTHING`, []any{1, "x"}, 0},
		{upsert + `UPDATE SET stock = item.stock + 1`, []any{1, "x"}, 1},
		{upsert + `UPDATE SET stock = item.stock + 1 WHERE item.stock > 100`, []any{1, "x"}, 0},
		{upsert + `NOTHING RETURNING id`, []any{4, "d"}, 1},
		{`DELETE FROM item WHERE account_id = 1 AND id > $1`, []any{2}, 2},
	} {
		got := int64(-1)
		s := statement(test.sql, test.args...)
		s.Affected = &got
		must(t, update(e, s))
		if got != test.want {
			t.Errorf("%s: %d rows affected, want %d", test.sql, got, test.want)
		}
	}
}

func testFailsAlone(t *testing.T, e store.Engine) {
	ctx := context.Background()
	var group sync.WaitGroup
	errs := make([]error, 64)
	for i := range errs {
		group.Go(func() {
			errs[i] = e.Update(ctx, func(c store.Conn) ([]store.Statement, error) {
				if err := c.Run(ctx, insert(int64(i), fmt.Sprint(i))); err != nil {
					return nil, err
				}
				switch i % 8 {
				case 3:
					return nil, errOurs
				case 5:
					return []store.Statement{insert(int64(i), "again")}, nil
				}
				return nil, nil
			})
		})
	}
	group.Wait()
	var want []int64
	for i, err := range errs {
		switch i % 8 {
		case 3:
			wantError(t, err, errOurs)
		case 5:
			wantError(t, err, store.ErrUnique)
		default:
			must(t, err)
			want = append(want, int64(i))
		}
	}
	wantIDs(t, e, want...)
}

func testCount(t *testing.T, e store.Engine) {
	ctx := context.Background()
	must(t, update(e, statement(`INSERT INTO item (account_id, id, name, stock) VALUES (1, 1, 'a', 30)`)))
	var group sync.WaitGroup
	got := make(chan bool, 64)
	for range cap(got) {
		group.Go(func() {
			var taken int64
			err := e.Update(ctx, func(c store.Conn) ([]store.Statement, error) {
				taken = 0
				return nil, c.Run(ctx, store.Statement{
					SQL:      `UPDATE item SET stock = stock - 1 WHERE account_id = 1 AND id = 1 AND stock > 0`,
					Affected: &taken,
				})
			})
			if err != nil {
				t.Error(err)
			}
			got <- taken == 1
		})
	}
	group.Wait()
	close(got)
	n := 0
	for ok := range got {
		if ok {
			n++
		}
	}
	if n != 30 {
		t.Errorf("%d of 64 took one of 30", n)
	}
}

func testSeen(t *testing.T, e store.Engine) {
	ctx := context.Background()
	var group sync.WaitGroup
	for i := range int64(32) {
		group.Go(func() {
			if err := update(e, insert(i, fmt.Sprint(i))); err != nil {
				t.Error(err)
				return
			}
			found := false
			err := e.View(ctx, func(c store.Conn) error {
				return c.Run(ctx, store.Statement{
					SQL:  `SELECT id FROM item WHERE account_id = 1 AND id = $1`,
					Args: []any{i},
					Row:  func(store.Row) error { found = true; return nil },
				})
			})
			if err != nil || !found {
				t.Errorf("item %d is not there after its commit (error %v)", i, err)
			}
		})
	}
	group.Wait()
}

func testCancelled(t *testing.T, e store.Engine) {
	before, cancel := context.WithCancel(context.Background())
	cancel()
	err := e.Update(before, func(store.Conn) ([]store.Statement, error) {
		return []store.Statement{insert(1, "a")}, nil
	})
	wantError(t, err, context.Canceled)

	within, cancel := context.WithCancel(context.Background())
	err = e.Update(within, func(c store.Conn) ([]store.Statement, error) {
		if err := c.Run(within, insert(2, "b")); err != nil {
			return nil, err
		}
		cancel()
		return []store.Statement{insert(3, "c")}, nil
	})
	wantError(t, err, context.Canceled)
	must(t, update(e, insert(4, "d")))
	wantIDs(t, e, 4)
}

// testCancelledWaiting cancels transactions that wait for one that holds what
// they need.
func testCancelledWaiting(t *testing.T, e store.Engine) {
	must(t, update(e, insert(1, "a")))
	lock := statement(`UPDATE item SET stock = stock + 1 WHERE account_id = 1 AND id = 1`)
	held, release := make(chan bool), make(chan bool)
	var group sync.WaitGroup
	group.Go(func() {
		err := e.Update(context.Background(), func(c store.Conn) ([]store.Statement, error) {
			err := c.Run(context.Background(), lock)
			close(held)
			<-release
			return nil, err
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-held
	for i := range int64(8) {
		group.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			err := e.Update(ctx, func(c store.Conn) ([]store.Statement, error) {
				return []store.Statement{insert(10+i, fmt.Sprint(i))}, c.Run(ctx, lock)
			})
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got error %v, want the deadline's", err)
			}
		})
	}
	time.Sleep(100 * time.Millisecond) // longer than they wait
	close(release)
	group.Wait()
	must(t, update(e, insert(2, "b")))
	wantIDs(t, e, 1, 2)
}

func testClosed(t *testing.T, e store.Engine) {
	must(t, e.Close())
	wantError(t, update(e, insert(1, "a")), store.ErrClosed)
	wantError(t, e.View(context.Background(), func(store.Conn) error { return nil }), store.ErrClosed)
	wantError(t, e.Migrate(context.Background()), store.ErrClosed)
	wantError(t, e.Close(), store.ErrClosed)
}
