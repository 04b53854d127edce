package app

import (
	"context"
	"log/slog"
	"time"

	"grapevine/engine"
)

// rollEvery is how often what is listed is counted. A list is right without
// it: what nobody has counted is counted by whoever asks.
const rollEvery = 10 * time.Second

// keepRolled counts until ctx ends. It logs when that begins to fail and when
// it works again.
func keepRolled(ctx context.Context, core *engine.Engine, log *slog.Logger) {
	tick := time.NewTicker(rollEvery)
	defer tick.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := core.Roll(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failed:
			log.Error("what is listed cannot be counted", "err", err)
		case err == nil && failed:
			log.Info("what is listed is counted again")
		}
		failed = err != nil
	}
}
