package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"grapevine/model"
	"grapevine/store"
)

// stockLevels are the percentages of use at which the merchant is told of a
// batch of coupons.
var stockLevels = []int64{85, 95, 100}

// stockLevel is the greatest level that so many used codes reach, 0 below all.
func stockLevel(used, size int64) (reached int64) {
	for _, level := range stockLevels {
		if used*100 >= level*size {
			reached = level
		}
	}
	return reached
}

// ToldStock is how a batch of coupons stood when it reached a level.
type ToldStock struct {
	Batch   *model.Batch  `json:"-"`
	ID      model.BatchID `json:"batch"`
	Percent int64         `json:"percent"` // the level
	Size    int64         `json:"size"`    // codes, used ones included
	Left    int64         `json:"left"`    // codes that nobody had
}

// watchStock leaves word of a batch that a coupon was just handed out from,
// where somebody wants to know that it runs low. Codes are handed out nearly in
// their order, so the place of one says how many may be used, and nobody need
// wait for anybody to count. How many are is counted when it is told: see
// tellStock.
func (t *turn) watchStock(batch model.BatchID, handed model.CouponID) error {
	if t.cfg.Settings.Email.Alerts == "" && !t.cfg.Tells(model.CouponsLow) {
		return nil
	}
	stock, err := t.tx.Stock(batch)
	if err != nil {
		return err
	}
	if level := max(stockLevel(int64(handed), stock.Size), stock.Watched); level > stock.Told {
		t.checkStock(batch, ToldStock{Percent: level, Size: stock.Size}, t.now)
	}
	return nil
}

// checkStock leaves word that a batch may have reached a level.
func (t *turn) checkStock(batch model.BatchID, at ToldStock, when time.Time) {
	t.jobs = append(t.jobs, model.Job{ID: model.JobID(t.id()), Kind: model.JobStock, Subject: int64(batch), Payload: string(mustJSON(at)), RunAt: when})
}

// tellStock tells the merchant of each level that a batch reached, once: whoever
// comes first has locked the batch. Where codes were added meanwhile, the next
// that is handed out says where the batch is then. Where codes before the one
// that gave word are still free, as others held them for a moment, the next ones
// are watched; those whose transactions did not see that yet are counted later.
func (e *Engine) tellStock(ctx context.Context, job model.Job) error {
	var reached ToldStock
	if err := json.Unmarshal([]byte(job.Payload), &reached); err != nil {
		return fmt.Errorf("job %d: %w", job.ID, err)
	}
	return e.inTurn(ctx, job.Account, func(t *turn) error {
		reached.ID = model.BatchID(job.Subject)
		stock, err := t.tx.LockStock(reached.ID)
		if err != nil || stock.Told >= reached.Percent || stock.Size != reached.Size {
			return err
		}
		if reached.Left, err = t.tx.FreeCoupons(reached.ID); err != nil {
			return err
		}
		awaited := reached.Percent
		reached.Percent = stockLevel(stock.Size-reached.Left, stock.Size)
		if reached.Percent < awaited && stock.Watched < awaited {
			stock.Watched = awaited
			t.checkStock(reached.ID, ToldStock{Percent: awaited, Size: stock.Size}, t.now.Add(2*store.WriteLimit))
		}
		batch, err := t.tx.BatchByID(reached.ID)
		if err != nil {
			return err
		}
		for _, level := range stockLevels {
			if level > stock.Told && level <= reached.Percent {
				at := reached
				at.Percent = level
				t.tellLow(batch, at)
			}
		}
		stock.Told = max(stock.Told, reached.Percent)
		t.tx.SaveStock(reached.ID, stock)
		return nil
	})
}

func (t *turn) tellLow(batch *model.Batch, reached ToldStock) {
	t.tellWith(model.CouponsLow, batch.Campaign, t.id(), string(mustJSON(reached)), nil)
	if to := t.cfg.Settings.Email.Alerts; to != "" {
		t.leave(&model.Mail{Kind: model.StockMail, Recipient: to, Body: mailBody{
			Message: fmt.Sprintf("%d percent of the codes of %s are used: %d of %d are left.", reached.Percent, batch.Name, reached.Left, reached.Size),
		}.text()})
	}
}

// toldStock reads what was left to be told.
func toldStock(tx *store.Tx, payload string) (*ToldStock, error) {
	told := &ToldStock{}
	if err := json.Unmarshal([]byte(payload), told); err != nil {
		return nil, err
	}
	var err error
	told.Batch, err = tx.BatchByID(told.ID)
	return told, err
}
