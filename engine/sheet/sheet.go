// Package sheet keeps the rows of a list in memory, column by column, so that
// any condition on a million of them is answered in milliseconds, in any
// order, with the number of all that meet it. It knows columns by their
// numbers and nothing of what stands in them.
package sheet

import (
	"cmp"
	"slices"
)

// Row is a row of a sheet.
type Row struct {
	ID      int64
	Numbers []int64
	Texts   []string
}

// Sheet is the rows of one list, by id. It is not safe for concurrent use
// where one of the users writes.
type Sheet struct {
	ids     []int64
	numbers [][]int64
	texts   []texts

	// Most rows are put at the end, or nearly there. Those that belong far before
	// it wait behind all others until Settle puts them in their places together.
	near  int           // how many rows are moved for one
	loose map[int64]int // where the rows that wait are
}

// New makes an empty sheet with so many columns of numbers and of texts.
func New(numbers, textColumns int) *Sheet {
	return &Sheet{numbers: make([][]int64, numbers), texts: make([]texts, textColumns), near: 4096, loose: map[int64]int{}}
}

// Len is how many rows there are.
func (s *Sheet) Len() int { return len(s.ids) }

// Size is how many bytes a column of texts takes.
func (s *Sheet) Size(column int) int { return len(s.texts[column].body) }

// find is where the row of an id is, or would be. New rows come at the end.
func (s *Sheet) find(id int64) (int, bool) {
	if at, waits := s.loose[id]; waits {
		return at, true
	}
	n := len(s.ids) - len(s.loose)
	if n == 0 || s.ids[n-1] < id {
		return n, false
	}
	return slices.BinarySearch(s.ids[:n], id)
}

// Has tells whether there is a row.
func (s *Sheet) Has(id int64) bool {
	_, known := s.find(id)
	return known
}

// Number is a number of a row, 0 where there is no such row.
func (s *Sheet) Number(id int64, column int) int64 {
	if at, known := s.find(id); known {
		return s.numbers[column][at]
	}
	return 0
}

// Add adds to a number of a row, if there is such a row.
func (s *Sheet) Add(id int64, column int, n int64) {
	if at, known := s.find(id); known {
		s.numbers[column][at] += n
	}
}

// Set sets a number in all rows: to what a map says, else to 0.
func (s *Sheet) Set(column int, to map[int64]int64) {
	for at, id := range s.ids {
		s.numbers[column][at] = to[id]
	}
}

// Put adds a row, or replaces the one of that id.
func (s *Sheet) Put(r Row) {
	at, known := s.find(r.ID)
	if !known {
		if len(s.loose) > 0 || len(s.ids)-at > s.near {
			at = len(s.ids)
			s.loose[r.ID] = at
		}
		s.ids = slices.Insert(s.ids, at, r.ID)
		for c := range s.numbers {
			s.numbers[c] = slices.Insert(s.numbers[c], at, 0)
		}
		for c := range s.texts {
			s.texts[c].spans = slices.Insert(s.texts[c].spans, at, span{})
		}
	}
	for c, n := range r.Numbers {
		s.numbers[c][at] = n
	}
	for c, text := range r.Texts {
		s.texts[c].set(at, text)
	}
}

// Settle puts all rows in their places. Whoever has put some calls it before
// anybody selects.
func (s *Sheet) Settle() {
	if len(s.loose) == 0 {
		return
	}
	order := make([]int, len(s.ids))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(s.ids[a], s.ids[b]) })
	s.ids = arranged(s.ids, order)
	for c := range s.numbers {
		s.numbers[c] = arranged(s.numbers[c], order)
	}
	for c := range s.texts {
		s.texts[c].spans = arranged(s.texts[c].spans, order)
	}
	clear(s.loose)
}

func arranged[T any](column []T, order []int) []T {
	in := make([]T, len(column))
	for to, from := range order {
		in[to] = column[from]
	}
	return in
}

// Drop removes a row, if there is one.
func (s *Sheet) Drop(id int64) {
	s.Settle()
	at, known := s.find(id)
	if !known {
		return
	}
	s.ids = slices.Delete(s.ids, at, at+1)
	for c := range s.numbers {
		s.numbers[c] = slices.Delete(s.numbers[c], at, at+1)
	}
	for c := range s.texts {
		s.texts[c].set(at, "")
		s.texts[c].spans = slices.Delete(s.texts[c].spans, at, at+1)
	}
}

// texts is a column of texts, which lie one behind the other: a million of
// them are searched as fast as memory is read, and the garbage collector sees
// one.
type texts struct {
	body  []byte
	spans []span
	stale int // bytes of the body that no row has any more
}

type span struct {
	from uint32
	size uint32
}

// mostBody is how much a span can reach. A column that grows beyond it keeps
// no further texts apart: they read as empty.
const mostBody = 1 << 32

func (t *texts) at(i int) []byte {
	s := t.spans[i]
	return t.body[s.from : s.from+s.size]
}

func (t *texts) set(i int, text string) {
	if string(t.at(i)) == text {
		return
	}
	t.stale += int(t.spans[i].size)
	if t.stale > 1<<16 && t.stale > len(t.body)/2 {
		t.pack()
	}
	if len(t.body)+len(text) >= mostBody {
		text = ""
	}
	t.spans[i] = span{uint32(len(t.body)), uint32(len(text))}
	t.body = append(t.body, text...)
}

// pack leaves out what no row has any more.
func (t *texts) pack() {
	packed := make([]byte, 0, len(t.body)-t.stale+1<<12)
	for i := range t.spans {
		text := t.at(i)
		t.spans[i].from = uint32(len(packed))
		packed = append(packed, text...)
	}
	t.body, t.stale = packed, 0
}
