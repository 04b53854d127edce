package store

import (
	"context"
)

// Statement is one SQL statement in the dialect both engines share, with $1,
// $2 … as placeholders.
type Statement struct {
	SQL string
	// Args are integers, texts, bools and bytes, or point to one that nobody
	// changes until the statement has run.
	Args []any
	// Row, if set, is called once for each row of the answer. The Row is valid
	// only during the call.
	Row func(Row) error
	// Affected, if set, receives the number of rows changed.
	Affected *int64
}

// Row is one row of an answer. Destinations are pointers to integer, string,
// bool or []byte kinds (named types included), never to a nullable: columns
// of ours are NOT NULL, and queries COALESCE what an outer join leaves empty.
type Row interface {
	Scan(dest ...any) error
}

// Conn runs statements inside one transaction.
type Conn interface {
	// Run runs the statements in order, in one round trip where the engine has
	// such a thing, and returns the first error. After an error of PostgreSQL
	// the transaction is lost, so callers return it.
	Run(ctx context.Context, statements ...Statement) error
}

// Engine is what SQLite and PostgreSQL do differently. Both speak the same
// statements; nothing above this package knows which one runs.
type Engine interface {
	// Name is "sqlite" or "postgres".
	Name() string

	// Update runs fn in one read-write transaction, runs the statements that fn
	// returns, and commits; it returns after the commit is durable. If fn or a
	// statement fails, or ctx ends before the commit, nothing is left behind.
	// fn may run more than once: a serialization failure or a deadlock reruns
	// it. It must not keep results of an earlier run. A panic in fn is returned
	// as an error (Panic), after a rollback.
	Update(ctx context.Context, fn func(Conn) ([]Statement, error)) error

	// View runs fn on one consistent snapshot that cannot write.
	View(ctx context.Context, fn func(Conn) error) error

	// Mark is a number that is another one once anything was committed since, by
	// whatever process, and that costs less than a question of one's own; 0 where
	// that cannot be told, or ctx has ended. A View that begins later sees all that
	// was committed before.
	Mark(ctx context.Context) int64

	// Migrate brings the schema to the newest version.
	Migrate(ctx context.Context) error

	// ForUpdate is the suffix that locks what a SELECT reads (FOR UPDATE),
	// ForShare the one that lets others read it so too, and SkipLocked the one
	// that also skips what others hold; all empty on SQLite, whose writer is
	// alone.
	ForUpdate() string
	ForShare() string
	SkipLocked() string

	// Close waits for running transactions and closes the database.
	Close() error
}
