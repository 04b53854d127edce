package postgres

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"grapevine/store"
)

// marker tells whether anything was committed. Two snapshots of PostgreSQL that
// list the same transactions as under way, and the same as yet to come, see the
// same rows. Whoever asks while an answer is under way shares the next one.
type marker struct {
	opened atomic.Int64 // connections that marks are asked over
	spread atomic.Bool  // the database is on several machines

	mu     sync.Mutex // guards all below
	next   *marking   // that somebody waits for; nil: nobody does
	asking bool
	at     string // the snapshot of the last answer
	mark   int64
}

// marking is an answer that is yet to come.
type marking struct {
	done chan struct{}
	mark int64 // once it is done; 0: there is none
}

// Mark is a number that is another one once anything was committed since, in
// this or any other database of the server. It takes a round trip, which all who
// ask meanwhile share; it is 0 when ctx ends before, and always where Citus has
// the rows on machines that commit by themselves.
func (e *Engine) Mark(ctx context.Context) int64 {
	m := &e.marker
	if m.spread.Load() {
		return 0
	}
	m.mu.Lock()
	if m.next == nil {
		m.next = &marking{done: make(chan struct{})}
	}
	mine := m.next
	if !m.asking {
		m.asking = true
		go e.askMarks()
	}
	m.mu.Unlock()
	select {
	case <-mine.done:
		return mine.mark
	case <-ctx.Done():
		return 0
	}
}

// askMarks answers for as long as somebody waits.
func (e *Engine) askMarks() {
	m := &e.marker
	for {
		m.mu.Lock()
		those := m.next
		m.next, m.asking = nil, those != nil
		m.mu.Unlock()
		if those == nil {
			return
		}
		if at, err := e.snapshot(); err == nil {
			those.mark = m.of(at)
		}
		close(those.done)
	}
}

// of is the mark of a snapshot.
func (m *marker) of(at string) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at != m.at {
		m.at = at
		m.mark++
	}
	return m.mark
}

// meet has a connection that was opened make another mark.
func (m *marker) meet(ctx context.Context, conn *pgx.Conn) error {
	m.opened.Add(1)
	var spread bool
	err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus')`).Scan(&spread)
	m.spread.Store(spread)
	return err
}

// markWithin is how long a mark is waited for: to read without one is slower, and
// right.
const markWithin = time.Second

// snapshot names the snapshot that a statement of this moment has. A server that
// was put back to an earlier state, or that recovered from a crash, gives numbers
// of transactions to others; but no connection outlives that.
func (e *Engine) snapshot() (at string, err error) {
	ctx, cancel := context.WithTimeout(e.life, markWithin)
	defer cancel()
	conn, err := e.acquire(ctx, e.reads)
	if err != nil {
		return "", err
	}
	defer conn.Release()
	opened := e.marker.opened.Load()
	err = sessionOf(conn).run(ctx, []store.Statement{{
		SQL: `SELECT CAST(pg_current_snapshot() AS TEXT)`,
		Row: func(r store.Row) error { return r.Scan(&at) },
	}})
	return strconv.FormatInt(opened, 10) + " " + at, err
}
