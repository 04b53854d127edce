package sqlite

import (
	"path/filepath"
	"testing"

	lib "modernc.org/sqlite/lib"

	"grapevine/store"
)

// A statement is planned when it is prepared, and not again for its arguments.
func TestArgumentsDoNotChangePlans(t *testing.T) {
	c, err := open(filepath.Join(t.TempDir(), "test.db"), "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := c.exec("CREATE TABLE a (b BIGINT NOT NULL PRIMARY KEY, c TEXT NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	const text = "SELECT b FROM a WHERE b > $1 AND c LIKE $2 ORDER BY b LIMIT $3"
	for limit := range 10 {
		err := c.run(&store.Statement{SQL: text, Args: []any{int64(limit), "x%", int64(limit)}, Row: func(store.Row) error { return nil }})
		if err != nil {
			t.Fatal(err)
		}
	}
	s := c.stmts[text]
	if s == nil {
		t.Fatal("the statement was not kept")
	}
	if again := lib.Xsqlite3_stmt_status(c.tls, s.handle, lib.SQLITE_STMTSTATUS_REPREPARE, 0); again != 0 {
		t.Errorf("planned again %d times", again)
	}
}
