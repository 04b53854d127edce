package main

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the database that rows are written to
)

const (
	replayed  = 6400 // purchases whose rows are written again
	rowsBatch = 64   // purchases in one transaction
)

// rows is what a load of purchases left in its database: the bare database
// writes the same again, to say how fast the disk and SQLite are alone.
type rows struct {
	dir       string
	schema    []string
	tables    []table
	purchases int
}

// table is one table's part of the rows.
type table struct {
	name   string
	sorted bool // rows came in the order of their key
	before int64
	rows   [][]any
}

func openSQLite(file string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+
		"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_pragma=temp_store(MEMORY)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// sqliteFile is the file behind a dsn.
func (d database) sqliteFile() string { return strings.TrimPrefix(d.dsn, "sqlite:") }

// countRows looks at a database before a load.
func (b *bench) countRows(file string) (*rows, error) {
	db, err := openSQLite(file)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	r := &rows{dir: b.dir}
	if r.schema, err = texts(db, `SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' ORDER BY type = 'index', name`); err != nil {
		return nil, err
	}
	names, err := texts(db, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name`)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		t := table{name: name}
		// A key of times or counted numbers grows at its end, a key of text anywhere.
		types, err := texts(db, `SELECT type FROM pragma_table_info(?) WHERE pk > 0`, name)
		if err != nil {
			return nil, err
		}
		t.sorted = !slices.ContainsFunc(types, func(s string) bool { return strings.HasPrefix(s, "TEXT") })
		if err := db.QueryRow(`SELECT COUNT(*) FROM ` + name).Scan(&t.before); err != nil {
			return nil, err
		}
		r.tables = append(r.tables, t)
	}
	return r, nil
}

// read takes the rows of a number of purchases out of a database after a load
// of them.
func (r *rows) read(file string, purchases int64) error {
	db, err := openSQLite(file)
	if err != nil {
		return err
	}
	defer db.Close()
	r.purchases = int(min(purchases, replayed))
	for i := range r.tables {
		t := &r.tables[i]
		var n int64
		if err := db.QueryRow(`SELECT COUNT(*) FROM ` + t.name).Scan(&n); err != nil {
			return err
		}
		share := (n - t.before) * int64(r.purchases) / purchases
		if share <= 0 {
			continue
		}
		if err := t.read(db, share); err != nil {
			return fmt.Errorf("read %s: %w", t.name, err)
		}
	}
	return nil
}

// read takes the last n rows of a table.
func (t *table) read(db *sql.DB, n int64) error {
	key, err := texts(db, `SELECT name || ' DESC' FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk`, t.name)
	if err != nil {
		return err
	}
	found, err := db.Query(fmt.Sprintf(`SELECT * FROM %s ORDER BY %s LIMIT %d`, t.name, strings.Join(key, ", "), n))
	if err != nil {
		return err
	}
	defer found.Close()
	columns, err := found.Columns()
	if err != nil {
		return err
	}
	for found.Next() {
		row := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := found.Scan(into...); err != nil {
			return err
		}
		t.rows = append(t.rows, row)
	}
	if t.sorted {
		slices.Reverse(t.rows)
	} else {
		random := rand.New(rand.NewPCG(1, 1))
		random.Shuffle(len(t.rows), func(i, j int) { t.rows[i], t.rows[j] = t.rows[j], t.rows[i] })
	}
	return found.Err()
}

// each is how many rows a purchase left.
func (r *rows) each() float64 {
	n := 0
	for _, t := range r.tables {
		n += len(t.rows)
	}
	return float64(n) / float64(r.purchases)
}

// write writes the rows into new databases, one after the other, for a while,
// and says how many purchases a second that was.
func (r *rows) write(length time.Duration) (*round, error) {
	var took time.Duration
	done := 0
	for took < length {
		spent, err := r.writeOnce(length - took)
		if err != nil {
			return nil, err
		}
		took += spent.took
		done += spent.purchases
	}
	return &round{Rate: float64(done) / took.Seconds()}, nil
}

type spent struct {
	purchases int
	took      time.Duration
}

func (r *rows) writeOnce(most time.Duration) (s spent, err error) {
	dir, err := os.MkdirTemp(r.dir, "rows-")
	if err != nil {
		return s, err
	}
	defer os.RemoveAll(dir)
	db, err := openSQLite(filepath.Join(dir, "bare.db"))
	if err != nil {
		return s, err
	}
	defer db.Close()
	for _, statement := range r.schema {
		if _, err := db.Exec(statement); err != nil {
			return s, err
		}
	}
	started := time.Now()
	for ; s.purchases < r.purchases && s.took < most; s.took = time.Since(started) {
		to := min(s.purchases+rowsBatch, r.purchases)
		if err := r.writeBatch(db, s.purchases, to); err != nil {
			return s, err
		}
		s.purchases = to
	}
	return s, nil
}

// writeBatch writes the rows of some purchases in one transaction, a statement
// for each table.
func (r *rows) writeBatch(db *sql.DB, from, to int) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, t := range r.tables {
		part := t.rows[len(t.rows)*from/r.purchases : len(t.rows)*to/r.purchases]
		if len(part) == 0 {
			continue
		}
		values := strings.TrimSuffix(strings.Repeat("("+strings.TrimSuffix(strings.Repeat("?,", len(part[0])), ",")+"),", len(part)), ",")
		if _, err := tx.Exec("INSERT INTO "+t.name+" VALUES "+values, slices.Concat(part...)...); err != nil {
			return fmt.Errorf("write %s: %w", t.name, err)
		}
	}
	return tx.Commit()
}

// texts returns the one column of a query.
func texts(db *sql.DB, query string, args ...any) ([]string, error) {
	found, err := db.Query(query, args...)
	if err != nil {
		return nil, err
	}
	var all []string
	for found.Next() {
		var one string
		if err := found.Scan(&one); err != nil {
			return nil, errors.Join(err, found.Close())
		}
		all = append(all, one)
	}
	return all, found.Err()
}
