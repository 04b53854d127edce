package store

import (
	"time"

	"grapevine/model"
)

const deliveryColumns = `id, uuid, endpoint_id, state, items, redacted, attempts, tries, at, first_at, since, ended_at, ` + deliveryBody

// deliveryBody is a column of its own table: a body is written once, and what
// changes with each attempt is a short row.
const deliveryBody = `COALESCE((SELECT b.body FROM delivery_body b WHERE b.account_id = $1 AND b.delivery_id = delivery.id), '')`

func scanDelivery(r Row) (model.Delivery, error) {
	var d model.Delivery
	var made, first, since, ended int64
	err := r.Scan(&d.ID, &d.UUID, &d.Endpoint, &d.State, &d.Items, &d.Redacted, &d.Attempts, &d.Tries, &made, &first, &since, &ended, &d.Body)
	d.At, d.FirstAt, d.Since, d.EndedAt = at(made), at(first), at(since), at(ended)
	return d, err
}

// Endpoint finds an endpoint, one that has ended too, and reports whether it
// has. It fails with NotFound.
func (tx *Tx) Endpoint(id model.EndpointID) (endpoint *model.Endpoint, ended bool, err error) {
	err = tx.read(`SELECT `+endpointColumns+`
		FROM endpoint
		WHERE account_id = $1 AND id = $2`,
		func(r Row) error {
			var found model.Endpoint
			found, ended, err = scanEndpoint(r)
			endpoint = &found
			return err
		}, id)
	if err == nil && endpoint == nil {
		err = missing("", "endpoint", id)
	}
	return endpoint, ended, err
}

// OpenDelivery holds the delivery of an endpoint that items may still join:
// the oldest with fewer than the given number. Its ID is 0 when there is
// none, or when its first attempt is just closing it.
func (tx *Tx) OpenDelivery(endpoint model.EndpointID, fewerThan int64) (model.Delivery, error) {
	var open model.Delivery
	err := tx.read(`SELECT `+deliveryColumns+`
		FROM delivery
		WHERE account_id = $1 AND endpoint_id = $2 AND first_at = 0 AND state = 'open' AND items < $3
		ORDER BY id
		LIMIT 1 `+tx.engine.SkipLocked(),
		func(r Row) (err error) {
			open, err = scanDelivery(r)
			return err
		}, endpoint, fewerThan)
	return open, err
}

// InsertDeliveries queues new deliveries, which have no body yet.
func (tx *Tx) InsertDeliveries(deliveries []model.Delivery) {
	rows := make([][]any, len(deliveries))
	for i, d := range deliveries {
		rows[i] = []any{d.ID, d.UUID, d.Endpoint, string(d.State), d.Items, false, d.Redacted, d.Attempts, d.Tries, ms(d.At), ms(d.FirstAt), ms(d.Since), ms(d.EndedAt)}
	}
	tx.insert("delivery", "id, uuid, endpoint_id, state, items, frozen, redacted, attempts, tries, at, first_at, since, ended_at", rows, "")
}

// Item is one thing that a delivery tells of.
type Item struct {
	Delivery model.DeliveryID
	Subject  int64
	Payload  string // of the job that told it
}

// InsertItems queues what deliveries tell of.
func (tx *Tx) InsertItems(items []Item) {
	rows := make([][]any, len(items))
	for i, item := range items {
		rows[i] = []any{item.Delivery, item.Subject, item.Payload}
	}
	tx.insert("delivery_item", "delivery_id, subject_id, payload", rows, "ON CONFLICT DO NOTHING")
}

// GrowDelivery queues that an open delivery tells of that many more.
func (tx *Tx) GrowDelivery(id model.DeliveryID, items int64) {
	tx.write(`UPDATE delivery
		SET items = items + $3
		WHERE account_id = $1 AND id = $2`, id, items)
}

// DeliveriesByID finds deliveries. Those that are not there are left out.
func (tx *Tx) DeliveriesByID(ids []model.DeliveryID) ([]model.Delivery, error) {
	list := make([]model.Delivery, 0, len(ids))
	listed := few(ids)
	err := tx.read(`SELECT `+deliveryColumns+`
		FROM delivery
		WHERE account_id = $1 AND id IN (`+in(2, len(listed))+`)
		ORDER BY id`,
		func(r Row) error {
			d, err := scanDelivery(r)
			list = append(list, d)
			return err
		}, listed...)
	return list, err
}

// StartDeliveries closes deliveries and freezes their bodies, as they say, who
// count the attempt that begins. It reports for each whether it may be sent like
// that: one that more items joined, that tells of somebody who was erased since
// it was read, of which an attempt was counted meanwhile, or that has ended, is
// left alone.
func (tx *Tx) StartDeliveries(list []model.Delivery) ([]bool, error) {
	started, err := tx.frozen(list)
	if err != nil {
		return nil, err
	}
	changed := make([]int64, len(list))
	var first []int // those whose body is written now
	var statements []Statement
	for i, d := range list {
		if started[i] {
			continue
		}
		first = append(first, i)
		statements = append(statements, Statement{
			SQL: `UPDATE delivery
				SET state = 'sending', frozen = 1, first_at = $3, since = $4
				WHERE account_id = $1 AND id = $2 AND items = $5 AND redacted = $6 AND attempts = $7 AND tries = $8 AND state IN ('open', 'sending')`,
			Args:     tx.args([]any{d.ID, ms(d.FirstAt), ms(d.Since), d.Items, d.Redacted, d.Attempts - 1, d.Tries - 1}),
			Affected: &changed[i],
		})
	}
	err = tx.run(statements...)
	var bodies [][]any
	for _, i := range first {
		if started[i] = changed[i] == 1; started[i] {
			bodies = append(bodies, []any{list[i].ID, list[i].Body})
		}
	}
	tx.insert("delivery_body", "delivery_id, body", bodies, `ON CONFLICT (account_id, delivery_id) DO UPDATE SET body = excluded.body`)
	return started, err
}

// frozen reports which deliveries have the body that was read of them.
func (tx *Tx) frozen(list []model.Delivery) ([]bool, error) {
	frozen := make([]bool, len(list))
	at := make(map[model.DeliveryID]int, len(list))
	var ids []model.DeliveryID
	for i, d := range list {
		if d.State == model.DeliverySending {
			at[d.ID], ids = i, append(ids, d.ID)
		}
	}
	if len(ids) == 0 {
		return frozen, nil
	}
	listed := few(ids)
	err := tx.read(`SELECT id, redacted, attempts, tries
		FROM delivery
		WHERE account_id = $1 AND id IN (`+in(2, len(listed))+`) AND state = 'sending' AND frozen = 1`,
		func(r Row) error {
			var now model.Delivery
			err := r.Scan(&now.ID, &now.Redacted, &now.Attempts, &now.Tries)
			i := at[now.ID]
			d := &list[i]
			frozen[i] = now.Redacted == d.Redacted && now.Attempts == d.Attempts-1 && now.Tries == d.Tries-1
			return err
		}, listed...)
	return frozen, err
}

// VoidDelivery ends a delivery that has nothing to tell. It reports whether it
// did: one that more items joined since it was read is left alone.
func (tx *Tx) VoidDelivery(d *model.Delivery, now time.Time) (bool, error) {
	n, err := tx.change(`UPDATE delivery
		SET state = $3, ended_at = $4
		WHERE account_id = $1 AND id = $2 AND items = $5 AND state IN ('open', 'sending')`,
		d.ID, string(model.DeliveryVoid), ms(now), d.Items)
	return n == 1, err
}

// Items lists what deliveries tell of, in the order in which it happened.
func (tx *Tx) Items(ids []model.DeliveryID) ([]Item, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var items []Item
	listed := few(ids)
	err := tx.read(`SELECT delivery_id, subject_id, payload
		FROM delivery_item
		WHERE account_id = $1 AND delivery_id IN (`+in(2, len(listed))+`)
		ORDER BY delivery_id, subject_id`,
		func(r Row) error {
			var item Item
			err := r.Scan(&item.Delivery, &item.Subject, &item.Payload)
			items = append(items, item)
			return err
		}, listed...)
	return items, err
}

// EndDeliveries queues that deliveries ended in a state.
func (tx *Tx) EndDeliveries(ids []model.DeliveryID, state model.DeliveryState, now time.Time) {
	if len(ids) == 0 {
		return
	}
	listed := few(ids)
	tx.write(`UPDATE delivery
		SET state = $2, ended_at = $3
		WHERE account_id = $1 AND id IN (`+in(4, len(listed))+`)`, append([]any{string(state), ms(now)}, listed...)...)
}

// CountAttempts queues that attempts of deliveries are over, and what state that
// leaves them in. The schedule of those that were replayed began with it. ended
// is zero for those that are tried again.
func (tx *Tx) CountAttempts(ids []model.DeliveryID, state model.DeliveryState, began, ended time.Time) {
	listed := few(ids)
	tx.write(`UPDATE delivery
		SET state = $2, attempts = attempts + 1, tries = tries + 1, since = CASE WHEN since = 0 THEN $3 ELSE since END, ended_at = $4
		WHERE account_id = $1 AND id IN (`+in(5, len(listed))+`)`, append([]any{string(state), ms(began), ms(ended)}, listed...)...)
}

// InsertAttempts queues attempts that are over.
func (tx *Tx) InsertAttempts(attempts []model.Attempt) {
	rows := make([][]any, len(attempts))
	for i, a := range attempts {
		rows[i] = []any{a.Delivery, a.Number, ms(a.At), a.Took.Milliseconds(), a.Status, a.Excerpt, a.Error}
	}
	tx.insert("attempt", "delivery_id, number, at, took_ms, status, excerpt, error", rows, "")
}

// Redacted locks deliveries, and returns how often somebody in each was erased.
func (tx *Tx) Redacted(ids []model.DeliveryID) (map[model.DeliveryID]int64, error) {
	redacted := make(map[model.DeliveryID]int64, len(ids))
	if len(ids) == 0 {
		return redacted, nil
	}
	listed := few(ids)
	err := tx.read(`SELECT id, redacted
		FROM delivery
		WHERE account_id = $1 AND id IN (`+in(2, len(listed))+`)
		ORDER BY id `+tx.engine.ForUpdate(),
		func(r Row) error {
			var id model.DeliveryID
			var n int64
			err := r.Scan(&id, &n)
			redacted[id] = n
			return err
		}, listed...)
	return redacted, err
}

// DelaySchedules queues that the schedules of deliveries begin with their next
// attempt, of those that none was made of.
func (tx *Tx) DelaySchedules(ids []model.DeliveryID) {
	if len(ids) == 0 {
		return
	}
	listed := few(ids)
	tx.write(`UPDATE delivery
		SET since = 0
		WHERE account_id = $1 AND id IN (`+in(2, len(listed))+`) AND tries = 0 AND since <> 0`, listed...)
}

// Attempts lists the tries of a delivery, first to last.
func (tx *Tx) Attempts(id model.DeliveryID) ([]model.Attempt, error) {
	var list []model.Attempt
	err := tx.read(`SELECT number, at, took_ms, status, excerpt, error
		FROM attempt
		WHERE account_id = $1 AND delivery_id = $2
		ORDER BY number`,
		func(r Row) error {
			a := model.Attempt{Delivery: id}
			var when, took int64
			err := r.Scan(&a.Number, &when, &took, &a.Status, &a.Excerpt, &a.Error)
			a.At, a.Took = at(when), time.Duration(took)*time.Millisecond
			list = append(list, a)
			return err
		}, id)
	return list, err
}

// Deliveries lists up to limit deliveries above an id, oldest first.
func (tx *Tx) Deliveries(above model.DeliveryID, limit int) ([]model.Delivery, error) {
	var list []model.Delivery
	err := tx.read(`SELECT `+deliveryColumns+`
		FROM delivery
		WHERE account_id = $1 AND id > $2
		ORDER BY id
		LIMIT $3`,
		func(r Row) error {
			d, err := scanDelivery(r)
			list = append(list, d)
			return err
		}, above, limit)
	return list, err
}

// few lists values as arguments and repeats the last one until their number
// is a power of two, so that few distinct texts are prepared.
func few[T any](values []T) []any {
	size := 1
	for size < len(values) {
		size *= 2
	}
	list := make([]any, size)
	for i := range list {
		list[i] = values[min(i, len(values)-1)]
	}
	return list
}
