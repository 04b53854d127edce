package engine

import (
	"container/heap"
	"context"
	"math"
	"slices"
	"time"

	"grapevine/model"
	"grapevine/store"
)

// feed is a list as a query asks for it.
type feed struct {
	list     model.List
	kinds    func(kind string) bool // which kinds of facets are of the list
	advocate bool                   // a person's rewards are those they brought
	nobody   bool                   // it is not filtered by a person
}

// page is what a page of a list holds, before anything is read of its rows.
type page struct {
	e      *Engine
	tx     *store.Tx
	cfg    *Config
	facets map[model.FacetID]model.Facet
	sealed int64 // the minute before which they are counted
	places []store.Place
}

// listPage reads a page of a list and counts the whole, in one snapshot. Rows
// are made by the caller, from what they read of the page's places.
func listPage[T any](ctx context.Context, e *Engine, account model.AccountID, f feed, q ListQuery, rows func(*page) ([]T, error)) (*Listed[T], error) {
	if err := sized(q); err != nil {
		return nil, err
	}
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return nil, err
	}
	listed := &Listed[T]{}
	err = e.store.View(ctx, account, func(tx *store.Tx) error {
		*listed = Listed[T]{}
		p := &page{e: e, tx: tx, cfg: cfg}
		facets, err := p.matching(f, q)
		if err != nil || len(facets) == 0 {
			return err
		}
		if q.Email == "" && q.CustomerID == "" {
			listed.Total, err = p.all(f.list, facets, q)
		} else {
			listed.Total, err = p.ofPerson(f, facets, q)
		}
		if err != nil {
			return err
		}
		if len(p.places) > q.Size {
			p.places, listed.More = p.places[:q.Size], true
		}
		if len(p.places) == 0 {
			return nil
		}
		last := p.places[len(p.places)-1]
		listed.Next = Cursor{At: time.UnixMilli(last.At).UTC(), ID: last.ID}
		listed.Rows, err = rows(p)
		return err
	})
	return listed, err
}

func sized(q ListQuery) error {
	if q.Size <= 0 {
		return &model.Error{Kind: model.Invalid, Field: "size", Msg: "a page has at least one row"}
	}
	return nil
}

// matching are the facets of a list that a query asks for, in the order of
// their ids.
func (p *page) matching(f feed, q ListQuery) ([]model.FacetID, error) {
	var campaign model.CampaignID
	if q.Campaign != "" {
		found, err := p.cfg.CampaignByUUID(q.Campaign)
		if err != nil {
			return nil, nil
		}
		campaign = found.ID
	}
	var err error
	if p.facets, p.sealed, err = p.tx.FacetsSealed(f.list); err != nil {
		return nil, err
	}
	var ids []model.FacetID
	for id, have := range p.facets {
		if (campaign == 0 || have.Campaign == campaign) && (q.Channel == "" || have.Channel == q.Channel) && (!q.Direct || have.Channel == "") &&
			(q.Widget == "" || have.Widget == q.Widget) && f.kinds(have.Kind) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// bounds are the milliseconds of a query; the end is exclusive.
func (q ListQuery) bounds() (from, to int64) {
	from, to = 0, math.MaxInt64
	if !q.From.IsZero() {
		from = q.From.UnixMilli()
	}
	if !q.To.IsZero() {
		to = q.To.UnixMilli() + 1
	}
	return from, to
}

func (q ListQuery) behind() store.Place {
	if q.After == (Cursor{}) {
		return store.Place{}
	}
	return store.Place{At: q.After.At.UnixMilli(), ID: q.After.ID}
}

// all reads a page of everybody's rows, and counts all.
func (p *page) all(list model.List, facets []model.FacetID, q ListQuery) (int64, error) {
	from, to := q.bounds()
	total := p.tx.AskRows(list, facets, p.sealed, from, to)
	streams := make([]*store.Stream, len(facets))
	for i, id := range facets {
		streams[i] = &store.Stream{Facet: id}
	}
	want := q.Size + 1
	read := func(streams []*store.Stream, size int) error {
		return p.tx.ReadStreams(list, streams, from, to, q.behind(), size)
	}
	// A little more of each than its share, so that one round trip is mostly
	// enough.
	if err := read(streams, min(want, 2*want/len(facets)+6)); err != nil {
		return 0, err
	}
	var err error
	if p.places, err = merge(streams, want, func(s *store.Stream, size int) error { return read([]*store.Stream{s}, size) }); err != nil {
		return 0, err
	}
	return total()
}

// merge takes the first rows of streams that are sorted, reading on in one
// that runs dry.
func merge(streams []*store.Stream, want int, more func(s *store.Stream, size int) error) ([]store.Place, error) {
	heads := make(heads, 0, len(streams))
	for _, s := range streams {
		if len(s.Rows) > 0 {
			heads = append(heads, head{s, 0})
		}
	}
	heap.Init(&heads)
	places := make([]store.Place, 0, want)
	for len(heads) > 0 && len(places) < want {
		first := &heads[0]
		places = append(places, first.row())
		first.at++
		if first.at == len(first.stream.Rows) && !first.stream.Ended && len(places) < want {
			if err := more(first.stream, want-len(places)); err != nil {
				return nil, err
			}
		}
		if first.at < len(first.stream.Rows) {
			heap.Fix(&heads, 0)
		} else {
			heap.Pop(&heads)
		}
	}
	return places, nil
}

// head is the next row of a stream.
type head struct {
	stream *store.Stream
	at     int
}

func (h head) row() store.Place { return h.stream.Rows[h.at] }

// heads are ordered by what comes first in a list.
type heads []head

func (h heads) Len() int           { return len(h) }
func (h heads) Less(i, j int) bool { return h[j].row().After(h[i].row()) }
func (h heads) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *heads) Push(x any)        { *h = append(*h, x.(head)) }
func (h *heads) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// ofPerson reads all rows of a person, who has few, and takes a page of them.
func (p *page) ofPerson(f feed, facets []model.FacetID, q ListQuery) (int64, error) {
	if f.nobody {
		return 0, &model.Error{Kind: model.Invalid, Field: "email", Msg: "the list is not filtered by a person"}
	}
	group, err := p.person(q)
	if err != nil || len(group) == 0 {
		return 0, err
	}
	rows, err := p.tx.PersonRows(f.list, group, f.advocate)
	if err != nil {
		return 0, err
	}
	from, to := q.bounds()
	behind := q.behind()
	total := int64(0)
	for _, row := range rows {
		if _, found := slices.BinarySearch(facets, row.Facet); !found || row.At < from || row.At >= to {
			continue
		}
		total++
		if behind == (store.Place{}) || row.After(behind) {
			p.places = append(p.places, row)
		}
	}
	slices.SortFunc(p.places, func(a, b store.Place) int {
		if b.After(a) {
			return -1
		}
		return 1
	})
	return total, nil
}

// person finds whom a query names, with everyone who was merged into them;
// nobody where its names are not one person's.
func (p *page) person(q ListQuery) ([]model.PersonID, error) {
	found, err := p.tx.Look(store.Lookup{CustomerID: q.CustomerID, Email: model.FoldEmail(q.Email)})
	if err != nil {
		return nil, err
	}
	id := found.ByCustomer
	if q.CustomerID == "" {
		id = found.ByEmail
	}
	if id == 0 || q.Email != "" && found.ByEmail != id {
		return nil, nil
	}
	return p.tx.GroupOf(id)
}
