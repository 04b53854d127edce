package store

import (
	"math"
	"strconv"
	"time"

	"grapevine/model"
)

// PersonHolder is the holder of a person's ledgers.
func PersonHolder(id model.PersonID) string { return "p" + strconv.FormatInt(int64(id), 10) }

// never is how a credit that does not expire is stored: after every time.
const never = math.MaxInt64

func expiry(t time.Time) int64 {
	if t.IsZero() {
		return never
	}
	return ms(t)
}

func expiresAt(milli int64) time.Time {
	if milli == never {
		return time.Time{}
	}
	return at(milli)
}

const headColumns = `holder, currency, balance, entries, next_expiry, created_at`

func scanHead(r Row, h *model.Ledger) error {
	var next, created int64
	err := r.Scan(&h.Holder, &h.Currency, &h.Balance, &h.Entries, &next, &created)
	h.NextExpiry, h.CreatedAt = at(next), at(created)
	return err
}

// Ledgers lists the ledgers of holders. The caller holds the locks of the
// persons, which stand for their ledgers.
func (tx *Tx) Ledgers(holders []string) ([]model.Ledger, error) {
	statement, list := tx.ledgers(holders)
	if statement == nil {
		return nil, nil
	}
	err := tx.run(*statement)
	return *list, err
}

func (tx *Tx) ledgers(holders []string) (*Statement, *[]model.Ledger) {
	list := &[]model.Ledger{}
	if len(holders) == 0 {
		return nil, list
	}
	statement := tx.ask(`SELECT `+headColumns+`
		FROM ledger
		WHERE account_id = $1 AND holder IN (`+in(2, len(holders))+`)`,
		func(r Row) error {
			var h model.Ledger
			err := scanHead(r, &h)
			*list = append(*list, h)
			return err
		}, anys(holders)...)
	return &statement, list
}

// LockLedger makes sure that a ledger exists, locks it and returns it, and
// tells whether it was there before.
func (tx *Tx) LockLedger(holder, currency string, now time.Time) (model.Ledger, bool, error) {
	var h model.Ledger
	var made int64
	err := tx.run(
		Statement{SQL: `INSERT INTO ledger (account_id, holder, currency, balance, entries, next_expiry, created_at)
			VALUES ($1, $2, $3, 0, 0, 0, $4)
			ON CONFLICT DO NOTHING`, Args: tx.args([]any{holder, currency, ms(now)}), Affected: &made},
		tx.ask(`SELECT `+headColumns+`
			FROM ledger
			WHERE account_id = $1 AND holder = $2 AND currency = $3`+tx.engine.ForUpdate(),
			func(r Row) error { return scanHead(r, &h) }, holder, currency))
	return h, made == 0, err
}

// SaveLedger queues the totals of a ledger.
func (tx *Tx) SaveLedger(h *model.Ledger) {
	tx.write(`INSERT INTO ledger (account_id, holder, currency, balance, entries, next_expiry, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (account_id, holder, currency) DO UPDATE
		SET balance = excluded.balance, entries = excluded.entries, next_expiry = excluded.next_expiry`,
		h.Holder, h.Currency, int64(h.Balance), h.Entries, ms(h.NextExpiry), ms(h.CreatedAt))
}

// InsertEntries queues ledger entries. The number of an entry is its key, so
// no two transactions can follow the same one.
func (tx *Tx) InsertEntries(entries []model.Entry) {
	rows := make([][]any, len(entries))
	for i, e := range entries {
		rows[i] = []any{e.Holder, e.Currency, e.Number, e.ID, string(e.Kind), int64(e.Amount), int64(e.Balance), e.Reward, e.Event, e.Note, ms(e.At)}
	}
	tx.insert("ledger_entry", "holder, currency, number, id, kind, amount, balance, reward_id, event_id, note, at", rows, "")
}

const creditColumns = `holder, currency, id, amount, remaining, expires_at, ended_at, ended, reward_id, earned_at`

func scanCredit(r Row, c *model.Credit) error {
	var expires, ended, earned int64
	err := r.Scan(&c.Holder, &c.Currency, &c.ID, &c.Amount, &c.Remaining, &expires, &ended, &c.Ended, &c.Reward, &earned)
	c.ExpiresAt, c.EndedAt, c.EarnedAt = expiresAt(expires), at(ended), at(earned)
	return err
}

// InsertCredits queues new credits.
func (tx *Tx) InsertCredits(credits []model.Credit) {
	rows := make([][]any, len(credits))
	for i, c := range credits {
		rows[i] = []any{c.Holder, c.Currency, c.ID, int64(c.Amount), int64(c.Remaining), expiry(c.ExpiresAt), ms(c.EndedAt), string(c.Ended), c.Reward, ms(c.EarnedAt)}
	}
	tx.insert("credit", creditColumns, rows, "")
}

// UpdateCredit queues what is left of a credit.
func (tx *Tx) UpdateCredit(c model.Credit) {
	tx.write(`UPDATE credit
		SET remaining = $5, ended_at = $6, ended = $7
		WHERE account_id = $1 AND holder = $2 AND currency = $3 AND id = $4`,
		c.Holder, c.Currency, c.ID, int64(c.Remaining), ms(c.EndedAt), string(c.Ended))
}

// ActiveCredits lists what a ledger can spend, in the order it is spent:
// earliest expiry first, then oldest.
func (tx *Tx) ActiveCredits(holder, currency string) ([]model.Credit, error) {
	var list []model.Credit
	err := tx.read(`SELECT `+creditColumns+`
		FROM credit
		WHERE account_id = $1 AND holder = $2 AND currency = $3 AND ended_at = 0
		ORDER BY expires_at, earned_at, id`,
		func(r Row) error {
			var c model.Credit
			err := scanCredit(r, &c)
			list = append(list, c)
			return err
		}, holder, currency)
	return list, err
}
