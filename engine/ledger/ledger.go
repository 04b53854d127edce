// Package ledger moves one ledger: it adds, spends, expires and reverses, and
// tells what must be written. It is pure; one function decides what is due
// for everyone who asks. It knows no rewards and no persons.
package ledger

import (
	"cmp"
	"slices"
	"time"

	"grapevine/model"
	"grapevine/money"
)

// Book is a ledger with the credits it can spend, and what has moved since it
// was opened.
type Book struct {
	Head    model.Ledger
	Active  []model.Credit // by expiry, then age; all of them once Filled
	Entries []model.Entry  // to insert
	Added   []model.Credit // to insert
	Changed []model.Credit // to update, in this order

	filled bool
	now    time.Time
	newID  func() (int64, error)
}

// Open makes a book of a locked ledger. Ids of entries come from newID.
func Open(head model.Ledger, now time.Time, newID func() (int64, error)) *Book {
	return &Book{Head: head, now: now, newID: newID}
}

// Filled reports whether the book knows every credit that it can spend. All
// but Add asks for that.
func (b *Book) Filled() bool { return b.filled }

// Fill takes in the credits that the database says can be spent. What was
// added since the book was opened is there already.
func (b *Book) Fill(active []model.Credit) {
	for _, c := range active {
		b.activate(c)
	}
	b.filled = true
}

// Due reports whether a credit of the ledger has expired and is not posted:
// the book is then filled, and what is due posted, before anything else.
func (b *Book) Due() bool {
	return !b.Head.NextExpiry.IsZero() && !b.now.Before(b.Head.NextExpiry)
}

// Balance is what can be spent now: the posted balance without credits that
// are due to expire.
func Balance(head model.Ledger, active []model.Credit, now time.Time) money.Amount {
	balance := head.Balance
	for _, c := range active {
		if expired(c, now) {
			balance -= c.Remaining
		}
	}
	return balance
}

// expired is the one place that decides when a credit is over: at its moment.
func expired(c model.Credit, now time.Time) bool {
	return !c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt)
}

// Expire posts what is due.
func (b *Book) Expire() error {
	var left []model.Credit
	for _, c := range b.Active {
		if !expired(c, b.now) {
			left = append(left, c)
			continue
		}
		if err := b.post(model.Entry{Kind: model.EntryExpire, Amount: -c.Remaining, Reward: c.Reward}); err != nil {
			return err
		}
		c.Remaining = 0
		b.end(c, model.CreditExpired)
	}
	b.Active = left
	b.next()
	return nil
}

// next finds the earliest expiry among the credits that are left: the first
// of them has it.
func (b *Book) next() {
	b.Head.NextExpiry = time.Time{}
	if len(b.Active) > 0 {
		b.Head.NextExpiry = b.Active[0].ExpiresAt
	}
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
	EarnedAt  time.Time // zero: now
}

// Add posts a credit, cut to the cap, and returns what was posted. Where the
// cap leaves nothing, an entry of nothing says so and there is no credit.
func (b *Book) Add(a Addition) (money.Amount, error) {
	amount := a.Amount
	if a.Cap > 0 {
		amount = max(0, min(amount, a.Cap-b.Head.Balance))
	}
	if _, err := b.Head.Balance.Add(amount); err != nil {
		return 0, &model.Error{Kind: model.Invalid, Field: "value", Msg: "the balance would be too large", Err: err}
	}
	if err := b.post(model.Entry{Kind: a.Kind, Amount: amount, Reward: a.Reward, Note: a.Note}); err != nil {
		return 0, err
	}
	if amount == 0 {
		return 0, nil
	}
	earned := a.EarnedAt
	if earned.IsZero() {
		earned = b.now
	}
	credit := model.Credit{
		ID: model.CreditID(b.Entries[len(b.Entries)-1].ID), Holder: b.Head.Holder, Currency: b.Head.Currency,
		Amount: amount, Remaining: amount, ExpiresAt: a.ExpiresAt, Reward: a.Reward, EarnedAt: earned,
	}
	b.Added = append(b.Added, credit)
	b.activate(credit)
	b.expiresBy(a.ExpiresAt)
	return amount, nil
}

// activate puts a credit where it is spent: by expiry, then age. One that a
// merge moved is as old as it was.
func (b *Book) activate(c model.Credit) {
	i, _ := slices.BinarySearchFunc(b.Active, c, func(a, c model.Credit) int {
		return cmp.Or(byExpiry(a.ExpiresAt, c.ExpiresAt), a.EarnedAt.Compare(c.EarnedAt), cmp.Compare(a.ID, c.ID))
	})
	b.Active = slices.Insert(b.Active, i, c)
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
// and returns those it touched. It fails with BalanceShort, and then changes
// nothing.
func (b *Book) Remove(r Removal) ([]model.Credit, error) {
	if r.Amount > b.Head.Balance {
		return nil, &model.Error{Kind: model.Conflict, Reason: model.BalanceShort, Field: "value", Msg: "the balance is too low"}
	}
	if err := b.post(model.Entry{Kind: r.Kind, Amount: -r.Amount, Event: r.Event, Note: r.Note}); err != nil {
		return nil, err
	}
	var touched []model.Credit
	for rest := r.Amount; rest > 0 && len(b.Active) > 0; {
		c := b.Active[0]
		take := min(rest, c.Remaining)
		c.Remaining -= take
		rest -= take
		if c.Remaining == 0 {
			b.Active = b.Active[1:]
			c = b.end(c, model.CreditRedeemed)
		} else {
			b.Active[0] = c
			b.change(c)
		}
		touched = append(touched, c)
	}
	b.next()
	return touched, nil
}

// TakeBack reverses what is unspent of the credit of a revoked reward, and
// returns how much that was.
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
	for i := range b.Active {
		if b.Active[i].ID == c.ID {
			b.Active = slices.Delete(b.Active, i, i+1)
			break
		}
	}
	b.next()
	return amount, nil
}

// MoveTo moves the whole balance to another book of the same currency by one
// entry each. Credits keep their expiry, and no cap cuts the move.
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
	for _, c := range b.Active {
		fresh := c
		id, err := b.newID()
		if err != nil {
			return err
		}
		fresh.ID, fresh.Holder, fresh.Amount = model.CreditID(id), to.Head.Holder, c.Remaining
		to.Added = append(to.Added, fresh)
		to.activate(fresh)
		to.expiresBy(fresh.ExpiresAt)
		c.Remaining = 0
		b.end(c, model.CreditMoved)
	}
	b.Active = nil
	b.next()
	return nil
}

func (b *Book) end(c model.Credit, how model.CreditEnd) model.Credit {
	c.EndedAt, c.Ended = b.now, how
	b.change(c)
	return c
}

// change keeps how a credit stands. One that is spent piece by piece is
// changed last each time, and written once.
func (b *Book) change(c model.Credit) {
	if last := len(b.Changed) - 1; last >= 0 && b.Changed[last].ID == c.ID {
		b.Changed[last] = c
		return
	}
	b.Changed = append(b.Changed, c)
}

// post appends an entry that says why and how much; the book knows the rest.
func (b *Book) post(e model.Entry) error {
	id, err := b.newID()
	if err != nil {
		return err
	}
	b.Head.Balance += e.Amount
	b.Head.Entries++
	e.ID, e.Holder, e.Currency, e.At = model.EntryID(id), b.Head.Holder, b.Head.Currency, b.now
	e.Number, e.Balance = b.Head.Entries, b.Head.Balance
	b.Entries = append(b.Entries, e)
	return nil
}
