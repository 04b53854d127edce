package store

import (
	"slices"
	"time"

	"grapevine/model"
)

const batchColumns = `id, name, campaign_id, prefix, size, created_at`

func scanBatch(row Row) (b model.Batch, err error) {
	var created int64
	err = row.Scan(&b.ID, &b.Name, &b.Campaign, &b.Prefix, &b.Size, &created)
	b.CreatedAt = at(created)
	return b, err
}

// Batches returns the account's batches of coupons, without their codes, by id.
func (tx *Tx) Batches() ([]model.Batch, error) {
	var all []model.Batch
	err := tx.read(`
SELECT `+batchColumns+`
FROM coupon_batch
WHERE account_id = $1
ORDER BY id`, func(row Row) error {
		b, err := scanBatch(row)
		all = append(all, b)
		return err
	})
	return all, err
}

// LockBatch returns a batch and holds up others that lock it. It fails with
// NotFound.
func (tx *Tx) LockBatch(id model.BatchID) (*model.Batch, error) {
	return tx.batch(id, tx.engine.ForUpdate())
}

// BatchByID returns a batch. It fails with NotFound.
func (tx *Tx) BatchByID(id model.BatchID) (*model.Batch, error) { return tx.batch(id, "") }

func (tx *Tx) batch(id model.BatchID, suffix string) (*model.Batch, error) {
	var found *model.Batch
	err := tx.read(`
SELECT `+batchColumns+`
FROM coupon_batch
WHERE account_id = $1
	AND id = $2 `+suffix, func(row Row) error {
		b, err := scanBatch(row)
		found = &b
		return err
	}, id)
	if err == nil && found == nil {
		err = missing("", "batch", id)
	}
	return found, err
}

// PutBatch adds a batch without codes, or gives the one of that id another
// name, campaign or prefix.
func (tx *Tx) PutBatch(b model.Batch, now time.Time) {
	tx.write(`
INSERT INTO coupon_batch (account_id, id, name, campaign_id, prefix, size, told, watched, created_at)
VALUES ($1, $2, $3, $4, $5, 0, 0, 0, $6)
ON CONFLICT (account_id, id) DO UPDATE
SET name = excluded.name, campaign_id = excluded.campaign_id, prefix = excluded.prefix`,
		b.ID, b.Name, b.Campaign, b.Prefix, ms(now))
}

// couponsAsked is up to how many codes are asked for one by one: beyond, it is
// faster to read all there are.
const couponsAsked = 2000

// CouponBatches says in which batch each of the codes is; one that is in none
// is not in the answer. It may have codes that were not asked for.
func (tx *Tx) CouponBatches(codes []string) (map[string]model.BatchID, error) {
	batches := map[string]model.BatchID{}
	scan := func(row Row) error {
		var code string
		var batch model.BatchID
		err := row.Scan(&code, &batch)
		batches[code] = batch
		return err
	}
	const query = `
SELECT code, batch_id
FROM coupon
WHERE account_id = $1`
	if len(codes) > couponsAsked {
		return batches, tx.read(query, scan)
	}
	var asked []Statement
	for some := range slices.Chunk(codes, 64) {
		asked = append(asked, tx.ask(query+`
	AND code IN (`+in(2, len(some))+`)`, scan, anys(some)...))
	}
	return batches, tx.run(asked...)
}

// AddCoupons adds free codes at the end of a batch, which the transaction has
// locked or made, and whose size is what b says. The batch then has its new
// size.
func (tx *Tx) AddCoupons(b *model.Batch, codes []string) {
	rows := make([][]any, len(codes))
	for i, code := range codes {
		b.Size++
		rows[i] = []any{b.ID, b.Size, code, 0, 0, 0, 0, 0, 0, 0}
	}
	tx.insert("coupon", "batch_id, id, code, holder_id, person_id, friend, handed_at, used_at, uses, voided_at", rows, "")
	tx.write(`
UPDATE coupon_batch
SET size = $3, told = 0, watched = 0
WHERE account_id = $1
	AND id = $2`, b.ID, b.Size)
}

// Stock is how a batch stands.
type Stock struct {
	Size    int64 // codes, used ones included
	Told    int64 // at which percentage of use the merchant was told last
	Watched int64 // a percentage of use that each code which is handed out may reach, wherever its place; 0 is none
}

// Stock returns how a batch stands. It fails with NotFound.
func (tx *Tx) Stock(id model.BatchID) (Stock, error) { return tx.stock(id, "") }

// LockStock is Stock, and holds up others that lock the batch.
func (tx *Tx) LockStock(id model.BatchID) (Stock, error) { return tx.stock(id, tx.engine.ForUpdate()) }

func (tx *Tx) stock(id model.BatchID, suffix string) (s Stock, err error) {
	found := false
	err = tx.read(`
SELECT size, told, watched
FROM coupon_batch
WHERE account_id = $1
	AND id = $2 `+suffix, func(row Row) error {
		found = true
		return row.Scan(&s.Size, &s.Told, &s.Watched)
	}, id)
	if err == nil && !found {
		err = missing("", "batch", id)
	}
	return s, err
}

// SaveStock queues what was told of a batch that is locked, and what is watched
// for.
func (tx *Tx) SaveStock(id model.BatchID, s Stock) {
	tx.write(`
UPDATE coupon_batch
SET told = $3, watched = $4
WHERE account_id = $1
	AND id = $2`, id, s.Told, s.Watched)
}

// FreeCoupons counts the codes of a batch that nobody has.
func (tx *Tx) FreeCoupons(batch model.BatchID) (n int64, err error) {
	err = tx.read(`
SELECT COUNT(*)
FROM coupon
WHERE account_id = $1
	AND batch_id = $2
	AND holder_id = 0`, func(row Row) error { return row.Scan(&n) }, batch)
	return n, err
}
