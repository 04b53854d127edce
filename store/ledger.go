package store

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"grapevine/model"
	"grapevine/money"
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
	listed := few(holders)
	statement := tx.ask(`SELECT `+headColumns+`
		FROM ledger
		WHERE account_id = $1 AND holder IN (`+in(2, len(listed))+`)`,
		func(r Row) error {
			var h model.Ledger
			err := scanHead(r, &h)
			*list = append(*list, h)
			return err
		}, listed...)
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
	tx.insert("ledger", headColumns, [][]any{{h.Holder, h.Currency, int64(h.Balance), h.Entries, ms(h.NextExpiry), ms(h.CreatedAt)}},
		`ON CONFLICT (account_id, holder, currency) DO UPDATE
		SET balance = excluded.balance, entries = excluded.entries, next_expiry = excluded.next_expiry`)
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

// UpdateCredits queues what is left of credits of one ledger.
func (tx *Tx) UpdateCredits(credits []model.Credit) {
	ended := map[model.CreditEnd][]model.CreditID{}
	for _, c := range credits {
		if !c.EndedAt.IsZero() {
			ended[c.Ended] = append(ended[c.Ended], c.ID)
			continue
		}
		tx.write(`UPDATE credit
			SET remaining = $5
			WHERE account_id = $1 AND holder = $2 AND currency = $3 AND id = $4`, c.Holder, c.Currency, c.ID, int64(c.Remaining))
	}
	for _, c := range credits {
		for some := range slices.Chunk(ended[c.Ended], 64) {
			listed := few(some)
			tx.write(`UPDATE credit
				SET remaining = 0, ended_at = $4, ended = $5
				WHERE account_id = $1 AND holder = $2 AND currency = $3 AND id IN (`+in(6, len(listed))+`)`,
				append([]any{c.Holder, c.Currency, ms(c.EndedAt), string(c.Ended)}, listed...)...)
		}
		delete(ended, c.Ended)
	}
}

// MoveCredits queues that the active credits of one holder are another's, each
// with its expiry and age.
func (tx *Tx) MoveCredits(currency, from, to string, now time.Time) {
	tx.write(`INSERT INTO credit (account_id, `+creditColumns+`)
		SELECT $1, $4, currency, id, remaining, remaining, expires_at, 0, '', reward_id, earned_at
		FROM credit
		WHERE account_id = $1 AND holder = $2 AND currency = $3 AND ended_at = 0`, from, currency, to)
	tx.write(`UPDATE credit
		SET remaining = 0, ended_at = $4, ended = 'moved'
		WHERE account_id = $1 AND holder = $2 AND currency = $3 AND ended_at = 0`, from, currency, ms(now))
}

// SpendCredits ends as many of the active credits as can be spent whole for an
// amount, in the order they are spent, and returns what they came to.
func (tx *Tx) SpendCredits(holder, currency string, atMost money.Amount, now time.Time) (money.Amount, error) {
	var spent money.Amount
	expires, earned, id := int64(math.MinInt64), int64(0), int64(0)
	err := tx.read(`SELECT expires_at, earned_at, id, reached
		FROM (
			SELECT expires_at, earned_at, id, CAST(SUM(remaining) OVER (ORDER BY expires_at, earned_at, id) AS BIGINT) AS reached
			FROM credit
			WHERE account_id = $1 AND holder = $2 AND currency = $3 AND ended_at = 0
		) counted
		WHERE reached <= $4
		ORDER BY expires_at DESC, earned_at DESC, id DESC
		LIMIT 1`,
		func(r Row) error { return r.Scan(&expires, &earned, &id, &spent) }, holder, currency, int64(atMost))
	if err != nil || spent == 0 {
		return 0, err
	}
	tx.write(`UPDATE credit
		SET remaining = 0, ended_at = $7, ended = 'redeemed'
		WHERE account_id = $1 AND holder = $2 AND currency = $3 AND ended_at = 0 AND (expires_at, earned_at, id) <= ($4, $5, $6)`,
		holder, currency, expires, earned, id, ms(now))
	return spent, nil
}

// LapseCredits ends the active credits that expire at a time or before, and
// returns what was left of them.
func (tx *Tx) LapseCredits(holder, currency string, until, now time.Time) (money.Amount, error) {
	var left money.Amount
	err := tx.read(`SELECT CAST(COALESCE(SUM(remaining), 0) AS BIGINT)
		FROM credit
		WHERE account_id = $1 AND holder = $2 AND currency = $3 AND ended_at = 0 AND expires_at <= $4`,
		func(r Row) error { return r.Scan(&left) }, holder, currency, ms(until))
	if err != nil || left == 0 {
		return 0, err
	}
	tx.write(`UPDATE credit
		SET remaining = 0, ended_at = $5, ended = 'expired'
		WHERE account_id = $1 AND holder = $2 AND currency = $3 AND ended_at = 0 AND expires_at <= $4`,
		holder, currency, ms(until), ms(now))
	return left, nil
}

// ActiveCredits lists what a ledger can spend, in the order it is spent,
// earliest expiry first, then oldest: so many behind one of them, nil the
// first.
func (tx *Tx) ActiveCredits(holder, currency string, behind *model.Credit, limit int) ([]model.Credit, error) {
	expires, earned, id := int64(math.MinInt64), int64(0), int64(0)
	if behind != nil {
		expires, earned, id = expiry(behind.ExpiresAt), ms(behind.EarnedAt), int64(behind.ID)
	}
	return tx.credits(`ended_at = 0 AND (expires_at, earned_at, id) > ($4, $5, $6)
		ORDER BY expires_at, earned_at, id
		LIMIT $7`, holder, currency, expires, earned, id, limit)
}

// EndedCredits lists what a ledger had, newest first.
func (tx *Tx) EndedCredits(holder, currency string, limit int) ([]model.Credit, error) {
	return tx.credits(`ended_at <> 0
		ORDER BY id DESC
		LIMIT $4`, holder, currency, limit)
}

// ActiveCreditOf finds what is left of a reward's credit; nil is nothing.
func (tx *Tx) ActiveCreditOf(holder, currency string, reward model.RewardID) (*model.Credit, error) {
	list, err := tx.credits(`ended_at = 0 AND reward_id = $4`, holder, currency, reward)
	if len(list) == 0 {
		return nil, err
	}
	return &list[0], err
}

func (tx *Tx) credits(which, holder, currency string, more ...any) ([]model.Credit, error) {
	var list []model.Credit
	err := tx.read(`SELECT `+creditColumns+`
		FROM credit
		WHERE account_id = $1 AND holder = $2 AND currency = $3 AND `+which,
		func(r Row) error {
			var c model.Credit
			err := scanCredit(r, &c)
			list = append(list, c)
			return err
		}, append([]any{holder, currency}, more...)...)
	return list, err
}

// Ledger finds a ledger. It fails with NotFound.
func (tx *Tx) Ledger(holder, currency string) (*model.Ledger, error) {
	var found *model.Ledger
	err := tx.read(`SELECT `+headColumns+`
		FROM ledger
		WHERE account_id = $1 AND holder = $2 AND currency = $3`,
		func(r Row) error {
			found = &model.Ledger{}
			return scanHead(r, found)
		}, holder, currency)
	if err == nil && found == nil {
		err = missing(model.LedgerUnknown, "a ledger in", currency)
	}
	return found, err
}

// SourcedEntry is a ledger entry with what brought it.
type SourcedEntry struct {
	model.Entry
	Role       model.Role   // of its reward; "" is none
	Rule       model.RuleID // of its reward
	Version    int64        // of its reward, or of the settings of its redemption
	Redemption string       // what was bought; "" is nothing
}

// Entries lists a ledger's entries before the one of a number, newest first.
func (tx *Tx) Entries(holder, currency string, before int64, limit int) ([]SourcedEntry, error) {
	var list []SourcedEntry
	err := tx.read(`SELECT n.number, n.id, n.kind, n.amount, n.balance, n.reward_id, n.event_id, n.note, n.at,
			COALESCE(w.role, ''), COALESCE(w.rule_id, 0), COALESCE(w.version, v.version, 0), COALESCE(v.facts, '{}')
		FROM ledger_entry n
		LEFT JOIN reward w ON w.account_id = n.account_id AND w.id = n.reward_id
		LEFT JOIN event v ON v.account_id = n.account_id AND v.id = n.event_id
		WHERE n.account_id = $1 AND n.holder = $2 AND n.currency = $3 AND n.number < $4
		ORDER BY n.number DESC
		LIMIT $5`,
		func(r Row) error {
			e := SourcedEntry{Entry: model.Entry{Holder: holder, Currency: currency}}
			var when int64
			var facts string
			if err := r.Scan(&e.Number, &e.ID, &e.Kind, &e.Amount, &e.Balance, &e.Reward, &e.Event, &e.Note, &when,
				&e.Role, &e.Rule, &e.Version, &facts); err != nil {
				return err
			}
			var f model.Facts
			if err := json.Unmarshal([]byte(facts), &f); err != nil {
				return fmt.Errorf("facts of event %d: %w", e.Event, err)
			}
			e.At, e.Redemption = at(when), f.Redemption
			list = append(list, e)
			return nil
		}, holder, currency, before, limit)
	return list, err
}
