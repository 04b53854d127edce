package house_test

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"
)

func TestDocumentsAreTrue(t *testing.T) { holds(t, documentsAreTrue) }

var (
	// A link of Markdown, which may go over lines, and a name or path in
	// back-ticks.
	mdLink = regexp.MustCompile(`\[([^\]]*)\]\(([^)\s]+)\)`)
	ticked = regexp.MustCompile("`([^`]+)`")
	// What may be the path of a file or folder of ours: several elements, the
	// last of which may be a pattern.
	mdPath = regexp.MustCompile(`^[\w.-]+(?:/[\w.*-]+)*/?$`)
	goName = regexp.MustCompile("^`(?:\\w+\\.)?(\\w+)`$")
)

// documentsAreTrue holds that what documents link to, or name as a path of the
// repository, is there, and that a linked Go file has the name that the link
// is made of.
func documentsAreTrue(t tree) (broken []string) {
	err := fs.WalkDir(t.files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if d.IsDir() {
			if name != "." && (base == "testdata" || base == "node_modules" || base[0] == '.') {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".md" {
			return nil
		}
		text, err := fs.ReadFile(t.files, name)
		if err == nil {
			broken = append(broken, t.documentIsTrue(name, string(text))...)
		}
		return err
	})
	if err != nil {
		broken = append(broken, err.Error())
	}
	return broken
}

func (t tree) documentIsTrue(name, text string) (broken []string) {
	text = prose(text)
	find := func(at int, what string) {
		line := 1 + strings.Count(text[:at], "\n")
		broken = append(broken, fmt.Sprintf("%s:%d %s: who follows a document should arrive", name, line, what))
	}
	for _, m := range mdLink.FindAllStringSubmatchIndex(text, -1) {
		shown, target := text[m[2]:m[3]], text[m[4]:m[5]]
		target, _, _ = strings.Cut(target, "#")
		if target == "" || strings.Contains(target, ":") {
			continue
		}
		target = path.Join(path.Dir(name), target)
		if _, err := fs.Stat(t.files, target); err != nil {
			find(m[0], "links to "+target+", which is not there")
			continue
		}
		if word := goName.FindStringSubmatch(shown); word != nil && !t.has(target, word[1]) {
			find(m[0], "says that "+word[1]+" is in "+target+", and it is not")
		}
	}
	for _, m := range ticked.FindAllStringSubmatchIndex(text, -1) {
		if named := text[m[2]:m[3]]; t.isPath(named) && !t.isThere(named) {
			find(m[0], "names "+named+", which is not there")
		}
	}
	return broken
}

// prose blanks the lines of examples.
func prose(text string) string {
	lines := strings.Split(text, "\n")
	example := false
	for i, line := range lines {
		fence := strings.HasPrefix(strings.TrimSpace(line), "```")
		if fence || example {
			lines[i] = ""
		}
		example = example != fence
	}
	return strings.Join(lines, "\n")
}

// has reports whether a Go file declares a name.
func (t tree) has(file, name string) bool {
	if path.Ext(file) != ".go" {
		return true
	}
	text, err := fs.ReadFile(t.files, file)
	declared := regexp.MustCompile(`(?m)^(?:func (?:\([^)]*\) )?|type |var |const |\t)` + name + `\b`)
	return err == nil && declared.Match(text)
}

// isPath reports whether a text looks like a path from the root of the
// repository: it has several elements, and the first is a folder there.
func (t tree) isPath(text string) bool {
	first, _, deep := strings.Cut(text, "/")
	if !deep || !mdPath.MatchString(text) {
		return false
	}
	info, err := fs.Stat(t.files, first)
	return err == nil && info.IsDir()
}

func (t tree) isThere(named string) bool {
	found, err := fs.Glob(t.files, strings.TrimSuffix(named, "/"))
	return err == nil && len(found) > 0
}

func TestDocumentsAreTrueFinds(t *testing.T) {
	const source = "package a\n\nfunc (e *Engine) Buy() {}\n\nvar (\n\tbought int\n)\n"
	for _, c := range []struct{ name, text, want string }{
		{"a dead link", "[x](a/b.go)", "README.md:1 links to a/b.go"},
		{"a dead link with an anchor", "see\n[x\ny](a/b.md#y)", "README.md:2 links to a/b.md"},
		{"a name that is elsewhere", "[`Sell`](a/a.go)", "says that Sell is in a/a.go"},
		{"a name that is only used", "[`Engine`](a/a.go)", "says that Engine is in a/a.go"},
		{"a dead path", "see `a/c.go`", "names a/c.go"},
		{"a dead pattern", "see `a/*.sql`", "names a/*.sql"},

		{"a link", "[x](a/a.go) [y](a) [z](#here) [w](https://example.com/a/b)", ""},
		{"a method", "[`e.Buy`](a/a.go)", ""},
		{"a variable", "[`bought`](a/a.go)", ""},
		{"a path", "`a/a.go`, `a/`, `a/*.go`", ""},
		{"no path of ours", "`b/c`, `a/{code}`, `a`, `/a/c`", ""},
		{"an example", "```sh\ncat `a/c.go` [x](a/b)\n```", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			finds(t, documentsAreTrue, c.want, map[string]string{"README.md": c.text, "a/a.go": source})
		})
	}
}
