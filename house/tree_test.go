// Package house_test holds the rules of the house: what may import what, where
// time comes from, whose words are used where. Each rule tells its reason when
// it fails. It reads the sources itself, so that Go's test cache sees them
// change, and knows nothing of what the program does.
package house_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "grapevine"

// source is one Go file, its path counted from the root of the repository.
type source struct {
	path   string
	dir    string
	test   bool // a _test.go file
	text   []byte
	syntax *ast.File
}

// tree is the repository: its Go files and the other files a rule may read.
type tree struct {
	files fs.FS
	fset  *token.FileSet
	goes  []source
}

// rule looks at a tree and returns what breaks it, each with where and why.
type rule func(tree) []string

func readTree(files fs.FS) (tree, error) {
	t := tree{files: files, fset: token.NewFileSet()}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if d.IsDir() {
			if name != "." && (base == "testdata" || base == "node_modules" || base[0] == '.' || base[0] == '_') {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(t.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		t.goes = append(t.goes, source{
			path:   name,
			dir:    path.Dir(name),
			test:   strings.HasSuffix(name, "_test.go"),
			text:   text,
			syntax: syntax,
		})
		return nil
	})
	return t, err
}

// at is where a node stands, as editors understand it.
func (t tree) at(n ast.Node) string {
	p := t.fset.Position(n.Pos())
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

// forTests tells whether a file is only ever compiled into tests: a test file,
// or one of a package that helps tests (a folder named …test).
func (s source) forTests() bool {
	return s.test || testSupport(s.dir)
}

// testSupport tells whether a folder, or one above it, helps tests only.
func testSupport(dir string) bool {
	return slices.ContainsFunc(strings.Split(dir, "/"), func(element string) bool {
		return strings.HasSuffix(element, "test")
	})
}

// matches tells whether dir is pattern, in which * stands for one element and a
// last /... for whatever is below.
func matches(pattern, dir string) bool {
	if above, ok := strings.CutSuffix(pattern, "/..."); ok {
		return dir == above || strings.HasPrefix(dir, above+"/")
	}
	ok, _ := path.Match(pattern, dir)
	return ok
}

// anyMatches tells whether one of the patterns matches dir.
func anyMatches(patterns []string, dir string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, dir) })
}

// holds runs a rule over the repository.
func holds(t *testing.T, r rule) {
	t.Helper()
	tree, err := readTree(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.goes) == 0 {
		t.Fatal("no Go files found: the rule was not tried")
	}
	for _, broken := range r(tree) {
		t.Error(broken)
	}
}

// finds runs a rule over a small made-up repository and expects exactly one
// failure, which contains want; with want empty, none.
func finds(t *testing.T, r rule, want string, files map[string]string) {
	t.Helper()
	made := fstest.MapFS{}
	for name, text := range files {
		made[name] = &fstest.MapFile{Data: []byte(text)}
	}
	tree, err := readTree(made)
	if err != nil {
		t.Fatal(err)
	}
	got := r(tree)
	switch {
	case want == "" && len(got) > 0:
		t.Errorf("got %q, want nothing found", got)
	case want != "" && (len(got) != 1 || !strings.Contains(got[0], want)):
		t.Errorf("got %q, want one failure with %q", got, want)
	}
}
