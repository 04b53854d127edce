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

	mu     sync.Mutex
	queues map[K]*queue[In, Out] // of the keys that somebody waits for
}

// groupWait bounds how long a group that writes waits and works: longer than a
// transaction may wait for other processes and then may take, so that it is the
// store that says what became of it.
const groupWait = 4 * store.WriteLimit

type result[Out any] struct {
	out Out
	err error
}

// queue is what is asked for one key.
type queue[In, Out any] struct {
	waiting []waiter[In, Out]
	groups  int // under way
	busy    int // requests in them
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
	q := g.queues[key]
	if q == nil {
		if g.queues == nil {
			g.queues = map[K]*queue[In, Out]{}
		}
		q = &queue[In, Out]{}
		g.queues[key] = q
	}
	q.waiting = append(q.waiting, w)
	group := g.next(q)
	g.mu.Unlock()
	if group != nil {
		// The request is in the group, or before it in the queue. What comes after
		// is not its caller's to do.
		if group = g.work(key, q, group); group != nil {
			go g.lane(key, q, group)
		}
	}
	r := <-done
	g.answers.Put(done)
	return r.out, r.err
}

// next takes a group from those that wait, if one may begin. Lanes share what
// there is: a few that come while many are under way would cost the database as
// much as many do, so they wait until they are half as many, or those are done.
func (g *gather[K, In, Out]) next(q *queue[In, Out]) []waiter[In, Out] {
	lanes := max(1, g.lanes)
	if len(q.waiting) == 0 || q.groups == lanes || 2*len(q.waiting) < q.busy {
		return nil
	}
	share := (len(q.waiting) + q.busy + lanes - 1) / lanes
	n := min(len(q.waiting), share, g.max)
	group := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	q.groups++
	q.busy += n
	return group
}

// lane runs groups for as long as somebody waits: every request in them has a
// caller who does.
func (g *gather[K, In, Out]) lane(key K, q *queue[In, Out], group []waiter[In, Out]) {
	for group != nil {
		group = g.work(key, q, group)
	}
}

// work runs one group, and returns the next one. What another lane may begin,
// now that this group is done, begins.
func (g *gather[K, In, Out]) work(key K, q *queue[In, Out], group []waiter[In, Out]) []waiter[In, Out] {
	n := len(group)
	g.answer(key, group)

	g.mu.Lock()
	defer g.mu.Unlock()
	q.groups--
	q.busy -= n
	next := g.next(q)
	for next != nil {
		other := g.next(q)
		if other == nil {
			break
		}
		go g.lane(key, q, other)
	}
	if q.groups == 0 {
		delete(g.queues, key)
	}
	return next
}

// answer runs a group and tells each caller what became of theirs.
func (g *gather[K, In, Out]) answer(key K, group []waiter[In, Out]) {
	live := group[:0]
	requests := make([]In, 0, len(group))
	for _, w := range group {
		if err := w.ctx.Err(); err != nil {
			w.done <- result[Out]{err: err}
			continue
		}
		live = append(live, w)
		requests = append(requests, w.in)
	}
	if len(live) == 0 {
		return
	}
	results, err := g.safely(key, requests)
	for i, w := range live {
		if err != nil {
			w.done <- result[Out]{err: err}
			continue
		}
		w.done <- results[i]
	}
}

// safely is run. What panics must leave neither callers who wait for good nor a
// dead process.
func (g *gather[K, In, Out]) safely(key K, requests []In) (results []result[Out], err error) {
	defer store.Recover(&err)
	return g.run(key, requests)
}
