package engine

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"grapevine/engine/sheet"
	"grapevine/model"
	"grapevine/store"
)

// A projection keeps a list of an account in memory, so that it is filtered
// and sorted by anything in milliseconds. It is read whole once, and after
// that follows the changes of persons: each question first takes in, in its
// own snapshot, what was changed since the last one.

const (
	// overlap is how far back a projection looks again for changes: a
	// transaction takes at most half of it from making an id to its commit.
	overlap = 10 * time.Second
	// changesKept is how long changes can be followed. A projection that nobody
	// asked for so long is read anew.
	changesKept = 10 * time.Minute
	// mostProjected bounds how many rows all projections of a process have. A
	// list that does not fit is read for each question.
	mostProjected = 2_000_000
	rowSize       = 200 // bytes that a row takes, about
	// projectionIdle is how long a projection is kept up to date for nobody.
	projectionIdle = 6 * time.Hour
)

// source is where the rows of a projection come from.
type source interface {
	lists() int64 // which changes concern it
	empty() *sheet.Sheet
	all(tx *store.Tx, p *projection) error
	// of reads the rows of persons, and returns what puts them in: a question
	// that is given up midway leaves nothing half done.
	of(tx *store.Tx, persons []model.PersonID) (func(*projection), error)
	drop(p *projection, id model.ParticipantID)
}

// projection is one list of one account.
type projection struct {
	source source

	mu    sync.RWMutex // guards all below
	sheet *sheet.Sheet
	floor int64          // changes above it are looked at again; 0: nothing was read
	seen  map[int64]bool // changes above the floor that were taken in
	used  time.Time
	// orphans are counts for participants who are not on the sheet.
	orphans map[int64][2]int64
	// erased are participants whom nobody is behind any more, and whom they count for.
	erased map[int64]brought
	visits *visits // nil: nobody asked for them
	// described tells that somebody asked for what else was sent of people.
	described bool
}

type projectionKey struct {
	account model.AccountID
	lists   int64
}

// projections are those of all accounts that somebody asked for.
type projections struct {
	mu  sync.Mutex
	all map[projectionKey]*projection
}

func (e *Engine) projectionOf(account model.AccountID, s source) *projection {
	e.projected.mu.Lock()
	defer e.projected.mu.Unlock()
	key := projectionKey{account, s.lists()}
	p := e.projected.all[key]
	if p == nil {
		p = &projection{source: s}
		if e.projected.all == nil {
			e.projected.all = map[projectionKey]*projection{}
		}
		e.projected.all[key] = p
	}
	return p
}

// project answers a question on a projection and on the snapshot that it is up
// to date with.
func (e *Engine) project(ctx context.Context, account model.AccountID, s source, ask func(*store.Tx, *projection) error) error {
	p := e.projectionOf(account, s)
	now := e.now() // before the snapshot: what commits later is found next time
	err := e.store.View(ctx, account, func(tx *store.Tx) error {
		if err := p.follow(tx, now, true); err != nil {
			return err
		}
		return ask(tx, p)
	})
	e.makeRoom(p)
	return err
}

// follow takes in what changed. A projection that was never read, or not for
// long, is read whole.
func (p *projection) follow(tx *store.Tx, now time.Time, used bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if used {
		p.used = now
	}
	if p.floor == 0 || p.floor < idAt(now.Add(-changesKept+overlap)) {
		return p.read(tx, now)
	}
	changes, err := tx.Changes(p.floor)
	if err != nil {
		return err
	}
	var persons []model.PersonID
	var gone []model.ParticipantID
	for _, c := range changes {
		if p.seen[c.ID] || c.Lists&p.source.lists() == 0 {
			continue
		}
		if c.Gone != 0 {
			gone = append(gone, c.Gone)
		}
		if c.Person != 0 {
			persons = append(persons, c.Person)
		}
	}
	put := func(*projection) {}
	if len(persons) > 0 {
		if put, err = p.source.of(tx, persons); err != nil {
			return err
		}
	}
	for _, id := range gone {
		p.source.drop(p, id)
	}
	put(p)
	p.sheet.Settle()
	p.floor = max(p.floor, idAt(now.Add(-overlap)))
	for _, c := range changes {
		p.seen[c.ID] = true
	}
	maps.DeleteFunc(p.seen, func(id int64, _ bool) bool { return id <= p.floor })
	return nil
}

func (p *projection) read(tx *store.Tx, now time.Time) error {
	p.sheet, p.seen, p.floor, p.visits = p.source.empty(), map[int64]bool{}, 0, nil
	p.orphans, p.erased = map[int64][2]int64{}, map[int64]brought{}
	if err := p.source.all(tx, p); err != nil {
		return err
	}
	p.sheet.Settle()
	p.floor = max(1, idAt(now.Add(-overlap)))
	return nil
}

// counts reports whether the projection follows visits.
func (p *projection) counts() bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.visits != nil
}

// selected asks the sheet.
func (p *projection) selected(where []sheet.Condition, o sheet.Order, skip, size int) (ids []int64, total int) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.sheet.Select(where, o, skip, size)
}

// makeRoom forgets the projections that were not used for longest, until the
// others fit; the one that was used last, too, when it does not fit alone.
func (e *Engine) makeRoom(last *projection) {
	e.projected.mu.Lock()
	defer e.projected.mu.Unlock()
	type sized struct {
		key  projectionKey
		used time.Time
		rows int
	}
	var list []sized
	rows := 0
	for key, p := range e.projected.all {
		if !p.mu.TryRLock() {
			continue // in use
		}
		if p.sheet != nil {
			size := p.sheet.Len()
			if p.described {
				size += p.sheet.Size(PeopleExtra) / rowSize
			}
			list = append(list, sized{key, p.used, size})
			rows += size
		}
		p.mu.RUnlock()
	}
	if rows <= mostProjected {
		return
	}
	slices.SortFunc(list, func(a, b sized) int { return a.used.Compare(b.used) })
	for _, s := range list {
		if rows <= mostProjected {
			return
		}
		delete(e.projected.all, s.key)
		rows -= s.rows
	}
}

// KeepLists brings the lists in memory up to date, forgets those that nobody
// asked for in hours, and removes changes that are too old to be followed. Its
// owner calls it every few seconds.
func (e *Engine) KeepLists(ctx context.Context) error {
	now := e.now()
	e.projected.mu.Lock()
	var keys []projectionKey
	for key, p := range e.projected.all {
		if !p.mu.TryRLock() { // in use: who waited for it here would hold up all others
			keys = append(keys, key)
			continue
		}
		idle := now.Sub(p.used) > projectionIdle
		p.mu.RUnlock()
		if idle {
			delete(e.projected.all, key)
			continue
		}
		keys = append(keys, key)
	}
	kept := maps.Clone(e.projected.all)
	e.projected.mu.Unlock()
	for _, key := range keys {
		p := kept[key]
		now := e.now()
		err := e.store.View(ctx, key.account, func(tx *store.Tx) error {
			if err := p.follow(tx, now, false); err != nil || !p.counts() {
				return err
			}
			return p.reach(tx, now)
		})
		if err != nil {
			return err
		}
	}
	return e.pruneChanges(ctx, now)
}

// pruneChanges removes old changes of each account, some at a time.
func (e *Engine) pruneChanges(ctx context.Context, now time.Time) error {
	const some = 5000
	accounts, err := e.store.Accounts(ctx)
	if err != nil {
		return err
	}
	below := idAt(now.Add(-changesKept - time.Minute))
	for _, a := range accounts {
		for more := true; more; {
			old := false
			err := e.store.View(ctx, a.ID, func(tx *store.Tx) (err error) {
				old, err = tx.OldChange(below)
				return err
			})
			if err != nil || !old {
				more = false
				if err != nil {
					return err
				}
				continue
			}
			err = e.store.InTx(ctx, a.ID, func(tx *store.Tx) error {
				n, err := tx.PruneChanges(below, some)
				more = n == some
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
