// Package storetest says what a storage engine, and the store above it, must
// do. Every engine runs all of it. It knows no driver.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"grapevine/store"
)

// RunEngine tests an engine. Each call of open returns an engine of its own on
// an empty database, which ends with the test.
func RunEngine(t *testing.T, open func(t *testing.T) store.Engine) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, e store.Engine)
	}{
		{"a transaction is committed", testCommit},
		{"last statements are committed with the rest", testLast},
		{"an error of a last statement undoes all", testLastFails},
		{"an error undoes all", testRollback},
		{"a swallowed error still undoes all", testSwallowed},
		{"a panic is an error and undoes all", testPanic},
		{"a Conn ends with its transaction", testConnEnds},
		{"a Row ends with its call", testRowEnds},
		{"an error of Row undoes all", testRowFails},
		{"no statement runs from a Row", testNested},
		{"affected rows are counted", testAffected},
		{"a failing transaction fails alone among many", testFailsAlone},
		{"parallel transactions count right", testCount},
		{"what was answered is seen elsewhere", testSeen},
		{"a cancelled transaction leaves nothing", testCancelled},
		{"a transaction cancelled while it waits leaves nothing", testCancelledWaiting},
		{"a transaction with a slow statement ends", testSlowStatement},
		{"a transaction with a slow function ends", testSlowFunction},
		{"a mark is another one after each commit", testMark},
		{"a mark stays where nobody writes", testMarkStays},
		{"a database that is closed has no mark", testMarkEnds},
		{"a job is claimed once", testClaim},
		{"a row that is read for update stays", testReadThenWrite},
		{"a deadlock runs again", testDeadlock},
		{"more statements than are kept", testManyTexts},
		{"a View cannot write", testViewReads},
		{"a View sees one snapshot", testSnapshot},
		{"a View ends with its context", testViewCancelled},
		{"a panic in a View is an error", testViewPanics},
		{"a late commit is found by who re-reads an overlap", testLateCommit},
		{"a unique key is told", testUnique},
		{"a constraint is told", testCheck},
		{"a constraint is told to its transaction alone", testUniqueAlone},
		{"values come back as they were", testValues},
		{"named kinds come back as they were", testNamedKinds},
		{"text that cannot be kept is refused", testBadText},
		{"arguments that are no value are refused", testBadArguments},
		{"destinations that do not fit are refused", testBadDestinations},
		{"a dollar in a literal is no placeholder", testDollar},
		{"placeholders may come in any order and twice", testPlaceholders},
		{"text is ordered by its bytes", testOrder},
		{"migrations run once, side by side", testMigrate},
		{"a newer schema is refused", testNewer},
		{"a closed engine refuses", testClosed},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e := open(t)
			must(t, update(e, statement(`CREATE TABLE item (
				account_id BIGINT NOT NULL,
				id BIGINT NOT NULL,
				name `+text(e)+` NOT NULL,
				stock BIGINT NOT NULL DEFAULT 0 CHECK (stock >= 0),
				PRIMARY KEY (account_id, id),
				UNIQUE (account_id, name)
			)`)))
			test.run(t, e)
		})
	}
}

// text is the type of a text column, whose order is that of its bytes.
func text(e store.Engine) string {
	if e.Name() == "postgres" {
		return `TEXT COLLATE "C"`
	}
	return "TEXT"
}

func statement(sql string, args ...any) store.Statement {
	return store.Statement{SQL: sql, Args: args}
}

func insert(id int64, name string) store.Statement {
	return statement(`INSERT INTO item (account_id, id, name) VALUES (1, $1, $2)`, id, name)
}

// update runs statements in one transaction.
func update(e store.Engine, statements ...store.Statement) error {
	return e.Update(context.Background(), func(store.Conn) ([]store.Statement, error) { return statements, nil })
}

// ids reads which items there are.
func ids(ctx context.Context, c store.Conn) ([]int64, error) {
	got := []int64{}
	err := c.Run(ctx, store.Statement{
		SQL: `SELECT id FROM item WHERE account_id = 1 ORDER BY id`,
		Row: func(r store.Row) error {
			var id int64
			err := r.Scan(&id)
			got = append(got, id)
			return err
		},
	})
	return got, err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantIDs(t *testing.T, e store.Engine, want ...int64) {
	t.Helper()
	must(t, e.View(context.Background(), func(c store.Conn) error {
		got, err := ids(context.Background(), c)
		if err != nil {
			return err
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("items are %v, want %v", got, want)
		}
		return nil
	}))
}

func wantError(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("got error %v, want %v", got, want)
	}
}
