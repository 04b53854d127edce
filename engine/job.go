package engine

import (
	"context"
	"errors"
	"time"

	"grapevine/model"
	"grapevine/store"
)

// lease is how long a claimed job is its worker's alone. A worker that dies
// leaves its jobs to others after it: within the 30 seconds that are promised.
const lease = 25 * time.Second

// ErrLeaseLost says that another worker has the job by now. Nothing was
// changed.
var ErrLeaseLost = errors.New("the job is another worker's by now")

// DueQueues lists queues that have a job due, the one that waits longest
// first.
func (e *Engine) DueQueues(ctx context.Context) ([]model.Queue, error) {
	const limit = 10_000
	return e.store.DueQueues(ctx, e.now(), limit)
}

// NextJob is when the earliest job is due that is not due by now, zero when
// there is none.
func (e *Engine) NextJob(ctx context.Context) (time.Time, error) {
	return e.store.NextJob(ctx, e.now())
}

// ClaimJobs leases up to limit due jobs of a queue, each for 25 seconds.
func (e *Engine) ClaimJobs(ctx context.Context, q model.Queue, limit int) ([]model.Job, error) {
	var jobs []model.Job
	err := e.store.InTx(ctx, q.Account, func(tx *store.Tx) (err error) {
		now := e.now()
		jobs, err = tx.ClaimJobs(q, now, now.Add(lease), limit)
		return err
	})
	return jobs, err
}

// FinishJob removes a claimed job. Like RetryJob and BuryJob it fails with
// ErrLeaseLost.
func (e *Engine) FinishJob(ctx context.Context, j model.Job) error {
	return e.settle(ctx, j, func(tx *store.Tx) (bool, error) { return tx.FinishJob(&j) })
}

// RetryJob makes a claimed job due again, and keeps why the last try failed.
func (e *Engine) RetryJob(ctx context.Context, j model.Job, at time.Time, why string) error {
	return e.settle(ctx, j, func(tx *store.Tx) (bool, error) { return tx.RetryJob(&j, at, why) })
}

// BuryJob gives a claimed job up. It is kept for replay.
func (e *Engine) BuryJob(ctx context.Context, j model.Job, why string) error {
	return e.settle(ctx, j, func(tx *store.Tx) (bool, error) { return tx.BuryJob(&j, why) })
}

func (e *Engine) settle(ctx context.Context, j model.Job, write func(*store.Tx) (bool, error)) error {
	return e.store.InTx(ctx, j.Account, func(tx *store.Tx) error {
		held, err := write(tx)
		if err == nil && !held {
			err = ErrLeaseLost
		}
		return err
	})
}

// ReturnJobs gives claimed jobs of one account back, for any worker to take at
// once. Those whose lease was lost are left alone.
func (e *Engine) ReturnJobs(ctx context.Context, jobs []model.Job) error {
	if len(jobs) == 0 {
		return nil
	}
	return e.store.InTx(ctx, jobs[0].Account, func(tx *store.Tx) error {
		for _, j := range jobs {
			if _, err := tx.RetryJob(&j, e.now(), ""); err != nil {
				return err
			}
		}
		return nil
	})
}
