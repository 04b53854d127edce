package store

import (
	"sync/atomic"
	"time"

	"grapevine/model"
)

// TakeCoupon hands out the next free code of a batch to a reward. It returns
// false when the batch is empty: no code is free, and nobody whose transaction
// is open holds one that may come back.
func (tx *Tx) TakeCoupon(batch model.BatchID, reward model.RewardID, friend bool) (model.CouponID, bool, error) {
	id, err := tx.nextCoupon(batch)
	for err == nil && id == 0 {
		free := false
		err = tx.read(`SELECT 1
			FROM coupon
			WHERE account_id = $1 AND batch_id = $2 AND reward_id = 0
			LIMIT 1`,
			func(Row) error { free = true; return nil }, batch)
		if err != nil || !free {
			return 0, false, err
		}
		// All that are free are held: wait for one and see what became of it.
		id, err = tx.freeCoupon(batch, 0, tx.engine.ForUpdate())
	}
	if err != nil {
		return 0, false, err
	}
	tx.write(`UPDATE coupon
		SET reward_id = $4, friend = $5
		WHERE account_id = $1 AND batch_id = $2 AND id = $3`, batch, id, reward, friend)
	return id, true, nil
}

// nextCoupon finds a free code that nobody holds, 0 where there is none. A
// batch is no queue: each who asks looks first behind what was given to the one
// before, and only where the codes end for one that was given back.
func (tx *Tx) nextCoupon(batch model.BatchID) (model.CouponID, error) {
	kept, _ := tx.next.LoadOrStore(batchKey{tx.account, batch}, new(atomic.Int64))
	next := kept.(*atomic.Int64)
	from := next.Add(1) - 1
	id, err := tx.freeCoupon(batch, model.CouponID(from), tx.engine.SkipLocked())
	if err == nil && id == 0 && from > 0 {
		id, err = tx.freeCoupon(batch, 0, tx.engine.SkipLocked())
	}
	switch { // a hint: who meets another's code passes over it
	case id == 0:
		next.Store(0) // codes that are added come in their order
	case int64(id) != from:
		next.Store(int64(id) + 1)
	}
	return id, err
}

type batchKey struct {
	account model.AccountID
	batch   model.BatchID
}

func (tx *Tx) freeCoupon(batch model.BatchID, from model.CouponID, lock string) (model.CouponID, error) {
	var id model.CouponID
	err := tx.read(`SELECT id
		FROM coupon
		WHERE account_id = $1 AND batch_id = $2 AND reward_id = 0 AND id >= $3
		ORDER BY id
		LIMIT 1`+lock,
		func(r Row) error { return r.Scan(&id) }, batch, from)
	return id, err
}

// UseCoupon queues that a coupon was used. One that was voided since it was
// found was used before.
func (tx *Tx) UseCoupon(c model.CouponRef, now time.Time) {
	tx.write(`UPDATE coupon
		SET used_at = $4, voided_at = 0
		WHERE account_id = $1 AND batch_id = $2 AND id = $3 AND used_at = 0`, c.Batch, c.ID, ms(now))
}

// VoidCoupon queues that a coupon is never handed out again, unless it was
// used already.
func (tx *Tx) VoidCoupon(c model.CouponRef, now time.Time) {
	tx.write(`UPDATE coupon
		SET voided_at = $4
		WHERE account_id = $1 AND batch_id = $2 AND id = $3 AND used_at = 0`, c.Batch, c.ID, ms(now))
}

// CouponCode is the code of a coupon.
func (tx *Tx) CouponCode(c model.CouponRef) (string, error) {
	var code string
	err := tx.read(`SELECT code
		FROM coupon
		WHERE account_id = $1 AND batch_id = $2 AND id = $3`,
		func(r Row) error { return r.Scan(&code) }, c.Batch, c.ID)
	return code, err
}
