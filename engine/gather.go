package engine

import (
	"context"
	"sync"

	"grapevine/store"
)

// gather runs requests for one key together: while one group is in the
// database, the next one collects. It is group commit above the store, for
// what would else queue on one row.
type gather[K comparable, In, Out any] struct {
	// run does a group in one transaction. An error is everybody's; an error of
	// one request alone goes into its result.
	run   func(key K, requests []In) ([]result[Out], error)
	max   int // requests in a group
	lanes int // groups of one key under way at once; 0 means one

	answers sync.Pool // of empty channels for one result

	mu      sync.Mutex
	waiting map[K][]waiter[In, Out]
	busy    map[K]int // groups under way
}

// groupWait bounds how long a group that writes waits and works: longer than a
// transaction may wait for other processes and then may take, so that it is the
// store that says what became of it.
const groupWait = 4 * store.WriteLimit

type result[Out any] struct {
	out Out
	err error
}

type waiter[In, Out any] struct {
	ctx  context.Context
	in   In
	done chan result[Out]
}

// do hands in a request and waits for what became of it. A request whose
// context ends before its group begins leaves nothing behind.
func (g *gather[K, In, Out]) do(ctx context.Context, key K, in In) (Out, error) {
	done, kept := g.answers.Get().(chan result[Out])
	if !kept {
		done = make(chan result[Out], 1)
	}
	w := waiter[In, Out]{ctx: ctx, in: in, done: done}
	g.mu.Lock()
	if g.waiting == nil {
		g.waiting, g.busy = map[K][]waiter[In, Out]{}, map[K]int{}
	}
	g.waiting[key] = append(g.waiting[key], w)
	lead := g.busy[key] < max(1, g.lanes)
	if lead {
		g.busy[key]++
	}
	g.mu.Unlock()
	if lead {
		g.lead(key)
	}
	r := <-done
	g.answers.Put(done)
	return r.out, r.err
}

// lead runs the group that its own request is in, and hands the next one to a
// goroutine, which ends when nobody waits: every request in it has a caller
// who waits for it.
func (g *gather[K, In, Out]) lead(key K) {
	if g.group(key) {
		go func() {
			for g.group(key) {
			}
		}()
	}
}

// safely is run. What panics must leave neither callers who wait for good nor a
// dead process.
func (g *gather[K, In, Out]) safely(key K, requests []In) (results []result[Out], err error) {
	defer store.Recover(&err)
	return g.run(key, requests)
}

// group runs one group, and reports whether another waits.
func (g *gather[K, In, Out]) group(key K) bool {
	g.mu.Lock()
	n := min(len(g.waiting[key]), g.max)
	taken := g.waiting[key][:n:n]
	g.waiting[key] = g.waiting[key][n:]
	g.mu.Unlock()

	live := taken[:0]
	requests := make([]In, 0, n)
	for _, w := range taken {
		if err := w.ctx.Err(); err != nil {
			w.done <- result[Out]{err: err}
			continue
		}
		live = append(live, w)
		requests = append(requests, w.in)
	}
	if len(live) > 0 {
		results, err := g.safely(key, requests)
		for i, w := range live {
			if err != nil {
				w.done <- result[Out]{err: err}
				continue
			}
			w.done <- results[i]
		}
	}

	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting[key]) > 0 {
		return true
	}
	delete(g.waiting, key)
	if g.busy[key]--; g.busy[key] == 0 {
		delete(g.busy, key)
	}
	return false
}
