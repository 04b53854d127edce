package house_test

import (
	"bufio"
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// vendorless are the folders that speak our words only. projectfile may name
// vendors, whose keys stand in the file, and app, which mounts them.
var vendorless = []string{"model", "money", "store/...", "engine/...", "deliver"}

// vendors match a vendor's name, written in any of the usual ways.
var vendors = regexp.MustCompile(`(?i)friendbuy|referral[-_ ]?factory|irefer|prefinery`)

// theirs are words of vendors for which we have our own.
var theirs = map[string]string{
	"tester": "participant",
	"beta":   "campaign",
	"purl":   "link",
}

func TestVendorWordsStayInTheirFolders(t *testing.T) { holds(t, vendorWordsStay) }

func vendorWordsStay(t tree) (broken []string) {
	find := func(at, text string) {
		if word, ours := vendorWord(text); word != "" {
			broken = append(broken, fmt.Sprintf("%s says %q: that is a vendor's word; %s (four dialects, one engine; see docs/glossary.md)", at, word, ours))
		}
	}
	for _, s := range t.goes {
		if s.forTests() || !anyMatches(vendorless, s.dir) {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ImportSpec:
				return false
			case *ast.Ident:
				find(t.at(n), n.Name)
			case *ast.BasicLit:
				if n.Kind == token.STRING {
					find(t.at(n), n.Value)
				}
			}
			return true
		})
	}
	schema, _ := fs.Glob(t.files, "store/migrations/*.sql")
	for _, name := range schema {
		text, err := fs.ReadFile(t.files, name)
		if err != nil {
			return append(broken, err.Error())
		}
		lines := bufio.NewScanner(bytes.NewReader(text))
		for n := 1; lines.Scan(); n++ {
			statement, _, _ := strings.Cut(lines.Text(), "--")
			find(fmt.Sprintf("%s:%d", name, n), statement)
		}
	}
	return broken
}

// vendorWord returns the first vendor's word in an identifier or a text, and
// what to do about it.
func vendorWord(text string) (word, instead string) {
	if name := vendors.FindString(text); name != "" {
		return name, "no vendor is known here"
	}
	for _, w := range words(text) {
		if ours, ok := theirs[strings.TrimSuffix(w, "s")]; ok {
			return w, "ours is " + ours
		}
	}
	return "", ""
}

// words splits an identifier or a text into words in lower case.
func words(text string) []string {
	var b strings.Builder
	var last rune
	for _, r := range text {
		switch {
		case !unicode.IsLetter(r):
			b.WriteByte(' ')
		case unicode.IsUpper(r) && unicode.IsLower(last):
			b.WriteByte(' ')
			fallthrough
		default:
			b.WriteRune(unicode.ToLower(r))
		}
		last = r
	}
	return strings.Fields(b.String())
}

func TestVendorWordsStayInTheirFoldersFinds(t *testing.T) {
	for _, c := range []struct{ name, path, text, want string }{
		{"a name in a text", "engine/e.go", `package engine; var x = "told Friendbuy"`, "Friendbuy"},
		{"a name in an identifier", "store/s.go", `package store; var referralFactoryToken int`, "referralFactory"},
		{"a word in an identifier", "model/m.go", `package model; type BetaTesters struct{}`, "campaign"},
		{"a word in SQL", "store/s.go", "package store; const q = `SELECT tester_id FROM people`", "participant"},
		{"a word in the schema", "store/migrations/1.sql", "CREATE TABLE betas (id BIGINT);", "campaign"},

		{"a word that only looks so", "engine/e.go", `package engine; var alphabeta, contester int`, ""},
		{"a comment may name the cause", "engine/e.go", "package engine // Prefinery sends it twice", ""},
		{"the vendor's folder", "dialect/prefinery/p.go", `package prefinery; type testerJSON struct{}`, ""},
		{"the project file", "projectfile/f.go", "package projectfile; type keys struct { Friendbuy int }", ""},
		{"a remark in the schema", "store/migrations/1.sql", "-- what Prefinery calls a beta", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			finds(t, vendorWordsStay, c.want, map[string]string{c.path: c.text})
		})
	}
}
