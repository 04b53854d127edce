package house_test

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers says, for each folder, which folders of ours it may import, and why no
// more. The first entry that matches a folder is its own. "./" is the folder
// itself.
var layers = []struct {
	dir string
	may []string
	why string
}{
	{"cmd/*", []string{"app", "app/*"}, "a command only turns flags into a call of app"},
	{"app/...", []string{"*", "*/*", "*/*/*"}, ""},
	{"dialect/*", []string{"engine", "engine/address", "engine/sheet", "engine/zone", "model", "money", "web", "widget", "./..."},
		"a dialect only translates: it knows neither another dialect, nor the store, nor what delivers; a rule it needs belongs into the engine, where the other three have it too"},
	{"dialect/*/...", nil, "what lies in a dialect's subfolder is files to serve"},
	{"dashboard", []string{"engine", "model", "money", "web", "widget"}, "the dashboard is a caller of use cases, as a dialect is"},
	{"manage", []string{"engine", "model", "money", "web"}, "the native API is a caller of use cases, as a dialect is"},
	{"link", []string{"engine", "model", "web"}, "a facade is a caller of use cases, as a dialect is"},
	{"feedback", []string{"engine", "model", "web"}, "a facade is a caller of use cases, as a dialect is"},
	{"deliver", []string{"engine", "model", "money", "web"},
		"what leaves the house reaches jobs through the engine, and dialects hand it their renderers in app"},
	{"engine", []string{"store", "model", "money", "engine/*"}, "the engine knows no dialect, no HTTP and no database driver"},
	{"engine/rule", leaf, leafWhy},
	{"engine/ledger", leaf, leafWhy},
	{"engine/code", leaf, leafWhy},
	{"engine/fraud", leaf, leafWhy},
	{"engine/rank", leaf, leafWhy},
	{"engine/secret", leaf, leafWhy},
	{"engine/address", leaf, leafWhy},
	{"engine/letter", leaf, leafWhy},
	{"engine/sheet", leaf, leafWhy},
	{"engine/zone", leaf, leafWhy},
	{"store/pgtest", nil, "it starts a server and knows nothing of what is kept there"},
	{"store/pgtest/pg", []string{"store/pgtest"}, "it is pgtest as a command"},
	{"store/storetest", []string{"store", "model", "money"}, "it holds what every engine of the store must do"},
	{"store/sqlite", []string{"store", "store/value", "model"}, engineWhy},
	{"store/postgres", []string{"store", "store/value", "model"}, engineWhy},
	{"store/value", []string{"store"}, "it turns values into columns, the same for every database"},
	{"store", []string{"model", "money"}, "the store keeps rows; rules are the engine's, and which database runs is app's to say"},
	{"model", []string{"money"}, "the vocabulary stands below everything"},
	{"money", nil, "amounts are arithmetic"},
	{"projectfile", []string{"engine/zone", "model", "money"}, "it reads YAML into the vocabulary, in which a time zone is what it is elsewhere; applying it is a use case"},
	{"web", []string{"model"}, "plumbing knows errors and ids, and no use case"},
	{"widget", []string{"model"}, "browser code is served, it decides nothing"},
	{"bench/feed", []string{"store", "store/sqlite", "store/postgres", "model", "money"}, "it writes millions of rows, which no customer could"},
	{"bench", []string{"store/pgtest", "bench/feed"}, "the load generator talks HTTP to the binary, as a customer would"},
	{"openapi/checktest", []string{"engine/address", "openapi"}, "it holds handlers against documents, whoever they are"},
	{"ci/*", nil, "checks of the repository stand outside the program"},
	{"house", nil, "rules of the house read files"},
	{"openapi", nil, "documents that are served as they are"},
	{"e2e/...", nil, "end-to-end tests know the binary only"},
}

var leaf = []string{"model", "money"}

const (
	leafWhy   = "a leaf of the engine is pure: values in, values out, so that it can be tested in microseconds"
	engineWhy = "it holds only what one database does differently"
)

// testsMay is what test files and test support may import beyond their folder's
// entry: the project file sets the stage, the real engine stands on a real
// database, and app puts the parts together.
var testsMay = []string{"app", "dialect/dialecttest", "engine", "engine/*", "model", "money", "openapi", "openapi/checktest", "projectfile", "store", "store/...", "web", "web/browsertest"}

// outside says which folders, or single files, may import what is not ours. The
// first entry that matches an import decides; what matches none is free.
var outside = []struct {
	path  string
	may   []string
	tests []string
	why   string
}{
	{"modernc.org/sqlite/...", []string{"store/sqlite", "bench"}, nil, "one package knows SQLite's driver; bench has it bare, to compare with"},
	{"github.com/jackc/pgx/...", []string{"store/postgres", "store/pgtest"}, nil, "one package knows PostgreSQL's driver"},
	{"database/sql/...", []string{"store/sqlite", "store/postgres", "store/pgtest", "store/migrate.go", "bench"}, []string{"*", "*/*"},
		"SQL runs through store.Engine, so that both databases get the same statements"},
	{"github.com/pressly/goose/...", []string{"store/sqlite", "store/postgres", "store/migrate.go"}, nil, "migrations are the store's"},
	{"net/http/...", []string{"cmd/*", "app/...", "dialect/...", "dashboard", "manage", "deliver", "feedback", "link", "web", "widget", "bench/..."}, []string{"*", "*/*"},
		"the engine and what lies below it know no status codes"},
	{"go.yaml.in/yaml/...", []string{"projectfile"}, nil, "one package reads YAML"},
	{"testing/...", nil, []string{"*", "*/*"}, "what is shipped does not carry the test framework"},
}

func TestImportsRunDownward(t *testing.T) { holds(t, importsRunDownward) }

func importsRunDownward(t tree) (broken []string) {
	unknown := map[string]bool{}
	for _, s := range t.goes {
		may, why, known := mayImport(s)
		if !known {
			if !unknown[s.dir] {
				unknown[s.dir] = true
				broken = append(broken, fmt.Sprintf("%s is in no layer: add it to the table in house/imports_test.go and say what it may import", s.dir))
			}
			continue
		}
		for _, spec := range s.syntax.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			dir, ours := strings.CutPrefix(name, module+"/")
			switch {
			case !ours:
				if why := outsideForbids(s, name); why != "" {
					broken = append(broken, fmt.Sprintf("%s imports %s: %s", t.at(spec), name, why))
				}
			case dir == s.dir: // a test of the package, seen from outside
			case testSupport(dir) && !s.forTests() && !slices.Contains(may, dir):
				broken = append(broken, fmt.Sprintf("%s imports %s: what helps tests is imported by tests only", t.at(spec), name))
			case !anyMatches(may, dir):
				broken = append(broken, fmt.Sprintf("%s imports %s: %s", t.at(spec), name, why))
			}
		}
	}
	return broken
}

// mayImport returns the patterns of folders a file may import.
func mayImport(s source) (may []string, why string, known bool) {
	for _, l := range layers {
		if !matches(l.dir, s.dir) {
			continue
		}
		for _, m := range l.may {
			if below, ok := strings.CutPrefix(m, "./"); ok {
				m = path.Join(s.dir, below)
			}
			may = append(may, m)
		}
		if s.forTests() {
			may = append(may, testsMay...)
		}
		return may, l.why, true
	}
	if testSupport(s.dir) {
		return testsMay, "test support may import what tests may", true
	}
	return nil, "", false
}

// outsideForbids returns why a file may not import a package that is not ours,
// or nothing when it may.
func outsideForbids(s source, name string) string {
	for _, o := range outside {
		if !matches(o.path, name) {
			continue
		}
		if anyMatches(o.may, s.dir) || anyMatches(o.may, s.path) || s.forTests() && anyMatches(o.tests, s.dir) {
			return ""
		}
		return o.why
	}
	return ""
}

func TestImportsRunDownwardFinds(t *testing.T) {
	for _, c := range []struct{ name, path, text, want string }{
		{"a dialect that knows another", "dialect/a/a.go", `package a; import "grapevine/dialect/b"`, "neither another dialect"},
		{"a dialect that knows the store", "dialect/a/a.go", `package a; import "grapevine/store"`, "nor the store"},
		{"an engine that knows a database", "engine/e.go", `package engine; import "grapevine/store/sqlite"`, "no database driver"},
		{"a leaf that is not pure", "engine/rule/r.go", `package rule; import "grapevine/store"`, "pure"},
		{"a model that looks up", "model/m.go", `package model; import "grapevine/engine"`, "below everything"},
		{"a driver in the wrong place", "engine/e.go", `package engine; import _ "modernc.org/sqlite"`, "SQLite's driver"},
		{"a second driver package", "app/a.go", `package app; import "github.com/jackc/pgx/v5/stdlib"`, "PostgreSQL's driver"},
		{"SQL beside the store", "engine/e.go", `package engine; import "database/sql"`, "store.Engine"},
		{"SQL beside the migrations", "store/reward.go", `package store; import "database/sql"`, "store.Engine"},
		{"HTTP in a use case", "engine/e.go", `package engine; import "net/http"`, "no status codes"},
		{"test support in the program", "app/a.go", `package app; import "grapevine/store/pgtest"`, "by tests only"},
		{"a dialect's test that knows another", "dialect/a/a_test.go", `package a; import "grapevine/dialect/b"`, "neither another dialect"},
		{"a folder nobody placed", "extra/e.go", `package extra`, "is in no layer"},

		{"app knows everyone", "app/a.go", `package app; import "grapevine/dialect/a"`, ""},
		{"a dialect calls the engine", "dialect/a/a.go", `package a; import "grapevine/engine"`, ""},
		{"a dialect serves its own files", "dialect/a/a.go", `package a; import "grapevine/dialect/a/sdk"`, ""},
		{"a test stands on a real database", "engine/e_test.go", `package engine; import "grapevine/store/sqlite"`, ""},
		{"a test damages rows", "app/a_test.go", `package app; import "database/sql"`, ""},
		{"migrations run on plain SQL", "store/migrate.go", `package store; import "database/sql"`, ""},
		{"bench starts its own server", "bench/b.go", `package main; import "grapevine/store/pgtest"`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			finds(t, importsRunDownward, c.want, map[string]string{c.path: c.text})
		})
	}
}
