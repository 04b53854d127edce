package storetest

import (
	"context"
	"testing"
	"time"

	"grapevine/store"
)

func testSlowStatement(t *testing.T, e store.Engine) {
	testSlow(t, e, func(c store.Conn) error {
		return c.Run(context.Background(), statement(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000)
			SELECT COUNT(*) FROM n`))
	})
}

func testSlowFunction(t *testing.T, e store.Engine) {
	testSlow(t, e, func(store.Conn) error {
		time.Sleep(store.WriteLimit + 100*time.Millisecond)
		return nil
	})
}

// testSlow takes as long as a transaction may.
func testSlow(t *testing.T, e store.Engine, slow func(store.Conn) error) {
	if testing.Short() {
		t.Skip("takes as long as a transaction may")
	}
	ctx := context.Background()
	start := time.Now()
	err := e.Update(ctx, func(c store.Conn) ([]store.Statement, error) {
		if err := c.Run(ctx, insert(1, "a")); err != nil {
			return nil, err
		}
		return []store.Statement{insert(2, "b")}, slow(c)
	})
	wantError(t, err, store.ErrSlow)
	if took := time.Since(start); took > store.WriteLimit+2*time.Second {
		t.Errorf("took %v", took)
	}
	must(t, update(e, insert(3, "c")))
	wantIDs(t, e, 3)
}
