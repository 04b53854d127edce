package main

import (
	"path/filepath"
	"testing"
	"time"
)

func TestRowsAreReadAndWrittenAgain(t *testing.T) {
	t.Parallel()
	b := &bench{dir: t.TempDir()}
	file := filepath.Join(b.dir, "loaded.db")
	db, err := openSQLite(file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.Exec(statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(`CREATE TABLE event (account_id BIGINT NOT NULL, id BIGINT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (account_id, id)) WITHOUT ROWID`)
	exec(`CREATE TABLE mark (account_id BIGINT NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (account_id, hash)) WITHOUT ROWID`)
	exec(`CREATE TABLE account (id BIGINT NOT NULL PRIMARY KEY)`)
	exec(`CREATE INDEX event_body ON event (account_id, body)`)
	exec(`INSERT INTO account VALUES (1)`)
	exec(`INSERT INTO event VALUES (1, 1, 'before')`)

	r, err := b.countRows(file)
	if err != nil {
		t.Fatal(err)
	}
	const purchases = 100
	for i := range purchases {
		exec(`INSERT INTO event VALUES (1, ?, 'a'), (1, ?, 'b')`, 2*i+2, 2*i+3)
		exec(`INSERT INTO mark VALUES (1, hex(randomblob(8)))`)
	}
	if err := r.read(file, purchases); err != nil {
		t.Fatal(err)
	}
	if got := r.each(); got != 3 {
		t.Errorf("each purchase left %v rows, want 3", got)
	}
	got, err := r.write(50 * time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if got.Rate <= 0 {
		t.Errorf("rate %v", got.Rate)
	}
	for _, table := range r.tables {
		if table.name == "event" && table.rows[0][1] != int64(2) {
			t.Errorf("rows of a growing key begin with %v, want the first of the load", table.rows[0])
		}
	}
}
