package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"grapevine/store"
)

const (
	beginWrite = "BEGIN"
	beginRead  = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	commit     = "COMMIT"
	rollback   = "ROLLBACK"
)

// maxAttempts bounds how often a transaction runs that others get in the way of.
const maxAttempts = 10

// Update runs fn and the statements it returns in one transaction. What fn
// returns goes out together with COMMIT, and if fn ran nothing, BEGIN too.
func (e *Engine) Update(ctx context.Context, fn func(store.Conn) ([]store.Statement, error)) error {
	for attempt := 1; ; attempt++ {
		err, again := e.attempt(ctx, fn)
		if !again || attempt == maxAttempts {
			return err
		}
		e.log.Debug("a transaction runs again", "attempt", attempt, "err", err)
		pause := time.NewTimer(rand.N(time.Duration(attempt) * 5 * time.Millisecond))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		}
	}
}

// attempt runs the transaction once, and says whether it may run again.
func (e *Engine) attempt(ctx context.Context, fn func(store.Conn) ([]store.Statement, error)) (err error, again bool) {
	conn, err := e.acquire(ctx, e.writes)
	if err != nil {
		return err, false
	}
	limited, cancel := context.WithTimeout(ctx, store.WriteLimit)
	defer cancel()
	t := &tx{s: sessionOf(conn), ctx: limited, begin: beginWrite}
	t.s.written = 0
	defer conn.Release()
	defer t.rollback()
	err = t.update(fn)
	if err == nil {
		e.wrote(t.s.written)
		return nil, false
	}
	again = t.mayRunAgain()
	unsure := t.committed && t.s.conn.IsClosed()
	switch {
	case ctx.Err() != nil:
		err, again = interrupted(ctx.Err(), err), false
	case limited.Err() != nil:
		err, again = interrupted(store.ErrSlow, err), false
	}
	if unsure {
		err = fmt.Errorf("%w: %w", store.ErrUnsure, err)
	}
	return err, again
}

// View runs fn on one snapshot, which begins with its first statement.
func (e *Engine) View(ctx context.Context, fn func(store.Conn) error) error {
	conn, err := e.acquire(ctx, e.reads)
	if err != nil {
		return err
	}
	t := &tx{s: sessionOf(conn), ctx: ctx, begin: beginRead}
	defer func() {
		if !t.begun {
			conn.Release()
			return
		}
		// Nobody has to wait for the end of a transaction that only read.
		// Closing the pool waits for it.
		go func() {
			defer conn.Release()
			t.rollback()
		}()
	}()
	err = t.call(func() error { return fn(t) })
	if err != nil && ctx.Err() != nil {
		return interrupted(ctx.Err(), err)
	}
	return err
}

func (e *Engine) acquire(ctx context.Context, pool *pgxpool.Pool) (*pgxpool.Conn, error) {
	if e.closed.Load() {
		return nil, store.ErrClosed
	}
	conn, err := pool.Acquire(ctx)
	if err != nil && e.closed.Load() {
		return nil, store.ErrClosed
	}
	return conn, err
}

// tx runs statements for one function.
type tx struct {
	s         *session
	ctx       context.Context
	begin     string
	begun     bool
	committed bool // COMMIT was sent, whatever came of it
	ended     bool
	err       error // the first error; PostgreSQL runs nothing after it
}

func (t *tx) Run(ctx context.Context, statements ...store.Statement) error {
	if t.ended {
		return errors.New("the transaction has ended")
	}
	if t.err == nil {
		t.err = ctx.Err()
	}
	if t.err != nil || len(statements) == 0 {
		return t.err
	}
	if !t.begun {
		t.begun = true
		statements = append([]store.Statement{{SQL: t.begin}}, statements...)
	}
	// A Run from a Row has set t.err when its outer Run comes back.
	if err := t.s.run(t.ctx, statements); t.err == nil {
		t.err = err
	}
	return t.err
}

// call runs fn, which uses t.
func (t *tx) call(fn func() error) (err error) {
	defer func() { t.ended = true }()
	defer store.Recover(&err)
	if err := fn(); err != nil {
		return err
	}
	return t.err
}

func (t *tx) update(fn func(store.Conn) ([]store.Statement, error)) error {
	var last []store.Statement
	err := t.call(func() (err error) {
		last, err = fn(t)
		if err == nil && hasRows(last) { // they may fail on our side, so COMMIT waits
			err, last = t.Run(t.ctx, last...), nil
		}
		return err
	})
	if err == nil {
		err = t.commit(last)
	}
	return err
}

func hasRows(statements []store.Statement) bool {
	for i := range statements {
		if statements[i].Row != nil {
			return true
		}
	}
	return false
}

// commit runs the last statements and commits.
func (t *tx) commit(last []store.Statement) error {
	if !t.begun && len(last) == 0 {
		return nil
	}
	if t.err = t.ctx.Err(); t.err != nil {
		return t.err
	}
	if t.begun {
		last = append(last[:len(last):len(last)], store.Statement{SQL: commit})
	}
	// Without BEGIN, PostgreSQL takes what is sent in one go as one transaction.
	//
	// A caller who goes away from here on must not leave it open what became of
	// the transaction.
	deadline, _ := t.ctx.Deadline()
	ctx, cancel := context.WithDeadline(context.WithoutCancel(t.ctx), deadline)
	defer cancel()
	t.committed = true
	t.err = t.s.run(ctx, last)
	return t.err
}

// rollback ends a transaction that was not committed.
func (t *tx) rollback() {
	t.ended = true
	if t.s.conn.IsClosed() || t.s.conn.TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), store.WriteLimit)
	defer cancel()
	if t.s.run(ctx, []store.Statement{{SQL: rollback}}) != nil {
		t.s.conn.Close(ctx)
	}
}

// mayRunAgain reports whether the transaction failed because of others, and
// surely left nothing behind.
func (t *tx) mayRunAgain() bool {
	if inTheWay(t.err) {
		return true
	}
	broken := t.err != nil && t.s.conn.IsClosed()
	return broken && !t.committed && !errors.Is(t.err, store.ErrSlow)
}
