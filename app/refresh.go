package app

import (
	"context"
	"sync"

	"grapevine/engine"
)

// freshness reads again and again what other processes applied.
type freshness struct {
	core *engine.Engine
	try  func(context.Context) (read bool, err error) // see program.tryConfig

	read bool // an account could be read; the chore's own

	mu   sync.Mutex
	last error
}

// chore refreshes, and keeps what came of it.
func (f *freshness) chore() chore {
	return chore{
		every: refreshEvery, atMost: 2 * refreshEvery, do: f.refresh, outcome: f.keep,
		fails: "the configuration cannot be read", works: "the configuration can be read again",
	}
}

func (f *freshness) keep(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = err
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

// check returns why the configuration could not be read last time.
func (f *freshness) check(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}
