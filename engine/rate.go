package engine

import (
	"context"
	"net/netip"
	"time"

	"grapevine/model"
	"grapevine/store"
)

// clockSkew is how far the clocks of nodes may differ before a window that one
// still counts is forgotten by another.
const clockSkew = time.Minute

// ShareRates adds what this node counted of an account's callers to what the
// others did. An address that was refused too often is blocked from then on:
// only where all nodes together counted past the limit does a refusal weigh
// against it.
func (e *Engine) ShareRates(ctx context.Context, account model.AccountID, counts []model.RateCount) (*model.RateSums, error) {
	var sums *model.RateSums
	err := e.store.InTx(ctx, account, func(tx *store.Tx) error {
		now := e.now()
		calls := make([]store.Calls, len(counts))
		for i, c := range counts {
			calls[i] = store.Calls{Subject: e.secret.Digest("rate", c.Limit.Name, c.Subject), Ends: c.Ends, N: c.Calls}
		}
		sums = &model.RateSums{}
		var err error
		if sums.Calls, err = tx.AddCalls(calls, now.Add(-clockSkew)); err != nil {
			return err
		}
		for i, c := range counts {
			if c.Limit.Block == 0 || sums.Calls[i] < c.Limit.Calls {
				continue
			}
			for _, address := range c.Refused {
				b := model.RateBlock{Limit: c.Limit.Name, Address: address}
				overruns, err := tx.Overran(b, c.Ends, now.Add(-c.Limit.Within))
				if err != nil {
					return err
				}
				if overruns > c.Limit.Overruns {
					tx.Block(b, now.Add(c.Limit.Block))
				}
			}
		}
		sums.Blocks, err = tx.Blocks(now)
		return err
	})
	return sums, err
}

// RateBlocks lists the addresses that called an account too often, and until
// when they are blocked.
func (e *Engine) RateBlocks(ctx context.Context, account model.AccountID) (map[model.RateBlock]time.Time, error) {
	var blocks map[model.RateBlock]time.Time
	err := e.store.View(ctx, account, func(tx *store.Tx) (err error) {
		blocks, err = tx.Blocks(e.now())
		return err
	})
	return blocks, err
}

// Unblock lets an address call an account again, and returns how many blocks
// it lifted. Running servers notice within a second of its next call. Fails
// with Invalid.
func (e *Engine) Unblock(ctx context.Context, account model.AccountID, address string) (int64, error) {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return 0, &model.Error{Kind: model.Invalid, Field: "address", Msg: "expected an IP address, got " + address}
	}
	var lifted int64
	err = e.store.InTx(ctx, account, func(tx *store.Tx) (err error) {
		lifted, err = tx.Unblock(ip.Unmap().WithZone("").String())
		return err
	})
	return lifted, err
}
