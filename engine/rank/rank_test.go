package rank

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// places says where everybody stands, the slow way.
func places(skip int64, members map[int64]Member) map[int64]int {
	list := make([]Member, 0, len(members))
	for _, m := range members {
		list = append(list, m)
	}
	slices.SortFunc(list, func(x, y Member) int { return cmp.Or(cmp.Compare(x.At, y.At), cmp.Compare(x.ID, y.ID)) })
	out := map[int64]int64{}
	for i, m := range list {
		out[m.ID] = int64(i+1) - skip*m.Score
	}
	slices.SortStableFunc(list, func(x, y Member) int {
		if skip == 0 {
			return cmp.Compare(y.Score, x.Score)
		}
		return cmp.Or(cmp.Compare(out[x.ID], out[y.ID]), cmp.Compare(y.Score, x.Score))
	})
	where := map[int64]int{}
	for i, m := range list {
		where[m.ID] = i + 1
	}
	return where
}

func TestPlacesAreThoseOfASortedList(t *testing.T) {
	t.Parallel()
	for _, skip := range []int64{0, 1, 3, 10} {
		t.Run(fmt.Sprintf("skip %d", skip), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(7, uint64(skip)))
			someone := func() Member {
				return Member{ID: random.Int64N(3000), At: random.Int64N(500), Score: max(0, random.Int64N(12)-6)}
			}
			members := map[int64]Member{}
			for range 1000 {
				m := someone()
				members[m.ID] = m
			}
			b := New(skip, len(members), func(yield func(Member) bool) {
				for _, m := range members {
					if !yield(m) {
						return
					}
				}
			})
			for step := range 6000 {
				m := someone()
				if step%3 == 0 {
					b.Remove(m.ID)
					delete(members, m.ID)
				} else {
					b.Put(m)
					members[m.ID] = m
				}
				if step%500 != 0 {
					continue
				}
				want := places(skip, members)
				if b.Len() != len(want) {
					t.Fatalf("step %d: %d members, want %d", step, b.Len(), len(want))
				}
				for id := range int64(3000) {
					place, on := b.Place(id)
					if expected, listed := want[id]; place != expected || on != listed {
						t.Fatalf("step %d: member %d is at %d (%v), want %d (%v)", step, id, place, on, expected, listed)
					}
				}
			}
		})
	}
}

func TestAListFillsAndEmpties(t *testing.T) {
	t.Parallel()
	b := New(0, 0, func(func(Member) bool) {})
	const n = 5000 // several blocks
	for i := range int64(n) {
		b.Put(Member{ID: i, At: n - i})
	}
	if place, _ := b.Place(0); place != n {
		t.Errorf("who signed up last is at %d, want %d", place, n)
	}
	for i := range int64(n) {
		b.Remove(i)
		b.Remove(i)
	}
	if _, on := b.Place(1); on || b.Len() != 0 {
		t.Errorf("%d members are left", b.Len())
	}
	b.Put(Member{ID: 9})
	if place, on := b.Place(9); place != 1 || !on {
		t.Errorf("the only one is at %d", place)
	}
}

func TestAReferralSkipsPlaces(t *testing.T) {
	t.Parallel()
	b := New(10, 0, func(func(Member) bool) {})
	for i := range int64(20) {
		b.Put(Member{ID: i + 1, At: i})
	}
	b.Put(Member{ID: 15, At: 14, Score: 1})
	if place, _ := b.Place(15); place != 5 {
		t.Errorf("the 15th is at %d after a referral, want 5", place)
	}
	if place, _ := b.Place(5); place != 6 {
		t.Errorf("the 5th is at %d, want 6: one was let through", place)
	}
}

func BenchmarkPlace(b *testing.B) {
	const n = 1_000_000
	for _, skip := range []int64{0, 10} {
		random := rand.New(rand.NewPCG(1, 1))
		board := New(skip, n, func(yield func(Member) bool) {
			for i := range int64(n) {
				yield(Member{ID: i << 13, At: i, Score: random.Int64N(50) * random.Int64N(2)})
			}
		})
		b.Run(fmt.Sprintf("skip %d", skip), func(b *testing.B) {
			for i := range int64(b.N) {
				board.Place(i * 7919 % n << 13)
			}
		})
	}
}
