package engine

import (
	"cmp"
	"slices"
)

// sortedBy lists the keys of a map in an order, so that every transaction
// touches rows in the same one.
func sortedBy[K comparable, V any](m map[K]V, order func(a, b K) int) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, order)
	return keys
}

// compare3 orders by two numbers and a text.
func compare3(a1, b1, a2, b2 int64, a3, b3 string) int {
	return cmp.Or(cmp.Compare(a1, b1), cmp.Compare(a2, b2), cmp.Compare(a3, b3))
}
