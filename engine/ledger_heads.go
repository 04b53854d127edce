package engine

import (
	"cmp"
	"context"
	"strings"
	"time"

	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

// LedgerHead is the ledger of a customer in a currency.
type LedgerHead struct {
	Customer Known
	Currency string
	Balance  money.Amount // without what is due to expire
	At       time.Time    // of its last entry
}

// LedgerHeads lists the ledgers of customers in a currency, in an order that
// does not change. Only size and cursor of a query are asked for. Fails with
// Invalid (CurrencyUnknown).
func (e *Engine) LedgerHeads(ctx context.Context, account model.AccountID, currency string, q ListQuery) (*Listed[LedgerHead], error) {
	if err := cmp.Or(sized(q), e.knowsCurrency(ctx, account, currency)); err != nil {
		return nil, err
	}
	listed := &Listed[LedgerHead]{}
	err := e.store.View(ctx, account, func(tx *store.Tx) error {
		*listed = Listed[LedgerHead]{}
		total, err := tx.Counted(int64(account), tallyLedger+currency)
		if err != nil {
			return err
		}
		heads, err := tx.LedgerHeads(currency, model.PersonID(q.After.ID), q.Size+1, e.now())
		if err != nil {
			return err
		}
		if listed.Total = total; len(heads) > q.Size {
			heads, listed.More = heads[:q.Size], true
		}
		p := &page{e: e, tx: tx}
		persons := make([]model.PersonID, len(heads))
		for i, h := range heads {
			persons[i] = h.Person
		}
		known, err := p.known(persons)
		if err != nil {
			return err
		}
		for _, h := range heads {
			listed.Rows = append(listed.Rows, LedgerHead{Customer: known[h.Person], Currency: currency, Balance: h.Balance - h.Due, At: h.At})
			listed.Next = Cursor{At: h.At, ID: int64(h.Person)}
		}
		return nil
	})
	return listed, err
}

// tallyLedger and a currency count the ledgers of customers.
const tallyLedger = "ledger "

// countLedger counts a customer's ledger that begins, or ends as its holder
// becomes somebody else.
func (t *turn) countLedger(head model.Ledger, by int64) {
	if strings.HasPrefix(head.Holder, "p") {
		t.tally(tallyKey{int64(t.cfg.ID), tallyLedger + head.Currency, true}, by)
	}
}
