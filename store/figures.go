package store

import (
	"context"
	"time"
)

// Ping asks the database for nothing, to see whether it answers.
func (s *Store) Ping(ctx context.Context) error {
	return s.ask(ctx, `SELECT 1`, func(r Row) error {
		var one int64
		return r.Scan(&one)
	})
}

// JobFigures is how jobs stand in all accounts.
type JobFigures struct {
	Due    int64     // should have begun by now
	Dead   int64     // given up, kept for replay
	Oldest time.Time // when the one that waits longest was due; zero where none is

	Failing int64 // endpoints that get no more than single requests
}

// JobFigures counts jobs. Like DueQueues it reads all accounts, but only
// indexes, and of these only what is due or dead.
func (s *Store) JobFigures(ctx context.Context, now time.Time) (JobFigures, error) {
	var f JobFigures
	err := s.ask(ctx, `SELECT COUNT(*), COALESCE(MIN(run_at), 0)
		FROM job
		WHERE dead = 0 AND run_at <= $1`,
		func(r Row) error {
			var oldest int64
			err := r.Scan(&f.Due, &oldest)
			f.Oldest = at(oldest)
			return err
		}, ms(now))
	if err != nil {
		return f, err
	}
	err = s.ask(ctx, `SELECT COUNT(*)
		FROM job
		WHERE dead = 1`,
		func(r Row) error { return r.Scan(&f.Dead) })
	if err != nil {
		return f, err
	}
	err = s.ask(ctx, `SELECT COUNT(*)
		FROM endpoint
		WHERE probe_at <> 0 AND ended = 0`,
		func(r Row) error { return r.Scan(&f.Failing) })
	return f, err
}
