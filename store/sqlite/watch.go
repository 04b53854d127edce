package sqlite

import (
	"sync"
	"sync/atomic"
	"time"

	"grapevine/store"
)

// interruptEvery is how often a statement that took too long is interrupted: it
// may not hear it when it is just beginning.
const interruptEvery = 100 * time.Millisecond

// watch bounds a batch in time.
type watch struct {
	interrupt func()
	old       atomic.Bool // takeFor is over
	over      atomic.Bool // store.WriteLimit is over

	mu      sync.Mutex // guards the rest, and writes of old and over
	running bool
	timer   *time.Timer
}

func newWatch(interrupt func()) *watch {
	w := &watch{interrupt: interrupt}
	w.timer = time.AfterFunc(store.WriteLimit, w.ring)
	w.timer.Stop()
	return w
}

// start begins to watch a batch.
func (w *watch) start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = true
	w.old.Store(false)
	w.over.Store(false)
	w.timer.Reset(takeFor)
}

// stop makes sure that nothing is interrupted from here on.
func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = false
	w.timer.Stop()
}

// stale reports whether the batch should begin no further transaction.
func (w *watch) stale() bool { return w.old.Load() }

// late reports whether the batch took too long.
func (w *watch) late() bool { return w.over.Load() }

// ring is called by the timer.
func (w *watch) ring() {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !w.running:
	case !w.old.Load():
		w.old.Store(true)
		w.timer.Reset(store.WriteLimit - takeFor)
	default:
		w.over.Store(true)
		w.interrupt()
		w.timer.Reset(interruptEvery)
	}
}
