package engine

import (
	"context"
	"errors"
	"time"

	"grapevine/engine/ledger"
	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

// Adjustment adds to a ledger or removes from it.
type Adjustment struct {
	CustomerID string
	Custom     bool // the id names a ledger of its own, not a customer
	Currency   string
	Add        bool // else remove
	Value      money.Amount
	Note       string
	ExpiresAt  time.Time // of an addition; zero: as the currency says
}

// Adjusted is what an adjustment came to.
type Adjusted struct {
	Currency  string
	Value     money.Amount // what was added, cut to the cap, or removed
	Total     money.Amount
	Cap       *money.Amount // nil: none
	Note      string
	At        time.Time
	ExpiresAt time.Time      // earliest of the active credits; zero: none expires
	Credits   []model.Credit // that it touched
	Created   bool           // the holder had no ledger before, in any currency
}

type ledgerKey struct {
	account    model.AccountID
	customerID string
	custom     bool
	currency   string
}

// adjustGroup bounds how many adjustments of one ledger share a transaction.
const adjustGroup = 128

// AdjustLedger moves a ledger by one entry. Adjustments of one ledger that
// arrive together share a transaction, each judged in its order. Fails with
// Invalid (no value, CurrencyUnknown, PersonUnknown), BalanceShort.
func (e *Engine) AdjustLedger(ctx context.Context, account model.AccountID, a Adjustment) (*Adjusted, error) {
	if a.Value <= 0 {
		return nil, &model.Error{Kind: model.Invalid, Field: "value", Msg: "value is not greater than zero"}
	}
	if err := tooLong("customer_id", a.CustomerID); err != nil {
		return nil, err
	}
	if err := e.knowsCurrency(ctx, account, a.Currency); err != nil {
		return nil, err
	}
	return e.adjustments.do(ctx, ledgerKey{account, a.CustomerID, a.Custom, a.Currency}, a)
}

// adjustTogether is one group of adjustments of one ledger.
func (e *Engine) adjustTogether(key ledgerKey, adjustments []Adjustment) ([]result[*Adjusted], error) {
	var results []result[*Adjusted]
	ctx, cancel := context.WithTimeout(context.Background(), groupWait)
	defer cancel()
	err := e.inTurn(ctx, key.account, func(t *turn) error {
		results = make([]result[*Adjusted], len(adjustments))
		head, existed, err := t.lockLedger(key)
		if err != nil {
			return err
		}
		book := t.open(head)
		if book.Due() {
			if err := book.Expire(); err != nil {
				return err
			}
		}
		for i, a := range adjustments {
			results[i].out, results[i].err = t.adjust(book, a)
			switch {
			case model.KindOf(results[i].err) == model.Internal && results[i].err != nil:
				return results[i].err // the database's: nobody's call is through
			case results[i].err == nil:
				results[i].out.Created, existed = !existed, true
			}
		}
		if !book.Moved() {
			return errNothing // all were refused: no ledger is left behind either
		}
		t.saveBook(book)
		return nil
	})
	if errors.Is(err, errNothing) {
		err = nil
	}
	return results, err
}

// lockLedger locks the ledger of a customer, or one of its own, makes it where
// there is none, and tells whether its holder had one before, in any currency.
func (t *turn) lockLedger(key ledgerKey) (model.Ledger, bool, error) {
	if key.custom {
		holder := t.e.customHolder(key.customerID)
		head, existed, err := t.tx.LockLedger(holder, key.currency, t.now)
		if err != nil || existed {
			return head, existed, err
		}
		// Nobody is locked behind such a holder: who makes the first of its
		// ledgers is who takes this key.
		first := t.e.secret.Digest("ledger holder", holder)
		had, err := t.tx.TakeKeys(map[string]*model.Event{first: {ID: model.EventID(t.id())}})
		return head, had[first] != nil, err
	}
	person, err := t.customer(key.customerID)
	if err != nil {
		return model.Ledger{}, false, err
	}
	holder := store.PersonHolder(person)
	if book := t.books[bookKey{holder, key.currency}]; book != nil {
		return book.Head, true, nil
	}
	return model.Ledger{Holder: holder, Currency: key.currency, CreatedAt: t.now}, len(t.books) > 0, nil
}

// customHolder is the holder of a ledger of its own. The merchant's id for it
// may be somebody's address, so it is kept as a digest.
func (e *Engine) customHolder(id string) string {
	return "c" + e.secret.Digest("ledger", id)
}

func (t *turn) adjust(b *ledger.Book, a Adjustment) (*Adjusted, error) {
	limit, expires := t.cfg.LedgerRules(a.Currency)
	done := &Adjusted{Currency: a.Currency, Value: a.Value, Note: a.Note, At: t.now}
	if limit > 0 {
		done.Cap = &limit
	}
	if a.Add {
		until := a.ExpiresAt
		if until.IsZero() {
			until = t.dueAfter(expires)
		}
		credit, err := b.Add(ledger.Addition{Kind: model.EntryAdd, Amount: a.Value, Cap: limit, ExpiresAt: until, Note: a.Note})
		if err != nil {
			return nil, err
		}
		done.Value = credit.Amount
		switch {
		case credit.Amount == 0: // the cap left nothing
		case b.Due(): // it is booked, and over at once
			if err := b.Expire(); err != nil {
				return nil, err
			}
			credit.Remaining, credit.EndedAt, credit.Ended = 0, t.now, model.CreditExpired
			done.Credits = []model.Credit{credit}
		default:
			done.Credits = []model.Credit{credit}
			if !until.IsZero() {
				t.jobs = append(t.jobs, expiryJob(t.id(), b.Head, until))
			}
		}
	} else {
		touched, err := b.Remove(ledger.Removal{Kind: model.EntryRemove, Amount: a.Value, Note: a.Note})
		if err != nil {
			return nil, err
		}
		done.Credits = touched
	}
	done.Total, done.ExpiresAt = b.Head.Balance, b.Head.NextExpiry
	return done, nil
}
