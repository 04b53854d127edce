package store

import (
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
