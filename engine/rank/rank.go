// Package rank keeps the order of a waitlist in memory, so that the place of
// one among a million is found in microseconds. It knows who is ahead of whom
// and nothing of why: scores come from outside, and so does who is on the
// list.
package rank

import (
	"cmp"
	"iter"
	"maps"
	"slices"
)

// Member is somebody on the list.
type Member struct {
	ID    int64
	At    int64 // when they signed up, in milliseconds; who was earlier is ahead among equals
	Score int64 // whoever has more is ahead
}

// Board is the order of one list. It takes some 32 bytes for a member. It is
// not safe for concurrent use where one of the users writes.
type Board struct {
	skip int64 // places that one more of score moves up; 0: the score decides alone

	// A member keeps its slot for as long as it is on the list.
	id, when, score []int64
	free            []uint32

	byID    sequence
	order   sequence            // by score; with skip, by sign-up
	classes map[int64]*sequence // with skip: who has a score, by sign-up
}

// New makes a board of members, of whom there are about n; it is quickest where
// they come by when they signed up and their id. With a skip of 0 more score is
// ahead; with another the list begins in the order of sign-up, and one more of
// score moves a member up by so many places.
func New(skip int64, n int, members iter.Seq[Member]) *Board {
	b := &Board{skip: skip, id: make([]int64, 0, n), when: make([]int64, 0, n), score: make([]int64, 0, n)}
	for m := range members {
		b.id, b.when, b.score = append(b.id, m.ID), append(b.when, m.At), append(b.score, m.Score)
	}
	bySignUp := b.sorted(b.compareSignUp)
	b.byID = sequenceOf(b.sorted(func(x, y uint32) int { return cmp.Compare(b.id[x], b.id[y]) }))
	byScore, classes := b.sortedByScore(bySignUp)
	if skip == 0 {
		b.order = sequenceOf(byScore)
		return b
	}
	b.order = sequenceOf(bySignUp)
	b.classes = make(map[int64]*sequence, len(classes))
	for score, class := range classes {
		s := sequenceOf(class)
		b.classes[score] = &s
	}
	return b
}

// sortedByScore sorts slots that are sorted by sign-up by score before that,
// and tells which part of them has each. Scores are few: they are counted.
func (b *Board) sortedByScore(bySignUp []uint32) (all []uint32, classes map[int64][]uint32) {
	counts := map[int64]int{}
	for _, score := range b.score {
		counts[score]++
	}
	all = make([]uint32, len(bySignUp))
	classes = make(map[int64][]uint32, len(counts))
	first := 0
	for _, score := range slices.Backward(slices.Sorted(maps.Keys(counts))) {
		classes[score] = all[first : first : first+counts[score]]
		first += counts[score]
	}
	for _, slot := range bySignUp {
		classes[b.score[slot]] = append(classes[b.score[slot]], slot)
	}
	return all, classes
}

// sorted are all slots, sorted. To sort what is sorted already costs one look
// at each.
func (b *Board) sorted(compare func(x, y uint32) int) []uint32 {
	slots := make([]uint32, len(b.id))
	for i := range slots {
		slots[i] = uint32(i)
	}
	if !slices.IsSortedFunc(slots, compare) {
		slices.SortFunc(slots, compare)
	}
	return slots
}

// compare tells which of two slots is ahead: by score, unless scores move
// places, then by sign-up.
func (b *Board) compare(x, y uint32) int {
	if b.skip == 0 && b.score[x] != b.score[y] {
		return cmp.Compare(b.score[y], b.score[x])
	}
	return b.compareSignUp(x, y)
}

func (b *Board) compareSignUp(x, y uint32) int {
	if b.when[x] != b.when[y] {
		return cmp.Compare(b.when[x], b.when[y])
	}
	return cmp.Compare(b.id[x], b.id[y])
}

// ahead is the test that is true of who is ahead of a slot.
func (b *Board) ahead(slot uint32) func(uint32) bool {
	return func(other uint32) bool { return b.compare(other, slot) < 0 }
}

// before is the test that is true of the members whose id is smaller.
func (b *Board) before(id int64) func(uint32) bool {
	return func(other uint32) bool { return b.id[other] < id }
}

func (b *Board) slotOf(id int64) (uint32, bool) {
	slot, ok := b.byID.first(b.before(id))
	return slot, ok && b.id[slot] == id
}

// Len is how many members the list has.
func (b *Board) Len() int { return b.order.length }

// Size is how many bytes the list takes, nearly.
func (b *Board) Size() int {
	size := cap(b.id) * (8 + 8 + 8 + 4 + 4)
	if b.skip != 0 {
		size += cap(b.id) * 4
	}
	return size
}

// Put adds a member, or moves them to where they belong now.
func (b *Board) Put(m Member) {
	slot, known := b.slotOf(m.ID)
	switch {
	case known && b.when[slot] == m.At && b.score[slot] == m.Score:
		return
	case known:
		b.takeOut(slot)
	default:
		slot = b.newSlot(m.ID)
	}
	b.when[slot], b.score[slot] = m.At, m.Score
	b.order.insert(slot, b.ahead(slot))
	if b.skip == 0 {
		return
	}
	class := b.classes[m.Score]
	if class == nil {
		class = &sequence{}
		b.classes[m.Score] = class
	}
	class.insert(slot, b.ahead(slot))
}

// Remove takes a member off the list; nobody else is none.
func (b *Board) Remove(id int64) {
	slot, known := b.slotOf(id)
	if !known {
		return
	}
	b.takeOut(slot)
	b.byID.remove(b.before(id))
	b.free = append(b.free, slot)
}

func (b *Board) newSlot(id int64) uint32 {
	var slot uint32
	if last := len(b.free) - 1; last >= 0 {
		slot, b.free = b.free[last], b.free[:last]
		b.id[slot] = id
	} else {
		slot = uint32(len(b.id))
		b.id, b.when, b.score = append(b.id, id), append(b.when, 0), append(b.score, 0)
	}
	b.byID.insert(slot, b.before(id))
	return slot
}

// takeOut takes a slot out of the order, as it was put in.
func (b *Board) takeOut(slot uint32) {
	b.order.remove(b.ahead(slot))
	if b.skip == 0 {
		return
	}
	class := b.classes[b.score[slot]]
	class.remove(b.ahead(slot))
	if class.length == 0 {
		delete(b.classes, b.score[slot])
	}
}

// Place is the place of a member, counted from 1; false for whoever is not on
// the list.
func (b *Board) Place(id int64) (int, bool) {
	slot, known := b.slotOf(id)
	if !known {
		return 0, false
	}
	signedUp := b.order.count(b.ahead(slot)) + 1
	if b.skip == 0 {
		return signedUp, true
	}
	// Ahead is who comes out before: place of sign-up less skipped places, and
	// of two that come out together the one who skipped more, as a member who
	// moves up ten places has passed ten others.
	place := 1
	out := int64(signedUp) - b.skip*b.score[slot]
	for score, class := range b.classes {
		last := out + b.skip*score // whose place of sign-up is up to here
		if score <= b.score[slot] {
			last--
		}
		switch {
		case last <= 0:
		case last >= int64(b.order.length):
			place += class.length
		default:
			place += class.count(b.ahead(b.order.at(int(last))))
		}
	}
	return place, true
}
