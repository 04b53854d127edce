// Package sqlite is the embedded storage engine: one file, no server. One
// goroutine writes and commits many waiting transactions together, so that a
// commit's wait for the disk is shared; a bounded pool of connections reads
// snapshots beside it. It knows nothing of what the tables mean.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"sync/atomic"

	"github.com/pressly/goose/v3"

	"grapevine/store"
)

// Config says which database to open and how.
type Config struct {
	Path    string       // the file; it is made if it is not there
	Log     *slog.Logger // nil discards
	Readers int          // most connections that read at once; 0 means one a processor, from 2 to 4
}

// Engine is an open SQLite database. It is safe for concurrent use.
type Engine struct {
	path    string
	log     *slog.Logger
	writer  *writer
	readers *readers
	marker  marker
	closed  atomic.Bool
}

var _ store.Engine = (*Engine)(nil)

// Open opens the database. Other processes may have the same file open.
func Open(ctx context.Context, config Config) (*Engine, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if config.Path == "" {
		return nil, errors.New("open sqlite: no path")
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Readers <= 0 {
		config.Readers = min(max(runtime.GOMAXPROCS(0), 2), 4)
	}
	if err := private(config.Path); err != nil {
		return nil, fmt.Errorf("open %s: %w", config.Path, err)
	}
	c, err := open(config.Path, writerPragmas)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", config.Path, err)
	}
	return &Engine{
		path:    config.Path,
		log:     config.Log,
		writer:  newWriter(c, config.Path, config.Log),
		readers: newReaders(config.Path, config.Readers),
		marker:  marker{path: config.Path},
	}, nil
}

// private makes a database that is not there yet for its owner alone: it holds
// personal data. SQLite gives its other files the same mode.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// Name is "sqlite".
func (e *Engine) Name() string { return "sqlite" }

// ForUpdate is empty: the writer is alone.
func (e *Engine) ForUpdate() string { return "" }

// ForShare is empty: the writer is alone.
func (e *Engine) ForShare() string { return "" }

// SkipLocked is empty: the writer is alone.
func (e *Engine) SkipLocked() string { return "" }

// Commits counts the commits since the database was opened, and the
// transactions that shared them.
func (e *Engine) Commits() (commits, transactions int64) {
	return e.writer.commits.Load(), e.writer.transactions.Load()
}

// Close waits for running transactions and closes the database.
func (e *Engine) Close() error {
	if e.closed.Swap(true) {
		return store.ErrClosed
	}
	return errors.Join(e.marker.close(), e.readers.close(), e.writer.close())
}

// tx runs statements for one function, until end.
type tx struct {
	c   *conn
	ctx context.Context
	err error // the first error; nothing runs after it, as on PostgreSQL
}

var errEnded = errors.New("the transaction has ended")

func (t *tx) Run(ctx context.Context, statements ...store.Statement) error {
	for i := range statements {
		if t.err == nil {
			t.err = t.ctx.Err()
		}
		if t.err == nil {
			t.err = ctx.Err()
		}
		if t.err != nil {
			return t.err
		}
		if err := t.c.run(&statements[i]); err != nil {
			if isInterrupt(err) && t.ctx.Err() != nil {
				err = t.ctx.Err()
			}
			t.err = fmt.Errorf("%w\n%s", err, statements[i].SQL)
			return t.err
		}
	}
	return t.err
}

// end makes the Conn that was handed out useless.
func (t *tx) end() {
	if t.err == nil {
		t.err = errEnded
	}
}

// Migrate brings the schema to the newest version.
func (e *Engine) Migrate(ctx context.Context) error {
	if e.closed.Load() {
		return store.ErrClosed
	}
	db, err := openSQL(e.path)
	if err != nil {
		return fmt.Errorf("open %s: %w", e.path, err)
	}
	err = store.Migrator{
		DB:      db,
		Dialect: goose.DialectSQLite3,
		Replace: []string{"$clustered", "WITHOUT ROWID", "$text", "TEXT"},
	}.Up(ctx)
	if err == nil {
		err = setStatistics(ctx, db)
	}
	return errors.Join(err, db.Close())
}
