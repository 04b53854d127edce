package engine

import (
	"context"
	"fmt"
	"slices"

	"grapevine/model"
	"grapevine/store"
)

// topUpPiece is how many coupons one transaction makes: it is bounded in time.
const topUpPiece = 5000

// applyBatches adds the batches and codes that are new. Codes are only added.
func (a *applying) applyBatches() error {
	for i := range a.project.Batches {
		b := &a.project.Batches[i]
		at := slices.IndexFunc(a.stored.batches, func(s model.Batch) bool { return s.ID == b.ID })
		if at < 0 || a.stored.batches[at].Name != b.Name || a.stored.batches[at].Campaign != b.Campaign || a.stored.batches[at].Prefix != b.Prefix {
			a.tx.PutBatch(*b)
			a.changed = true
		}
		a.changed = a.changed || b.Size < b.Generate
		if err := a.addListed(b, i); err != nil {
			return err
		}
	}
	return nil
}

// addListed adds the codes that the file lists and the batch does not have.
func (a *applying) addListed(b *model.Batch, path int) error {
	held, err := a.tx.CouponBatches(b.Codes)
	if err != nil {
		return err
	}
	var added []string
	for i, code := range b.Codes {
		batch, taken := held[code]
		switch {
		case !taken:
			added = append(added, code)
		case batch != b.ID:
			return &model.Error{Kind: model.Conflict, Reason: model.CodeTaken, Field: fmt.Sprintf("coupons[%d].codes[%d]", path, i),
				Msg: fmt.Sprintf("a code that is free: %q is in batch %d", code, batch)}
		}
	}
	if len(added) == 0 {
		return nil
	}
	locked, err := a.tx.LockBatch(b.ID)
	if err != nil {
		return err
	}
	b.Size = locked.Size
	a.changed = true
	return a.engine.addCoupons(a.tx, b, added)
}

// addCoupons adds codes to a batch and leaves word for those who wait for one.
func (e *Engine) addCoupons(tx *store.Tx, b *model.Batch, codes []string) error {
	id, err := e.newID()
	if err != nil {
		return err
	}
	tx.AddCoupons(b, codes)
	tx.Enqueue(model.Job{ID: model.JobID(id), Kind: model.JobBatchFilled, Subject: int64(b.ID), RunAt: e.now()})
	return nil
}

// topUp makes the coupons that batches lack. It runs after the project is
// applied, in pieces; where it is cut short, the next apply goes on.
func (e *Engine) topUp(ctx context.Context, account model.AccountID, done *applying) error {
	for i := range done.project.Batches {
		b := &done.project.Batches[i]
		for b.Size < b.Generate {
			err := e.store.InTx(ctx, account, func(tx *store.Tx) error {
				locked, err := tx.LockBatch(b.ID)
				if err != nil {
					return err
				}
				b.Size = locked.Size
				n := min(b.Generate-b.Size, topUpPiece)
				if n <= 0 {
					return nil // another apply did
				}
				codes := make([]string, n)
				for i := range codes {
					codes[i] = b.Prefix + random(couponAlphabet, couponLength)
				}
				return e.addCoupons(tx, b, codes)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// couponAlphabet leaves out what is misread: 0 and O, 1 and I.
const (
	couponAlphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
	couponLength   = 10
)
