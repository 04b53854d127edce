package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"grapevine/engine/ledger"
	"grapevine/model"
	"grapevine/store"
)

// RunJob does a job that is the engine's own, and reports whether it was one.
// Each may run twice.
func (e *Engine) RunJob(ctx context.Context, job model.Job) (bool, error) {
	switch job.Kind {
	case model.JobHoldOver:
		return true, e.holdOver(ctx, job.Account, model.RewardID(job.Subject))
	case model.JobExpire:
		return true, e.postExpired(ctx, job)
	case model.JobBatchFilled:
		return true, e.earnWaiting(ctx, job.Account, model.BatchID(job.Subject))
	case model.JobStock:
		return true, e.tellStock(ctx, job)
	case model.JobErase:
		return true, e.goOnErasing(ctx, job)
	case model.JobSuspend:
		return true, e.suspendUnreachable(ctx, job.Account, model.ParticipantID(job.Subject))
	case model.JobRemind:
		return true, e.remind(ctx, job.Account, model.MailID(job.Subject))
	}
	return false, nil
}

// expiring is the payload of a job that posts what has expired.
type expiring struct {
	Holder   string `json:"holder"`
	Currency string `json:"currency"`
}

// expiryJob posts what expires in a ledger at a time.
func expiryJob(id int64, head model.Ledger, at time.Time) model.Job {
	payload, err := json.Marshal(expiring{head.Holder, head.Currency})
	if err != nil {
		panic(err) // two strings always marshal
	}
	return model.Job{ID: model.JobID(id), Kind: model.JobExpire, Payload: string(payload), RunAt: at}
}

// postExpired posts the credits of a ledger that are over. A merge moves the
// ledger, and its credits leave a job with the one they went to.
func (e *Engine) postExpired(ctx context.Context, job model.Job) error {
	var what expiring
	if err := json.Unmarshal([]byte(job.Payload), &what); err != nil {
		return fmt.Errorf("job %d: %w", job.ID, err)
	}
	return e.inTurn(ctx, job.Account, func(t *turn) error {
		book, err := t.bookOf(what)
		if err != nil || book == nil || !book.Due() {
			return err
		}
		if err := book.Expire(); err != nil {
			return err
		}
		t.saveBook(book)
		return nil
	})
}

// bookOf locks a ledger by its holder and opens it; nil where it has gone to
// another person.
func (t *turn) bookOf(what expiring) (*ledger.Book, error) {
	if what.Holder[0] == 'c' {
		head, _, err := t.tx.LockLedger(what.Holder, what.Currency, t.now)
		return t.open(head), err
	}
	id, err := strconv.ParseInt(what.Holder[1:], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("holder %q: %w", what.Holder, err)
	}
	person, err := t.tx.Canonical(model.PersonID(id))
	if err != nil {
		return nil, err
	}
	if err := t.standErased(person); err != nil {
		return nil, err
	}
	key := bookKey{store.PersonHolder(person), what.Currency}
	book := t.books[key]
	delete(t.books, key) // written by the caller
	return book, nil
}

// earnWaiting hands codes that were added to a batch to those who wait,
// oldest first.
func (e *Engine) earnWaiting(ctx context.Context, account model.AccountID, batch model.BatchID) error {
	for after := model.RewardID(0); ; {
		var waiting []*model.Reward
		err := e.store.View(ctx, account, func(tx *store.Tx) error {
			var err error
			waiting, err = tx.Waiting(batch, after, 100)
			return err
		})
		if err != nil || len(waiting) == 0 {
			return err
		}
		for _, w := range waiting {
			after = w.ID
			if w.Why.Reason != NoCoupon {
				continue
			}
			still, err := e.moveReward(ctx, account, w.ID, "", func(t *turn, w *model.Reward, r *model.Rule) error {
				if w.State != model.Pending || w.Why.Reason != NoCoupon {
					return errNothing
				}
				return t.earn(w, r)
			})
			if err != nil || (still != nil && still.State == model.Pending) {
				return err // the batch is empty again
			}
		}
	}
}
