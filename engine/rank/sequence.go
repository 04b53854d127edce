package rank

import (
	"slices"
	"sort"
)

// sequence is an ordered list of slots whose places can be counted. It is cut
// into blocks, so that an insertion moves hundreds of numbers and not a
// million. The order is the caller's: each call brings a test that is true of
// all slots before a place and false from there on.
type sequence struct {
	blocks [][]uint32 // none is empty
	length int
}

const (
	blockFull = 1024
	blockMade = blockFull / 2 // of a new block: room for as many again
)

// sequenceOf cuts sorted slots into blocks.
func sequenceOf(sorted []uint32) sequence {
	s := sequence{length: len(sorted), blocks: make([][]uint32, 0, len(sorted)/blockMade+1)}
	for block := range slices.Chunk(sorted, blockMade) {
		s.blocks = append(s.blocks, slices.Clip(block))
	}
	return s
}

// find is where the first slot stands that is not before.
func (s *sequence) find(before func(uint32) bool) (block, offset int) {
	block = sort.Search(len(s.blocks), func(i int) bool {
		b := s.blocks[i]
		return !before(b[len(b)-1])
	})
	if block == len(s.blocks) {
		return block, 0
	}
	b := s.blocks[block]
	return block, sort.Search(len(b), func(i int) bool { return !before(b[i]) })
}

// count is how many slots are before.
func (s *sequence) count(before func(uint32) bool) int {
	block, offset := s.find(before)
	for _, b := range s.blocks[:block] {
		offset += len(b)
	}
	return offset
}

// first is the first slot that is not before.
func (s *sequence) first(before func(uint32) bool) (uint32, bool) {
	block, offset := s.find(before)
	if block == len(s.blocks) {
		return 0, false
	}
	return s.blocks[block][offset], true
}

// at is the slot at a place, counted from 0.
func (s *sequence) at(place int) uint32 {
	for _, b := range s.blocks {
		if place < len(b) {
			return b[place]
		}
		place -= len(b)
	}
	panic("rank: no such place")
}

// insert puts a slot behind those that are before it.
func (s *sequence) insert(slot uint32, before func(uint32) bool) {
	s.length++
	block, offset := s.find(before)
	if block == len(s.blocks) {
		if block == 0 {
			s.blocks = append(s.blocks, []uint32{slot})
			return
		}
		block--
		offset = len(s.blocks[block])
	}
	b := slices.Insert(s.blocks[block], offset, slot)
	if len(b) <= blockFull {
		s.blocks[block] = b
		return
	}
	half := len(b) / 2
	s.blocks[block] = slices.Clone(b[:half])
	s.blocks = slices.Insert(s.blocks, block+1, slices.Clone(b[half:]))
}

// remove takes out the first slot that is not before.
func (s *sequence) remove(before func(uint32) bool) {
	s.length--
	block, offset := s.find(before)
	b := slices.Delete(s.blocks[block], offset, offset+1)
	if len(b) == 0 {
		s.blocks = slices.Delete(s.blocks, block, block+1)
		return
	}
	s.blocks[block] = b
}
