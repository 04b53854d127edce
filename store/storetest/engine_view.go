package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"grapevine/store"
)

func testViewReads(t *testing.T, e store.Engine) {
	ctx := context.Background()
	err := e.View(ctx, func(c store.Conn) error { return c.Run(ctx, insert(1, "a")) })
	if err == nil {
		t.Error("a View wrote")
	}
	wantIDs(t, e)
}

func testSnapshot(t *testing.T, e store.Engine) {
	ctx := context.Background()
	must(t, update(e, insert(1, "a")))
	must(t, e.View(ctx, func(c store.Conn) error {
		first, err := ids(ctx, c)
		if err != nil {
			return err
		}
		if err := update(e, insert(2, "b")); err != nil {
			return err
		}
		second, err := ids(ctx, c)
		if err != nil {
			return err
		}
		if fmt.Sprint(first) != "[1]" || fmt.Sprint(second) != "[1]" {
			return fmt.Errorf("read %v, then %v, want the same", first, second)
		}
		return nil
	}))
	wantIDs(t, e, 1, 2)
}

func testViewCancelled(t *testing.T, e store.Engine) {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	err := e.View(ctx, func(c store.Conn) error {
		return c.Run(ctx, statement(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000)
			SELECT COUNT(*) FROM n`))
	})
	wantError(t, err, context.DeadlineExceeded)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	wantError(t, e.View(ended, func(c store.Conn) error { _, err := ids(ended, c); return err }), context.Canceled)
	wantIDs(t, e)
}

func testViewPanics(t *testing.T, e store.Engine) {
	err := e.View(context.Background(), func(c store.Conn) error { panic("ouch") })
	if p, ok := errors.AsType[*store.Panic](err); !ok || p.Value != "ouch" {
		t.Fatalf("got error %v, want a Panic", err)
	}
	wantIDs(t, e)
}

// testLateCommit reads a page while a transaction with a smaller id has yet to
// commit. Who asks for ids after the last one never sees it; who re-reads an
// overlap does.
func testLateCommit(t *testing.T, e store.Engine) {
	ctx := context.Background()
	written, release, done := make(chan bool), make(chan bool), make(chan error, 1)
	go func() {
		done <- e.Update(ctx, func(c store.Conn) ([]store.Statement, error) {
			err := c.Run(ctx, insert(10, "early id, late commit"))
			close(written)
			<-release
			return nil, err
		})
	}()
	<-written
	if e.Name() == "postgres" { // SQLite's writer is alone: the other has to wait
		must(t, update(e, insert(11, "late id, early commit")))
		wantIDs(t, e, 11)
	} else {
		wantIDs(t, e)
	}
	close(release)
	must(t, <-done)
	if e.Name() != "postgres" {
		must(t, update(e, insert(11, "late id")))
	}
	const overlap = 5
	var found []int64
	must(t, e.View(ctx, func(c store.Conn) error {
		return c.Run(ctx, store.Statement{
			SQL:  `SELECT id FROM item WHERE account_id = 1 AND id > $1 ORDER BY id`,
			Args: []any{11 - overlap},
			Row: func(r store.Row) error {
				var id int64
				err := r.Scan(&id)
				found = append(found, id)
				return err
			},
		})
	}))
	if fmt.Sprint(found) != "[10 11]" {
		t.Errorf("the overlap has %v, want 10 and 11", found)
	}
}
