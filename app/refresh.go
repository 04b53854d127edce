package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"grapevine/engine"
)

// freshness reads again and again what other processes applied.
type freshness struct {
	core *engine.Engine
	try  func(context.Context) (read bool, err error) // see program.tryConfig
	log  *slog.Logger

	read bool // an account could be read; keep's own

	mu   sync.Mutex
	last error
}

// keep refreshes until ctx ends. It logs when that begins to fail and when it
// works again.
func (f *freshness) keep(ctx context.Context) {
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		bounded, cancel := context.WithTimeout(ctx, 2*refreshEvery)
		err := f.refresh(bounded)
		cancel()
		if ctx.Err() != nil {
			return
		}
		switch had := f.swap(err); {
		case err != nil && had == nil:
			f.log.Error("the configuration cannot be read", "err", err)
		case err == nil && had != nil:
			f.log.Info("the configuration can be read again")
		}
	}
}

// refresh also reads the first account that another process applies: that shows
// whether both have the same secret file.
func (f *freshness) refresh(ctx context.Context) error {
	err := f.core.Refresh(ctx)
	if err == nil && !f.read {
		f.read, err = f.try(ctx)
	}
	return err
}

func (f *freshness) swap(err error) (had error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	had, f.last = f.last, err
	return had
}

// check returns why the configuration could not be read last time.
func (f *freshness) check(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}
