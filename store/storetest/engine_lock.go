package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"grapevine/store"
)

// testClaim takes jobs as workers do: each job must be taken once.
func testClaim(t *testing.T, e store.Engine) {
	ctx := context.Background()
	const jobs = 40
	var all []store.Statement
	for i := range int64(jobs) {
		all = append(all, insert(i, fmt.Sprint(i)))
	}
	must(t, update(e, all...))
	var mu sync.Mutex
	taken := map[int64]int{}
	claim := func() (int64, error) {
		var id int64
		err := e.Update(ctx, func(c store.Conn) ([]store.Statement, error) {
			id = -1
			err := c.Run(ctx, store.Statement{
				SQL: `SELECT id FROM item WHERE account_id = 1 AND stock = 0 ORDER BY id LIMIT 1` + e.SkipLocked(),
				Row: func(r store.Row) error { return r.Scan(&id) },
			})
			return []store.Statement{statement(`UPDATE item SET stock = 1 WHERE account_id = 1 AND id = $1`, id)}, err
		})
		return id, err
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for {
				id, err := claim()
				if err != nil {
					t.Error(err)
				}
				if err != nil || id < 0 {
					return
				}
				mu.Lock()
				taken[id]++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	for id, n := range taken {
		if n != 1 {
			t.Errorf("job %d was taken %d times", id, n)
		}
	}
	if len(taken) != jobs {
		t.Errorf("%d jobs were taken of %d", len(taken), jobs)
	}
}

// testReadThenWrite counts up by reading first, which is right only if the row
// is locked by the read.
func testReadThenWrite(t *testing.T, e store.Engine) {
	ctx := context.Background()
	must(t, update(e, insert(1, "a")))
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			if err := e.Update(ctx, func(c store.Conn) ([]store.Statement, error) {
				var stock int64
				err := c.Run(ctx, store.Statement{
					SQL: `SELECT stock FROM item WHERE account_id = 1 AND id = 1` + e.ForUpdate(),
					Row: func(r store.Row) error { return r.Scan(&stock) },
				})
				return []store.Statement{statement(`UPDATE item SET stock = $1 WHERE account_id = 1 AND id = 1`, stock+1)}, err
			}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	wantStock(t, e, 1, 32)
}

// testDeadlock locks two rows in both orders. Who loses runs again.
func testDeadlock(t *testing.T, e store.Engine) {
	ctx := context.Background()
	must(t, update(e, insert(1, "a"), insert(2, "b")))
	add := func(id int64) store.Statement {
		return statement(`UPDATE item SET stock = stock + 1 WHERE account_id = 1 AND id = $1`, id)
	}
	var group, both sync.WaitGroup
	both.Add(2)
	for _, order := range [][2]int64{{1, 2}, {2, 1}} {
		group.Go(func() {
			meet := sync.OnceFunc(func() {
				both.Done()
				if e.Name() == "postgres" { // SQLite's writer is alone: nobody would come
					both.Wait()
				}
			})
			if err := e.Update(ctx, func(c store.Conn) ([]store.Statement, error) {
				err := c.Run(ctx, add(order[0]))
				meet()
				return []store.Statement{add(order[1])}, err
			}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	wantStock(t, e, 1, 2)
	wantStock(t, e, 2, 2)
}

func wantStock(t *testing.T, e store.Engine, id, want int64) {
	t.Helper()
	ctx := context.Background()
	must(t, e.View(ctx, func(c store.Conn) error {
		return c.Run(ctx, store.Statement{
			SQL:  `SELECT stock FROM item WHERE account_id = 1 AND id = $1`,
			Args: []any{id},
			Row: func(r store.Row) error {
				var got int64
				if err := r.Scan(&got); err != nil || got != want {
					return fmt.Errorf("stock of %d is %d (error %v), want %d", id, got, err, want)
				}
				return nil
			},
		})
	}))
}

// testManyTexts runs more different statements than a connection keeps.
func testManyTexts(t *testing.T, e store.Engine) {
	ctx := context.Background()
	must(t, update(e, insert(1, "a")))
	must(t, e.View(ctx, func(c store.Conn) error {
		for round := range 2 {
			for i := range 1000 {
				var got int
				if err := c.Run(ctx, store.Statement{
					SQL:  fmt.Sprintf(`SELECT id + %d FROM item WHERE account_id = $1`, i),
					Args: []any{1},
					Row:  func(r store.Row) error { return r.Scan(&got) },
				}); err != nil || got != i+1 {
					return fmt.Errorf("round %d: got %d (error %v), want %d", round, got, err, i+1)
				}
			}
		}
		return nil
	}))
}
