package projectfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
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
// project file has no use for. The node is nil where there is nothing to read.
func readTree(data []byte) (*node, []problem) {
	if len(data) > MaxSize {
		return nil, []problem{{line: 1, text: fmt.Sprintf("expected at most %d bytes, got %d", MaxSize, len(data))}}
	}
	if at := invalidUTF8(data); at >= 0 {
		return nil, []problem{{line: 1 + bytes.Count(data[:at], []byte("\n")), text: "expected UTF-8"}}
	}
	document, p := parse(data)
	if p != nil {
		return nil, []problem{*p}
	}
	if document == nil {
		return nil, []problem{{line: 1, path: "account", text: "expected a text; the file is empty"}}
	}
	t := &treeReader{}
	root := t.read(document, "", 0)
	if root.kind != mapping {
		t.fail(root.line, "", "expected names with values, such as account: Acme")
		return nil, t.problems
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

// parse returns the file's one document, or nil where it is empty.
func parse(data []byte) (*yaml.Node, *problem) {
	decoder, err := yaml.NewLoader(bytes.NewReader(data), yaml.WithUniqueKeys(false))
	if err != nil {
		return nil, syntaxProblem(err)
	}
	var document, second yaml.Node
	if err := decoder.Load(&document); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, syntaxProblem(err)
	}
	if err := decoder.Load(&second); err == nil {
		return nil, &problem{line: second.Line, text: "expected one document, got another one after it"}
	} else if !errors.Is(err, io.EOF) {
		return nil, syntaxProblem(err)
	}
	if document.Kind == yaml.DocumentNode && len(document.Content) == 1 {
		return document.Content[0], nil
	}
	return &document, nil
}

// syntaxProblem says where a text is no YAML. What never ends is told where it
// begins: its end is the file's.
func syntaxProblem(err error) *problem {
	p := &problem{line: 1, text: "expected YAML: " + err.Error()}
	var e *yaml.LoadError
	if errors.As(err, &e) {
		p.text = "expected YAML: " + e.Message
		p.line = max(1, e.Mark.Line)
		if strings.Contains(e.Message, "end of stream") && e.ContextMark.Line > 0 {
			p.line = e.ContextMark.Line
		}
	}
	return p
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
		n.kind, n.text = scalarKind(y), y.Value
	}
	return n
}

func (t *treeReader) readEntries(n *node, y *yaml.Node, path string, depth int) {
	first := map[string]int{}
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, value := y.Content[i], y.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.Value == "" || key.Style&yaml.TaggedStyle != 0 {
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
