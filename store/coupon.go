package store

import (
	"time"

	"grapevine/model"
)

// TakeCoupon hands out the next free code of a batch to a reward. It returns
// false when the batch is empty: no code is free, and nobody whose transaction
// is open holds one that may come back.
func (tx *Tx) TakeCoupon(batch model.BatchID, reward model.RewardID, friend bool) (model.CouponID, bool, error) {
	// What others hold is skipped, so that a batch is no queue.
	id, err := tx.takeCoupon(batch, reward, friend, tx.engine.SkipLocked())
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
		id, err = tx.takeCoupon(batch, reward, friend, tx.engine.ForUpdate())
	}
	return id, err == nil, err
}

func (tx *Tx) takeCoupon(batch model.BatchID, reward model.RewardID, friend bool, lock string) (model.CouponID, error) {
	var id model.CouponID
	err := tx.read(`SELECT id
		FROM coupon
		WHERE account_id = $1 AND batch_id = $2 AND reward_id = 0
		ORDER BY id
		LIMIT 1`+lock,
		func(r Row) error { return r.Scan(&id) }, batch)
	if err != nil || id == 0 {
		return 0, err
	}
	tx.write(`UPDATE coupon
		SET reward_id = $4, friend = $5
		WHERE account_id = $1 AND batch_id = $2 AND id = $3`, batch, id, reward, friend)
	return id, nil
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
