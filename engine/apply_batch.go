package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"grapevine/engine/code"
	"grapevine/model"
	"grapevine/store"
)

// couponPiece is how many coupons one transaction adds: it is bounded in time.
const couponPiece = 5000

// applyBatches adds the batches and codes that are new. Codes are only added.
// What is more than a piece waits for addCoupons.
func (a *applying) applyBatches() error {
	added, err := a.listedCodes()
	if err != nil {
		return err
	}
	room := couponPiece
	a.codes = make([][]string, len(added))
	for i := range a.project.Batches {
		b := &a.project.Batches[i]
		at := slices.IndexFunc(a.stored.batches, func(s model.Batch) bool { return s.ID == b.ID })
		if at < 0 || a.stored.batches[at].Name != b.Name || a.stored.batches[at].Campaign != b.Campaign || a.stored.batches[at].Prefix != b.Prefix {
			a.tx.PutBatch(*b, a.now)
			a.changed = true
		}
		first := min(room, len(added[i]))
		room -= first
		a.codes[i] = added[i][first:]
		if len(added[i]) == 0 && b.Size >= b.Generate {
			continue
		}
		a.changed = true
		if err := a.engine.addCoupons(a.tx, b, added[i][:first]); err != nil {
			return err
		}
	}
	return nil
}

// listedCodes returns, for each batch, the codes that the file lists and the
// batch does not have.
func (a *applying) listedCodes() ([][]string, error) {
	var all []string
	for _, b := range a.project.Batches {
		all = append(all, b.Codes...)
	}
	held, err := a.tx.CouponBatches(all)
	if err != nil {
		return nil, err
	}
	added := make([][]string, len(a.project.Batches))
	for i, b := range a.project.Batches {
		for j, code := range b.Codes {
			batch, taken := held[code]
			switch {
			case !taken:
				added[i] = append(added[i], code)
			case batch != b.ID:
				return nil, &model.Error{Kind: model.Conflict, Reason: model.CodeTaken, Field: fmt.Sprintf("coupons[%d].codes[%d]", i, j),
					Msg: fmt.Sprintf("a code that is free: %q is in batch %d", code, batch)}
			}
		}
	}
	return added, nil
}

// addCoupons adds codes to a batch and leaves word for those who wait for one.
func (e *Engine) addCoupons(tx *store.Tx, b *model.Batch, codes []string) error {
	if len(codes) == 0 {
		return nil
	}
	locked, err := tx.LockBatch(b.ID)
	if err != nil {
		return err
	}
	id, err := e.newID()
	if err != nil {
		return err
	}
	b.Size = locked.Size
	tx.AddCoupons(b, codes)
	tx.Enqueue(model.Job{ID: model.JobID(id), Kind: model.JobBatchFilled, Subject: int64(b.ID), RunAt: e.now()})
	return nil
}

// fillBatches adds the coupons that the project's own transaction had no room
// for, in pieces; where it is cut short, the next apply goes on.
func (e *Engine) fillBatches(ctx context.Context, account model.AccountID, done *applying) error {
	for i := range done.project.Batches {
		b := &done.project.Batches[i]
		for codes := range slices.Chunk(done.codes[i], couponPiece) {
			err := e.store.InTx(ctx, account, func(tx *store.Tx) error { return e.addCoupons(tx, b, codes) })
			if err != nil {
				return err
			}
		}
		if err := e.topUp(ctx, account, b); err != nil {
			return err
		}
	}
	return nil
}

// topUp makes the coupons that a batch lacks.
func (e *Engine) topUp(ctx context.Context, account model.AccountID, b *model.Batch) error {
	for b.Size < b.Generate {
		err := e.store.InTx(ctx, account, func(tx *store.Tx) error {
			locked, err := tx.LockBatch(b.ID)
			if err != nil {
				return err
			}
			b.Size = locked.Size
			lacking := min(b.Generate-b.Size, couponPiece)
			if lacking <= 0 {
				return nil // another apply did
			}
			codes := make([]string, lacking)
			for i := range codes {
				codes[i] = b.Prefix + strings.ToUpper(code.Random(couponLength))
			}
			return e.addCoupons(tx, b, codes)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// couponLength is that of a made coupon code, without its prefix.
const couponLength = 10
