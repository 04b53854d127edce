package engine

import (
	"cmp"
	"fmt"
	"slices"

	"grapevine/model"
	"grapevine/store"
)

// lists compares what rows are listed under with the rows, and counts again
// what is counted of the lists.
func (v *verifier) lists() error {
	off, err := v.tx.FacetsOff()
	if err != nil {
		return err
	}
	for _, row := range off {
		v.report.differ(row.Table, row.ID, "facet", row.Facet, "another")
	}
	stray, err := v.tx.StrayCounts()
	if err != nil {
		return err
	}
	for _, id := range stray {
		v.report.differ("facet_count", id, "facet", "unknown", "one of the account")
	}
	sealed, err := v.tx.Sealed()
	if err != nil {
		return err
	}
	facets, err := allFacets(v.tx)
	if err != nil {
		return err
	}
	for _, id := range sortedBy(facets, func(a, b model.FacetID) int { return cmp.Compare(a, b) }) {
		v.report.Checked["facet"]++
		if f := facets[id]; f.ID() != id {
			v.report.differ("facet", id, "id", id, f.ID())
		}
		if err := v.counts(id, facets[id], sealed); err != nil {
			return err
		}
	}
	return nil
}

// counts counts the rows of a facet again, up to what is sealed. What is
// counted of a marked minute may be anything; the wider buckets have to agree
// with it.
func (v *verifier) counts(id model.FacetID, f model.Facet, sealed int64) error {
	got, err := v.tx.CountsOfFacet(id)
	if err != nil {
		return err
	}
	marked, err := v.tx.MarkedMinutes(id)
	if err != nil {
		return err
	}
	minutes, err := v.tx.CountMinutes(map[model.FacetID]model.Facet{id: f}, 0, sealed)
	if err != nil {
		return err
	}
	minutes = slices.DeleteFunc(minutes, func(c store.Count) bool { return marked[c.Bucket] })
	for _, c := range got {
		v.report.Checked["facet_count"]++
		if c.Level == 1 && marked[c.Bucket] {
			minutes = append(minutes, c)
		}
	}
	want := map[store.Count]int64{}
	for _, c := range rolledUp(minutes) {
		n := c.N
		c.N = 0
		want[c] = n
	}
	for _, c := range got {
		n := c.N
		c.N = 0
		if want[c] != n {
			v.report.differ("facet_count", countName(c), "n", n, want[c])
		}
		delete(want, c)
	}
	for c, n := range want {
		v.report.differ("facet_count", countName(c), "n", "missing", n)
	}
	return nil
}

func countName(c store.Count) string {
	return fmt.Sprintf("facet %d level %d bucket %d", c.Facet, c.Level, c.Bucket)
}
