// Package postgres is the storage engine for several nodes. A round trip costs
// more than a statement, so all statements of a Run go out together, BEGIN with
// the first and COMMIT with the last. It knows nothing of what the tables mean.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"grapevine/store"
)

// Config says which database to open and how.
type Config struct {
	URL      string       // postgres://…
	MaxConns int          // most connections that write; half as many more read; 0 means 12
	Log      *slog.Logger // nil discards
}

// Engine is an open PostgreSQL database. It is safe for concurrent use.
type Engine struct {
	log    *slog.Logger
	writes *pgxpool.Pool // whose statements are bounded in time
	reads  *pgxpool.Pool
	closed atomic.Bool

	marker marker

	rows    atomic.Int64    // written since the engine was opened
	life    context.Context // ends when the engine closes, for what nobody waits for
	end     context.CancelFunc
	working sync.WaitGroup
}

var _ store.Engine = (*Engine)(nil)

// Open connects to the database.
func Open(ctx context.Context, config Config) (*Engine, error) {
	if config.MaxConns <= 0 {
		config.MaxConns = 12
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	limit := strconv.FormatInt(store.WriteLimit.Milliseconds(), 10)
	writes, err := openPool(ctx, config.URL, config.MaxConns, map[string]string{
		"default_transaction_isolation":       "read committed",
		"statement_timeout":                   limit,
		"lock_timeout":                        limit,
		"idle_in_transaction_session_timeout": limit,
	}, nil)
	if err != nil {
		return nil, err
	}
	e := &Engine{log: config.Log, writes: writes}
	reads, err := openPool(ctx, config.URL, max(2, config.MaxConns/2), nil, e.marker.meet)
	if err != nil {
		writes.Close()
		return nil, err
	}
	e.reads = reads
	e.life, e.end = context.WithCancel(context.WithoutCancel(ctx))
	if err := reads.Ping(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to PostgreSQL: %w", err), e.Close())
	}
	return e, nil
}

func openPool(ctx context.Context, url string, size int, params map[string]string, opened func(context.Context, *pgx.Conn) error) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err // it hides the password
	}
	config.MaxConns = int32(size)
	config.MaxConnIdleTime = 5 * time.Minute
	config.AfterConnect = opened
	run := config.ConnConfig.RuntimeParams
	if run["application_name"] == "" {
		run["application_name"] = "grapevine"
	}
	// Every search is by keys: whatever the values, one plan is the best, and
	// to plan costs more than to run.
	run["plan_cache_mode"] = "force_generic_plan"
	// What is asked for is in memory, or on a disk that seeks for nothing: the
	// default is a turning disk's, by which a few hundred rows of a small table
	// are worth reading all of it.
	run["random_page_cost"] = "1.1"
	for name, value := range params {
		run[name] = value
	}
	return pgxpool.NewWithConfig(ctx, config)
}

// Name is "postgres".
func (e *Engine) Name() string { return "postgres" }

// ForUpdate locks the rows that a SELECT reads.
func (e *Engine) ForUpdate() string { return " FOR UPDATE" }

// ForShare keeps the rows that a SELECT reads from being changed.
func (e *Engine) ForShare() string { return " FOR SHARE" }

// SkipLocked locks the rows that a SELECT reads and passes over those that
// others hold.
func (e *Engine) SkipLocked() string { return " FOR UPDATE SKIP LOCKED" }

// Close waits for running transactions and closes the connections.
func (e *Engine) Close() error {
	if e.closed.Swap(true) {
		return store.ErrClosed
	}
	e.writes.Close()
	e.end()
	e.working.Wait()
	e.reads.Close()
	return nil
}

// Migrate brings the schema to the newest version, one process at a time.
func (e *Engine) Migrate(ctx context.Context) error {
	if e.closed.Load() {
		return store.ErrClosed
	}
	db := stdlib.OpenDBFromPool(e.reads) // a migration is not bounded in time
	err := store.Migrator{
		DB:      db,
		Dialect: goose.DialectPostgres,
		Lock:    migrationLock{},
		Replace: []string{"$clustered", "", "$text", `TEXT COLLATE "C"`},
	}.Up(ctx)
	if err == nil {
		err = assumeLargeAccounts(ctx, db)
	}
	return errors.Join(err, db.Close())
}

// migrationLock lets one process at a time migrate a schema. goose's own lock
// asks once a second; this one waits, and does not meet other schemas.
type migrationLock struct{}

func (migrationLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	id, err := lockID(ctx, conn)
	if err == nil {
		_, err = conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", id)
	}
	return err
}

func (migrationLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	id, err := lockID(ctx, conn)
	if err == nil {
		_, err = conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", id)
	}
	return err
}

func lockID(ctx context.Context, conn *sql.Conn) (int64, error) {
	var schema string
	if err := conn.QueryRowContext(ctx, "SELECT COALESCE(current_schema(), '')").Scan(&schema); err != nil {
		return 0, err
	}
	hash := fnv.New64a()
	hash.Write([]byte("grapevine " + schema))
	return int64(hash.Sum64()), nil
}
