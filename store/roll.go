package store

import (
	"grapevine/model"
)

// Count is how many rows of a facet fall into a bucket. A bucket has as many
// minutes as its level says, and is numbered from the beginning of Unix time.
type Count struct {
	Facet  model.FacetID
	Level  int64
	Bucket int64
	N      int64
}

// Levels are the sizes of buckets in minutes: a minute, an hour, a day, thirty
// days. Each is a multiple of the one before.
var Levels = []int64{1, 60, 24 * 60, 30 * 24 * 60}

// Sealed is the minute of Unix time before which everything is counted.
func (tx *Tx) Sealed() (int64, error) {
	var sealed int64
	err := tx.run(tx.sealed(&sealed, ""))
	return sealed, err
}

// LockSealed is Sealed, and keeps others from counting until the commit.
func (tx *Tx) LockSealed() (int64, error) {
	tx.write(`INSERT INTO roll (account_id, sealed)
		VALUES ($1, 0)
		ON CONFLICT DO NOTHING`)
	var sealed int64
	err := tx.run(tx.sealed(&sealed, tx.engine.ForUpdate()))
	return sealed, err
}

func (tx *Tx) sealed(sealed *int64, lock string) Statement {
	return tx.ask(`SELECT sealed
		FROM roll
		WHERE account_id = $1`+lock,
		func(r Row) error { return r.Scan(sealed) })
}

// Seal queues that everything before a minute is counted.
func (tx *Tx) Seal(minute int64) {
	tx.write(`UPDATE roll
		SET sealed = $2
		WHERE account_id = $1`, minute)
}

// AddCounts queues what is added to buckets, or, negative, taken from them.
func (tx *Tx) AddCounts(counts []Count) {
	rows := make([][]any, len(counts))
	for i, c := range counts {
		rows[i] = []any{c.Facet, c.Level, c.Bucket, c.N}
	}
	tx.insert("facet_count", "facet_id, level, bucket, n", rows, `ON CONFLICT (account_id, facet_id, level, bucket) DO UPDATE
		SET n = facet_count.n + excluded.n`)
}

// Oldest finds the first minute of a range in which any of the facets has a
// row; false where there is none.
func (tx *Tx) Oldest(facets map[model.FacetID]model.Facet, from, to int64) (int64, bool, error) {
	oldest, found := to, false
	var asked []Statement
	for id, f := range facets {
		asked = append(asked, tx.ofFacet(f.List, id, `at`, `at >= $3 AND at < $4
			ORDER BY at
			LIMIT 1`,
			func(r Row) error {
				var milli int64
				err := r.Scan(&milli)
				oldest, found = min(oldest, milli/minute), true
				return err
			}, from*minute, to*minute))
	}
	err := tx.run(asked...)
	return oldest, found, err
}

// CountMinutes counts the rows of facets by minute, from one minute up to
// another.
func (tx *Tx) CountMinutes(facets map[model.FacetID]model.Facet, from, to int64) ([]Count, error) {
	var counts []Count
	var asked []Statement
	for id, f := range facets {
		asked = append(asked, tx.ofFacet(f.List, id, `at / 60000, COUNT(*)`, `at >= $3 AND at < $4
			GROUP BY at / 60000`,
			func(r Row) error {
				c := Count{Facet: id, Level: 1}
				err := r.Scan(&c.Bucket, &c.N)
				counts = append(counts, c)
				return err
			}, from*minute, to*minute))
	}
	err := tx.run(asked...)
	return counts, err
}

// Mark says that rows of a facet changed in a minute that may have been
// counted before.
type Mark struct {
	Facet  model.FacetID
	Minute int64
	ID     int64 // of this mark alone
}

// InsertMarks queues marks, together with the changes that they are about.
func (tx *Tx) InsertMarks(marks []Mark) {
	rows := make([][]any, len(marks))
	for i, m := range marks {
		rows[i] = []any{m.Facet, m.Minute, m.ID}
	}
	tx.insert("recount", "facet_id, minute, id", rows, "")
}

// Marks lists marks of minutes before one.
func (tx *Tx) Marks(before int64, limit int) ([]Mark, error) {
	var marks []Mark
	err := tx.read(`SELECT facet_id, minute, id
		FROM recount
		WHERE account_id = $1 AND minute < $2
		LIMIT $3`,
		func(r Row) error {
			var m Mark
			err := r.Scan(&m.Facet, &m.Minute, &m.ID)
			marks = append(marks, m)
			return err
		}, before, limit)
	return marks, err
}

// DeleteMark queues the end of one mark: another one of the same minute, left
// meanwhile, stays.
func (tx *Tx) DeleteMark(m Mark) {
	tx.write(`DELETE FROM recount
		WHERE account_id = $1 AND facet_id = $2 AND minute = $3 AND id = $4`, m.Facet, m.Minute, m.ID)
}

// CountedMinute asks for what is counted of a minute, and subtracts it from n.
func (tx *Tx) lessCounted(id model.FacetID, bucket int64, n *int64) Statement {
	return tx.ask(`SELECT n
		FROM facet_count
		WHERE account_id = $1 AND facet_id = $2 AND level = 1 AND bucket = $3`,
		func(r Row) error {
			var counted int64
			err := r.Scan(&counted)
			*n -= counted
			return err
		}, id, bucket)
}

// Recounted tells by how much what is counted of marked minutes is too low.
func (tx *Tx) Recounted(marks []Mark, facets map[model.FacetID]model.Facet) ([]Count, error) {
	seen := map[Mark]bool{}
	counts := make([]Count, 0, len(marks))
	var asked []Statement
	for _, m := range marks {
		m.ID = 0
		f, known := facets[m.Facet]
		if seen[m] || !known {
			continue
		}
		seen[m] = true
		counts = append(counts, Count{Facet: m.Facet, Level: 1, Bucket: m.Minute})
		off := &counts[len(counts)-1].N
		asked = append(asked,
			tx.countRange(f.List, m.Facet, m.Minute*minute, (m.Minute+1)*minute, off),
			tx.lessCounted(m.Facet, m.Minute, off))
	}
	err := tx.run(asked...)
	return counts, err
}

// CountRows counts the rows of facets, as AskRows does, at once.
func (tx *Tx) CountRows(list model.List, facets []model.FacetID, from, to int64) (int64, error) {
	sealed, err := tx.Sealed()
	if err != nil {
		return 0, err
	}
	return tx.AskRows(list, facets, sealed, from, to)()
}

// AskRows queues to count the rows of facets, which are of one list, in a
// range of milliseconds whose end is exclusive: whole minutes that are sealed by what
// is counted of them, unless they are marked, the rest one by one. What it
// returns tells the number, after whatever else was asked with it.
func (tx *Tx) AskRows(list model.List, facets []model.FacetID, sealed, from, to int64) func() (int64, error) {
	var n int64
	var marks []Mark
	plain := func(from, to int64) {
		for _, id := range facets {
			if from < to {
				tx.queue(tx.countRange(list, id, from, to, &n))
			}
		}
	}
	first, last := roundUp(from, minute)/minute, min(to/minute, sealed)
	if first >= last || len(facets) == 0 {
		plain(from, to)
	} else {
		plain(from, first*minute)
		plain(last*minute, to)
		tx.countBuckets(facets, first, last, last == sealed, &n)
		tx.askMarks(facets, first, last, &marks)
	}
	return func() (int64, error) {
		if err := tx.run(); err != nil || len(marks) == 0 {
			return n, err
		}
		known := make(map[model.FacetID]model.Facet, len(facets))
		for _, id := range facets {
			known[id] = model.Facet{List: list}
		}
		off, err := tx.Recounted(marks, known)
		for _, c := range off {
			n += c.N
		}
		return n, err
	}
}

// countBuckets queues to add up what is counted of whole minutes. Where nothing
// is counted behind them, buckets may reach over their end.
func (tx *Tx) countBuckets(facets []model.FacetID, from, to int64, open bool, n *int64) {
	if open {
		to = roundUp(to, Levels[len(Levels)-1])
	}
	listed := few(facets)
	for _, s := range spans(from, to) {
		tx.queue(tx.ask(`SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT)
			FROM facet_count
			WHERE account_id = $1 AND level = $2 AND bucket >= $3 AND bucket < $4 AND facet_id IN (`+in(5, len(listed))+`)`,
			func(r Row) error {
				var counted int64
				err := r.Scan(&counted)
				*n += counted
				return err
			}, append([]any{s.level, s.from, s.to}, listed...)...))
	}
}

// askMarks queues to list which minutes of facets are marked.
func (tx *Tx) askMarks(facets []model.FacetID, from, to int64, marks *[]Mark) {
	listed := few(facets)
	tx.queue(tx.ask(`SELECT DISTINCT facet_id, minute
		FROM recount
		WHERE account_id = $1 AND minute >= $2 AND minute < $3 AND facet_id IN (`+in(4, len(listed))+`)`,
		func(r Row) error {
			var m Mark
			err := r.Scan(&m.Facet, &m.Minute)
			*marks = append(*marks, m)
			return err
		}, append([]any{from, to}, listed...)...))
}

// span is a run of buckets of one level.
type span struct{ level, from, to int64 }

// spans covers a range of minutes with the largest buckets that fit.
func spans(from, to int64) []span {
	var all []span
	add := func(level, from, to int64) {
		if from < to {
			all = append(all, span{level, from / level, to / level})
		}
	}
	for i, level := range Levels[:len(Levels)-1] {
		wider := Levels[i+1]
		up := min(roundUp(from, wider), to)
		add(level, from, up)
		from = up
		down := max(to/wider*wider, from)
		add(level, down, to)
		to = down
	}
	add(Levels[len(Levels)-1], from, to)
	return all
}

func roundUp(n, to int64) int64 { return (n + to - 1) / to * to }
