package projectfile

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// TestEveryNameIsDocumentedWithWhatShowsIt holds docs/project-file.md and the
// shape of the file together: users learn from the one, the program from the
// other, and a name that nobody can see at work is a promise that was not kept.
func TestEveryNameIsDocumentedWithWhatShowsIt(t *testing.T) {
	t.Parallel()
	documented := documentedNames(t)
	tests := testNames(t)
	expected := map[string]int{} // name -> issue
	for section, keys := range shape {
		for _, k := range keys {
			expected[join(section, k.name)] = issueOf(section, k)
		}
	}
	for name, hook := range webhooks {
		expected[name] = hook.issue
	}
	for name, issue := range expected {
		shown, ok := documented[name]
		switch {
		case !ok:
			t.Errorf("%s is in no table of docs/project-file.md", name)
		case issue != 0 && shown != fmt.Sprintf("issue %d", issue):
			t.Errorf("%s is shown by %s, but the reader says that it has no effect before issue %d", name, shown, issue)
		case issue == 0 && !tests[strings.Trim(shown, "`")]:
			t.Errorf("%s is shown by %s, which is no test of this repository", name, shown)
		}
	}
	for name := range documented {
		if _, ok := expected[name]; !ok {
			t.Errorf("docs/project-file.md has %s, which the file cannot have", name)
		}
	}
}

// issueOf is the issue of a key, or of what it stands in.
func issueOf(section string, k key) int {
	if k.issue != 0 || section == "" {
		return k.issue
	}
	above, name := "", strings.TrimSuffix(section, "[]")
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		above, name = name[:dot], name[dot+1:]
	}
	return issueOf(above, shape[above][position(shape[above], name)])
}

// documentedNames reads the tables: the first cell is a name, the last what
// shows it.
func documentedNames(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../docs/project-file.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		name, last := strings.TrimSpace(cells[0]), strings.TrimSpace(cells[len(cells)-1])
		if len(cells) < 3 || !strings.HasPrefix(name, "`") || last == "shown by" {
			continue
		}
		name = strings.Trim(name, "`")
		if _, twice := found[name]; twice {
			t.Errorf("docs/project-file.md has %s twice", name)
		}
		found[name] = last
	}
	return found
}

var testName = regexp.MustCompile(`(?m)^func (Test\w+)\(`)

// testNames returns the tests of the repository.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." && strings.HasPrefix(path.Base(name), ".") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		for _, m := range testName.FindAllSubmatch(text, -1) {
			found[string(m[1])] = true
		}
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("%d tests found: %v", len(found), err)
	}
	return found
}
