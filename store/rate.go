package store

import (
	"slices"
	"time"

	"grapevine/model"
)

// Calls is how often a subject, a keyed hash of limit and caller, called in a
// window.
type Calls struct {
	Subject string
	Ends    time.Time
	N       int64
}

// AddCalls adds to what was counted, forgets windows that ended before the
// given time, and returns the sums, in the same order.
func (tx *Tx) AddCalls(counts []Calls, over time.Time) ([]int64, error) {
	tx.write(`DELETE FROM rate_count
		WHERE account_id = $1 AND ends < $2`, ms(over))
	sorted := slices.Clone(counts)
	slices.SortFunc(sorted, compareCalls) // all transactions lock rows in one order
	rows := make([][]any, len(sorted))
	for i, c := range sorted {
		rows[i] = []any{ms(c.Ends), c.Subject, c.N}
	}
	tx.insert("rate_count", "ends, subject, n", rows, `ON CONFLICT (account_id, ends, subject) DO UPDATE
		SET n = rate_count.n + excluded.n`)
	summed := map[[2]any]int64{}
	for chunk := range slices.Chunk(sorted, 32) {
		args := make([]any, 0, 64)
		for i := range 32 { // one text for all, so that it is prepared once
			args = append(args, ms(chunk[min(i, len(chunk)-1)].Ends))
		}
		for i := range 32 {
			args = append(args, chunk[min(i, len(chunk)-1)].Subject)
		}
		err := tx.read(`SELECT ends, subject, n
			FROM rate_count
			WHERE account_id = $1 AND ends IN (`+in(2, 32)+`) AND subject IN (`+in(34, 32)+`)`,
			func(r Row) error {
				var ends, n int64
				var subject string
				err := r.Scan(&ends, &subject, &n)
				summed[[2]any{ends, subject}] = n
				return err
			}, args...)
		if err != nil {
			return nil, err
		}
	}
	sums := make([]int64, len(counts))
	for i, c := range counts {
		sums[i] = summed[[2]any{ms(c.Ends), c.Subject}]
	}
	return sums, nil
}

func compareCalls(a, b Calls) int {
	if by := a.Ends.Compare(b.Ends); by != 0 {
		return by
	}
	if a.Subject < b.Subject {
		return -1
	}
	if a.Subject > b.Subject {
		return 1
	}
	return 0
}

// Overran keeps that an address was refused in a window, forgets its windows
// that ended before the given time, and returns how many are left.
func (tx *Tx) Overran(b model.RateBlock, ends, since time.Time) (int64, error) {
	tx.write(`DELETE FROM rate_overrun
		WHERE account_id = $1 AND limit_name = $2 AND address = $3 AND ends < $4`, b.Limit, b.Address, ms(since))
	tx.insert("rate_overrun", "limit_name, address, ends", [][]any{{b.Limit, b.Address, ms(ends)}}, "ON CONFLICT DO NOTHING")
	var n int64
	err := tx.read(`SELECT COUNT(*)
		FROM rate_overrun
		WHERE account_id = $1 AND limit_name = $2 AND address = $3`,
		func(r Row) error { return r.Scan(&n) }, b.Limit, b.Address)
	return n, err
}

// Block queues that an address is blocked until a time, and that its overruns
// are forgotten.
func (tx *Tx) Block(b model.RateBlock, until time.Time) {
	tx.write(`INSERT INTO rate_block (account_id, limit_name, address, until)
		VALUES ($1, $2, $3, $4)
		ON CONFLICT (account_id, limit_name, address) DO UPDATE
		SET until = excluded.until`, b.Limit, b.Address, ms(until))
	tx.write(`DELETE FROM rate_overrun
		WHERE account_id = $1 AND limit_name = $2 AND address = $3`, b.Limit, b.Address)
}

// Blocks lists the addresses that are blocked at a time, and until when.
func (tx *Tx) Blocks(now time.Time) (map[model.RateBlock]time.Time, error) {
	blocks := map[model.RateBlock]time.Time{}
	err := tx.read(`SELECT limit_name, address, until
		FROM rate_block
		WHERE account_id = $1 AND until > $2`,
		func(r Row) error {
			var b model.RateBlock
			var until int64
			err := r.Scan(&b.Limit, &b.Address, &until)
			blocks[b] = at(until)
			return err
		}, ms(now))
	return blocks, err
}

// Unblock lifts the blocks of an address, forgets its overruns, and returns
// how many blocks there were.
func (tx *Tx) Unblock(address string) (int64, error) {
	tx.write(`DELETE FROM rate_overrun
		WHERE account_id = $1 AND address = $2`, address)
	return tx.change(`DELETE FROM rate_block
		WHERE account_id = $1 AND address = $2`, address)
}
