package sqlite

import (
	"context"
	"path/filepath"
	"testing"

	"grapevine/store"
)

// A mark is another one after each commit, whoever made it, and stays where
// nothing is committed.
func TestMarkTellsOfCommits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mark.db")
	open := func() *Engine {
		e, err := Open(t.Context(), Config{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	e, other := open(), open()
	defer e.Close()
	defer other.Close()
	update := func(e *Engine, sql string) {
		t.Helper()
		if err := e.Update(context.Background(), func(store.Conn) ([]store.Statement, error) { return []store.Statement{{SQL: sql}}, nil }); err != nil {
			t.Fatal(err)
		}
	}
	last := e.Mark(t.Context())
	if last == 0 {
		t.Fatal("there is no mark")
	}
	moved := func(why string, want bool) {
		t.Helper()
		now := e.Mark(t.Context())
		if (now != last) != want || now == 0 {
			t.Errorf("%s: the mark is %d, was %d", why, now, last)
		}
		last = now
	}
	update(e, "CREATE TABLE counted (n BIGINT NOT NULL)")
	moved("a table", true)
	moved("nothing", false)
	for range 20 {
		update(e, "INSERT INTO counted VALUES (1)")
		moved("a row", true)
		update(other, "UPDATE counted SET n = n + 1")
		moved("a change of another process", true)
		err := e.View(t.Context(), func(c store.Conn) error {
			return c.Run(t.Context(), store.Statement{SQL: "SELECT n FROM counted", Row: func(store.Row) error { return nil }})
		})
		if err != nil {
			t.Fatal(err)
		}
		moved("a read", false)
	}
}
