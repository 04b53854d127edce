package store

import (
	"time"

	"grapevine/model"
	"grapevine/money"
)

// LedgerHead is the ledger of a person in a currency.
type LedgerHead struct {
	Person  model.PersonID
	Balance money.Amount
	Due     money.Amount // of it: has expired, and is not posted yet
	At      time.Time    // of the last entry
}

// LedgerHeads lists ledgers of persons in a currency, but not of those who
// were merged into others, in the order of their keys, from behind a person's
// on; 0 is the beginning.
func (tx *Tx) LedgerHeads(currency string, behind model.PersonID, size int, now time.Time) ([]*LedgerHead, error) {
	after := "p"
	if behind != 0 {
		after = PersonHolder(behind)
	}
	var heads []*LedgerHead
	due := map[string]*LedgerHead{}
	err := tx.read(`SELECT l.holder, p.id, l.balance, l.next_expiry, e.at
		FROM ledger l
		JOIN person p ON p.account_id = l.account_id AND p.id = CAST(SUBSTR(l.holder, 2) AS BIGINT) AND p.alias_of = 0
		JOIN ledger_entry e ON e.account_id = l.account_id AND e.holder = l.holder AND e.currency = l.currency AND e.number = l.entries
		WHERE l.account_id = $1 AND l.holder > $2 AND l.currency = $3
		ORDER BY l.holder
		LIMIT $4`,
		func(r Row) error {
			h := &LedgerHead{}
			var holder string
			var expires, when int64
			err := r.Scan(&holder, &h.Person, &h.Balance, &expires, &when)
			h.At = at(when)
			heads = append(heads, h)
			if expires != 0 && expires <= ms(now) {
				due[holder] = h
			}
			return err
		}, after, currency, size)
	if err != nil || len(due) == 0 {
		return heads, err
	}
	listed := few(sortedKeys(due))
	err = tx.read(`SELECT holder, CAST(SUM(remaining) AS BIGINT)
		FROM credit
		WHERE account_id = $1 AND currency = $2 AND ended_at = 0 AND expires_at <= $3 AND holder IN (`+in(4, len(listed))+`)
		GROUP BY holder`,
		func(r Row) error {
			var holder string
			var amount money.Amount
			err := r.Scan(&holder, &amount)
			if err == nil {
				due[holder].Due = amount
			}
			return err
		}, append([]any{currency, ms(now)}, listed...)...)
	return heads, err
}
