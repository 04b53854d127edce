package sqlite

import (
	"context"
	"path/filepath"
	"sync"
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
	defer other.Close()
	update := func(e *Engine, sql string) {
		t.Helper()
		if err := e.Update(context.Background(), func(store.Conn) ([]store.Statement, error) { return []store.Statement{{SQL: sql}}, nil }); err != nil {
			t.Fatal(err)
		}
	}
	last := e.Mark()
	if last == 0 {
		t.Fatal("there is no mark")
	}
	moved := func(why string, want bool) {
		t.Helper()
		now := e.Mark()
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
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if mark := e.Mark(); mark != 0 {
		t.Errorf("a database that is closed has the mark %d", mark)
	}
}

// Who was answered, on whatever connection, finds another mark than before.
func TestMarkIsAnotherOneForEachWhoWrites(t *testing.T) {
	e, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "mark.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := e.Update(t.Context(), func(store.Conn) ([]store.Statement, error) {
		return []store.Statement{{SQL: "CREATE TABLE counted (n BIGINT NOT NULL)"}}, nil
	}); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				before := e.Mark()
				if err := e.Update(context.Background(), func(store.Conn) ([]store.Statement, error) {
					return []store.Statement{{SQL: "INSERT INTO counted VALUES (1)"}}, nil
				}); err != nil {
					t.Error(err)
				}
				if e.Mark() == before {
					t.Error("the mark is what it was before a commit")
				}
			}
		})
	}
	all.Wait()
}
