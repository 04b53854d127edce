package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"grapevine/model"
	"grapevine/store"
)

const (
	// rollMinutes is how many minutes of facets a piece writes the counts of,
	// unless one minute has more.
	rollMinutes = 2000
	// rollMarks bounds how many marks are worked off in one transaction.
	rollMarks = 200
	// dueRows bounds what is added to counters in one transaction: each row is
	// of a group of clicks.
	dueRows = 500
	// rollAll is how often accounts are rolled where this process wrote
	// nothing: another one may have ended before it got to it.
	rollAll = time.Hour
)

// Roll adds to counters what waits for them, and counts what is listed in
// minutes that are over, of the accounts that this process wrote to, and from
// time to time of all. Its owner calls it every few seconds; where several nodes do, each piece is counted by the first.
func (e *Engine) Roll(ctx context.Context) error {
	accounts := map[model.AccountID]bool{}
	if now := e.now().UnixMilli(); now-e.rolledAll.Load() >= rollAll.Milliseconds() {
		all, err := e.store.Accounts(ctx)
		if err != nil {
			return fmt.Errorf("look for accounts to count: %w", err)
		}
		for _, a := range all {
			accounts[a.ID] = true
		}
		e.rolledAll.Store(now)
	}
	e.unrolled.Range(func(id, _ any) bool {
		accounts[id.(model.AccountID)] = true
		return true
	})
	var failed []error
	for id := range accounts {
		written, some := e.unrolled.Load(id)
		if err := e.countDue(ctx, id); err != nil {
			failed = append(failed, fmt.Errorf("add up what account %d counts: %w", id, err))
		}
		sealed, err := e.RollCounts(ctx, id)
		if err != nil {
			failed = append(failed, fmt.Errorf("count what account %d lists: %w", id, err))
		} else if some && written.(int64) < sealed {
			e.unrolled.CompareAndDelete(id, written)
		}
	}
	return errors.Join(failed...)
}

// countDue adds to the counters of an account what waits for it.
func (e *Engine) countDue(ctx context.Context, account model.AccountID) error {
	for more := true; more; {
		err := e.store.InTx(ctx, account, func(tx *store.Tx) (err error) {
			more, err = tx.CountDue(dueRows)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// RollCounts counts what an account lists in minutes that are over, and again
// what changed in minutes that were counted before. It returns the minute of
// Unix time before which everything is counted.
func (e *Engine) RollCounts(ctx context.Context, account model.AccountID) (int64, error) {
	until := minuteOf(e.now().Add(-sealAfter))
	span := store.Levels[1]
	for {
		p, err := e.nextPiece(ctx, account, until, span)
		if err != nil {
			return 0, err
		}
		if p.from < p.to {
			if err := e.seal(ctx, account, p); err != nil {
				return 0, err
			}
		}
		if p.to >= until {
			return p.to, e.recountMarked(ctx, account)
		}
		// How much is in a piece is known when it is counted.
		switch {
		case len(p.counts) < rollMinutes/2:
			span = min(2*span, store.Levels[len(store.Levels)-1])
		case p.cut:
			span = max(span/2, 1)
		}
	}
}

// piece is a run of minutes, and what is in it.
type piece struct {
	from, to int64
	counts   []store.Count
	cut      bool // there was more in it
}

// shorten leaves in a piece what one transaction may write.
func (p *piece) shorten() {
	if len(p.counts) <= rollMinutes {
		return
	}
	slices.SortFunc(p.counts, func(a, b store.Count) int { return cmp.Compare(a.Bucket, b.Bucket) })
	p.to, p.cut = max(p.counts[rollMinutes].Bucket, p.counts[0].Bucket+1), true
	p.counts = slices.DeleteFunc(p.counts, func(c store.Count) bool { return c.Bucket >= p.to })
}

// nextPiece counts what follows the minutes that are sealed. Whoever writes
// meanwhile is not held up: what they change there leaves a mark.
func (e *Engine) nextPiece(ctx context.Context, account model.AccountID, until, span int64) (p piece, err error) {
	err = e.store.View(ctx, account, func(tx *store.Tx) error {
		p = piece{}
		sealed, err := tx.Sealed()
		if err != nil {
			return err
		}
		if p.from, p.to = sealed, until; sealed >= until {
			return nil
		}
		facets, err := allFacets(tx)
		if err != nil {
			return err
		}
		oldest, found, err := tx.Oldest(facets, sealed, until)
		if err != nil || !found {
			return err
		}
		p.to = min(oldest+span, until)
		p.counts, err = tx.CountMinutes(facets, oldest, p.to)
		p.shorten()
		return err
	})
	return p, err
}

func allFacets(tx *store.Tx) (map[model.FacetID]model.Facet, error) {
	all := map[model.FacetID]model.Facet{}
	for _, list := range model.Lists {
		facets, err := tx.Facets(list)
		if err != nil {
			return nil, err
		}
		maps.Copy(all, facets)
	}
	return all, nil
}

// seal writes what was counted, unless another node was faster.
func (e *Engine) seal(ctx context.Context, account model.AccountID, p piece) error {
	return e.store.InTx(ctx, account, func(tx *store.Tx) error {
		sealed, err := tx.LockSealed()
		if err != nil || sealed != p.from {
			return err
		}
		tx.AddCounts(rolledUp(p.counts))
		tx.Seal(p.to)
		return nil
	})
}

// rolledUp adds the wider buckets of minutes.
func rolledUp(minutes []store.Count) []store.Count {
	sums := map[store.Count]int64{} // by bucket, N left out
	for _, c := range minutes {
		for _, level := range store.Levels {
			sums[store.Count{Facet: c.Facet, Level: level, Bucket: c.Bucket / level}] += c.N
		}
	}
	var counts []store.Count
	for _, c := range sortedBy(sums, func(a, b store.Count) int {
		return cmp.Or(cmp.Compare(a.Facet, b.Facet), cmp.Compare(a.Level, b.Level), cmp.Compare(a.Bucket, b.Bucket))
	}) {
		if c.N = sums[c]; c.N != 0 {
			counts = append(counts, c)
		}
	}
	return counts
}

// recountMarked counts marked minutes again, and takes away exactly the marks
// that it read: they were read before the rows were counted, so the count has
// all that they were left for.
func (e *Engine) recountMarked(ctx context.Context, account model.AccountID) error {
	for {
		some := false
		err := e.store.View(ctx, account, func(tx *store.Tx) error {
			sealed, err := tx.Sealed()
			if err != nil {
				return err
			}
			marks, err := tx.Marks(sealed, 1)
			some = len(marks) > 0
			return err
		})
		if err != nil || !some {
			return err
		}
		err = e.store.InTx(ctx, account, func(tx *store.Tx) error {
			sealed, err := tx.LockSealed()
			if err != nil {
				return err
			}
			marks, err := tx.Marks(sealed, rollMarks)
			if err != nil {
				return err
			}
			facets, err := allFacets(tx)
			if err != nil {
				return err
			}
			off, err := tx.Recounted(marks, facets)
			if err != nil {
				return err
			}
			tx.AddCounts(rolledUp(off))
			for _, m := range marks {
				tx.DeleteMark(m)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}
