package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"grapevine/model"
)

// Enqueue queues jobs that run after the commit, at least once. Whoever runs
// jobs is told of the account once the commit is done.
func (tx *Tx) Enqueue(jobs ...model.Job) {
	if len(jobs) == 0 {
		return
	}
	rows := make([][]any, len(jobs))
	for i, j := range jobs {
		rows[i] = []any{j.ID, j.Kind, j.Lane, j.Subject, j.Payload, ms(j.RunAt), j.Attempt, false, ""}
	}
	tx.insert("job", "id, kind, lane, subject_id, payload, run_at, attempt, dead, error", rows, "")
	tx.jobs = true
}

// dueRead bounds how many due jobs DueQueues reads.
const dueRead = 1_000_000

// DueQueues lists up to limit queues that have a job due at now, the one that
// waits longest first. It is the one query that reads all accounts: it reads
// nothing but an index, and of that only what is due.
func (s *Store) DueQueues(ctx context.Context, now time.Time, limit int) ([]model.Queue, error) {
	var due []model.Queue
	// Without the inner LIMIT SQLite would walk the other index, whose order
	// spares it the grouping, over all that is not due.
	err := s.ask(ctx, `SELECT account_id, kind, lane
		FROM (SELECT account_id, kind, lane, run_at
			FROM job
			WHERE dead = 0 AND run_at <= $1
			ORDER BY run_at
			LIMIT $2) AS due
		GROUP BY account_id, kind, lane
		ORDER BY MIN(run_at)
		LIMIT $3`,
		func(r Row) error {
			var q model.Queue
			err := r.Scan(&q.Account, &q.Kind, &q.Lane)
			due = append(due, q)
			return err
		}, ms(now), dueRead, limit)
	return due, err
}

// NextJob is when the earliest job of all accounts is due that is not due at
// now, zero when there is none. Like DueQueues it reads all accounts, but only
// one entry of an index.
func (s *Store) NextJob(ctx context.Context, now time.Time) (time.Time, error) {
	var next int64
	err := s.ask(ctx, `SELECT COALESCE(MIN(run_at), 0)
		FROM job
		WHERE dead = 0 AND run_at > $1`,
		func(r Row) error { return r.Scan(&next) }, ms(now))
	return at(next), err
}

// dueJobs selects the jobs of a queue ($2, $3) that are due at $4, at most $5.
// Those that another transaction holds are passed over.
func (tx *Tx) dueJobs() string {
	return `WITH due AS (
			SELECT id
			FROM job
			WHERE account_id = $1 AND kind = $2 AND lane = $3 AND dead = 0 AND run_at <= $4
			ORDER BY run_at, id
			LIMIT $5 ` + tx.engine.SkipLocked() + `)`
}

// TakeJobs removes up to limit jobs of a queue that are due at now and
// returns them. It is for work that ends with this transaction: a job that is
// rolled back was never taken.
func (tx *Tx) TakeJobs(q model.Queue, now time.Time, limit int) ([]model.Job, error) {
	return tx.jobsOf(q, tx.dueJobs()+`
		DELETE FROM job
		WHERE account_id = $1 AND id IN (SELECT id FROM due)
		RETURNING id, subject_id, payload, run_at, attempt, error`,
		q.Kind, q.Lane, ms(now), limit)
}

// ClaimJobs leases up to limit jobs of a queue that are due at now, until the
// given time: then they are due again. Who works on one repeats its Attempt
// in every write.
func (tx *Tx) ClaimJobs(q model.Queue, now, until time.Time, limit int) ([]model.Job, error) {
	return tx.jobsOf(q, tx.dueJobs()+`
		UPDATE job
		SET attempt = attempt + 1, run_at = $6
		WHERE account_id = $1 AND id IN (SELECT id FROM due)
		RETURNING id, subject_id, payload, run_at, attempt, error`,
		q.Kind, q.Lane, ms(now), limit, ms(until))
}

func (tx *Tx) jobsOf(q model.Queue, sql string, args ...any) ([]model.Job, error) {
	var jobs []model.Job
	err := tx.read(sql, func(r Row) error {
		j := model.Job{Account: q.Account, Kind: q.Kind, Lane: q.Lane}
		var run int64
		err := r.Scan(&j.ID, &j.Subject, &j.Payload, &run, &j.Attempt, &j.Error)
		j.RunAt = at(run)
		jobs = append(jobs, j)
		return err
	}, args...)
	// Ids rise with time, and RETURNING promises no order.
	slices.SortFunc(jobs, func(a, b model.Job) int { return int(a.ID - b.ID) })
	return jobs, err
}

// DueJobs lists up to limit jobs of a queue that are due at now, for
// ClaimListed.
func (tx *Tx) DueJobs(q model.Queue, now time.Time, limit int) ([]model.Job, error) {
	return tx.jobsOf(q, `SELECT id, subject_id, payload, run_at, attempt, error
		FROM job
		WHERE account_id = $1 AND kind = $2 AND lane = $3 AND dead = 0 AND run_at <= $4
		ORDER BY run_at, id
		LIMIT $5`, q.Kind, q.Lane, ms(now), limit)
}

// Claims are found by id and attempt, and do not say that they are not dead: only
// who has claimed a job buries it, and what was begun of one that was held back
// as its lease was over may come to its end. Where PostgreSQL counted the jobs
// when there were none, any index looks as good as the key, and that of what is
// due is as long as the backlog; without those words it does not fit.

// ClaimListed is ClaimJobs of jobs that DueJobs found in an earlier transaction.
// It returns those of them that nobody else claimed meanwhile.
func (tx *Tx) ClaimListed(jobs []model.Job, now, until time.Time) ([]model.Job, error) {
	claimed, err := byAttempt(jobs, func(attempt int64, ids []model.JobID) ([]model.JobID, error) {
		listed := few(ids)
		return changed(tx, ids, `UPDATE job
			SET attempt = attempt + 1, run_at = $4
			WHERE account_id = $1 AND attempt = $2 AND run_at <= $3 AND id IN (`+in(5, len(listed))+`)`,
			append([]any{attempt, ms(now), ms(until)}, listed...)...)
	})
	for i := range claimed {
		claimed[i].Attempt++
		claimed[i].RunAt = until
	}
	return claimed, err
}

// FinishJobs removes claimed jobs, and returns those whose claim still stood.
func (tx *Tx) FinishJobs(jobs []model.Job) ([]model.Job, error) {
	return byAttempt(jobs, func(attempt int64, ids []model.JobID) ([]model.JobID, error) {
		listed := few(ids)
		return changed(tx, ids, `DELETE FROM job
			WHERE account_id = $1 AND attempt = $2 AND id IN (`+in(3, len(listed))+`)`,
			append([]any{attempt}, listed...)...)
	})
}

// byAttempt changes jobs, those of one attempt together, and returns those that
// were changed. Of a job that is there under two attempts one is, at most.
func byAttempt(jobs []model.Job, change func(attempt int64, ids []model.JobID) ([]model.JobID, error)) ([]model.Job, error) {
	groups := map[int64]map[model.JobID]model.Job{}
	for _, j := range jobs {
		if groups[j.Attempt] == nil {
			groups[j.Attempt] = make(map[model.JobID]model.Job, len(jobs))
		}
		groups[j.Attempt][j.ID] = j
	}
	var list []model.Job
	for _, attempt := range slices.Sorted(maps.Keys(groups)) {
		group := groups[attempt]
		those, err := change(attempt, slices.Sorted(maps.Keys(group)))
		if err != nil {
			return nil, err
		}
		for _, id := range those {
			list = append(list, group[id])
		}
	}
	return list, nil
}

// HoldJobs locks claimed jobs until the transaction ends and returns those
// whose claim still stands.
func (tx *Tx) HoldJobs(jobs []model.Job) ([]model.Job, error) {
	attempts := make(map[model.JobID]int64, len(jobs))
	ids := make([]model.JobID, len(jobs))
	for i, j := range jobs {
		ids[i] = j.ID
	}
	listed := few(ids)
	err := tx.read(`SELECT id, attempt
		FROM job
		WHERE account_id = $1 AND id IN (`+in(2, len(listed))+`)
		ORDER BY id `+tx.engine.ForUpdate(),
		func(r Row) error {
			var id model.JobID
			var attempt int64
			err := r.Scan(&id, &attempt)
			attempts[id] = attempt
			return err
		}, listed...)
	var held []model.Job
	for _, j := range jobs {
		if attempt, there := attempts[j.ID]; there && attempt == j.Attempt {
			held = append(held, j)
		}
	}
	return held, err
}

// FinishJob removes a claimed job. Like RetryJob and BuryJob it reports
// whether the claim still stood: where not, another worker has the job, and
// nothing was changed.
func (tx *Tx) FinishJob(j *model.Job) (bool, error) {
	n, err := tx.change(`DELETE FROM job
		WHERE account_id = $1 AND id = $2 AND attempt = $3`, j.ID, j.Attempt)
	return n == 1, err
}

// RetryJob makes a claimed job due at the given time. why, which may be
// empty, says what the last try ended with.
func (tx *Tx) RetryJob(j *model.Job, runAt time.Time, why string) (bool, error) {
	n, err := tx.change(`UPDATE job
		SET run_at = $4, error = $5
		WHERE account_id = $1 AND id = $2 AND attempt = $3`, j.ID, j.Attempt, ms(runAt), why)
	return n == 1, err
}

// RetryHeld queues what RetryJob does, of a job that HoldJobs holds.
func (tx *Tx) RetryHeld(j *model.Job, runAt time.Time, why string) {
	tx.write(`UPDATE job
		SET run_at = $3, error = $4
		WHERE account_id = $1 AND id = $2`, j.ID, ms(runAt), why)
}

// BuryJob gives a claimed job up. It is kept for replay.
func (tx *Tx) BuryJob(j *model.Job, why string) (bool, error) {
	n, err := tx.change(`UPDATE job
		SET dead = 1, error = $4
		WHERE account_id = $1 AND id = $2 AND attempt = $3`, j.ID, j.Attempt, why)
	return n == 1, err
}
