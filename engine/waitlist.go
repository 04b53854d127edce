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
	following sync.Mutex // who takes in changes

	mu     sync.RWMutex // guards all below
	boards map[model.CampaignID]*board
	floor  int64          // changes above it are looked at again
	seen   map[int64]bool // changes above the floor that were taken in
	read   time.Time      // what was committed before is taken in
	built  int            // lists, ever
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

// places finds where participants stand who have applied in a campaign; who is
// not on its waitlist all the same is left out.
func (e *Engine) places(ctx context.Context, cfg *Config, campaign *model.Campaign, ids []model.ParticipantID) (map[model.ParticipantID]Place, error) {
	b, w, err := e.boardOf(ctx, cfg.ID, campaign)
	if err != nil {
		return nil, err
	}
	b.used.Store(e.clock().UnixMilli())
	found := w.places(b, ids)
	if len(found) == len(ids) {
		return found, nil
	}
	// They have only just applied.
	if err := e.followWaiting(ctx, cfg.ID, w); err != nil {
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

// withPlaces shows where participants who have applied stand.
func (e *Engine) withPlaces(ctx context.Context, cfg *Config, views []ParticipantView) error {
	ids := map[model.CampaignID][]model.ParticipantID{}
	for _, v := range views {
		if v.Standing == model.StateApplied {
			ids[v.Participant.Campaign] = append(ids[v.Participant.Campaign], v.ID)
		}
	}
	for id, among := range ids {
		campaign, err := cfg.Campaign(id)
		if err != nil {
			return err
		}
		found, err := e.places(ctx, cfg, campaign, among)
		if err != nil {
			return err
		}
		for i := range views {
			if place, waits := found[views[i].ID]; waits {
				views[i].Place = &place
			}
		}
	}
	return nil
}

// boardOf is the waitlist of a campaign, built where there is none in its
// order.
func (e *Engine) boardOf(ctx context.Context, account model.AccountID, campaign *model.Campaign) (*board, *waiting, error) {
	w := e.waiting.of(account)
	w.mu.RLock()
	b := w.boards[campaign.ID]
	w.mu.RUnlock()
	if b != nil && b.kind == orderingOf(campaign) {
		return b, w, nil
	}
	b, err := e.builds.do(ctx, buildKey{account, campaign.ID}, campaign)
	return b, w, err
}

// buildKey is what is built once for all who ask at a time.
type buildKey struct {
	account  model.AccountID
	campaign model.CampaignID
}

// buildWait bounds how long a list is built.
const buildWait = time.Minute

// buildTogether builds a list for all who ask for it, unless it was built since
// they asked.
func (e *Engine) buildTogether(key buildKey, asked []*model.Campaign) ([]result[*board], error) {
	ctx, cancel := context.WithTimeout(context.Background(), buildWait)
	defer cancel()
	campaign := asked[len(asked)-1]
	w := e.waiting.of(key.account)
	w.mu.RLock()
	b := w.boards[key.campaign]
	w.mu.RUnlock()
	if b == nil || b.kind != orderingOf(campaign) {
		var err error
		if b, err = e.buildBoard(ctx, w, key.account, campaign); err != nil {
			return nil, err
		}
	}
	return slices.Repeat([]result[*board]{{out: b}}, len(asked)), nil
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

// buildBoard reads who waits, and lets the others of the account look again at
// what was committed since the snapshot.
func (e *Engine) buildBoard(ctx context.Context, w *waiting, account model.AccountID, campaign *model.Campaign) (*board, error) {
	began := e.now() // before the snapshot
	b := &board{kind: orderingOf(campaign)}
	err := e.store.View(ctx, account, func(tx *store.Tx) error {
		counts, err := tx.CountedOf([]int64{store.OfCampaign(campaign.ID)}, tallyJoined)
		if err != nil {
			return err
		}
		var failed error
		b.Board = rank.New(b.kind.skip, int(counts[store.OfCampaign(campaign.ID)]), func(yield func(rank.Member) bool) {
			failed = tx.EveryWaiting(campaign.ID, func(p store.Waiting) { yield(b.kind.member(p)) })
		})
		if failed != nil {
			return failed
		}
		erased, err := tx.ErasedWaiting(campaign.ID)
		for _, id := range erased {
			b.Remove(int64(id))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	b.used.Store(e.clock().UnixMilli())
	w.mu.Lock()
	defer w.mu.Unlock()
	floor := max(1, idAt(began.Add(-overlap)))
	if len(w.boards) == 0 {
		w.floor, w.read = floor, began
	}
	w.floor, w.seen = min(w.floor, floor), map[int64]bool{}
	if began.Before(w.read) {
		w.read = began
	}
	w.boards[campaign.ID] = b
	w.built++
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
		if err := e.followWaiting(ctx, account, all[account]); err != nil {
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

// followWaiting takes in the changes of an account. Lists that fell too far
// behind to follow are built anew when somebody asks.
func (e *Engine) followWaiting(ctx context.Context, account model.AccountID, w *waiting) error {
	w.following.Lock()
	defer w.following.Unlock()
	now := e.now() // before the snapshot: what commits later is found next time
	w.mu.Lock()
	floor, seen, built := w.floor, maps.Clone(w.seen), w.built
	if floor < idAt(now.Add(-changesKept+overlap)) {
		clear(w.boards)
		w.mu.Unlock()
		return nil
	}
	w.mu.Unlock()
	var changes []store.Change
	var moved []store.WaitingChange
	err := e.store.View(ctx, account, func(tx *store.Tx) (err error) {
		if changes, err = tx.Changes(floor); err != nil {
			return err
		}
		var persons []model.PersonID
		moved = moved[:0]
		for _, c := range changes {
			if c.Lists&store.InPeople != 0 && !seen[c.ID] && c.Person != 0 {
				persons = append(persons, c.Person)
			}
		}
		return tx.WaitingOf(persons, func(p store.WaitingChange) { moved = append(moved, p) })
	})
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range changes {
		if c.Gone != 0 {
			for _, b := range w.boards {
				b.Remove(int64(c.Gone))
			}
		}
	}
	for _, p := range moved {
		b := w.boards[p.Campaign]
		switch {
		case b == nil:
		case p.Waits:
			b.Put(b.kind.member(p.Waiting))
		default:
			b.Remove(int64(p.ID))
		}
	}
	if w.built != built { // that list has not seen what was skipped here
		return nil
	}
	w.floor, w.read = max(floor, idAt(now.Add(-overlap))), now
	for _, c := range changes {
		w.seen[c.ID] = true
	}
	maps.DeleteFunc(w.seen, func(id int64, _ bool) bool { return id <= w.floor })
	return nil
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
