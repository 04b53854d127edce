package sheet

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strings"
)

// Op is how a condition compares.
type Op int

// The comparisons.
const (
	Equal Op = iota
	Less
	LessEqual
	Greater
	GreaterEqual
	Contains
)

// Condition is what a row must meet.
type Condition struct {
	test func(s *Sheet) func(row int) bool
}

// ID is the column of ids, among the numbers.
const ID = -1

func (s *Sheet) column(c int) []int64 {
	if c == ID {
		return s.ids
	}
	return s.numbers[c]
}

// Between is true of numbers from one to another, both included.
func Between(column int, from, to int64) Condition {
	return Condition{func(s *Sheet) func(int) bool {
		numbers := s.column(column)
		return func(row int) bool { n := numbers[row]; return from <= n && n <= to }
	}}
}

// Compared is true of numbers that compare so with another. Contains is true
// of none.
func Compared(column int, op Op, with int64) Condition {
	switch {
	case op == Equal:
		return Between(column, with, with)
	case op == LessEqual:
		return Between(column, math.MinInt64, with)
	case op == GreaterEqual:
		return Between(column, with, math.MaxInt64)
	case op == Less && with != math.MinInt64:
		return Between(column, math.MinInt64, with-1)
	case op == Greater && with != math.MaxInt64:
		return Between(column, with+1, math.MaxInt64)
	}
	return None()
}

// Not is true of numbers that are not this one: where it stands for nothing,
// nothing else is said of it.
func Not(column int, number int64) Condition {
	return Condition{func(s *Sheet) func(int) bool {
		numbers := s.column(column)
		return func(row int) bool { return numbers[row] != number }
	}}
}

// OneOf is true of numbers that are in a set.
func OneOf(column int, set map[int64]bool) Condition {
	return Condition{func(s *Sheet) func(int) bool {
		numbers := s.column(column)
		return func(row int) bool { return set[numbers[row]] }
	}}
}

// None is true of no row.
func None() Condition {
	return Condition{func(*Sheet) func(int) bool { return func(int) bool { return false } }}
}

// Text is true of texts that compare so with another.
func Text(column int, op Op, with string) Condition {
	return Condition{func(s *Sheet) func(int) bool {
		t, want := &s.texts[column], []byte(with)
		switch op {
		case Equal:
			return func(row int) bool { return bytes.Equal(t.at(row), want) }
		case Contains:
			return func(row int) bool { return bytes.Contains(t.at(row), want) }
		}
		return func(row int) bool { return holds(op, bytes.Compare(t.at(row), want)) }
	}}
}

// Shown is true of numbers that, as they are shown, compare so with a text.
func Shown(column int, show func(int64) string, op Op, with string) Condition {
	return Condition{func(s *Sheet) func(int) bool {
		numbers := s.column(column)
		return func(row int) bool { return Compares(show(numbers[row]), op, with) }
	}}
}

// ShownText is true of texts that, as they are shown, compare so with another.
func ShownText(column int, show func(string) string, op Op, with string) Condition {
	return Condition{func(s *Sheet) func(int) bool {
		t := &s.texts[column]
		return func(row int) bool { return Compares(show(string(t.at(row))), op, with) }
	}}
}

// Part stands between the parts of a text, before the first and after the last.
const Part = "\x00"

// Parted is true of texts of which one part compares so with another text.
func Parted(column int, op Op, with string) Condition {
	switch op {
	case Equal:
		return Text(column, Contains, Part+with+Part)
	case Contains:
		return Text(column, Contains, with)
	}
	return Condition{func(s *Sheet) func(int) bool {
		t := &s.texts[column]
		return func(row int) bool {
			for _, part := range strings.FieldsFunc(string(t.at(row)), func(r rune) bool { return r == 0 }) {
				if Compares(part, op, with) {
					return true
				}
			}
			return false
		}
	}}
}

// ShownBy is true of rows of whose number and text one of several texts is made
// that compares so with another.
func ShownBy(number, column int, show func(int64, string) []string, op Op, with string) Condition {
	return Condition{func(s *Sheet) func(int) bool {
		t, numbers := &s.texts[column], s.column(number)
		return func(row int) bool {
			return slices.ContainsFunc(show(numbers[row], string(t.at(row))), func(text string) bool { return Compares(text, op, with) })
		}
	}}
}

// Compares tells whether a text compares so with another.
func Compares(text string, op Op, with string) bool {
	if op == Contains {
		return strings.Contains(text, with)
	}
	return holds(op, strings.Compare(text, with))
}

// holds tells whether an outcome of a comparison, below, at or above 0, is what
// an operator asks for.
func holds(op Op, outcome int) bool {
	switch op {
	case Equal:
		return outcome == 0
	case Less:
		return outcome < 0
	case LessEqual:
		return outcome <= 0
	case Greater:
		return outcome > 0
	case GreaterEqual:
		return outcome >= 0
	}
	return false
}

// Order is how rows are sorted: by a column, among equals by id.
type Order struct {
	Column int
	Text   bool // the column is one of texts
	Down   bool // the greatest first, and among equals the newest
	// Key, if set, is what numbers are sorted by instead of themselves.
	Key func(int64) int64
}

// Select returns the ids of a page of the rows that meet all conditions, and
// how many of them there are on all pages. A page far from both ends of an
// order that is not by id takes longer: what lies before it is sorted. Rows
// were settled since the last was put.
func (s *Sheet) Select(conditions []Condition, o Order, skip, size int) (ids []int64, total int) {
	tests := make([]func(int) bool, len(conditions))
	for i, c := range conditions {
		tests[i] = c.test(s)
	}
	if o.Column == ID && !o.Text && o.Key == nil {
		s.each(tests, o.Down, func(row int) {
			if total++; total > skip && len(ids) < size {
				ids = append(ids, s.ids[row])
			}
		})
		return ids, total
	}
	turned := skip > far
	if turned { // the page may be nearer to the end
		s.each(tests, false, func(int) { total++ })
		if turned = skip < total && skip > total/2; turned {
			size = min(size, total-skip)
			skip = total - skip - size
			o.Down = !o.Down
		}
	}
	total = 0
	p := page{before: s.before(o), most: min(skip, len(s.ids)) + size}
	s.each(tests, o.Down, func(row int) {
		total++
		p.offer(row)
	})
	rows := p.sorted()
	for _, row := range rows[min(skip, len(rows)):] {
		ids = append(ids, s.ids[row])
	}
	if turned {
		slices.Reverse(ids)
	}
	return ids, total
}

// far is how many rows may lie before a page that is looked for from the
// beginning only.
const far = 1000

// each goes through the rows that meet all tests. Most orders are nearly that
// of the ids: gone through from its own end, few rows are better than those
// that a page has already.
func (s *Sheet) each(tests []func(int) bool, down bool, do func(row int)) {
	for i := range s.ids {
		row := i
		if down {
			row = len(s.ids) - 1 - i
		}
		if meets(tests, row) {
			do(row)
		}
	}
}

func meets(tests []func(int) bool, row int) bool {
	for _, test := range tests {
		if !test(row) {
			return false
		}
	}
	return true
}

// before tells which of two rows comes first.
func (s *Sheet) before(o Order) func(a, b int) int {
	way := 1
	if o.Down {
		way = -1
	}
	if o.Text {
		t := &s.texts[o.Column]
		return func(a, b int) int {
			return way * cmp.Or(bytes.Compare(t.at(a), t.at(b)), cmp.Compare(a, b))
		}
	}
	numbers := s.column(o.Column)
	if o.Key != nil {
		return func(a, b int) int {
			return way * cmp.Or(cmp.Compare(o.Key(numbers[a]), o.Key(numbers[b])), cmp.Compare(a, b))
		}
	}
	return func(a, b int) int {
		return way * cmp.Or(cmp.Compare(numbers[a], numbers[b]), cmp.Compare(a, b))
	}
}

// page keeps the first rows of those it is offered: a heap with the last of
// them on top.
type page struct {
	before func(a, b int) int
	most   int
	rows   []int
	heap   bool
}

func (p *page) offer(row int) {
	if len(p.rows) < p.most {
		p.rows = append(p.rows, row)
		return
	}
	if p.most == 0 {
		return
	}
	if !p.heap {
		p.heap = true
		for i := len(p.rows)/2 - 1; i >= 0; i-- {
			p.sink(i)
		}
	}
	if p.before(row, p.rows[0]) < 0 {
		p.rows[0] = row
		p.sink(0)
	}
}

func (p *page) sink(i int) {
	for {
		last := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < len(p.rows) && p.before(p.rows[child], p.rows[last]) > 0 {
				last = child
			}
		}
		if last == i {
			return
		}
		p.rows[i], p.rows[last] = p.rows[last], p.rows[i]
		i = last
	}
}

func (p *page) sorted() []int {
	slices.SortFunc(p.rows, p.before)
	return p.rows
}
