package app

import (
	"context"
	"time"
)

// listsEvery is how often lists in memory take in what changed while nobody
// asks for them.
const listsEvery = 5 * time.Second

// keepLists follows changes until ctx ends. It logs when that begins to fail
// and when it works again: meanwhile whoever asks for a list waits for it.
func (p *program) keepLists(ctx context.Context) {
	tick := time.NewTicker(listsEvery)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		bounded, cancel := context.WithTimeout(ctx, 10*listsEvery)
		err := p.core.KeepLists(bounded)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing:
			p.log.Error("lists in memory are not kept up to date", "err", err)
		case err == nil && failing:
			p.log.Info("lists in memory are kept up to date again")
		}
		failing = err != nil
	}
}
