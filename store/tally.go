package store

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"grapevine/model"
)

// Tally is something counted for reports.
type Tally struct {
	Subject int64 // a participant, or see OfCampaign
	What    string
	N       int64
	Spread  bool // many add to it at once
}

// OfCampaign is a campaign as the subject of a counter. Participants may have
// any positive number, also that of a campaign.
func OfCampaign(id model.CampaignID) int64 { return -int64(id) }

// tallySlots spreads a counter over several rows, which are summed when it is
// read, so that no account queues on one row.
const tallySlots = 16

// Count queues additions to counters. The slot is any number; tallies are
// sorted by the caller, so that all transactions lock rows in one order.
func (tx *Tx) Count(slot int64, tallies []Tally) {
	if tx.engine.ForUpdate() == "" {
		slot = 0 // nobody queues where the writer is alone
	}
	rows := make([][]any, len(tallies))
	for i, t := range tallies {
		in := int64(0)
		if t.Spread {
			in = slot & (tallySlots - 1)
		}
		rows[i] = []any{t.Subject, t.What, in, t.N}
	}
	tx.insert("tally", "subject_id, what, slot, n", rows, `ON CONFLICT (account_id, subject_id, what, slot) DO UPDATE
		SET n = tally.n + excluded.n`)
}

// Each counter is a row, and rows of many subjects lie on as many pages. Where
// a request counts for many of them, as clicks do, writing those pages costs
// more than all else. So what it counts waits in one row, which readers of
// counters add, until what has gathered is added to the counters at once.

// CountLater queues additions to counters of subjects, under an id of their own.
func (tx *Tx) CountLater(id int64, what string, of map[int64]int64) {
	if len(of) == 0 {
		return
	}
	body := make([]byte, 0, 20*len(of))
	for subject, n := range of {
		body = append(strconv.AppendInt(body, subject, 10), ' ')
		body = append(strconv.AppendInt(body, n, 10), ' ')
	}
	tx.write(`INSERT INTO tally_due (account_id, id, what, body)
		VALUES ($1, $2, $3, $4)`, id, what, string(body))
}

// CountDue adds to the counters what waits for it, at most so many rows, and
// reports whether there may be more.
func (tx *Tx) CountDue(rows int) (more bool, err error) {
	due, n := map[Counted]int64{}, 0
	err = tx.read(`DELETE FROM tally_due
		WHERE account_id = $1 AND id IN (
			SELECT id
			FROM tally_due
			WHERE account_id = $1
			ORDER BY id
			LIMIT $2`+tx.engine.SkipLocked()+`)
		RETURNING what, body`,
		func(r Row) error { n++; return addDue(due, r) }, rows)
	if err != nil {
		return false, err
	}
	list := make([]Tally, 0, len(due))
	for _, c := range slices.SortedFunc(maps.Keys(due), compareCounted) {
		list = append(list, Tally{Subject: c.Subject, What: c.What, N: due[c]})
	}
	tx.Count(0, list)
	return n == rows, nil
}

// due asks what waits to be added to counters.
func (tx *Tx) due(to map[Counted]int64) Statement {
	return tx.ask(`SELECT what, body
		FROM tally_due
		WHERE account_id = $1`,
		func(r Row) error { return addDue(to, r) })
}

// addDue adds up a row of what and body.
func addDue(to map[Counted]int64, r Row) error {
	var what, body string
	if err := r.Scan(&what, &body); err != nil {
		return err
	}
	for body != "" {
		subject, rest, _ := strings.Cut(body, " ")
		number, left, _ := strings.Cut(rest, " ")
		id, err := strconv.ParseInt(subject, 10, 64)
		if err != nil {
			return fmt.Errorf("what waits for counters: %w", err)
		}
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return fmt.Errorf("what waits for counters: %w", err)
		}
		to[Counted{id, what}] += n
		body = left
	}
	return nil
}

// Counted names a counter of a campaign or participant.
type Counted struct {
	Subject int64
	What    string
}

func compareCounted(a, b Counted) int {
	return cmp.Or(cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.What, b.What))
}

// Counted sums a counter.
func (tx *Tx) Counted(subject int64, what string) (int64, error) {
	var n int64
	due := map[Counted]int64{}
	err := tx.run(tx.due(due), tx.ask(`SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT)
		FROM tally
		WHERE account_id = $1 AND subject_id = $2 AND what = $3`,
		func(r Row) error { return r.Scan(&n) }, subject, what))
	return n + due[Counted{subject, what}], err
}

// CountsOf sums the counters of campaigns or participants.
func (tx *Tx) CountsOf(subjects []int64) (map[Counted]int64, error) {
	found := map[Counted]int64{}
	if len(subjects) == 0 {
		return found, nil
	}
	asked, add := tx.counts(found, subjects)
	err := tx.run(asked...)
	add()
	return found, err
}

// counts asks for all counters of subjects, at least one; once that is
// answered, add adds what waits for them.
func (tx *Tx) counts(found map[Counted]int64, subjects []int64) (asked []Statement, add func()) {
	due := map[Counted]int64{}
	asked = []Statement{tx.due(due)}
	for chunk := range slices.Chunk(subjects, mostListed) {
		listed := few(chunk)
		asked = append(asked, tx.ask(`SELECT subject_id, what, CAST(SUM(n) AS BIGINT)
			FROM tally
			WHERE account_id = $1 AND subject_id IN (`+in(2, len(listed))+`)
			GROUP BY subject_id, what`,
			func(r Row) error {
				var c Counted
				var n int64
				err := r.Scan(&c.Subject, &c.What, &n)
				found[c] = n
				return err
			}, listed...))
	}
	return asked, func() {
		if len(due) == 0 {
			return
		}
		wanted := make(map[int64]bool, len(subjects))
		for _, subject := range subjects {
			wanted[subject] = true
		}
		for c, n := range due {
			if wanted[c.Subject] {
				found[c] += n
			}
		}
	}
}

// CountedOf sums a counter of several subjects. Those with nothing are left
// out.
func (tx *Tx) CountedOf(subjects []int64, what string) (map[int64]int64, error) {
	all, err := tx.CountsOf(subjects)
	counts := map[int64]int64{}
	for c, n := range all {
		if c.What == what {
			counts[c.Subject] = n
		}
	}
	return counts, err
}

// AllCounts sums one counter of every campaign and participant that has it.
func (tx *Tx) AllCounts(what string) (map[int64]int64, error) {
	counts, due := map[int64]int64{}, map[Counted]int64{}
	err := tx.run(tx.due(due), tx.ask(`SELECT subject_id, CAST(SUM(n) AS BIGINT)
		FROM tally
		WHERE account_id = $1 AND what = $2
		GROUP BY subject_id`,
		func(r Row) error {
			var subject, n int64
			err := r.Scan(&subject, &n)
			counts[subject] = n
			return err
		}, what))
	for c, n := range due {
		if c.What == what {
			counts[c.Subject] += n
		}
	}
	return counts, err
}

// TallyOff is a counter that differs from what it counts.
type TallyOff struct {
	Counted
	Got  int64
	Want int64
}

// TalliesOff counts clicks, participants, points and ledgers again, and lists
// the counters that say something else.
func (tx *Tx) TalliesOff() ([]TallyOff, error) {
	var off []TallyOff
	due := map[Counted]int64{}
	err := tx.run(tx.due(due), tx.ask(`SELECT subject_id, what, CAST(SUM(got) AS BIGINT), CAST(SUM(want) AS BIGINT)
		FROM (
			SELECT subject_id, what, n AS got, 0 AS want FROM tally WHERE account_id = $1
			UNION ALL
			SELECT -campaign_id, 'click', 0, 1 FROM click WHERE account_id = $1
			UNION ALL
			SELECT participant_id, 'click', 0, 1 FROM click WHERE account_id = $1 AND participant_id <> 0
			UNION ALL
			SELECT -campaign_id, 'joined', 0, 1 FROM participant WHERE account_id = $1
			UNION ALL
			SELECT -campaign_id, 'is_' || state, 0, 1 FROM participant WHERE account_id = $1 AND state <> 'applied'
			UNION ALL
			SELECT -campaign_id, 'referred', 0, 1 FROM participant WHERE account_id = $1 AND referrer_id <> 0 AND confirmed_at <> 0
			UNION ALL
			SELECT -campaign_id, 'qualified_now', 0, 1 FROM participant WHERE account_id = $1 AND qualified_at <> 0
			UNION ALL
			SELECT referrer_id, 'qualified_now', 0, 1 FROM participant
			WHERE account_id = $1 AND qualified_at <> 0 AND referrer_id <> 0
			UNION ALL
			SELECT -campaign_id, 'points', 0, 1 FROM point WHERE account_id = $1
			UNION ALL
			SELECT -campaign_id, 'impression', 0, 1 FROM impression WHERE account_id = $1
			UNION ALL
			SELECT l.account_id, 'ledger ' || l.currency, 0, 1
			FROM person p
			JOIN ledger l ON l.account_id = p.account_id AND l.holder = 'p' || p.id
			WHERE p.account_id = $1 AND p.alias_of = 0
		) counted
		GROUP BY subject_id, what
		HAVING SUM(got) <> SUM(want)
		ORDER BY subject_id, what`,
		func(r Row) error {
			var t TallyOff
			err := r.Scan(&t.Subject, &t.What, &t.Got, &t.Want)
			t.Got += due[t.Counted]
			delete(due, t.Counted)
			if t.Got != t.Want {
				off = append(off, t)
			}
			return err
		}))
	if err != nil {
		return nil, err
	}
	for _, c := range slices.SortedFunc(maps.Keys(due), compareCounted) { // the counter alone is right, and more waits
		got, err := tx.Counted(c.Subject, c.What)
		if err != nil {
			return nil, err
		}
		off = append(off, TallyOff{c, got, got - due[c]})
	}
	return off, nil
}
