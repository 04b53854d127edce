package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/model"
	"grapevine/store"
)

// RunJobs tests how jobs and deliveries are kept. Each call of open returns an
// engine of its own on an empty database, which ends with the test.
func RunJobs(t *testing.T, open func(t *testing.T) store.Engine) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, j *jobs)
	}{
		{"queues are due oldest first, and once each", testDueQueues},
		{"a claimed job is due again when its lease ends", testLeaseEnds},
		{"who lost a lease changes nothing", testFencing},
		{"jobs that were found due are claimed once", testClaimListed},
		{"lanes, kinds and accounts are claimed apart", testQueuesApart},
		{"no two workers claim one job", testNoDoubleClaim},
		{"a job taken by a transaction that fails was never taken", testTakeRollsBack},
		{"a buried job is kept and never due", testBuried},
		{"a job that is held back stays so until its lane is let go", testHeldBack},
		{"a job is told of after the commit only", testKick},
		{"a delivery is joined until its first attempt", testJoin},
		{"a delivery that grew is not begun", testGrown},
		{"what was written of somebody erased is not sent", testRedacted},
		{"a delivery of which an attempt was counted meanwhile is not begun", testCounted},
		{"an attempt is counted and kept", testAttempts},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e := open(t)
			must(t, e.Migrate(context.Background()))
			test.run(t, &jobs{t: t, Store: store.New(e)})
		})
	}
}

// jobs is a store with short words for what these tests do.
type jobs struct {
	t *testing.T
	*store.Store
}

const account = model.AccountID(7)

// noon is when these tests happen.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func (j *jobs) in(account model.AccountID, fn func(tx *store.Tx) error) {
	j.t.Helper()
	must(j.t, j.InTx(context.Background(), account, fn))
}

// put leaves jobs of a queue that are due at a time.
func (j *jobs) put(q model.Queue, due time.Time, ids ...model.JobID) {
	j.t.Helper()
	j.in(q.Account, func(tx *store.Tx) error {
		for _, id := range ids {
			tx.Enqueue(model.Job{ID: id, Kind: q.Kind, Lane: q.Lane, Subject: int64(id) * 10, Payload: "{}", RunAt: due})
		}
		return nil
	})
}

func (j *jobs) claim(q model.Queue, now time.Time, limit int) (claimed []model.Job) {
	j.t.Helper()
	j.in(q.Account, func(tx *store.Tx) (err error) {
		claimed, err = tx.ClaimJobs(q, now, now.Add(25*time.Second), limit)
		return err
	})
	return claimed
}

func (j *jobs) wantDue(now time.Time, want ...model.Queue) {
	j.t.Helper()
	got, err := j.DueQueues(context.Background(), now, 100)
	must(j.t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		j.t.Errorf("due queues (-want +got):\n%s", diff)
	}
}

func jobIDs(jobs []model.Job) []model.JobID {
	ids := []model.JobID{}
	for _, j := range jobs {
		ids = append(ids, j.ID)
	}
	return ids
}

func wantJobs(t *testing.T, got []model.Job, want ...model.JobID) {
	t.Helper()
	if diff := cmp.Diff(append([]model.JobID{}, want...), jobIDs(got)); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
}

func testDueQueues(t *testing.T, j *jobs) {
	late := model.Queue{Account: account, Kind: model.JobDeliver, Lane: 3}
	later := model.Queue{Account: account + 1, Kind: model.JobTell, Lane: 1}
	future := model.Queue{Account: account, Kind: model.JobHoldOver}
	j.put(later, noon.Add(-time.Second), 1)
	j.put(late, noon, 2)
	j.put(late, noon.Add(-time.Minute), 3, 4)
	j.put(future, noon.Add(time.Hour), 5)
	j.wantDue(noon, late, later)
	next, err := j.NextJob(context.Background(), noon)
	must(t, err)
	if !next.Equal(noon.Add(time.Hour)) {
		t.Errorf("next job is at %v, want %v", next, noon.Add(time.Hour))
	}
	next, err = j.NextJob(context.Background(), next)
	must(t, err)
	if !next.IsZero() {
		t.Errorf("next job is at %v, want none", next)
	}
}

func testLeaseEnds(t *testing.T, j *jobs) {
	q := model.Queue{Account: account, Kind: model.JobHoldOver}
	j.put(q, noon, 1)
	first := j.claim(q, noon, 10)
	want := []model.Job{{ID: 1, Account: account, Kind: q.Kind, Subject: 10, Payload: "{}", RunAt: noon.Add(25 * time.Second), Attempt: 1}}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("claimed (-want +got):\n%s", diff)
	}
	j.wantDue(noon.Add(24 * time.Second))
	wantJobs(t, j.claim(q, noon.Add(24*time.Second), 10))
	j.wantDue(noon.Add(25*time.Second), q)
	second := j.claim(q, noon.Add(25*time.Second), 10)
	wantJobs(t, second, 1)
	if second[0].Attempt != 2 {
		t.Errorf("second claim is attempt %d, want 2", second[0].Attempt)
	}
}

func testFencing(t *testing.T, j *jobs) {
	q := model.Queue{Account: account, Kind: model.JobDeliver, Lane: 1}
	j.put(q, noon, 1)
	lost := j.claim(q, noon, 1)[0]
	held := j.claim(q, noon.Add(time.Minute), 1)[0]
	for name, write := range map[string]func(*store.Tx, *model.Job) (bool, error){
		"finish": func(tx *store.Tx, job *model.Job) (bool, error) { return tx.FinishJob(job) },
		"retry":  func(tx *store.Tx, job *model.Job) (bool, error) { return tx.RetryJob(job, noon, "why") },
		"bury":   func(tx *store.Tx, job *model.Job) (bool, error) { return tx.BuryJob(job, "why") },
		"hold": func(tx *store.Tx, job *model.Job) (bool, error) {
			still, err := tx.HoldJobs([]model.Job{*job})
			return len(still) > 0, err
		},
		"finish of several": func(tx *store.Tx, job *model.Job) (bool, error) {
			finished, err := tx.FinishJobs([]model.Job{*job})
			return len(finished) > 0, err
		},
	} {
		j.in(account, func(tx *store.Tx) error {
			ok, err := write(tx, &lost)
			if ok {
				t.Errorf("%s succeeded under a lease that was lost", name)
			}
			return err
		})
	}
	j.in(account, func(tx *store.Tx) error {
		still, err := tx.HoldJobs([]model.Job{lost, held})
		if err != nil {
			return err
		}
		if len(still) != 1 || still[0].Attempt != 2 {
			t.Errorf("held %v, want the second claim only", still)
		}
		ok, err := tx.RetryJob(&held, noon.Add(2*time.Minute), "again")
		if !ok {
			t.Error("retry failed under a lease that stands")
		}
		return err
	})
	j.wantDue(noon.Add(119 * time.Second))
	j.wantDue(noon.Add(2*time.Minute), q)
	third := j.claim(q, noon.Add(2*time.Minute), 1)[0]
	j.in(account, func(tx *store.Tx) error {
		ok, err := tx.FinishJob(&third)
		if !ok {
			t.Error("finish failed under a lease that stands")
		}
		return err
	})
	j.wantDue(noon.Add(time.Hour))
}

// Jobs that were found due are claimed once, and only while they are.
func testClaimListed(t *testing.T, j *jobs) {
	q := model.Queue{Account: account, Kind: model.JobDeliver, Lane: 1}
	j.put(q, noon, 1, 2, 3)
	var found []model.Job
	must(t, j.View(context.Background(), account, func(tx *store.Tx) (err error) {
		found, err = tx.DueJobs(q, noon, 10)
		return err
	}))
	wantJobs(t, found, 1, 2, 3)
	first := j.claim(q, noon, 1)
	wantJobs(t, first, 1)
	claim := func(now time.Time) (claimed []model.Job) {
		j.in(account, func(tx *store.Tx) (err error) {
			claimed, err = tx.ClaimListed(found, now, now.Add(25*time.Second))
			return err
		})
		return claimed
	}
	rest := claim(noon)
	wantJobs(t, rest, 2, 3)
	if rest[0].Attempt != 1 || !rest[0].RunAt.Equal(noon.Add(25*time.Second)) {
		t.Errorf("claimed %+v, want the first attempt, leased for 25 s", rest[0])
	}
	wantJobs(t, claim(noon))
	j.in(account, func(tx *store.Tx) error {
		finished, err := tx.FinishJobs(append(first, rest[0]))
		wantJobs(t, finished, 1, 2)
		return err
	})
	// By now 3 is due again, but not as it was found.
	wantJobs(t, claim(noon.Add(time.Minute)))
	wantJobs(t, j.claim(q, noon.Add(time.Minute), 10), 3)
}

func testQueuesApart(t *testing.T, j *jobs) {
	queues := []model.Queue{
		{Account: account, Kind: model.JobDeliver, Lane: 1},
		{Account: account, Kind: model.JobDeliver, Lane: 2},
		{Account: account, Kind: model.JobTell, Lane: 1},
		{Account: account + 1, Kind: model.JobDeliver, Lane: 1},
	}
	for i, q := range queues {
		j.put(q, noon, model.JobID(i+1))
	}
	for i, q := range queues {
		wantJobs(t, j.claim(q, noon, 10), model.JobID(i+1))
	}
}

func testNoDoubleClaim(t *testing.T, j *jobs) {
	const n, workers = 300, 6
	q := model.Queue{Account: account, Kind: model.JobHoldOver}
	for id := model.JobID(1); id <= n; id++ {
		j.put(q, noon, id)
	}
	var mu sync.Mutex
	var all []model.JobID
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			// What others hold is passed over, so that an empty claim says little:
			// each worker asks more often than it must.
			for range n {
				var claimed []model.Job
				err := j.InTx(context.Background(), account, func(tx *store.Tx) (err error) {
					claimed, err = tx.ClaimJobs(q, noon, noon.Add(time.Minute), 7)
					return err
				})
				mu.Lock()
				all = append(all, jobIDs(claimed)...)
				done := err != nil || len(all) >= n
				mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				if done {
					return
				}
			}
		})
	}
	group.Wait()
	slices.Sort(all)
	if len(all) != n || len(slices.Compact(all)) != n {
		t.Errorf("%d claims of %d jobs", len(all), n)
	}
}

func testTakeRollsBack(t *testing.T, j *jobs) {
	q := model.Queue{Account: account, Kind: model.JobTell, Lane: 4}
	j.put(q, noon, 1, 2, 3)
	var taken []model.Job
	err := j.InTx(context.Background(), account, func(tx *store.Tx) (err error) {
		if taken, err = tx.TakeJobs(q, noon, 2); err != nil {
			return err
		}
		return errOurs
	})
	wantError(t, err, errOurs)
	wantJobs(t, taken, 1, 2)
	j.in(account, func(tx *store.Tx) (err error) {
		taken, err = tx.TakeJobs(q, noon, 2)
		return err
	})
	wantJobs(t, taken, 1, 2)
	wantJobs(t, j.claim(q, noon, 9), 3)
}

func testBuried(t *testing.T, j *jobs) {
	q := model.Queue{Account: account, Kind: model.JobHoldOver}
	j.put(q, noon, 1)
	claimed := j.claim(q, noon, 1)[0]
	j.in(account, func(tx *store.Tx) error {
		ok, err := tx.BuryJob(&claimed, "no use")
		if !ok {
			t.Error("bury failed under a lease that stands")
		}
		return err
	})
	j.wantDue(noon.Add(time.Hour))
	figures, err := j.JobFigures(context.Background(), noon.Add(time.Hour))
	must(t, err)
	if diff := cmp.Diff(store.JobFigures{Dead: 1}, figures); diff != "" {
		t.Errorf("figures (-want +got):\n%s", diff)
	}
}

// testHeldBack holds jobs back whose leases are over, while their worker is at
// work still: it may finish them, but not make them due.
func testHeldBack(t *testing.T, j *jobs) {
	q := model.Queue{Account: account, Kind: model.JobDeliver, Lane: 1}
	j.put(q, noon, 1, 2, 3)
	claimed := j.claim(q, noon, 3)
	later := noon.Add(time.Minute)
	j.in(account, func(tx *store.Tx) error {
		for i := range claimed {
			tx.HoldBack(&claimed[i], later)
		}
		return nil
	})
	j.in(account, func(tx *store.Tx) error {
		again, err := tx.RetryJob(&claimed[0], later, "again")
		if err != nil || !again {
			t.Errorf("retry: %v, %v", again, err)
		}
		over, err := tx.FinishJobs(claimed[1:2])
		wantJobs(t, over, 2)
		return err
	})
	j.wantDue(noon.Add(time.Hour))
	j.in(account, func(tx *store.Tx) error {
		n, err := tx.LetGo(1, 10)
		if n != 2 {
			t.Errorf("%d jobs were let go, want 2", n)
		}
		return err
	})
	wantJobs(t, j.claim(q, later, 10), 1, 3)
	j.in(account, func(tx *store.Tx) error {
		over, err := tx.FinishJobs(claimed)
		if len(over) > 0 {
			t.Errorf("finished %v under a claim that was lost", over)
		}
		return err
	})
}

func testKick(t *testing.T, j *jobs) {
	var kicked []model.AccountID
	j.OnJob(func(account model.AccountID) {
		kicked = append(kicked, account)
		j.wantDue(noon, model.Queue{Account: account, Kind: model.JobTell})
	})
	err := j.InTx(context.Background(), account, func(tx *store.Tx) error {
		tx.Enqueue(model.Job{ID: 1, Kind: model.JobTell, RunAt: noon})
		return errOurs
	})
	wantError(t, err, errOurs)
	j.in(account, func(*store.Tx) error { return nil })
	j.put(model.Queue{Account: account, Kind: model.JobTell}, noon, 2, 3)
	if fmt.Sprint(kicked) != fmt.Sprint([]model.AccountID{account}) {
		t.Errorf("told of %v, want account %d once", kicked, account)
	}
}
