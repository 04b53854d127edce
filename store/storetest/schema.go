package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"grapevine/store"
)

// Schema is what a database says of its tables, in words that engines share.
// What goose keeps for itself is left out.
type Schema struct {
	Tables []Table  // by name
	Others []string // what is no table: views, triggers, functions, sequences
}

// Table is one table of a Schema.
type Table struct {
	Name       string
	Columns    []Column // in their order
	Primary    []string // key, as in Index
	Indexes    []Index  // unique keys, too, but not the primary one; by what they say
	References []Reference
	Checks     []string
}

// Column is one column of a Table.
type Column struct {
	Name     string
	Type     string // with its collation, unless text is ordered by its bytes
	Nullable bool
	Filled   string // how the database makes a value that an INSERT leaves out; "" where it does not
}

// Index is an index or a unique key.
type Index struct {
	Name    string // "" where it belongs to a UNIQUE of the table
	Unique  bool
	Columns []string // with DESC and COLLATE, unless ascending and by bytes; "(expression)" where it is none
	Where   string
}

// Reference is a foreign key.
type Reference struct {
	Columns []string
	To      string
	Key     []string // the columns there that Columns refer to, one each
}

// errUndo ends a transaction that was meant to leave nothing.
var errUndo = errors.New("undo")

// ReadSchema reads the schema as it is after some statements, which are undone.
// In these $text is the type of a text column, as in migrations.
func ReadSchema(t *testing.T, e store.Engine, after ...string) Schema {
	t.Helper()
	readers := map[string]func(reader) (Schema, error){"sqlite": readSQLite, "postgres": readPostgres}
	var schema Schema
	err := e.Update(t.Context(), func(c store.Conn) ([]store.Statement, error) {
		for _, sql := range after {
			if err := c.Run(t.Context(), statement(strings.ReplaceAll(sql, "$text", text(e)))); err != nil {
				return nil, err
			}
		}
		var err error
		if schema, err = readers[e.Name()](reader{t.Context(), c}); err != nil {
			return nil, err
		}
		return nil, errUndo
	})
	wantError(t, err, errUndo)
	schema.sort()
	return schema
}

// sort orders what has no order of its own.
func (s *Schema) sort() {
	slices.SortFunc(s.Tables, func(a, b Table) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(s.Others)
	said := func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }
	for _, t := range s.Tables {
		slices.SortFunc(t.Indexes, func(a, b Index) int { return said(a, b) })
		slices.SortFunc(t.References, func(a, b Reference) int { return said(a, b) })
		slices.Sort(t.Checks)
	}
}

// table finds a table, or makes it.
func (s *Schema) table(name string) *Table {
	for i := range s.Tables {
		if s.Tables[i].Name == name {
			return &s.Tables[i]
		}
	}
	s.Tables = append(s.Tables, Table{Name: name})
	return &s.Tables[len(s.Tables)-1]
}

// reader asks a database about itself.
type reader struct {
	ctx  context.Context
	conn store.Conn
}

// each calls take for each row of an answer, once the row is in dest.
func (r reader) each(sql string, take func(), dest ...any) error {
	return r.conn.Run(r.ctx, store.Statement{SQL: sql, Row: func(row store.Row) error {
		if err := row.Scan(dest...); err != nil {
			return fmt.Errorf("%w\n%s", err, sql)
		}
		take()
		return nil
	}})
}
