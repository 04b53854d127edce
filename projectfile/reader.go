package projectfile

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"grapevine/money"
)

// reader turns a tree into a project and gathers what is wrong with it.
type reader struct {
	problems []problem
	unused   []problem // what is there and has no effect yet
}

func (r *reader) fail(line int, path, format string, args ...any) {
	r.problems = append(r.problems, problem{line: line, path: path, text: fmt.Sprintf(format, args...)})
}

// section is a mapping of the file that is being read; one that is not there
// has a line and no node, and answers with defaults.
type section struct {
	r    *reader
	node *node // nil: left out
	line int
	path string
}

// open checks that n is a mapping whose names are all known.
func (r *reader) open(n *node, path string) section {
	s := section{r: r, line: n.line, path: path}
	if n.kind == null {
		return s
	}
	if n.kind != mapping {
		r.fail(n.line, path, "expected names with values, got %s", n.shown())
		return s
	}
	s.node = n
	known := shapeOf(path)
	for _, e := range n.entries {
		at := position(known, e.name)
		switch {
		case at < 0:
			r.fail(e.line, join(path, e.name), "expected a known name: %s", suggest(e.name, names(known)))
		case known[at].issue != 0 && !e.value.empty():
			r.unused = append(r.unused, problem{line: e.line, path: join(path, e.name), text: "has no effect yet"})
		}
	}
	return s
}

// suggest names the one that was probably meant, else all.
func suggest(name string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if d := distance(strings.ToLower(name), k); d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return "did you mean " + best + "?"
	}
	return "one of " + strings.Join(known, ", ")
}

// distance is how many letters must change to make b of a. It gives up on
// names far longer than ours.
func distance(a, b string) int {
	if len(a) > 40 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

// empty tells whether a value is as good as left out.
func (n *node) empty() bool {
	switch n.kind {
	case null:
		return true
	case text:
		return n.text == ""
	case list:
		return len(n.items) == 0
	case mapping:
		return !slices.ContainsFunc(n.entries, func(e entry) bool { return !e.value.empty() })
	}
	return false
}

// shown is a value in an error.
func (n *node) shown() string {
	switch n.kind {
	case null:
		return "nothing"
	case list:
		return "a list"
	case mapping:
		return "names with values"
	}
	return shorten(n.text)
}

func shorten(text string) string {
	if utf8.RuneCountInString(text) > 60 {
		text = string([]rune(text)[:60]) + "…"
	}
	return strconv.Quote(text)
}

// value returns the node of a name, or nil where it is left out.
func (s section) value(name string) *node {
	if s.node == nil {
		return nil
	}
	n := s.node.get(name)
	if n == nil || n.kind == null {
		return nil
	}
	return n
}

// has tells whether a name has a value.
func (s section) has(name string) bool { n := s.value(name); return n != nil && !n.empty() }

// fail reports what was expected of a name.
func (s section) fail(name, format string, args ...any) {
	line := s.line
	if s.node != nil {
		if n := s.node.get(name); n != nil {
			line = n.line
		}
	}
	s.r.fail(line, join(s.path, name), format, args...)
}

// wrong reports what was expected of a name and what is there.
func (s section) wrong(name, expected string) {
	shown := "nothing"
	if n := s.value(name); n != nil {
		shown = n.shown()
	}
	s.fail(name, "expected %s, got %s", expected, shown)
}

// section returns the mapping of a name.
func (s section) section(name string) section {
	if n := s.value(name); n != nil {
		return s.r.open(n, join(s.path, name))
	}
	return section{r: s.r, line: s.line, path: join(s.path, name)}
}

// sections returns the mappings of a list.
func (s section) sections(name string) []section {
	var all []section
	for i, item := range s.items(name) {
		path := fmt.Sprintf("%s[%d]", join(s.path, name), i)
		if item.kind == null {
			s.r.fail(item.line, path, "expected names with values, got nothing")
		}
		all = append(all, s.r.open(item, path))
	}
	return all
}

func (s section) items(name string) []*node {
	n := s.value(name)
	if n == nil {
		return nil
	}
	if n.kind != list {
		s.wrong(name, "a list")
		return nil
	}
	return n.items
}

// A check says what was expected of a text, or "" where it is right.
type check func(string) string

// Bounds of texts and of names in characters.
const (
	mostText = 5000
	mostName = 300
)

// text returns the text of a name, "" where it is left out.
func (s section) text(name string, checks ...check) string {
	n := s.value(name)
	if n == nil {
		return ""
	}
	got, ok := s.r.text(n, join(s.path, name), checks...)
	if !ok {
		return ""
	}
	return got
}

// need is text for a name that is required.
func (s section) need(name, what string, checks ...check) string {
	if n := s.value(name); n == nil || n.kind == text && n.text == "" {
		s.fail(name, "expected %s; it is required", what)
		return ""
	}
	return s.text(name, checks...)
}

// texts returns a list of texts.
func (s section) texts(name string, checks ...check) []string {
	var all []string
	for i, item := range s.items(name) {
		path := fmt.Sprintf("%s[%d]", join(s.path, name), i)
		got, ok := s.r.text(item, path, checks...)
		if ok && got == "" {
			s.r.fail(item.line, path, "expected a text, got nothing")
		}
		all = append(all, got)
	}
	return all
}

// text reads a scalar as text, however it is written: a code may be all digits.
func (r *reader) text(n *node, path string, checks ...check) (string, bool) {
	switch n.kind {
	case list, mapping:
		r.fail(n.line, path, "expected a text, got %s", n.shown())
		return "", false
	case null:
		return "", true
	}
	n.kind = text
	if n.text == "" {
		return "", true
	}
	for _, c := range append([]check{plain}, checks...) {
		if expected := c(n.text); expected != "" {
			r.fail(n.line, path, "expected %s, got %s", expected, n.shown())
			return "", false
		}
	}
	return n.text, true
}

// plain is what every text must be: it is shown on pages, kept by a database
// that takes no NUL, and written into a completed file that YAML can read.
func plain(value string) string {
	if strings.ContainsFunc(value, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\t' || r == '\uFEFF' || r == '\uFFFE' || r == '\uFFFF'
	}) {
		return "a text without control characters"
	}
	if utf8.RuneCountInString(value) > mostText {
		return fmt.Sprintf("a text of at most %d characters", mostText)
	}
	return ""
}

// oneLine is what a name must be.
func oneLine(value string) string {
	if strings.ContainsAny(value, "\n\t") {
		return "a text on one line"
	}
	if strings.TrimSpace(value) != value {
		return "a text without blanks around it"
	}
	if utf8.RuneCountInString(value) > mostName {
		return fmt.Sprintf("a text of at most %d characters", mostName)
	}
	return ""
}

// oneOf returns one of the allowed words.
func (s section) oneOf(name, otherwise string, allowed ...string) string {
	n := s.value(name)
	if n == nil || n.empty() {
		return otherwise
	}
	got := s.text(name)
	if got != "" && !slices.Contains(allowed, got) {
		s.wrong(name, orList(allowed))
		return otherwise
	}
	return got
}

// orList is "a, b or c".
func orList(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func (s section) flag(name string, otherwise bool) bool {
	n := s.value(name)
	if n == nil {
		return otherwise
	}
	if n.kind != boolean {
		s.wrong(name, "true or false")
		return otherwise
	}
	return strings.EqualFold(n.text, "true")
}

// mostID is the largest integer that every JSON reader keeps exactly.
const mostID = 1<<53 - 1

var decimalInteger = regexp.MustCompile(`^(0|[1-9][0-9]*)$`)

// integer returns a whole number that is at least a least one.
func (s section) integer(name string, otherwise, least, most int64) int64 {
	n := s.value(name)
	if n == nil {
		return otherwise
	}
	got, err := strconv.ParseInt(n.text, 10, 64)
	if n.kind != number || !decimalInteger.MatchString(n.text) || err != nil || got < least || got > most {
		what := fmt.Sprintf("a whole number of at least %d", least)
		if most < mostID || got > most {
			what = fmt.Sprintf("a whole number from %d to %d", least, most)
		}
		s.wrong(name, what)
		return otherwise
	}
	return got
}

// id returns an id, 0 where it is left out.
func (s section) id(name string) int64 { return s.integer(name, 0, 1, mostID) }

// count returns a number of things, small enough for an int everywhere.
func (s section) count(name string, otherwise int64) int {
	return int(s.integer(name, otherwise, 0, 1<<31-1))
}

var decimal = regexp.MustCompile(`^(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// amount returns a decimal number that is not negative, 0 where it is left out.
func (s section) amount(name string) money.Amount {
	n := s.value(name)
	if n == nil {
		return 0
	}
	got, err := money.Parse(n.text)
	if n.kind != number || err != nil || !decimal.MatchString(n.text) {
		s.wrong(name, "a decimal number of at least 0")
		return 0
	}
	if !isExact(n.text, got) {
		s.wrong(name, "a decimal number of at most four places")
		return 0
	}
	return got
}

// isExact tells whether an amount is what its text says. A cap that is rounded
// to nothing would be no cap.
func isExact(text string, read money.Amount) bool {
	written, _ := new(big.Rat).SetString(text)
	kept, _ := new(big.Rat).SetString(read.String())
	return written != nil && written.Cmp(kept) == 0
}

// positive is amount for what must be more than nothing.
func (s section) positive(name string) money.Amount {
	got := s.amount(name)
	if n := s.value(name); got == 0 && (n == nil || n.kind == number && decimal.MatchString(n.text) && isExact(n.text, 0)) {
		s.wrong(name, "a decimal number of more than 0")
	}
	return got
}

// duration returns a Go duration of at least a least one.
func (s section) duration(name string, otherwise, least time.Duration) time.Duration {
	n := s.value(name)
	if n == nil {
		return otherwise
	}
	got, err := time.ParseDuration(n.text)
	if n.kind == list || n.kind == mapping || err != nil {
		s.wrong(name, "a duration such as 720h")
		return otherwise
	}
	n.kind = text // 0 is a duration too
	if got < least {
		s.wrong(name, fmt.Sprintf("a duration of at least %v", least))
		return otherwise
	}
	return got
}

// time returns a moment, none where it is left out.
func (s section) time(name string) time.Time {
	got := s.text(name)
	if got == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, got)
	if err != nil {
		s.wrong(name, "a time such as 2026-03-01T00:00:00Z")
		return time.Time{}
	}
	return t.UTC().Truncate(time.Millisecond)
}

// unique holds that no two entries have the same value.
type unique struct {
	r    *reader
	seen map[string]string // value -> path of the one that has it
}

func newUnique(r *reader) *unique { return &unique{r: r, seen: map[string]string{}} }

// add reports a value that another entry has. An empty one is none.
func (u *unique) add(s section, name, value string) {
	if n := s.value(name); n != nil {
		u.at(n, join(s.path, name), value)
	}
}

// addItems reports values of a list that are in it twice, or in another one.
func (u *unique) addItems(s section, name string) {
	if n := s.value(name); n != nil {
		for i, item := range n.items {
			u.at(item, fmt.Sprintf("%s[%d]", join(s.path, name), i), item.text)
		}
	}
}

func (u *unique) at(n *node, path, value string) {
	if value == "" {
		return
	}
	if other, taken := u.seen[value]; taken {
		u.r.fail(n.line, path, "expected a value of its own, which %s does not have, got %s", other, n.shown())
		return
	}
	u.seen[value] = path
}
