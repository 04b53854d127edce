package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"grapevine/store"
	"grapevine/store/sqlite"
)

// The database holds personal data: nobody else on the machine reads it.
func TestNewFilesAreTheOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new.db")
	engine, err := sqlite.Open(t.Context(), sqlite.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	err = engine.Update(t.Context(), func(store.Conn) ([]store.Statement, error) {
		return []store.Statement{{SQL: "CREATE TABLE a (b BIGINT NOT NULL PRIMARY KEY)"}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + "-wal"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", filepath.Base(name), info.Mode())
		}
	}
}
