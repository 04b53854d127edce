package engine

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"grapevine/engine/ledger"
	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

// turn is one use case in one transaction of one account: what it has read
// under its locks, and what it will write. It is made anew when the
// transaction runs again.
type turn struct {
	e        *Engine
	tx       *store.Tx
	cfg      *Config
	now      time.Time
	err      error // the first id that could not be made
	silently bool  // nobody is told of anything

	persons   map[model.PersonID]*model.Person // locked
	groups    map[model.PersonID][]model.PersonID
	progress  map[progressKey]store.Progress
	advanced  map[progressKey]bool // progress to save
	referrals map[referralKey]int64
	books     map[bookKey]*ledger.Book

	sent      *Who // what the call says of who acts; nil: it is somebody else's
	names     []model.Identity
	addresses map[model.PersonID]model.Profile
	meetings  [][]model.PersonID // of each encounter: advocates who were known in a browser of the friend's
	browsers  []model.PersonID   // those of the encounter that goes on
	silent    model.PersonID     // brought the participant that stands, and is suspended

	events      []*model.Event
	conversions []*model.Conversion
	rewards     []*model.Reward
	counted     []store.Referral
	jobs        []model.Job
	points      []scored
	mails       []*model.Mail
	mailMarks   []model.MailMark
	tallies     map[tallyKey]int64
	brought     map[model.ParticipantID]int64 // referrals more, or fewer
	impressions map[model.CampaignID][]store.Impression
	facets      map[model.FacetID]model.Facet // that rows may be the first to carry
	marks       []store.Mark
	listed      bool                     // rows were written that are listed
	changed     map[model.PersonID]int64 // lists that show a change of theirs
	gone        []store.Change           // participants who are no more
	renewed     []model.PersonID         // of whose participants endpoints are told: see renews
	held        map[heldKey]*store.Holding
}

type progressKey struct {
	person model.PersonID
	rule   model.RuleID
	role   model.Role
}

type referralKey struct {
	rule             model.RuleID
	advocate, friend model.PersonID
}

type bookKey struct{ holder, currency string }

type tallyKey struct {
	subject int64
	what    string
	spread  bool
}

// inTurn runs fn in one transaction and writes what it gathered. fn may run
// more than once.
func (e *Engine) inTurn(ctx context.Context, account model.AccountID, fn func(*turn) error) error {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return err
	}
	var t *turn
	err = e.store.InTx(ctx, account, func(tx *store.Tx) error {
		t = &turn{e: e, tx: tx, cfg: cfg, now: e.now()}
		if err := fn(t); err != nil {
			return err
		}
		return t.write()
	})
	if err == nil {
		t.keepFacets()
	}
	return err
}

// id makes an id. Where none can be made, write fails.
func (t *turn) id() int64 {
	id, err := t.e.newID()
	if err != nil && t.err == nil {
		t.err = &model.Error{Kind: model.Internal, Msg: "no id can be made", Err: err}
	}
	return id
}

// stand locks the persons and takes in how they stand. What an earlier call in
// this turn has moved in a ledger stays moved.
func (t *turn) stand(friends, advocates []model.PersonID, ledgers bool) error {
	return t.take(store.Ask{Friends: friends, Advocates: advocates, Ledgers: ledgers})
}

// standErased is stand for what persons left: some may have been erased, which
// ends nothing that was theirs.
func (t *turn) standErased(persons ...model.PersonID) error {
	return t.take(store.Ask{Friends: persons, Ledgers: true, Erased: true})
}

func (t *turn) take(ask store.Ask) error {
	s, err := t.tx.Stand(ask)
	if err != nil {
		return err
	}
	t.names, t.addresses, t.meetings, t.browsers = s.Names, s.Addresses, s.Browsers, nil
	t.persons, t.groups = s.Persons, s.Groups
	t.progress = make(map[progressKey]store.Progress, len(s.Progresses))
	for _, p := range s.Progresses {
		t.progress[progressKey{p.Person, p.Rule, p.Role}] = p
	}
	t.referrals = make(map[referralKey]int64, len(s.Referrals))
	for _, r := range s.Referrals {
		t.referrals[referralKey{r.Rule, r.Advocate, r.Friend}] = r.Number
	}
	if t.books == nil {
		t.books = make(map[bookKey]*ledger.Book, len(s.Ledgers))
	}
	for _, head := range s.Ledgers {
		key := bookKey{head.Holder, head.Currency}
		if t.books[key] == nil {
			t.books[key] = t.open(head)
		}
	}
	return nil
}

// group is a person with everyone merged into them.
func (t *turn) group(id model.PersonID) []model.PersonID {
	if group, ok := t.groups[id]; ok {
		return group
	}
	return []model.PersonID{id}
}

// progressOf adds up how far a person and those merged into them have come.
func (t *turn) progressOf(person model.PersonID, rule model.RuleID, role model.Role) (friends, places int64) {
	for _, id := range t.group(person) {
		p := t.progress[progressKey{id, rule, role}]
		friends += p.Friends
		places += p.Places
	}
	return friends, places
}

// advance moves how far a person has come.
func (t *turn) advance(person model.PersonID, rule model.RuleID, role model.Role, friends, places int64) {
	if person == 0 || (friends == 0 && places == 0) {
		return
	}
	key := progressKey{person, rule, role}
	p := t.progress[key]
	p.Person, p.Rule, p.Role = person, rule, role
	p.Friends += friends
	p.Places += places
	if t.progress == nil {
		t.progress = map[progressKey]store.Progress{}
	}
	if t.advanced == nil {
		t.advanced = map[progressKey]bool{}
	}
	t.progress[key], t.advanced[key] = p, true
}

// numberOf is which friend of the advocate this one is under a rule, 0 for
// one who does not count yet.
func (t *turn) numberOf(rule model.RuleID, advocate, friend model.PersonID) int64 {
	for _, a := range t.group(advocate) {
		for _, f := range t.group(friend) {
			if number := t.referrals[referralKey{rule, a, f}]; number != 0 {
				return number
			}
		}
	}
	return 0
}

// counts says that a friend counts for an advocate from now on.
func (t *turn) counts(r store.Referral) {
	if t.referrals == nil {
		t.referrals = map[referralKey]int64{}
	}
	t.referrals[referralKey{r.Rule, r.Advocate, r.Friend}] = r.Number
	t.counted = append(t.counted, r)
}

// book opens the ledger of a person whose lock is held, expired credits
// posted.
func (t *turn) book(person model.PersonID, currency string) (*ledger.Book, error) {
	holder := store.PersonHolder(person)
	key := bookKey{holder, currency}
	b := t.books[key]
	if b == nil {
		b = t.open(model.Ledger{Holder: holder, Currency: currency, CreatedAt: t.now})
		if t.books == nil {
			t.books = map[bookKey]*ledger.Book{}
		}
		t.books[key] = b
	}
	if !b.Due() {
		return b, nil
	}
	return b, b.Expire()
}

// creditsRead is how many credits of a ledger are read at once. Most who spend
// touch a few.
const creditsRead = 100

// open makes a book of a ledger whose lock is held.
func (t *turn) open(head model.Ledger) *ledger.Book {
	return ledger.Open(head, t.now, t.e.newID, credits{t})
}

// credits are the rows behind the books of a turn.
type credits struct{ t *turn }

func (c credits) First(b *ledger.Book) ([]model.Credit, bool, error) {
	c.t.saveBook(b)
	first, err := c.t.tx.ActiveCredits(b.Head.Holder, b.Head.Currency, nil, creditsRead)
	return first, len(first) < creditsRead, err
}

func (c credits) Spend(b *ledger.Book, atMost money.Amount) (money.Amount, error) {
	c.t.saveBook(b)
	return c.t.tx.SpendCredits(b.Head.Holder, b.Head.Currency, atMost, c.t.now)
}

func (c credits) Lapse(b *ledger.Book, until time.Time) (money.Amount, error) {
	c.t.saveBook(b)
	return c.t.tx.LapseCredits(b.Head.Holder, b.Head.Currency, until, c.t.now)
}

// happened adds an event of a person, in that person's turn.
func (t *turn) happened(kind model.EventKind, person model.PersonID) *model.Event {
	event := t.newEvent(kind)
	event.Person, event.Turn = person, t.turnOf(person)
	t.events = append(t.events, event)
	return event
}

// newEvent makes an event that is not yet one of the turn.
func (t *turn) newEvent(kind model.EventKind) *model.Event {
	return &model.Event{
		ID: model.EventID(t.id()), UUID: uuid.NewString(), Kind: kind, Version: t.cfg.Settings.Version, At: t.now,
	}
}

func (t *turn) turnOf(person model.PersonID) int64 {
	if p := t.persons[person]; p != nil {
		return p.Turns
	}
	return 0
}

// tallyIn adds to a counter of a campaign.
func (t *turn) tallyIn(campaign model.CampaignID, what string, n int64) {
	t.tally(tallyKey{store.OfCampaign(campaign), what, true}, n)
}

// tallyOf adds to a counter of a participant, where there is one. It is one
// row: who shares a link is one of many.
func (t *turn) tallyOf(id model.ParticipantID, what string, n int64) {
	if id != 0 {
		t.tally(tallyKey{int64(id), what, false}, n)
	}
}

func (t *turn) tally(key tallyKey, n int64) {
	if t.tallies == nil {
		t.tallies = map[tallyKey]int64{}
	}
	t.tallies[key] += n
}

// write queues what was gathered, in the order in which rows are locked.
func (t *turn) write() error {
	if err := t.tellRenewed(); err != nil {
		return err
	}
	for _, w := range t.rewards {
		w.Facet = t.facet(rewardedAs(w))
	}
	t.writeFacets()
	t.writePoints()
	t.writeBrought()
	changes, held := t.changes(), t.holdings()
	if t.err != nil {
		return t.err
	}
	if err := t.tx.InsertEvents(t.events); err != nil {
		return err
	}
	t.tx.InsertConversions(t.conversions)
	if err := t.tx.InsertRewards(t.rewards); err != nil {
		return err
	}
	t.tx.InsertReferrals(t.counted)
	t.writeProgress()
	t.tx.Hold(held)
	t.tx.InsertChanges(changes)
	t.writeBooks()
	t.writeTallies()
	if err := t.writeMails(); err != nil {
		return err
	}
	t.tx.Enqueue(t.jobs...)
	return nil
}

// bring counts referrals of a participant.
func (t *turn) bring(id model.ParticipantID, n int64) {
	if t.brought == nil {
		t.brought = map[model.ParticipantID]int64{}
	}
	t.brought[id] += n
}

func (t *turn) writeBrought() {
	for _, id := range slices.Sorted(maps.Keys(t.brought)) {
		t.tx.AddReferrals(id, t.brought[id])
	}
}

func (t *turn) writeProgress() {
	list := make([]store.Progress, 0, len(t.advanced))
	for _, key := range sortedBy(t.advanced, func(a, b progressKey) int {
		return compare3(int64(a.person), int64(b.person), int64(a.rule), int64(b.rule), string(a.role), string(b.role))
	}) {
		list = append(list, t.progress[key])
	}
	t.tx.SaveProgress(list)
}

func (t *turn) writeBooks() {
	for _, key := range sortedBy(t.books, func(a, b bookKey) int {
		return compare3(0, 0, 0, 0, a.holder+" "+a.currency, b.holder+" "+b.currency)
	}) {
		t.saveBook(t.books[key])
	}
}

// saveBook queues what moved in a book since it was opened or saved.
func (t *turn) saveBook(b *ledger.Book) {
	if !b.Unsaved() {
		return
	}
	if len(b.Entries) > 0 && b.Head.Entries == int64(len(b.Entries)) {
		t.countLedger(b.Head, 1)
	}
	t.tx.SaveLedger(&b.Head)
	t.tx.InsertEntries(b.Entries)
	t.tx.InsertCredits(b.Added)
	t.tx.UpdateCredits(b.Changed)
	b.Saved()
}

func (t *turn) writeTallies() {
	list := make([]store.Tally, 0, len(t.tallies))
	for _, key := range sortedBy(t.tallies, func(a, b tallyKey) int {
		return compare3(a.subject, b.subject, 0, 0, a.what, b.what)
	}) {
		list = append(list, store.Tally{Subject: key.subject, What: key.what, N: t.tallies[key], Spread: key.spread})
	}
	t.tx.Count(t.e.slot.Add(1), list)
}
