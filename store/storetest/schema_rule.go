package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"grapevine/store"
)

const accountColumn = "account_id"

// broken tells what in a schema keeps it from being distributed by account, or
// from being the same on every engine, and why it must not be.
func (s Schema) broken() (all []string) {
	report := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for _, other := range s.Others {
		report("%s: what happens to a row stands in the statement, not beside it, and Citus runs no trigger", other)
	}
	for _, t := range s.Tables {
		global, listed := store.Global[t.Name]
		key := accountColumn
		if listed {
			key = global.Key
		}
		switch {
		case len(t.Primary) == 0 || key != "" && t.Primary[0] != key:
			report("%s has the primary key %v, which must begin with %s: rows are distributed by it (tables.go in store lists those without an account)", t.Name, t.Primary, key)
		case listed && t.Primary[0] == accountColumn:
			report("%s is listed in tables.go of store, but has an account in its key", t.Name)
		}
		for _, i := range t.Indexes {
			if i.Unique && key != "" && !slices.Contains(i.Columns, key) {
				report("%s has the unique key %v without %s: no machine sees the rows of all accounts", t.Name, i.Columns, key)
			}
		}
		for _, r := range t.References {
			at := slices.Index(r.Columns, key)
			if key != "" && (at < 0 || r.Key[at] != key) {
				report("%s has a foreign key of %v to %v of %s, which must go from %s to %s: it cannot reach another account's rows, nor another machine's", t.Name, r.Columns, r.Key, r.To, key, key)
			}
		}
		for _, k := range append([]Index{{Columns: t.Primary}}, t.Indexes...) {
			for _, c := range k.Columns {
				if strings.Contains(c, " COLLATE ") {
					report("%s is ordered by %s: engines agree on the order of bytes only, and pages would differ", t.Name, c)
				}
			}
		}
		for _, c := range t.Columns {
			switch {
			case c.Type != "BIGINT" && c.Type != "TEXT":
				report("%s.%s is of type %s: what engines keep and compare alike is BIGINT, and TEXT by its bytes", t.Name, c.Name, c.Type)
			case c.Nullable:
				report("%s.%s may be NULL: engines put NULL in different places, so nothing is written as 0 or ''", t.Name, c.Name)
			case c.Filled != "":
				report("%s.%s is filled by the database (%s): a value that an INSERT forgets would not be missed", t.Name, c.Name, c.Filled)
			}
		}
	}
	return all
}

// RunSchema tests that the schema distributes by account, and that what would
// break this is found. Each call of open returns an engine of its own on an
// empty database, which ends with the test.
func RunSchema(t *testing.T, open func(t *testing.T) store.Engine) {
	t.Parallel()
	e := open(t)
	must(t, e.Migrate(t.Context()))
	schema := ReadSchema(t, e)
	whole := t.Run("every table keeps the rules", func(t *testing.T) {
		for _, why := range schema.broken() {
			t.Error(why)
		}
	})
	if !whole {
		return // the others look for one fault more than none
	}
	t.Run("every table without an account is there", func(t *testing.T) {
		for name := range store.Global {
			there := slices.ContainsFunc(schema.Tables, func(s Table) bool { return s.Name == name })
			if !there && name != store.Versions {
				t.Errorf("tables.go in store lists %s, which is no table", name)
			}
		}
	})
	for _, test := range badSchemas {
		t.Run("finds "+test.name, func(t *testing.T) {
			got := ReadSchema(t, e, append(test.both, test.only[e.Name()]...)...).broken()
			if len(got) != 1 || !strings.Contains(got[0], test.want) {
				t.Errorf("got %q, want one that says %q", got, test.want)
			}
		})
	}
}

// badSchemas break one rule each, by statements for both engines or for one.
var badSchemas = []struct {
	name string
	both []string
	only map[string][]string
	want string
}{
	{
		name: "a key without an account",
		both: []string{`CREATE TABLE bad (id BIGINT NOT NULL PRIMARY KEY)`},
		want: "must begin with account_id",
	},
	{
		name: "a key in which the account comes second",
		both: []string{`CREATE TABLE bad (account_id BIGINT NOT NULL, id BIGINT NOT NULL, PRIMARY KEY (id, account_id))`},
		want: "must begin with account_id",
	},
	{
		name: "a table without a key",
		both: []string{`CREATE TABLE bad (account_id BIGINT NOT NULL)`},
		want: "must begin with account_id",
	},
	{
		name: "a directory with another key",
		both: []string{`DROP TABLE code_directory`, `CREATE TABLE code_directory (folded $text NOT NULL, account_id BIGINT NOT NULL PRIMARY KEY)`},
		want: "must begin with folded",
	},
	{
		name: "a listed table that has an account",
		both: []string{`DROP TABLE node`, `CREATE TABLE node (account_id BIGINT NOT NULL, id BIGINT NOT NULL, PRIMARY KEY (account_id, id))`},
		want: "has an account in its key",
	},
	{
		name: "a UNIQUE without an account",
		both: []string{`CREATE TABLE bad (account_id BIGINT NOT NULL PRIMARY KEY, name $text NOT NULL UNIQUE)`},
		want: "unique key [name] without account_id",
	},
	{
		name: "a unique index without an account",
		both: []string{`CREATE UNIQUE INDEX bad ON campaign (uuid, id) WHERE archived = 0`},
		want: "unique key [uuid id] without account_id",
	},
	{
		name: "a unique index of an expression",
		both: []string{`CREATE UNIQUE INDEX bad ON campaign ((account_id + 1), uuid)`},
		want: "unique key [(expression) uuid] without account_id",
	},
	{
		name: "a foreign key without an account",
		both: []string{`CREATE TABLE bad (account_id BIGINT NOT NULL PRIMARY KEY, by_id BIGINT NOT NULL REFERENCES account (id))`},
		want: "a foreign key of [by_id] to [id] of account",
	},
	{
		name: "a foreign key to another account",
		both: []string{`CREATE TABLE bad (account_id BIGINT NOT NULL, id BIGINT NOT NULL, PRIMARY KEY (account_id, id),
			FOREIGN KEY (id, account_id) REFERENCES person (account_id, id))`},
		want: "must go from account_id to account_id",
	},
	{
		name: "a column that may be NULL",
		both: []string{`CREATE TABLE bad (account_id BIGINT NOT NULL PRIMARY KEY, name $text)`},
		want: "bad.name may be NULL",
	},
	{
		name: "another type of number",
		both: []string{`CREATE TABLE bad (account_id BIGINT NOT NULL PRIMARY KEY, share DOUBLE PRECISION NOT NULL)`},
		want: "bad.share is of type",
	},
	{
		name: "another type of text",
		both: []string{`CREATE TABLE bad (account_id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(10) NOT NULL)`},
		want: "bad.name is of type",
	},
	{
		name: "a default",
		both: []string{`CREATE TABLE bad (account_id BIGINT NOT NULL PRIMARY KEY, n BIGINT NOT NULL DEFAULT 0)`},
		want: "bad.n is filled by the database (0)",
	},
	{
		name: "a generated column",
		both: []string{`CREATE TABLE bad (account_id BIGINT NOT NULL PRIMARY KEY, n BIGINT NOT NULL GENERATED ALWAYS AS (account_id * 2) STORED)`},
		want: "bad.n is filled by the database (generated)",
	},
	{
		name: "a number that counts itself",
		only: map[string][]string{
			"sqlite":   {`CREATE TABLE bad (account_id BIGINT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (account_id, n))`},
			"postgres": {`CREATE TABLE bad (account_id BIGINT NOT NULL PRIMARY KEY, n BIGINT NOT NULL GENERATED BY DEFAULT AS IDENTITY)`},
		},
		want: "bad.n is",
	},
	{
		name: "a serial number",
		only: map[string][]string{
			"sqlite":   {`CREATE TABLE bad (account_id BIGINT NOT NULL PRIMARY KEY, n SERIAL NOT NULL)`},
			"postgres": {`CREATE TABLE bad (account_id BIGINT NOT NULL PRIMARY KEY, n BIGSERIAL NOT NULL)`},
		},
		want: "bad.n is",
	},
	{
		name: "text that compares by a language",
		only: map[string][]string{
			"sqlite":   {`CREATE TABLE bad (account_id BIGINT NOT NULL, name TEXT NOT NULL COLLATE NOCASE, PRIMARY KEY (account_id, name))`},
			"postgres": {`CREATE TABLE bad (account_id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)`},
		},
		want: "COLLATE",
	},
	{
		name: "text that is not ordered by its bytes",
		only: map[string][]string{
			"sqlite":   {`CREATE INDEX bad ON campaign (account_id, uuid COLLATE NOCASE)`},
			"postgres": {`CREATE INDEX bad ON campaign (account_id, uuid COLLATE "default")`},
		},
		want: "campaign is ordered by uuid COLLATE",
	},
	{
		name: "a trigger",
		only: map[string][]string{
			"sqlite": {`CREATE TRIGGER bad AFTER INSERT ON node BEGIN DELETE FROM node; END`},
			"postgres": {`CREATE TRIGGER bad BEFORE UPDATE ON node
				FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`},
		},
		want: "trigger bad",
	},
	{
		name: "a view",
		both: []string{`CREATE VIEW bad AS SELECT id FROM node`},
		want: "view bad",
	},
}
