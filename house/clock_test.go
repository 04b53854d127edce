package house_test

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strconv"
	"testing"
)

// clockless are the folders into which time and chance come from outside.
var clockless = []string{"model", "money", "store/...", "engine/...", "deliver", "dialect/...", "feedback", "link", "dashboard", "manage", "projectfile", "web", "widget"}

// ownClock are the exceptions: a database transaction has a deadline and a pause
// before it runs again, both the machine's affair, whatever time it is told.
var ownClock = []string{"store/sqlite", "store/postgres"}

// clocks are the functions that read a clock or wait for it.
var clocks = []string{"Now", "Since", "Until", "Sleep"}

func TestTimeAndChanceComeFromOutside(t *testing.T) { holds(t, timeComesFromOutside) }

func timeComesFromOutside(t tree) (broken []string) {
	for _, s := range t.goes {
		if s.forTests() || !anyMatches(clockless, s.dir) || anyMatches(ownClock, s.dir) {
			continue
		}
		timeName := ""
		for _, spec := range s.syntax.Imports {
			switch name, _ := strconv.Unquote(spec.Path.Value); name {
			case "time":
				timeName = localName(spec, name)
			case "math/rand", "math/rand/v2":
				broken = append(broken, fmt.Sprintf("%s imports %s: chance comes in from outside, so that a test can choose it; what must be secret needs crypto/rand", t.at(spec), name))
			}
		}
		if timeName == "" {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := selector.X.(*ast.Ident)
			if ok && pkg.Name == timeName && slices.Contains(clocks, selector.Sel.Name) {
				broken = append(broken, fmt.Sprintf("%s uses time.%s: time comes from outside (a now func() time.Time that app passes), so that one transaction has one time and a test can choose it", t.at(selector), selector.Sel.Name))
			}
			return true
		})
	}
	return broken
}

// localName is what a file calls a package it imports.
func localName(spec *ast.ImportSpec, importPath string) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	return path.Base(importPath)
}

func TestTimeAndChanceComeFromOutsideFinds(t *testing.T) {
	for _, c := range []struct{ name, path, text, want string }{
		{"a call", "engine/e.go", `package engine; import "time"; var x = time.Now()`, "time.Now"},
		{"a function value", "deliver/d.go", `package deliver; import "time"; var x = time.Now`, "time.Now"},
		{"another name", "engine/rule/r.go", `package rule; import clock "time"; func f() { clock.Sleep(1) }`, "time.Sleep"},
		{"chance", "engine/code/c.go", `package code; import "math/rand/v2"; var x = rand.Int()`, "chance"},

		{"a duration", "engine/e.go", `package engine; import "time"; var x = time.Second`, ""},
		{"app has the clock", "app/a.go", `package app; import "time"; var x = time.Now()`, ""},
		{"a test has a clock", "engine/e_test.go", `package engine; import "time"; var x = time.Now()`, ""},
		{"a database pauses before it tries again", "store/postgres/p.go", `package postgres; import "math/rand/v2"; var x = rand.Int()`, ""},
		{"a database has deadlines", "store/sqlite/s.go", `package sqlite; import "time"; var x = time.Now()`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			finds(t, timeComesFromOutside, c.want, map[string]string{c.path: c.text})
		})
	}
}
