package store

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"grapevine/model"
)

// Holder is what a coupon is handed out to.
type Holder struct {
	ID     int64 // of the reward, or of the event of a redemption
	Person model.PersonID
	Friend bool // it is a friend's reward
	At     time.Time
}

// ExpectCoupons says how many coupons of a batch the transaction may hand out:
// that many are looked for at once.
func (tx *Tx) ExpectCoupons(n int) { tx.expected = n }

// onHand are coupons of a batch that a transaction holds.
type onHand struct {
	free  []model.CouponID // not handed out yet
	first model.CouponID   // of all
}

// TakeCoupon hands out the next free code of a batch. It returns false when the
// batch is empty: no code is free, nobody whose transaction is open holds one
// that may come back, and nobody adds any before this one commits.
func (tx *Tx) TakeCoupon(batch model.BatchID, to Holder) (model.CouponID, bool, error) {
	held := tx.onHand[batch]
	if held == nil {
		held = &onHand{}
		if tx.onHand == nil {
			tx.onHand = map[model.BatchID]*onHand{}
		}
		tx.onHand[batch] = held
	}
	var err error
	if len(held.free) == 0 {
		held.free, err = tx.nextCoupons(batch, max(1, tx.expected))
	}
	for err == nil && len(held.free) == 0 {
		var free bool
		if free, err = tx.hasFree(batch); err != nil || !free {
			return 0, false, err
		}
		// All that are free are held: wait for one and see what became of it.
		held.free, err = tx.freeCoupons(batch, 0, 1, tx.engine.ForUpdate())
	}
	if err != nil {
		return 0, false, err
	}
	id := held.free[0]
	held.free = held.free[1:]
	if held.first == 0 || id < held.first {
		held.first = id
	}
	tx.handOut([]any{batch, id, to.ID, to.Person, to.Friend, ms(to.At)})
	return id, true, nil
}

// layBack lets others look again for coupons that a transaction held, and did
// not hand out or, having failed, not for good: else the codes behind them would
// go first.
func (tx *Tx) layBack(failed bool) {
	if tx == nil {
		return
	}
	for batch, held := range tx.onHand {
		first := held.first
		if !failed {
			if len(held.free) == 0 {
				continue
			}
			first = held.free[0]
			held.free = nil
		}
		next := tx.nextOf(batch)
		for at := next.Load(); at > int64(first) && !next.CompareAndSwap(at, int64(first)); at = next.Load() {
		}
	}
}

// nextOf is where the next free coupon of a batch may be.
func (tx *Tx) nextOf(batch model.BatchID) *atomic.Int64 {
	kept, _ := tx.next.LoadOrStore(batchKey{tx.account, batch}, new(atomic.Int64))
	return kept.(*atomic.Int64)
}

// handOut queues that a coupon has a holder.
func (tx *Tx) handOut(row []any) {
	tx.gather(insertKey{table: "coupon", tail: "handed out"}, [][]any{row}, func(rows [][]any) Statement {
		if len(rows) == 1 {
			return Statement{SQL: `UPDATE coupon
				SET holder_id = $4, person_id = $5, friend = $6, handed_at = $7
				WHERE account_id = $1 AND batch_id = $2 AND id = $3`, Args: tx.args(rows[0])}
		}
		return Statement{SQL: `WITH handed AS (VALUES ` + tuples(len(rows), len(row)) + `)
			UPDATE coupon
			SET holder_id = h.column4, person_id = h.column5, friend = h.column6, handed_at = h.column7
			FROM handed h
			WHERE account_id = $1 AND batch_id = h.column2 AND id = h.column3`, Args: tx.args(slices.Concat(rows...))}
	})
}

// hasFree reports whether a batch has codes that are free or may be. It holds
// the batch, as whoever adds codes does: who then waits for one is there to be
// seen once they are added, or else the codes are seen here.
func (tx *Tx) hasFree(batch model.BatchID) (bool, error) {
	free := false
	err := tx.run(
		tx.ask(`SELECT id
			FROM coupon_batch
			WHERE account_id = $1 AND id = $2`+tx.engine.ForShare(),
			func(Row) error { return nil }, batch),
		tx.ask(`SELECT 1
			FROM coupon
			WHERE account_id = $1 AND batch_id = $2 AND holder_id = 0
			LIMIT 1`,
			func(Row) error { free = true; return nil }, batch))
	return free, err
}

// nextCoupons finds free codes that nobody holds, at most n, none where there
// are none. A batch is no queue: each who asks looks first behind what was given
// to the one before, and only where the codes end for one that was given back.
func (tx *Tx) nextCoupons(batch model.BatchID, n int) ([]model.CouponID, error) {
	next := tx.nextOf(batch)
	from := next.Add(int64(n)) - int64(n)
	ids, err := tx.freeCoupons(batch, model.CouponID(from), n, tx.engine.SkipLocked())
	if err == nil && len(ids) == 0 && from > 0 {
		ids, err = tx.freeCoupons(batch, 0, n, tx.engine.SkipLocked())
	}
	if len(ids) == 0 {
		next.Store(0) // codes that are added come in their order
	} else if last := int64(ids[len(ids)-1]); last != from+int64(n)-1 {
		next.Store(last + 1) // a hint: who meets another's code passes over it
	}
	return ids, err
}

type batchKey struct {
	account model.AccountID
	batch   model.BatchID
}

func (tx *Tx) freeCoupons(batch model.BatchID, from model.CouponID, n int, lock string) ([]model.CouponID, error) {
	var ids []model.CouponID
	err := tx.read(`SELECT id
		FROM coupon
		WHERE account_id = $1 AND batch_id = $2 AND holder_id = 0 AND id >= $3
		ORDER BY id
		LIMIT $4`+lock,
		func(r Row) error {
			var id model.CouponID
			err := r.Scan(&id)
			ids = append(ids, id)
			return err
		}, batch, from, n)
	return ids, err
}

// UseCoupon queues that a coupon was used, once or once more. One that was
// voided since it was found was used before.
func (tx *Tx) UseCoupon(c model.CouponRef, now time.Time) {
	tx.write(`UPDATE coupon
		SET used_at = CASE WHEN used_at = 0 THEN $4 ELSE used_at END, voided_at = 0, uses = uses + 1
		WHERE account_id = $1 AND batch_id = $2 AND id = $3`, c.Batch, c.ID, ms(now))
}

// LockCoupon holds a coupon, and tells how often it was used. Persons are
// locked before.
func (tx *Tx) LockCoupon(c model.CouponRef) (uses int64, err error) {
	err = tx.read(`SELECT uses
		FROM coupon
		WHERE account_id = $1 AND batch_id = $2 AND id = $3`+tx.engine.ForUpdate(),
		func(r Row) error { return r.Scan(&uses) }, c.Batch, c.ID)
	return uses, err
}

// ReturnCoupon queues that a coupon which is locked was not used after all; it
// is void if what it was handed out for was revoked meanwhile.
func (tx *Tx) ReturnCoupon(c model.CouponRef, void time.Time) {
	tx.write(`UPDATE coupon
		SET used_at = 0, uses = 0, voided_at = $4
		WHERE account_id = $1 AND batch_id = $2 AND id = $3`, c.Batch, c.ID, ms(void))
}

// HeldCoupon is a coupon with what it was handed out for.
type HeldCoupon struct {
	model.CouponRef
	Code     string
	Person   model.PersonID    // 0: it is free
	Campaign model.CampaignID  // of the reward; 0: it was no reward
	State    model.RewardState // of the reward
	IssuedAt time.Time
	UsedAt   time.Time
	VoidedAt time.Time
}

func (tx *Tx) heldCoupon(where string, args ...any) (*HeldCoupon, error) {
	var found *HeldCoupon
	err := tx.read(`SELECT c.batch_id, c.id, c.code, c.person_id, COALESCE(w.campaign_id, 0), COALESCE(w.state, ''), c.handed_at, c.used_at, c.voided_at
		FROM coupon c
		LEFT JOIN reward w ON w.account_id = c.account_id AND w.id = c.holder_id
		WHERE c.account_id = $1 AND `+where,
		func(r Row) error {
			found = &HeldCoupon{}
			var issued, used, voided int64
			err := r.Scan(&found.Batch, &found.ID, &found.Code, &found.Person, &found.Campaign, &found.State, &issued, &used, &voided)
			found.IssuedAt, found.UsedAt, found.VoidedAt = at(issued), at(used), at(voided)
			return err
		}, args...)
	return found, err
}

// CouponByCode finds a coupon, handed out or not. It fails with NotFound.
func (tx *Tx) CouponByCode(code string) (*HeldCoupon, error) {
	found, err := tx.heldCoupon(`c.code = $2`, code)
	if err == nil && found == nil {
		err = missing(model.CouponUnknown, "coupon", code)
	}
	return found, err
}

// LastCouponOf finds the coupon that a group of persons was given last as a
// reward of a campaign, nil where they have none.
func (tx *Tx) LastCouponOf(group []model.PersonID, campaign model.CampaignID) (*HeldCoupon, error) {
	return tx.heldCoupon(`w.campaign_id = $2 AND c.voided_at = 0 AND c.person_id IN (`+in(3, len(group))+`) AND c.person_id <> 0
		ORDER BY c.handed_at DESC, c.batch_id DESC, c.id DESC
		LIMIT 1`, append([]any{campaign}, anys(group)...)...)
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

// HandedCoupon is a coupon that somebody was given.
type HandedCoupon struct {
	Code       string
	HandedAt   time.Time
	UsedAt     time.Time // zero: not yet
	Redemption string    // what it was bought as; "" is a reward's
	Version    int64     // of the settings that the redemption stood in
}

// CouponsOf lists the coupons that a group of persons was given and that are
// not void, newest first: all, or only those that are used or not.
func (tx *Tx) CouponsOf(group []model.PersonID, used *bool, limit int) ([]HandedCoupon, error) {
	from, until := int64(0), int64(math.MaxInt64) // when it was used
	if used != nil && *used {
		from = 1
	}
	if used != nil && !*used {
		until = 0
	}
	var list []HandedCoupon
	err := tx.read(`SELECT c.code, c.handed_at, c.used_at, COALESCE(e.version, 0), COALESCE(e.facts, '')
		FROM coupon c
		LEFT JOIN event e ON e.account_id = c.account_id AND e.id = c.holder_id
		WHERE c.account_id = $1 AND c.person_id IN (`+in(5, len(group))+`) AND c.person_id <> 0
			AND c.voided_at = 0 AND c.used_at >= $2 AND c.used_at <= $3
		ORDER BY c.handed_at DESC, c.batch_id DESC, c.id DESC
		LIMIT $4`,
		func(r Row) error {
			var c HandedCoupon
			var handed, used int64
			var facts string
			if err := r.Scan(&c.Code, &handed, &used, &c.Version, &facts); err != nil {
				return err
			}
			c.HandedAt, c.UsedAt = at(handed), at(used)
			if facts != "" {
				var f model.Facts
				if err := json.Unmarshal([]byte(facts), &f); err != nil {
					return fmt.Errorf("facts of what bought a coupon: %w", err)
				}
				c.Redemption = f.Redemption
			}
			list = append(list, c)
			return nil
		}, append([]any{from, until, limit}, anys(group)...)...)
	return list, err
}
