package store

import (
	"math"
	"time"

	"grapevine/model"
)

// InsertFacets queues facets that rows of this transaction are the first to
// carry. The caller sorts them, so that all transactions insert them in one
// order.
func (tx *Tx) InsertFacets(facets []model.Facet) {
	rows := make([][]any, len(facets))
	for i, f := range facets {
		rows[i] = []any{string(f.List), f.ID(), f.Campaign, f.Channel, f.WidgetID, f.Widget, f.Kind}
	}
	tx.insert("facet", "list, id, campaign_id, channel, widget_id, widget, kind", rows, "ON CONFLICT DO NOTHING")
}

// FacetsSealed is Facets, and Sealed in the same round trip.
func (tx *Tx) FacetsSealed(list model.List) (facets map[model.FacetID]model.Facet, sealed int64, err error) {
	statement, facets := tx.facets(list)
	err = tx.run(statement, tx.sealed(&sealed, ""))
	return facets, sealed, err
}

// Facets lists the facets of a list by their ids.
func (tx *Tx) Facets(list model.List) (map[model.FacetID]model.Facet, error) {
	statement, facets := tx.facets(list)
	err := tx.run(statement)
	return facets, err
}

func (tx *Tx) facets(list model.List) (Statement, map[model.FacetID]model.Facet) {
	facets := map[model.FacetID]model.Facet{}
	return tx.ask(`SELECT id, campaign_id, channel, widget_id, widget, kind
		FROM facet
		WHERE account_id = $1 AND list = $2`,
		func(r Row) error {
			var id model.FacetID
			f := model.Facet{List: list}
			err := r.Scan(&id, &f.Campaign, &f.Channel, &f.WidgetID, &f.Widget, &f.Kind)
			facets[id] = f
			return err
		}, string(list)), facets
}

// ofFacet asks about the rows of a facet, in the table of its list. The text
// around the table may name $3 and on.
func (tx *Tx) ofFacet(list model.List, id model.FacetID, asked, more string, row func(Row) error, args ...any) Statement {
	table := "event"
	switch list {
	case model.Clicks:
		table = "click"
	case model.SignUps, model.Purchases, model.Actions:
		table = "conversion"
	case model.Rewards:
		table = "reward"
	case model.MailMarks:
		table = "mail_mark"
	}
	return tx.ask(`SELECT `+asked+`
		FROM `+table+`
		WHERE account_id = $1 AND facet_id = $2 AND facet_id <> 0 AND `+more, row, append([]any{id}, args...)...)
}

// Place is where a row stands in a list: newest first, and by id within a
// millisecond.
type Place struct {
	At    int64 // milliseconds of Unix time
	ID    int64
	Facet model.FacetID
}

// After reports whether p comes after q in a list.
func (p Place) After(q Place) bool {
	return p.At < q.At || p.At == q.At && p.ID < q.ID
}

// Stream is the rows of one facet, newest first, as far as they are read.
type Stream struct {
	Facet model.FacetID
	Rows  []Place
	Ended bool // there are no more
}

// ReadStreams reads on in streams, one round trip for all: up to size rows
// more of each that has not ended, of a range of time whose end is exclusive,
// behind the last row that the stream has, or behind a place.
func (tx *Tx) ReadStreams(list model.List, streams []*Stream, from, to int64, behind Place, size int) error {
	var asked []Statement
	for _, s := range streams {
		last := behind
		if len(s.Rows) > 0 {
			last = s.Rows[len(s.Rows)-1]
		}
		if start := (Place{At: to - 1, ID: math.MaxInt64}); last == (Place{}) || start.After(last) {
			last = start
		}
		had := len(s.Rows)
		asked = append(asked, tx.ofFacet(list, s.Facet, `at, id`, `at >= $3 AND (at, id) < ($4, $5)
			ORDER BY at DESC, id DESC
			LIMIT $6 + 0`, // SQLite would plan anew for each value of a bare $6
			func(r Row) error {
				p := Place{Facet: s.Facet}
				err := r.Scan(&p.At, &p.ID)
				s.Rows = append(s.Rows, p)
				s.Ended = len(s.Rows)-had < size
				return err
			}, from, last.At, last.ID, size))
		s.Ended = true
	}
	return tx.run(asked...)
}

// CountRange asks for the number of a facet's rows in a range of time whose
// end is exclusive, and adds it to n.
func (tx *Tx) countRange(list model.List, id model.FacetID, from, to int64, n *int64) Statement {
	return tx.ofFacet(list, id, `COUNT(*)`, `at >= $3 AND at < $4`,
		func(r Row) error {
			var counted int64
			err := r.Scan(&counted)
			*n += counted
			return err
		}, from, to)
}

const minute = int64(time.Minute / time.Millisecond)
