package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"grapevine/model"
	"grapevine/web"
)

// shareEvery is how often nodes add up what callers called.
const shareEvery = time.Second

// rates count calls where limits hold, else it is nil.
func (p *program) rates(c ServeConfig) *web.Rates {
	if !c.RateLimits {
		return nil
	}
	return web.NewRates(p.now, p.core)
}

// shareRates shares what is counted until ctx ends. It logs when that begins
// to fail and when it works again: meanwhile each node counts alone.
func (p *program) shareRates(ctx context.Context, rates *web.Rates) {
	tick := time.NewTicker(shareEvery)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		bounded, cancel := context.WithTimeout(ctx, 5*shareEvery)
		err := rates.Sync(bounded)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing:
			p.log.Error("calls are not counted with other nodes", "err", err)
		case err == nil && failing:
			p.log.Info("calls are counted with other nodes again")
		}
		failing = err != nil
	}
}

// Unblock lets an address call again that a rate limit has blocked, in one
// account, or in all where slug is empty, and prints how many blocks there
// were.
func Unblock(ctx context.Context, c Config, slug, address string, out io.Writer) error {
	return writing(ctx, c, writes, func(ctx context.Context, p *program) error {
		accounts, err := p.core.Accounts(ctx)
		if err != nil {
			return err
		}
		if slug != "" {
			account, err := p.core.AccountBySlug(ctx, slug)
			if err != nil {
				return err
			}
			accounts = []model.Account{*account}
		}
		var lifted int64
		var failed []error
		for _, a := range accounts {
			n, err := p.core.Unblock(ctx, a.ID, address)
			lifted += n
			failed = append(failed, err)
		}
		if err := errors.Join(failed...); err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%s: %d blocks lifted\n", address, lifted)
		return err
	})
}
