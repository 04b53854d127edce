package sqlite

import (
	"context"
	"sync"
)

// marker tells whether anything was committed. SQLite counts, for each
// connection, the commits of all others: this one commits nothing.
type marker struct {
	path string

	mu   sync.Mutex // guards all below
	c    *conn      // nil: not open
	at   int64      // what SQLite said last
	mark int64
	over bool // for good
}

// Mark is a number that is another one once anything was committed since, by
// whatever process: a transaction is committed here before it is answered. It
// is 0 where that cannot be told.
func (e *Engine) Mark(context.Context) int64 { return e.marker.now() }

func (m *marker) now() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over {
		return 0
	}
	if m.c == nil {
		c, err := open(m.path, readerPragmas)
		if err != nil {
			return 0
		}
		m.c = c
		m.mark++
	}
	at, err := m.c.number("PRAGMA data_version")
	if err != nil {
		m.c.close()
		m.c = nil
		return 0
	}
	if at != m.at {
		m.at = at
		m.mark++
	}
	return m.mark
}

func (m *marker) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.over = true
	if m.c == nil {
		return nil
	}
	err := m.c.close()
	m.c = nil
	return err
}
