package app

import (
	"context"
	"log/slog"
	"time"
)

// chore is what a server does again and again beside its requests.
type chore struct {
	every   time.Duration
	atMost  time.Duration // one run
	fails   string        // what is logged when runs begin to fail
	works   string        // and when they work again
	do      func(context.Context) error
	outcome func(error) // told of each run; may be nil
}

// The chores whose failing ends nothing: whoever asks does them, or does
// without.
const (
	rollEvery  = 2 * time.Second // what nobody has counted is counted by whoever asks
	listsEvery = 5 * time.Second // whoever asks for a list in memory takes in what changed
	shareEvery = time.Second     // meanwhile each node counts its callers alone
)

func (p *program) rolls() chore {
	return chore{
		every: rollEvery, atMost: time.Hour, do: p.core.Roll,
		fails: "what is listed cannot be counted", works: "what is listed is counted again",
	}
}

func (p *program) follows() chore {
	return chore{
		every: listsEvery, atMost: 10 * listsEvery, do: p.core.KeepLists,
		fails: "lists in memory are not kept up to date", works: "lists in memory are kept up to date again",
	}
}

// keep does a chore until ctx ends.
func (c chore) keep(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(c.every)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		bounded, cancel := context.WithTimeout(ctx, c.atMost)
		err := c.do(bounded)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing:
			log.Error(c.fails, "err", err)
		case err == nil && failing:
			log.Info(c.works)
		}
		failing = err != nil
		if c.outcome != nil {
			c.outcome(err)
		}
	}
}
