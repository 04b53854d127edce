package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"grapevine/store"
)

func testMigrate(t *testing.T, e store.Engine) {
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if err := e.Migrate(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	must(t, e.Migrate(context.Background()))
	must(t, update(e, insert(1, "a")))
}

func testNewer(t *testing.T, e store.Engine) {
	ctx := context.Background()
	must(t, e.Migrate(ctx))
	must(t, update(e, statement(`UPDATE goose_db_version SET version_id = 99999 WHERE version_id = 1`)))
	if err := e.Migrate(ctx); !errors.Is(err, store.ErrNewer) {
		t.Errorf("got error %v, want %v", err, store.ErrNewer)
	}
}
