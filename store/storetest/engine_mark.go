package storetest

import (
	"context"
	"strconv"
	"sync"
	"testing"

	"grapevine/store"
)

// testMark has many write and ask: whoever was answered finds another mark than
// before.
func testMark(t *testing.T, e store.Engine) {
	ctx := context.Background()
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := range 25 {
				before := e.Mark(ctx)
				if err := update(e, insert(int64(100*w+i), strconv.Itoa(100*w+i))); err != nil {
					t.Error(err)
				}
				if now := e.Mark(ctx); now == before || now == 0 {
					t.Errorf("after a commit the mark is %d, before it was %d", now, before)
				}
			}
		})
	}
	all.Wait()
}

// testMarkStays asks until two marks are the same: others may write on the
// server, but not all the time.
func testMarkStays(t *testing.T, e store.Engine) {
	ctx := context.Background()
	const most = 100_000
	for range most {
		before := e.Mark(ctx)
		if _, err := count(ctx, e); err != nil {
			t.Fatal(err)
		}
		if before != 0 && e.Mark(ctx) == before {
			return
		}
	}
	t.Errorf("%d times the mark was another one, though nobody wrote", most)
}

// testMarkEnds asks for marks that cannot be told.
func testMarkEnds(t *testing.T, e store.Engine) {
	must(t, e.Close())
	if mark := e.Mark(context.Background()); mark != 0 {
		t.Errorf("a database that is closed has the mark %d", mark)
	}
}

func count(ctx context.Context, e store.Engine) (n int, err error) {
	err = e.View(ctx, func(c store.Conn) error {
		found, err := ids(ctx, c)
		n = len(found)
		return err
	})
	return n, err
}
