package store

import (
	"time"

	"grapevine/model"
)

// LockEndpoint holds an endpoint until the transaction ends, and returns
// whether it is paused, and its circuit. It is locked before jobs are.
func (tx *Tx) LockEndpoint(id model.EndpointID) (paused bool, circuit model.Circuit, err error) {
	err = tx.read(`SELECT paused, failures, probe_at, probe_job
		FROM endpoint
		WHERE account_id = $1 AND id = $2`+tx.engine.ForUpdate(),
		func(r Row) error {
			var probe int64
			err := r.Scan(&paused, &circuit.Failures, &probe, &circuit.Next)
			circuit.ProbeAt = at(probe)
			return err
		}, id)
	return paused, circuit, err
}

// SaveCircuit queues the circuit of an endpoint that is locked.
func (tx *Tx) SaveCircuit(id model.EndpointID, c model.Circuit) {
	tx.write(`UPDATE endpoint
		SET failures = $3, probe_at = $4, probe_job = $5
		WHERE account_id = $1 AND id = $2`, id, c.Failures, ms(c.ProbeAt), c.Next)
}

// MoveJob queues that a job whose last try ended with why is due at another time.
func (tx *Tx) MoveJob(id model.JobID, why string, runAt time.Time) {
	tx.write(`UPDATE job
		SET run_at = $4
		WHERE account_id = $1 AND id = $2 AND error = $3 AND dead = 0`, id, why, ms(runAt))
}

// Unsent are the jobs of deliveries that a circuit kept from being sent.
type Unsent struct {
	Jobs       []model.JobID
	Deliveries []model.DeliveryID // of which a try was counted
}

// Unsent locks up to limit jobs of a lane that a circuit keeps: those whose
// last try ended with waits, and those for which it ended with skipped, of which
// a try was counted. Those that somebody else holds are passed over.
func (tx *Tx) Unsent(lane model.EndpointID, waits, skipped string, limit int) (Unsent, error) {
	var u Unsent
	err := tx.read(`SELECT id, subject_id, error
		FROM job
		WHERE account_id = $1 AND kind = 'deliver' AND lane = $2 AND dead = 0 AND error IN ($3, $4)
		ORDER BY run_at, id
		LIMIT $5 `+tx.engine.SkipLocked(),
		func(r Row) error {
			var id model.JobID
			var delivery model.DeliveryID
			var why string
			err := r.Scan(&id, &delivery, &why)
			u.Jobs = append(u.Jobs, id)
			if why == skipped {
				u.Deliveries = append(u.Deliveries, delivery)
			}
			return err
		}, lane, waits, skipped, limit)
	return u, err
}

// Send queues that what was kept is due at once. A try that was counted and
// not made is made up for.
func (tx *Tx) Send(u Unsent, now time.Time) {
	jobs := few(u.Jobs)
	tx.write(`UPDATE job
		SET run_at = $2, error = ''
		WHERE account_id = $1 AND id IN (`+in(3, len(jobs))+`)`, append([]any{ms(now)}, jobs...)...)
	if len(u.Deliveries) == 0 {
		return
	}
	deliveries := few(u.Deliveries)
	tx.write(`UPDATE delivery
		SET tries = tries - 1
		WHERE account_id = $1 AND id IN (`+in(2, len(deliveries))+`) AND tries > 0`, deliveries...)
}

// PauseEndpoint queues that an endpoint is paused, or no longer.
func (tx *Tx) PauseEndpoint(id model.EndpointID, paused bool) {
	tx.write(`UPDATE endpoint
		SET paused = $3
		WHERE account_id = $1 AND id = $2`, id, paused)
}

// HoldBack queues that a job waits until its lane is let go, unless somebody
// claimed it meanwhile.
func (tx *Tx) HoldBack(j *model.Job, now time.Time) {
	tx.write(`UPDATE job
		SET dead = 2, run_at = $4
		WHERE account_id = $1 AND id = $2 AND attempt = $3`, j.ID, j.Attempt, ms(now))
}

// LetGo makes up to limit jobs of a lane due that were held back, oldest first,
// and returns how many there were. The endpoint is locked before.
func (tx *Tx) LetGo(lane model.EndpointID, limit int) (int64, error) {
	return tx.change(`UPDATE job
		SET dead = 0
		WHERE account_id = $1 AND id IN (SELECT id
			FROM job
			WHERE account_id = $1 AND lane = $2 AND dead = 2
			ORDER BY id
			LIMIT $3)`, lane, limit)
}

// WaitingFor counts the jobs of a kind that wait for each endpoint.
func (tx *Tx) WaitingFor(kind string) (map[model.EndpointID]int64, error) {
	waiting := map[model.EndpointID]int64{}
	err := tx.read(`SELECT lane, COUNT(*)
		FROM job
		WHERE account_id = $1 AND kind = $2 AND dead <> 1
		GROUP BY lane`,
		func(r Row) error {
			var lane model.EndpointID
			var n int64
			err := r.Scan(&lane, &n)
			waiting[lane] = n
			return err
		}, kind)
	return waiting, err
}

// DeliveryLog lists up to limit deliveries below an id that were made between
// two times, newest first: those to an endpoint, or to any where that is 0.
func (tx *Tx) DeliveryLog(endpoint model.EndpointID, from, to time.Time, below model.DeliveryID, limit int) ([]model.Delivery, error) {
	var list []model.Delivery
	err := tx.read(`SELECT `+deliveryColumns+`
		FROM delivery
		WHERE account_id = $1 AND ($2 = 0 OR endpoint_id = $2) AND at >= $3 AND at <= $4 AND id < $5
		ORDER BY id DESC
		LIMIT $6`,
		func(r Row) error {
			d, err := scanDelivery(r)
			list = append(list, d)
			return err
		}, endpoint, ms(from), ms(to), below, limit)
	return list, err
}

// DeliveryByUUID finds a delivery. It fails with NotFound.
func (tx *Tx) DeliveryByUUID(uuid string) (*model.Delivery, error) {
	var found *model.Delivery
	err := tx.read(`SELECT `+deliveryColumns+`
		FROM delivery
		WHERE account_id = $1 AND uuid = $2`,
		func(r Row) error {
			d, err := scanDelivery(r)
			found = &d
			return err
		}, uuid)
	if err == nil && found == nil {
		err = missing("", "delivery", uuid)
	}
	return found, err
}

// Reopen makes a delivery that has ended one that is sent again, on a schedule
// of its own. It reports whether it had ended.
func (tx *Tx) Reopen(id model.DeliveryID) (bool, error) {
	n, err := tx.change(`UPDATE delivery
		SET state = 'sending', tries = 0, since = 0, ended_at = 0
		WHERE account_id = $1 AND id = $2 AND state IN ('delivered', 'refused', 'failed')`, id)
	return n == 1, err
}
