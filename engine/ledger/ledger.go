// Package ledger moves one ledger: it adds, spends, expires and reverses, and
// tells what must be written. It is pure; one function decides what is due
// for everyone who asks. It knows no rewards and no persons.
package ledger

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"grapevine/model"
	"grapevine/money"
)

// Book is a ledger with the first of the credits it can spend, and what has
// moved since it was opened or saved.
type Book struct {
	Head    model.Ledger
	Entries []model.Entry  // to insert
	Added   []model.Credit // to insert
	Changed []model.Credit // to update, each once

	active  []model.Credit // the first that can be spent: by expiry, then age
	whole   bool           // active has all of them
	credits Credits
	saved   model.Ledger
	moved   bool
	now     time.Time
	newID   func() (int64, error)
}

// Credits are what a ledger can spend, wherever they are kept: a ledger may have
// any number of them, and a book holds a few. Each method first writes what has
// moved in the book, and marks it Saved.
type Credits interface {
	// First reads as many as are worth reading at once, the first by expiry, then
	// age, and reports whether there are no more.
	First(*Book) (first []model.Credit, all bool, err error)
	// Spend ends as many of the first as can be spent whole for an amount, and
	// returns what they came to.
	Spend(b *Book, atMost money.Amount) (money.Amount, error)
	// Lapse ends all that expire at a time or before, and returns what was left
	// of them.
	Lapse(b *Book, until time.Time) (money.Amount, error)
}

// Open makes a book of a locked ledger. Ids of entries come from newID.
func Open(head model.Ledger, now time.Time, newID func() (int64, error), credits Credits) *Book {
	return &Book{Head: head, credits: credits, saved: head, now: now, newID: newID}
}

// Saved says that what has moved is written.
func (b *Book) Saved() {
	b.saved, b.Entries, b.Added, b.Changed = b.Head, nil, nil, nil
}

// Unsaved reports whether something has moved that is not written.
func (b *Book) Unsaved() bool {
	return len(b.Entries) > 0 || len(b.Changed) > 0 || b.Head != b.saved
}

// Moved reports whether anything was posted since the book was opened.
func (b *Book) Moved() bool { return b.moved }

// fill reads on where all that was read is spent.
func (b *Book) fill() error {
	if len(b.active) > 0 || b.whole {
		return nil
	}
	var err error
	b.active, b.whole, err = b.credits.First(b)
	return err
}

// Due reports whether a credit of the ledger has expired and is not posted:
// that is posted before anything else.
func (b *Book) Due() bool {
	return !b.Head.NextExpiry.IsZero() && !b.now.Before(b.Head.NextExpiry)
}

// Balance is what can be spent now: the posted balance without credits that
// are due to expire.
func Balance(head model.Ledger, active []model.Credit, now time.Time) money.Amount {
	balance := head.Balance
	for _, c := range active {
		if Expired(c, now) {
			balance -= c.Remaining
		}
	}
	return balance
}

// Expired is the one place that decides when a credit is over: at its moment.
func Expired(c model.Credit, now time.Time) bool {
	return !c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt)
}

// Expire posts what is due: the first that the book reads by an entry each,
// and where there are more, the rest by one.
func (b *Book) Expire() error {
	if err := b.fill(); err != nil {
		return err
	}
	for len(b.active) > 0 && Expired(b.active[0], b.now) {
		c := b.active[0]
		if err := b.post(model.Entry{Kind: model.EntryExpire, Amount: -c.Remaining, Reward: c.Reward}); err != nil {
			return err
		}
		c.Remaining = 0
		b.end(c, model.CreditExpired)
		b.active = b.active[1:]
	}
	if len(b.active) == 0 && !b.whole {
		lapsed, err := b.credits.Lapse(b, b.now)
		if err != nil {
			return err
		}
		if lapsed > 0 {
			if err := b.post(model.Entry{Kind: model.EntryExpire, Amount: -lapsed}); err != nil {
				return err
			}
		}
	}
	return b.next()
}

// next finds the earliest expiry among the credits that are left: the first
// of them has it.
func (b *Book) next() error {
	if err := b.fill(); err != nil {
		return err
	}
	b.Head.NextExpiry = time.Time{}
	if len(b.active) > 0 {
		b.Head.NextExpiry = b.active[0].ExpiresAt
	}
	return nil
}

func (b *Book) expiresBy(t time.Time) {
	if !t.IsZero() && (b.Head.NextExpiry.IsZero() || t.Before(b.Head.NextExpiry)) {
		b.Head.NextExpiry = t
	}
}

// Addition is a credit to make.
type Addition struct {
	Kind      model.EntryKind
	Amount    money.Amount
	Cap       money.Amount // 0 is no cap
	ExpiresAt time.Time    // zero: never
	Reward    model.RewardID
	Note      string
}

// Add posts a credit, cut to the cap, and returns it. Where the cap leaves
// nothing, an entry of nothing says so and there is no credit.
func (b *Book) Add(a Addition) (model.Credit, error) {
	amount := a.Amount
	if a.Cap > 0 {
		amount = max(0, min(amount, a.Cap-b.Head.Balance))
	}
	if _, err := b.Head.Balance.Add(amount); err != nil {
		return model.Credit{}, &model.Error{Kind: model.Invalid, Field: "value", Msg: "the balance would be too large", Err: err}
	}
	if err := b.post(model.Entry{Kind: a.Kind, Amount: amount, Reward: a.Reward, Note: a.Note}); err != nil {
		return model.Credit{}, err
	}
	if amount == 0 {
		return model.Credit{}, nil
	}
	credit := model.Credit{
		ID: model.CreditID(b.Entries[len(b.Entries)-1].ID), Holder: b.Head.Holder, Currency: b.Head.Currency,
		Amount: amount, Remaining: amount, ExpiresAt: a.ExpiresAt, Reward: a.Reward, EarnedAt: b.now,
	}
	b.Added = append(b.Added, credit)
	b.activate(credit)
	b.expiresBy(a.ExpiresAt)
	return credit, nil
}

// activate puts a credit where it is spent: by expiry, then age. Behind those
// that were read it stays to be read.
func (b *Book) activate(c model.Credit) {
	i, _ := slices.BinarySearchFunc(b.active, c, func(a, c model.Credit) int {
		return cmp.Or(byExpiry(a.ExpiresAt, c.ExpiresAt), a.EarnedAt.Compare(c.EarnedAt), cmp.Compare(a.ID, c.ID))
	})
	if i < len(b.active) || b.whole {
		b.active = slices.Insert(b.active, i, c)
	}
}

func byExpiry(a, b time.Time) int {
	if a.IsZero() || b.IsZero() {
		return cmp.Compare(boolInt(a.IsZero()), boolInt(b.IsZero()))
	}
	return a.Compare(b)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Removal is an amount to spend.
type Removal struct {
	Kind   model.EntryKind
	Amount money.Amount
	Event  model.EventID // of a redemption
	Note   string
}

// Remove spends from the active credits, earliest expiry first, then oldest,
// and returns those it touched; where it goes beyond what it read, those it
// read. It fails with BalanceShort, and then changes nothing.
func (b *Book) Remove(r Removal) ([]model.Credit, error) {
	if r.Amount > b.Head.Balance {
		return nil, &model.Error{Kind: model.Conflict, Reason: model.BalanceShort, Field: "value", Msg: "the balance is too low"}
	}
	if err := b.post(model.Entry{Kind: r.Kind, Amount: -r.Amount, Event: r.Event, Note: r.Note}); err != nil {
		return nil, err
	}
	var touched []model.Credit
	for rest, read := r.Amount, false; rest > 0; {
		if read && len(b.active) == 0 && !b.whole { // what it read is spent: the rest goes at once
			spent, err := b.credits.Spend(b, rest)
			if err != nil {
				return nil, err
			}
			if rest -= spent; rest == 0 {
				break
			}
		}
		if err := b.fill(); err != nil {
			return nil, err
		}
		read = true
		if len(b.active) == 0 {
			return nil, fmt.Errorf("ledger %s %s: credits of %v less than the balance", b.Head.Holder, b.Head.Currency, rest)
		}
		c := b.active[0]
		take := min(rest, c.Remaining)
		c.Remaining -= take
		rest -= take
		if c.Remaining == 0 {
			b.active = b.active[1:]
			c = b.end(c, model.CreditRedeemed)
		} else {
			b.active[0] = c
			b.change(c)
		}
		touched = append(touched, c)
	}
	return touched, b.next()
}

// TakeBack reverses what is unspent of the credit of a revoked reward, which
// was read after the book was saved, and returns how much that was.
func (b *Book) TakeBack(c model.Credit) (money.Amount, error) {
	amount := c.Remaining
	if amount == 0 {
		return 0, nil
	}
	if err := b.post(model.Entry{Kind: model.EntryReverse, Amount: -amount, Reward: c.Reward}); err != nil {
		return 0, err
	}
	c.Remaining = 0
	b.end(c, model.CreditReversed)
	b.active = slices.DeleteFunc(b.active, func(a model.Credit) bool { return a.ID == c.ID })
	return amount, b.next()
}

// MoveTo moves the whole balance to another book of the same currency by one
// entry each, and no cap cuts the move. The caller saves both, and then moves
// the credits that are active, each as it is.
func (b *Book) MoveTo(to *Book) error {
	if b.Head.Balance == 0 {
		return nil
	}
	moved := b.Head.Balance
	if err := b.post(model.Entry{Kind: model.EntryMoveOut, Amount: -moved}); err != nil {
		return err
	}
	if err := to.post(model.Entry{Kind: model.EntryMoveIn, Amount: moved}); err != nil {
		return err
	}
	to.expiresBy(b.Head.NextExpiry)
	b.Head.NextExpiry = time.Time{}
	b.active, b.whole = nil, true
	to.active, to.whole = nil, false
	return nil
}

func (b *Book) end(c model.Credit, how model.CreditEnd) model.Credit {
	c.EndedAt, c.Ended = b.now, how
	b.change(c)
	return c
}

// change keeps how a credit stands.
func (b *Book) change(c model.Credit) {
	at := slices.IndexFunc(b.Changed, func(had model.Credit) bool { return had.ID == c.ID })
	if at < 0 {
		b.Changed = append(b.Changed, c)
		return
	}
	b.Changed[at] = c
}

// post appends an entry that says why and how much; the book knows the rest.
func (b *Book) post(e model.Entry) error {
	id, err := b.newID()
	if err != nil {
		return err
	}
	b.moved = true
	b.Head.Balance += e.Amount
	b.Head.Entries++
	e.ID, e.Holder, e.Currency, e.At = model.EntryID(id), b.Head.Holder, b.Head.Currency, b.now
	e.Number, e.Balance = b.Head.Entries, b.Head.Balance
	b.Entries = append(b.Entries, e)
	return nil
}
