package sqlite

import (
	"context"
	"errors"
	"fmt"

	"grapevine/store"
)

// readerPragmas keep a reader from writing and its cache small.
const readerPragmas = `PRAGMA cache_size = -4000; PRAGMA query_only = ON;`

// readers is a bounded pool of connections, opened when first needed.
type readers struct {
	path   string
	free   chan *conn // nil stands for one that is not open yet
	closed chan struct{}
}

func newReaders(path string, n int) *readers {
	r := &readers{path: path, free: make(chan *conn, n), closed: make(chan struct{})}
	for range n {
		r.free <- nil
	}
	return r
}

// take waits for a connection that no one uses.
func (r *readers) take(ctx context.Context) (*conn, error) {
	select {
	case <-r.closed:
		return nil, store.ErrClosed
	default:
	}
	select {
	case <-r.closed:
		return nil, store.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	case c := <-r.free:
		if c != nil {
			return c, nil
		}
	}
	c, err := open(r.path, readerPragmas)
	if err != nil {
		r.free <- nil
		return nil, fmt.Errorf("open %s for reading: %w", r.path, err)
	}
	return c, nil
}

// close waits until all connections are back and closes them.
func (r *readers) close() error {
	close(r.closed)
	var errs []error
	for range cap(r.free) {
		if c := <-r.free; c != nil {
			errs = append(errs, c.close())
		}
	}
	return errors.Join(errs...)
}

// View runs fn on one snapshot, which begins with its first statement.
func (e *Engine) View(ctx context.Context, fn func(store.Conn) error) error {
	c, err := e.readers.take(ctx)
	if err != nil {
		return err
	}
	clean := false
	defer func() {
		if !clean { // fn ended its goroutine, or SQLite is at odds: start afresh
			c.close()
			c = nil
		}
		e.readers.free <- c
	}()
	err = c.command("BEGIN")
	if err == nil {
		err = read(ctx, c, fn)
		clean = c.command("ROLLBACK") == nil
	}
	return err
}

// read runs fn, whose statements are interrupted when ctx ends.
func read(ctx context.Context, c *conn, fn func(store.Conn) error) (err error) {
	t := &tx{c: c, ctx: ctx}
	defer t.end()
	if ctx.Done() != nil {
		c.arm(true)
		defer c.arm(false)
		defer context.AfterFunc(ctx, c.interrupt)()
	}
	defer store.Recover(&err)
	if err := fn(t); err != nil {
		return err
	}
	return t.err
}
