package projectfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// kind is what a node is.
type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	list
	mapping
)

// node is a value of the file, in the order in which it was written.
type node struct {
	line    int
	kind    kind
	text    string // of a scalar, as written
	items   []*node
	entries []entry
}

// entry is a name of a mapping and its value.
type entry struct {
	name  string
	line  int
	value *node
}

// get returns the value of a name, or nil.
func (n *node) get(name string) *node {
	for i := range n.entries {
		if n.entries[i].name == name {
			return n.entries[i].value
		}
	}
	return nil
}

// lineOf returns the line of the node at a path, or of the last one on the way
// that is there.
func (n *node) lineOf(path string) int {
	line := n.line
	for _, step := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		var next *node
		if i, err := strconv.Atoi(step); err == nil && n.kind == list && i < len(n.items) {
			next = n.items[i]
		} else if next = n.get(step); next == nil {
			return line
		}
		n = next
		line = n.line
	}
	return line
}

// Bounds of a tree, which aliases could make far larger than its file.
const (
	mostNodes = 1 << 20
	mostDepth = 16
)

// readTree reads YAML. It reports duplicate names, and everything that a
// project file has no use for.
func readTree(data []byte) (*node, []problem) {
	if len(data) > MaxSize {
		return nil, []problem{{line: 1, text: fmt.Sprintf("expected at most %d bytes, got %d", MaxSize, len(data))}}
	}
	if at := invalidUTF8(data); at >= 0 {
		return nil, []problem{{line: 1 + bytes.Count(data[:at], []byte("\n")), text: "expected UTF-8"}}
	}
	document, problems := decode(data)
	if len(problems) > 0 {
		return nil, problems
	}
	if document == nil {
		return nil, []problem{{line: 1, path: "account", text: "expected a text; the file is empty"}}
	}
	t := &treeReader{}
	root := t.read(document, "", 0)
	if root.kind != mapping && len(t.problems) == 0 {
		t.fail(root.line, "", "expected names with values, such as account: Acme")
	}
	return root, t.problems
}

func invalidUTF8(data []byte) int {
	for at := 0; at < len(data); {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size <= 1 {
			return at
		}
		at += size
	}
	return -1
}

// decode returns the file's one document, or nil where it is empty.
func decode(data []byte) (*yaml.Node, []problem) {
	source := &lineReader{rest: data}
	decoder := yaml.NewDecoder(source)
	var document, second yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, []problem{syntaxProblem(data, source.lines, err)}
	}
	if err := decoder.Decode(&second); err == nil {
		return nil, []problem{{line: second.Line, text: "expected one document, got another one after it"}}
	} else if !errors.Is(err, io.EOF) {
		return nil, []problem{syntaxProblem(data, source.lines, err)}
	}
	return document.Content[0], nil
}

// lineReader gives a line at a time, so that one knows how far a decoder read.
type lineReader struct {
	rest  []byte
	lines int
}

func (l *lineReader) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		return 0, io.EOF
	}
	line := l.rest
	if end := bytes.IndexByte(line, '\n'); end >= 0 {
		line = line[:end+1]
	}
	n := copy(p, line)
	if n == len(line) {
		l.lines++
	}
	l.rest = l.rest[n:]
	return n, nil
}

// syntaxProblem finds the line of an error of the YAML reader. For some kinds
// it names the line where the construct began that it could not finish, often
// the first of the file; the place is then where the text up to it fails in
// the same way.
func syntaxProblem(data []byte, read int, err error) problem {
	line, what := splitSyntaxError(err)
	if line > 0 && !strings.HasPrefix(what, "did not find expected") {
		return problem{line: line, text: "expected YAML: " + what}
	}
	for line = max(1, read-3); line < read; line++ {
		end := 0
		for range line {
			end += bytes.IndexByte(data[end:], '\n') + 1
		}
		var ignored yaml.Node
		if err := yaml.Unmarshal(data[:end], &ignored); err != nil {
			if _, same := splitSyntaxError(err); same == what {
				break
			}
		}
	}
	return problem{line: line, text: "expected YAML: " + what}
}

func splitSyntaxError(err error) (line int, what string) {
	what = strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(what, "line "); ok {
		if digits, text, ok := strings.Cut(rest, ": "); ok {
			line, _ = strconv.Atoi(digits)
			what = text
		}
	}
	return line, what
}

// treeReader turns what the YAML library read into nodes of our own: without
// anchors, aliases and tags, and bounded.
type treeReader struct {
	nodes    int
	problems []problem
}

func (t *treeReader) fail(line int, path, text string) {
	t.problems = append(t.problems, problem{line: line, path: path, text: text})
}

func (t *treeReader) read(y *yaml.Node, path string, depth int) *node {
	n := &node{line: y.Line}
	if t.nodes++; t.nodes > mostNodes || depth > mostDepth {
		if t.nodes != mostNodes+2 { // told once
			t.fail(y.Line, path, fmt.Sprintf("expected at most %d values, at most %d deep", mostNodes, mostDepth))
		}
		t.nodes = mostNodes + 1
		return n
	}
	if y.Kind == yaml.AliasNode {
		n = t.read(y.Alias, path, depth+1)
		n.line = y.Line
		return n
	}
	if y.Style&yaml.TaggedStyle != 0 {
		t.fail(y.Line, path, "expected a value without a tag, got "+y.Tag)
		return n
	}
	switch y.Kind {
	case yaml.MappingNode:
		n.kind = mapping
		t.readEntries(n, y, path, depth)
	case yaml.SequenceNode:
		n.kind = list
		for i, item := range y.Content {
			n.items = append(n.items, t.read(item, fmt.Sprintf("%s[%d]", path, i), depth+1))
		}
	default:
		n.text = y.Value
		n.kind = scalarKind(y)
	}
	return n
}

func (t *treeReader) readEntries(n *node, y *yaml.Node, path string, depth int) {
	first := map[string]int{}
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, value := y.Content[i], y.Content[i+1]
		if key.Kind != yaml.ScalarNode || scalarKind(key) == null || key.Style&yaml.TaggedStyle != 0 {
			t.fail(key.Line, path, "expected a name before the colon")
			continue
		}
		below := join(path, key.Value)
		if line, twice := first[key.Value]; twice {
			t.fail(key.Line, below, fmt.Sprintf("expected each name once; line %d has it too", line))
			continue
		}
		first[key.Value] = key.Line
		n.entries = append(n.entries, entry{name: key.Value, line: key.Line, value: t.read(value, below, depth+1)})
	}
}

// scalarKind is what a plain scalar is; a quoted one is a text.
func scalarKind(y *yaml.Node) kind {
	switch y.Tag {
	case "!!null":
		return null
	case "!!bool":
		return boolean
	case "!!int", "!!float":
		return number
	}
	return text
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
