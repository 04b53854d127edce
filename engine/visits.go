package engine

import (
	"time"

	"grapevine/store"
)

// visits follow how often links were visited, once somebody has asked. Clicks
// leave no changes: they are counted by their ids, those below a floor once and
// those above it, where some may still be on their way, with each question.
type visits struct {
	floor int64
	above map[int64]int64 // counted above the floor when last asked
	seen  time.Time
}

// reach brings the visits on the sheet up to date.
func (p *projection) reach(tx *store.Tx, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	floor := idAt(now.Add(-overlap))
	if p.visits == nil || now.Sub(p.visits.seen) > changesKept {
		return p.startReach(tx, now, floor)
	}
	floor = max(floor, p.visits.floor)
	passed, err := tx.Visits(p.visits.floor, floor)
	if err != nil {
		return err
	}
	above, err := tx.Visits(floor, maxID)
	if err != nil {
		return err
	}
	p.addVisits(passed, 1)
	p.addVisits(p.visits.above, -1)
	p.addVisits(above, 1)
	*p.visits = visits{floor: floor, above: above, seen: now}
	return nil
}

// startReach reads the counters, which have the clicks above the floor too.
func (p *projection) startReach(tx *store.Tx, now time.Time, floor int64) error {
	counts, err := tx.AllCounts(tallyClick)
	if err != nil {
		return err
	}
	above, err := tx.Visits(floor, maxID)
	if err != nil {
		return err
	}
	p.sheet.Set(PeopleReach, counts)
	p.visits = &visits{floor: floor, above: above, seen: now}
	return nil
}

const maxID = 1<<63 - 1

func (p *projection) addVisits(counts map[int64]int64, by int64) {
	for id, n := range counts {
		p.sheet.Add(id, PeopleReach, by*n)
	}
}
