package engine

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"grapevine/engine/rank"
	"grapevine/model"
	"grapevine/store"
)

// A waitlist is the order of those who have applied in a campaign. It is held
// in memory, built when somebody first asks, and then follows the changes of
// persons once a second; nobody waits for that.

const (
	// waitlistIdle is how long a waitlist is kept for nobody.
	waitlistIdle = time.Hour
	// waitlistLag is how long after a commit a place is right again on every
	// node. A node that cannot hold that is behind.
	waitlistLag = 5 * time.Second
	// WaitlistsEvery is how often waitlists take in what changed.
	WaitlistsEvery = time.Second
)

// Place is where somebody stands on a waitlist, from 1, and how long that is.
type Place struct{ Position, Length int }

// waitlists are the lists of all accounts that somebody asked for.
type waitlists struct {
	mu  sync.RWMutex
	all map[model.AccountID]*waiting
}

// waiting is the waitlists of one account.
type waiting struct {
	following sync.Mutex // one at a time builds lists, or takes in changes

	mu     sync.RWMutex // guards all below
	boards map[model.CampaignID]*board
	floor  int64          // changes above it are looked at again
	seen   map[int64]bool // changes above the floor that were taken in
	read   time.Time      // what was committed before is taken in
}

// board is the waitlist of a campaign, in the order that one version of the
// campaign asks for.
type board struct {
	*rank.Board
	kind ordering
	used atomic.Int64 // when somebody last asked; milliseconds
}

// ordering is what puts somebody ahead.
type ordering struct {
	by   string // as Campaign.Leaderboard
	skip int64  // places that a referral moves up; 0: none
}

func orderingOf(c *model.Campaign) ordering {
	o := ordering{by: c.Leaderboard}
	if o.by == "skip_ahead" {
		o.skip = int64(c.SkipAhead)
	}
	return o
}

// member is somebody as the order sees them.
func (o ordering) member(w store.Waiting) rank.Member {
	m := rank.Member{ID: int64(w.ID), At: w.AppliedAt}
	switch o.by {
	case "referrals":
		m.Score = w.Referrals
	case "skip_ahead":
		if o.skip != 0 { // a referral that moves nobody up is none
			m.Score = w.Referrals
		}
	case "points":
		m.Score = w.Points
	}
	return m
}

// withPlaces shows where participants who have applied stand, and who brought
// them where that is shown. The snapshot of tx was taken after began.
func (e *Engine) withPlaces(tx *store.Tx, began time.Time, cfg *Config, views []*ParticipantView) error {
	ids := map[model.CampaignID][]model.ParticipantID{}
	shown := make([]*ParticipantView, 0, 2*len(views))
	for _, v := range views {
		if shown = append(shown, v); v.Referrer != nil {
			shown = append(shown, v.Referrer)
		}
	}
	for _, v := range shown {
		if v.Standing == model.StateApplied {
			ids[v.Participant.Campaign] = append(ids[v.Participant.Campaign], v.ID)
		}
	}
	for id, among := range ids {
		campaign, err := cfg.Campaign(id)
		if err != nil {
			return err
		}
		found, err := e.places(tx, began, cfg.ID, campaign, among)
		if err != nil {
			return err
		}
		for _, v := range shown {
			if place, waits := found[v.ID]; waits {
				v.Place = &place
			}
		}
	}
	return nil
}

// placeHeld shows where a participant stands if that is known without a look at
// the database, as it is of everybody who does not wait.
func (e *Engine) placeHeld(cfg *Config, v *ParticipantView) bool {
	if v.Standing != model.StateApplied {
		return true
	}
	b := e.waiting.of(cfg.ID).board(v.Campaign.Campaign)
	if b == nil {
		return false
	}
	b.used.Store(e.clock().UnixMilli())
	w := e.waiting.of(cfg.ID)
	w.mu.RLock()
	defer w.mu.RUnlock()
	position, waits := b.Place(int64(v.ID))
	if waits {
		v.Place = &Place{position, b.Len()}
	}
	return waits
}

// places finds where participants stand who have applied in a campaign; who is
// not on its waitlist all the same is left out.
func (e *Engine) places(tx *store.Tx, began time.Time, account model.AccountID, campaign *model.Campaign, ids []model.ParticipantID) (map[model.ParticipantID]Place, error) {
	w := e.waiting.of(account)
	b := w.board(campaign)
	if b == nil {
		var err error
		if b, err = w.build(tx, began, campaign); err != nil {
			return nil, err
		}
	}
	b.used.Store(e.clock().UnixMilli())
	found := w.places(b, ids)
	if !slices.ContainsFunc(ids, func(id model.ParticipantID) bool { return found[id] == Place{} }) {
		return found, nil
	}
	// They have only just applied.
	if err := w.follow(tx, began); err != nil {
		return nil, err
	}
	return w.places(b, ids), nil
}

func (w *waiting) places(b *board, ids []model.ParticipantID) map[model.ParticipantID]Place {
	found := make(map[model.ParticipantID]Place, len(ids))
	w.mu.RLock()
	defer w.mu.RUnlock()
	for _, id := range ids {
		if position, waits := b.Place(int64(id)); waits {
			found[id] = Place{position, b.Len()}
		}
	}
	return found
}

func (l *waitlists) of(account model.AccountID) *waiting {
	l.mu.RLock()
	w := l.all[account]
	l.mu.RUnlock()
	if w != nil {
		return w
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if w = l.all[account]; w == nil {
		w = &waiting{boards: map[model.CampaignID]*board{}, seen: map[int64]bool{}}
		if l.all == nil {
			l.all = map[model.AccountID]*waiting{}
		}
		l.all[account] = w
	}
	return w
}

// board is the waitlist of a campaign in its order; nil: it is not built.
func (w *waiting) board(campaign *model.Campaign) *board {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if b := w.boards[campaign.ID]; b != nil && b.kind == orderingOf(campaign) {
		return b
	}
	return nil
}

// build reads who waits, unless somebody else has just done so, and lets the
// other lists of the account look again at what was committed since began.
func (w *waiting) build(tx *store.Tx, began time.Time, campaign *model.Campaign) (*board, error) {
	w.following.Lock()
	defer w.following.Unlock()
	if b := w.board(campaign); b != nil {
		return b, nil
	}
	counts, err := tx.CountedOf([]int64{store.OfCampaign(campaign.ID)}, tallyJoined)
	if err != nil {
		return nil, err
	}
	b := &board{kind: orderingOf(campaign)}
	b.used.Store(began.UnixMilli())
	b.Board = rank.New(b.kind.skip, int(counts[store.OfCampaign(campaign.ID)]), func(yield func(rank.Member) bool) {
		err = tx.EveryWaiting(campaign.ID, func(p store.Waiting) { yield(b.kind.member(p)) })
	})
	if err != nil {
		return nil, err
	}
	erased, err := tx.ErasedWaiting(campaign.ID)
	if err != nil {
		return nil, err
	}
	for _, id := range erased {
		b.Remove(int64(id))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	floor := max(1, idAt(began.Add(-overlap)))
	if len(w.boards) == 0 {
		w.floor, w.read = floor, began
	}
	w.floor, w.seen = min(w.floor, floor), map[int64]bool{}
	w.boards[campaign.ID] = b
	return b, nil
}

// KeepWaitlists takes in what changed, and forgets the lists that nobody asked
// for. Its owner calls it every WaitlistsEvery.
func (e *Engine) KeepWaitlists(ctx context.Context) error {
	e.waiting.mu.RLock()
	all := maps.Clone(e.waiting.all)
	e.waiting.mu.RUnlock()
	for _, account := range slices.Sorted(maps.Keys(all)) {
		if !all[account].forgetIdle(e.now()) {
			continue
		}
		began := e.now() // what commits later is found next time
		err := e.store.View(ctx, account, func(tx *store.Tx) error { return all[account].follow(tx, began) })
		if err != nil {
			return err
		}
	}
	return nil
}

// forgetIdle drops lists that were not read for long, and reports whether any
// is left.
func (w *waiting) forgetIdle(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.DeleteFunc(w.boards, func(_ model.CampaignID, b *board) bool {
		return now.UnixMilli()-b.used.Load() > waitlistIdle.Milliseconds()
	})
	return len(w.boards) > 0
}

// follow takes in the changes of an account that a snapshot has which was taken
// after began. Lists that fell too far behind to follow are built anew when
// somebody asks. A snapshot that is older than the last one has nothing that
// was not seen.
func (w *waiting) follow(tx *store.Tx, began time.Time) error {
	w.following.Lock()
	defer w.following.Unlock()
	w.mu.Lock()
	floor, lost := w.floor, w.floor < idAt(began.Add(-changesKept+overlap))
	if lost {
		clear(w.boards)
	}
	w.mu.Unlock()
	if lost {
		return nil
	}
	changes, err := tx.Changes(floor)
	if err != nil {
		return err
	}
	var persons []model.PersonID
	for _, c := range changes { // only who follows writes what was seen
		if c.Lists&store.InPeople != 0 && !w.seen[c.ID] && c.Person != 0 {
			persons = append(persons, c.Person)
		}
	}
	var moved []store.WaitingChange
	if err := tx.WaitingOf(persons, func(p store.WaitingChange) { moved = append(moved, p) }); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.move(changes, moved)
	w.floor = max(floor, idAt(began.Add(-overlap)))
	if w.read.Before(began) {
		w.read = began
	}
	for _, c := range changes {
		w.seen[c.ID] = true
	}
	maps.DeleteFunc(w.seen, func(id int64, _ bool) bool { return id <= w.floor })
	return nil
}

// move puts everybody where they belong. The caller holds the lock.
func (w *waiting) move(changes []store.Change, moved []store.WaitingChange) {
	for _, c := range changes {
		if c.Gone == 0 {
			continue
		}
		for _, b := range w.boards {
			b.Remove(int64(c.Gone))
		}
	}
	for _, p := range moved {
		switch b := w.boards[p.Campaign]; {
		case b == nil:
		case p.Waits:
			b.Put(b.kind.member(p.Waiting))
		default:
			b.Remove(int64(p.ID))
		}
	}
}

// WaitlistsBehind tells how far the waitlists of this node are behind beyond
// what is promised; 0: they are not.
func (e *Engine) WaitlistsBehind() time.Duration {
	now := e.now()
	behind := time.Duration(0)
	e.waiting.mu.RLock()
	defer e.waiting.mu.RUnlock()
	for _, w := range e.waiting.all {
		w.mu.RLock()
		if lag := now.Sub(w.read); len(w.boards) > 0 && lag > waitlistLag {
			behind = max(behind, lag)
		}
		w.mu.RUnlock()
	}
	return behind
}

// WaitlistsSize is how many bytes the waitlists of this node take, nearly. No
// pointer is in them.
func (e *Engine) WaitlistsSize() int {
	size := 0
	e.waiting.mu.RLock()
	defer e.waiting.mu.RUnlock()
	for _, w := range e.waiting.all {
		w.mu.RLock()
		for _, b := range w.boards {
			size += b.Size()
		}
		w.mu.RUnlock()
	}
	return size
}
