package sheet_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine/sheet"
)

// naive answers as a Sheet does, by trying everything.
type naive map[int64]sheet.Row

type ask struct {
	name  string
	c     sheet.Condition
	meets func(sheet.Row) bool
}

var asks = []ask{
	{"number equals", sheet.Compared(0, sheet.Equal, 3), func(r sheet.Row) bool { return r.Numbers[0] == 3 }},
	{"number below", sheet.Compared(0, sheet.Less, 3), func(r sheet.Row) bool { return r.Numbers[0] < 3 }},
	{"number up to", sheet.Compared(0, sheet.LessEqual, 3), func(r sheet.Row) bool { return r.Numbers[0] <= 3 }},
	{"number above", sheet.Compared(1, sheet.Greater, 40), func(r sheet.Row) bool { return r.Numbers[1] > 40 }},
	{"number from", sheet.Compared(1, sheet.GreaterEqual, 40), func(r sheet.Row) bool { return r.Numbers[1] >= 40 }},
	{"id above", sheet.Compared(sheet.ID, sheet.Greater, 50), func(r sheet.Row) bool { return r.ID > 50 }},
	{"not nothing", sheet.Not(0, 0), func(r sheet.Row) bool { return r.Numbers[0] != 0 }},
	{"text equals", sheet.Text(0, sheet.Equal, "p7@a.example"), func(r sheet.Row) bool { return r.Texts[0] == "p7@a.example" }},
	{"text contains", sheet.Text(0, sheet.Contains, "1@"), func(r sheet.Row) bool { return strings.Contains(r.Texts[0], "1@") }},
	{"text below", sheet.Text(0, sheet.Less, "p5"), func(r sheet.Row) bool { return r.Texts[0] < "p5" }},
	{"number shown", sheet.Shown(1, show, sheet.Contains, "#4"), func(r sheet.Row) bool { return strings.Contains(show(r.Numbers[1]), "#4") }},
	{"text shown", sheet.ShownText(0, strings.ToUpper, sheet.GreaterEqual, "P5"), func(r sheet.Row) bool { return strings.ToUpper(r.Texts[0]) >= "P5" }},
	{"part equals", sheet.Parted(1, sheet.Equal, "red"), func(r sheet.Row) bool { return r.Texts[1] == "\x00red\x00blue\x00" }},
	{"part contains", sheet.Parted(1, sheet.Contains, "lu"), func(r sheet.Row) bool { return strings.Contains(r.Texts[1], "blue") }},
	{"part above", sheet.Parted(1, sheet.Greater, "blue"), func(r sheet.Row) bool { return strings.Contains(r.Texts[1], "red") }},
	{"shown by a number", sheet.ShownBy(0, 1, shownBy, sheet.Equal, "3red"), func(r sheet.Row) bool { return r.Numbers[0] == 3 && r.Texts[1] == parts[1] }},
	{"one of", sheet.OneOf(0, map[int64]bool{1: true, 4: true}), func(r sheet.Row) bool { return r.Numbers[0] == 1 || r.Numbers[0] == 4 }},
	{"none", sheet.None(), func(sheet.Row) bool { return false }},
}

func second(r sheet.Row) int64 {
	if r.Numbers == nil {
		return 0
	}
	return r.Numbers[1]
}

// parts are texts of several parts.
var parts = []string{"", "\x00red\x00blue\x00", "\x00blue\x00", "\x00redder\x00"}

func shownBy(n int64, text string) []string {
	return []string{"", fmt.Sprint(n, strings.TrimSuffix(strings.Trim(text, "\x00"), "\x00blue"))}
}

func show(n int64) string { return fmt.Sprint("#", n) }

func (n naive) selected(chosen []ask, o sheet.Order, skip, size int) (ids []int64, total int) {
	var rows []sheet.Row
	for _, r := range n {
		if !slices.ContainsFunc(chosen, func(a ask) bool { return !a.meets(r) }) {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b sheet.Row) int {
		order := 0
		switch {
		case o.Text:
			order = strings.Compare(a.Texts[o.Column], b.Texts[o.Column])
		case o.Column == sheet.ID && o.Key != nil:
			order = int(o.Key(a.ID) - o.Key(b.ID))
		case o.Column != sheet.ID:
			order = int(a.Numbers[o.Column] - b.Numbers[o.Column])
			if o.Key != nil {
				order = int(o.Key(a.Numbers[o.Column]) - o.Key(b.Numbers[o.Column]))
			}
		}
		if order == 0 {
			order = int(a.ID - b.ID)
		}
		if o.Down {
			order = -order
		}
		return order
	})
	for i := skip; i < min(skip+size, len(rows)); i++ {
		ids = append(ids, rows[i].ID)
	}
	return ids, len(rows)
}

func TestSelectAnswersAsTryingEverythingDoes(t *testing.T) {
	t.Parallel()
	chance := rand.New(rand.NewPCG(3, 4))
	s, n := sheet.New(2, 2), naive{}
	s.SetNear(20)
	for round := range 3000 {
		id := chance.Int64N(200)
		if chance.IntN(5) == 0 {
			s.Drop(id)
			delete(n, id)
		} else {
			r := sheet.Row{ID: id, Numbers: []int64{chance.Int64N(6), chance.Int64N(100)},
				Texts: []string{fmt.Sprintf("p%d@a.example", chance.IntN(300)), parts[chance.IntN(len(parts))]}}
			s.Put(r)
			n[id] = r
		}
		if s.Number(id, 1) != second(n[id]) || s.Has(id) != (n[id].ID == id && n[id].Numbers != nil) {
			t.Fatalf("round %d: row %d is not as it was put", round, id)
		}
		if round%10 != 0 {
			continue
		}
		s.Settle()
		var chosen []ask
		var conditions []sheet.Condition
		for range chance.IntN(3) {
			a := asks[chance.IntN(len(asks))]
			chosen, conditions = append(chosen, a), append(conditions, a.c)
		}
		o := sheet.Order{Column: chance.IntN(3) - 1, Down: chance.IntN(2) == 0}
		if chance.IntN(3) == 0 {
			o.Column, o.Text = 0, true
		}
		if !o.Text && chance.IntN(3) == 0 {
			o.Key = func(n int64) int64 { return n % 7 }
		}
		skip, size := chance.IntN(40), chance.IntN(30)
		ids, total := s.Select(conditions, o, skip, size)
		wantIDs, wantTotal := n.selected(chosen, o, skip, size)
		if total != wantTotal || !slices.Equal(ids, wantIDs) {
			t.Fatalf("round %d, %v %+v, %d after %d:\n%d %v, want\n%d %v", round, chosen, o, size, skip, total, ids, wantTotal, wantIDs)
		}
	}
	if s.Len() != len(n) {
		t.Errorf("%d rows, want %d", s.Len(), len(n))
	}
}

func TestRowsKeepWhatTheySay(t *testing.T) {
	t.Parallel()
	s := sheet.New(1, 1)
	long := strings.Repeat("x", 300)
	for round := range int64(2000) { // texts that are replaced are packed away
		s.Put(sheet.Row{ID: 1, Numbers: []int64{round}, Texts: []string{fmt.Sprint(long, round)}})
	}
	s.Put(sheet.Row{ID: 2, Numbers: []int64{5}, Texts: []string{"two"}})
	s.Add(2, 0, 3)
	s.Add(3, 0, 3)
	if !s.Has(1) || s.Has(3) {
		t.Errorf("there is row 1: %v, there is row 3: %v", s.Has(1), s.Has(3))
	}
	if got := s.Number(2, 0); got != 8 {
		t.Errorf("number is %d, want 8", got)
	}
	if ids, _ := s.Select([]sheet.Condition{sheet.Text(0, sheet.Equal, long+"1999")}, sheet.Order{Column: sheet.ID}, 0, 5); !slices.Equal(ids, []int64{1}) {
		t.Errorf("found %v", ids)
	}
	s.Set(0, map[int64]int64{2: 4})
	if diff := cmp.Diff([]int64{0, 4}, []int64{s.Number(1, 0), s.Number(2, 0)}); diff != "" {
		t.Error(diff)
	}
}

func TestSelectTakesAnyPage(t *testing.T) {
	t.Parallel()
	s := sheet.New(1, 0)
	s.Put(sheet.Row{ID: 1, Numbers: []int64{1}})
	const far = int(^uint(0) >> 1)
	if ids, total := s.Select(nil, sheet.Order{}, far, 25); len(ids) != 0 || total != 1 {
		t.Errorf("%v of %d", ids, total)
	}
	if ids, total := s.Select(nil, sheet.Order{Column: sheet.ID}, far, 25); len(ids) != 0 || total != 1 {
		t.Errorf("%v of %d", ids, total)
	}
	if ids, total := s.Select(nil, sheet.Order{}, 0, 0); len(ids) != 0 || total != 1 {
		t.Errorf("%v of %d", ids, total)
	}
}

func TestSelectFindsPagesFarFromTheBeginning(t *testing.T) {
	t.Parallel()
	const rows = 5000
	s := sheet.New(1, 0)
	for i := range int64(rows) {
		s.Put(sheet.Row{ID: i, Numbers: []int64{(i * 7919) % rows}}) // each number once
	}
	for _, skip := range []int{0, 999, 1001, 2400, 2600, 4990, 4999, 5000, 9000} {
		for _, down := range []bool{false, true} {
			ids, total := s.Select(nil, sheet.Order{Down: down}, skip, 20)
			if want := max(0, min(20, rows-skip)); len(ids) != want || total != rows {
				t.Fatalf("%d of %d behind %d, want %d", len(ids), total, skip, want)
			}
			for i, id := range ids {
				want := int64(skip + i)
				if down {
					want = rows - 1 - want
				}
				if got := s.Number(id, 0); got != want {
					t.Fatalf("row %d has number %d, want %d", skip+i, got, want)
				}
			}
		}
	}
}

func BenchmarkSelect(b *testing.B) {
	s := sheet.New(3, 1)
	for i := range int64(1_000_000) {
		s.Put(sheet.Row{ID: i, Numbers: []int64{i % 7, i, (i * 7919) % 1_000_000}, Texts: []string{fmt.Sprintf("person-%d@example.com", i)}})
	}
	for _, c := range []struct {
		name  string
		where []sheet.Condition
		order sheet.Order
		skip  int
	}{
		{"campaign and time", []sheet.Condition{sheet.Compared(0, sheet.Equal, 3), sheet.Between(2, 100_000, 400_000)}, sheet.Order{Column: 1}, 0},
		{"rare text", []sheet.Condition{sheet.Text(0, sheet.Contains, "n-77777")}, sheet.Order{Column: sheet.ID}, 0},
		{"common text", []sheet.Condition{sheet.Text(0, sheet.Contains, "@example")}, sheet.Order{Column: 1, Down: true}, 0},
		{"any order", nil, sheet.Order{Column: 2, Down: true}, 0},
		{"by text", nil, sheet.Order{Text: true}, 0},
		{"last page", nil, sheet.Order{Column: 2}, 900_000},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				s.Select(c.where, c.order, c.skip, 25)
			}
		})
	}
}
