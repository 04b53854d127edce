package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"grapevine/store"
)

const (
	// maxBatch is how many transactions share one commit at most.
	maxBatch = 256
	// takeFor is how long a batch begins further transactions. It leaves the
	// last of them nearly all of store.WriteLimit.
	takeFor = store.WriteLimit / 10
	// lockWait is how long the writer waits for another process to commit.
	lockWait = 10 * time.Second
	// lockPoll is how often it looks. SQLite's own waiting backs off to 100 ms,
	// which finds no gap between the commits of a busy process.
	lockPoll = time.Millisecond
)

// writerPragmas give the writer a cache that holds what a batch touches, and
// leave the waiting to begin.
var writerPragmas = fmt.Sprintf(`PRAGMA cache_size = -8000; PRAGMA busy_timeout = 0; PRAGMA wal_autocheckpoint = %d;`, logPages)

// writer runs all transactions that write, one after the other, on a connection
// and a goroutine of its own.
type writer struct {
	c     *conn
	path  string
	log   *slog.Logger
	queue chan *request
	done  chan struct{} // closed when the goroutine has ended
	watch *watch
	batch []*request // those whose answer depends on the next commit

	commits, transactions atomic.Int64 // that were made durable

	requests sync.Pool // of those that were answered

	maxLog    int64 // size of the log from which it is trimmed
	trimEvery int   // commits between two looks at it
	untilTrim int   // commits that are left of them

	gate   sync.RWMutex // held for reading while a request is put into queue
	closed bool
}

// request is one transaction that waits for the writer.
type request struct {
	ctx    context.Context
	fn     func(store.Conn) ([]store.Statement, error)
	err    error
	state  atomic.Int32 // waiting, then taken or left
	answer chan error
}

const (
	waiting int32 = iota
	taken         // by the writer, which will answer
	left          // by its caller, who is gone
)

func newWriter(c *conn, path string, log *slog.Logger) *writer {
	w := &writer{
		c:      c,
		path:   path,
		log:    log,
		queue:  make(chan *request, maxBatch),
		done:   make(chan struct{}),
		watch:  newWatch(c.interrupt),
		maxLog: maxLog,

		trimEvery: logEvery,
	}
	w.requests.New = func() any { return &request{answer: make(chan error, 1)} }
	c.arm(true)
	go w.run()
	return w
}

// Update runs fn and the statements it returns in one transaction. It shares
// its commit with others that wait.
func (e *Engine) Update(ctx context.Context, fn func(store.Conn) ([]store.Statement, error)) error {
	return e.writer.update(ctx, fn)
}

func (w *writer) update(ctx context.Context, fn func(store.Conn) ([]store.Statement, error)) error {
	r := w.requests.Get().(*request)
	r.ctx, r.fn, r.err = ctx, fn, nil
	r.state.Store(waiting)
	if err := w.put(r); err != nil {
		return err
	}
	select {
	case err := <-r.answer:
		r.ctx, r.fn = nil, nil
		w.requests.Put(r)
		return err
	case <-ctx.Done():
		if r.state.CompareAndSwap(waiting, left) {
			return ctx.Err()
		}
		return <-r.answer // the writer has it and looks at ctx itself
	}
}

// put adds r to the queue.
func (w *writer) put(r *request) error {
	w.gate.RLock()
	defer w.gate.RUnlock()
	if w.closed {
		return store.ErrClosed
	}
	select {
	case w.queue <- r:
		return nil
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
}

// close waits for the transactions that are in the queue.
func (w *writer) close() error {
	w.gate.Lock()
	w.closed = true
	close(w.queue)
	w.gate.Unlock()
	<-w.done
	return w.c.close()
}

// run commits what is in the queue, until that is closed.
func (w *writer) run() {
	ended := false
	defer func() {
		if ended {
			close(w.done)
			return
		}
		w.lose(errors.New("a function ended the goroutine that it ran on"))
		go w.run()
	}()
	for r := range w.queue {
		w.commit(r)
	}
	ended = true
}

// commit runs first and what comes in meanwhile, and commits all of it.
func (w *writer) commit(first *request) {
	if err := w.begin(); err != nil {
		w.refuse(first, err)
		return
	}
	for r := first; r != nil; r = w.next() {
		if !r.state.CompareAndSwap(waiting, taken) {
			continue
		}
		w.batch = append(w.batch, r)
		var err error
		if r.err, err = w.try(r); err != nil {
			w.lose(err)
			return
		}
	}
	w.watch.stop()
	if err := w.c.command("COMMIT"); err != nil {
		w.lose(err)
		return
	}
	w.commits.Add(1)
	w.transactions.Add(int64(len(w.batch)))
	w.answer()
	w.trimLog()
}

// begin opens a transaction, when other processes let it.
func (w *writer) begin() error {
	for waited := time.Duration(0); ; waited += lockPoll {
		err := w.c.command("BEGIN IMMEDIATE")
		if err == nil {
			w.watch.start()
			return nil
		}
		if !isBusy(err) || waited >= lockWait {
			return err
		}
		time.Sleep(lockPoll)
	}
}

// next returns a request that waits, or nil when the batch should end.
func (w *writer) next() *request {
	if len(w.batch) >= maxBatch || w.watch.stale() {
		return nil
	}
	select {
	case r := <-w.queue:
		return r // nil if the queue is closed
	default:
		return nil
	}
}

// try runs one request. Its failure is undone alone; lost says that this could
// not be done, and that the whole transaction has to go.
func (w *writer) try(r *request) (failure, lost error) {
	if err := r.ctx.Err(); err != nil {
		return err, nil
	}
	if err := w.c.command("SAVEPOINT request"); err != nil {
		return nil, err
	}
	failure = w.call(r)
	if w.watch.late() {
		w.watch.stop() // and let what is left of the batch be committed
		failure = store.ErrSlow
	}
	// Errors such as FULL, IOERR and INTERRUPT, and ON CONFLICT ROLLBACK, end
	// the transaction. The next savepoint would open one of its own.
	if !w.c.inTransaction() {
		return failure, fmt.Errorf("SQLite ended the transaction: %v", failure)
	}
	if failure != nil {
		lost = w.c.command("ROLLBACK TO request")
	}
	if lost == nil {
		lost = w.c.command("RELEASE request")
	}
	return failure, lost
}

// call runs the function of r and the statements it returns.
func (w *writer) call(r *request) (err error) {
	t := &tx{c: w.c, ctx: r.ctx}
	defer t.end()
	defer store.Recover(&err)
	last, err := r.fn(t)
	if err != nil {
		return err
	}
	if err := t.Run(r.ctx, last...); err != nil {
		return err
	}
	return r.ctx.Err()
}

// answer tells each request of the batch how it ended.
func (w *writer) answer() {
	for i, r := range w.batch {
		w.batch[i] = nil
		r.answer <- r.err
	}
	w.batch = w.batch[:0]
}

// lose rolls back and tells all of the batch. What is wrong with one request
// must not look like an error of another, so the others get its text only.
func (w *writer) lose(cause error) {
	w.watch.stop()
	if w.c.inTransaction() {
		if err := w.c.command("ROLLBACK"); err != nil {
			cause = errors.Join(cause, err)
		}
	}
	w.log.Error("a commit was lost", "transactions", len(w.batch), "err", cause)
	for _, r := range w.batch {
		if r.err == nil {
			r.err = fmt.Errorf("commit: %v", cause)
		}
	}
	w.answer()
}

// refuse tells first, and what waits behind it, that no transaction could begin.
func (w *writer) refuse(first *request, cause error) {
	for r := first; r != nil; r = w.next() {
		if r.state.CompareAndSwap(waiting, taken) {
			r.err = fmt.Errorf("begin: %w", cause)
			w.batch = append(w.batch, r)
		}
	}
	w.log.Error("no transaction could begin", "transactions", len(w.batch), "err", cause)
	w.answer()
}
