package app

import (
	"context"
	"errors"
	"fmt"
	"io"

	"grapevine/model"
	"grapevine/web"
)

// rates count calls where limits hold, else it is nil.
func (p *program) rates(c ServeConfig) *web.Rates {
	if !c.RateLimits {
		return nil
	}
	return web.NewRates(p.now, p.core)
}

// shares adds up what nodes counted.
func shares(rates *web.Rates) chore {
	return chore{
		every: shareEvery, atMost: 5 * shareEvery, do: rates.Sync,
		fails: "calls are not counted with other nodes", works: "calls are counted with other nodes again",
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
