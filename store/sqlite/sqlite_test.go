package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"

	"grapevine/store"
	"grapevine/store/sqlite"
	"grapevine/store/storetest"
)

// openTemp opens an empty database that ends with the test.
func openTemp(t *testing.T) store.Engine { return openFile(t, filepath.Join(t.TempDir(), "test.db")) }

func openFile(t testing.TB, path string) *sqlite.Engine {
	t.Helper()
	e, err := sqlite.Open(context.Background(), sqlite.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func TestEngine(t *testing.T) { storetest.RunEngine(t, openTemp) }

func TestJobs(t *testing.T) { storetest.RunJobs(t, openTemp) }

func TestSchema(t *testing.T) { storetest.RunSchema(t, openTemp) }
