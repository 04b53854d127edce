package store

import (
	"errors"
	"fmt"
	"runtime/debug"

	"grapevine/model"
)

// What a statement can run into that its caller may want to tell apart. An
// engine wraps them around the driver's own text, which is for the log only.
var (
	// ErrUnique says that a primary or unique key was violated.
	ErrUnique = errors.New("a key exists already")
	// ErrCheck says that a CHECK, NOT NULL or foreign key was violated.
	ErrCheck = errors.New("a constraint is violated")
	// ErrText says that a text argument holds what no text column can: a NUL
	// byte or bytes that are not UTF-8. Such a text came from outside.
	ErrText error = &model.Error{Kind: model.Malformed, Msg: "text has a NUL byte or is not UTF-8"}
	// ErrSlow says that a writing transaction took longer than WriteLimit.
	ErrSlow = errors.New("transaction took too long")
	// ErrUnsure says that nobody knows whether a transaction was committed: the
	// connection or the time was gone before the answer to its commit.
	ErrUnsure = errors.New("it is not known whether the transaction was committed")
	// ErrClosed says that the engine is closed.
	ErrClosed = errors.New("database is closed")
	// ErrNewer says that the database was made by a newer program.
	ErrNewer = errors.New("database schema is newer than this program")
)

// Panic is what Update and View return when their function panics.
type Panic struct {
	Value any    // what was passed to panic
	Stack []byte // where
}

func (p *Panic) Error() string { return fmt.Sprintf("panic in a transaction: %v", p.Value) }

// Trace is where it happened, for the log.
func (p *Panic) Trace() []byte { return p.Stack }

// Recover turns a panic into an error. An engine defers it around a function
// that it was given.
func Recover(err *error) {
	if v := recover(); v != nil {
		*err = &Panic{Value: v, Stack: debug.Stack()}
	}
}
