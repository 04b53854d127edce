// Package store holds all SQL: one set of queries for SQLite and PostgreSQL.
// It decides nothing: rules are the engine's. It knows no HTTP and no vendor.
package store

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"grapevine/model"
)

// Store is the database of one server. Safe for concurrent use.
type Store struct {
	engine Engine

	mu   sync.Mutex
	kick func(model.AccountID)

	next sync.Map // batchKey to *atomic.Int64: where the next free coupon may be
}

// New puts the queries on an engine.
func New(engine Engine) *Store {
	return &Store{engine: engine, kick: func(model.AccountID) {}}
}

// OnJob sets who is told, after the commit, that an account has a job to run.
func (s *Store) OnJob(kick func(model.AccountID)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kick = kick
}

// Engine is the engine beneath, for what is not about accounts.
func (s *Store) Engine() Engine { return s.engine }

// Mark is the engine's: while it stays the same, nothing was committed.
func (s *Store) Mark(ctx context.Context) int64 { return s.engine.Mark(ctx) }

// Close closes the database.
func (s *Store) Close() error { return s.engine.Close() }

// Tx is one transaction, bound to one account: no query can forget it. It
// carries its context because it never outlives its call.
//
// A statement whose answer nobody waits for is queued, and goes out with the
// next one that is asked, or with the commit: on PostgreSQL a round trip
// costs more than the statement.
type Tx struct {
	ctx     context.Context
	conn    Conn
	engine  Engine
	account model.AccountID
	queued  []Statement
	waiting []*waitingRows // behind what is queued
	jobs    bool
	again   bool // fn ran before, and what it had found changed
	next    *sync.Map

	expected int                       // coupons that may be handed out
	onHand   map[model.BatchID]*onHand // those that are held
}

// InTx runs fn in one transaction bound to one account, and commits if fn
// returns nil. It returns after the commit is durable. fn may run more than
// once, and must not keep anything of an earlier run.
func (s *Store) InTx(ctx context.Context, account model.AccountID, fn func(*Tx) error) error {
	var jobs, again bool
	var tx *Tx
	once := func(conn Conn) ([]Statement, error) {
		tx.layBack(true)
		tx = &Tx{ctx: ctx, conn: conn, engine: s.engine, account: account, again: again, next: &s.next}
		if err := fn(tx); err != nil {
			return nil, err
		}
		jobs = tx.jobs
		if s.engine.ForUpdate() == "" { // the writer is alone: the next one comes when this one's writes are done
			tx.layBack(false)
		}
		return tx.outgoing(), nil
	}
	err := s.engine.Update(ctx, once)
	// Two that make the same person at once collide on its key: the second
	// finds the person when it runs again. It may collide anew, on what the
	// person is about to take part in, or find them erased.
	for tries := 0; tries < 9 && (errors.Is(err, ErrUnique) || errors.Is(err, ErrAgain)); tries++ {
		again = true
		err = s.engine.Update(ctx, once)
	}
	tx.layBack(err != nil)
	if err != nil {
		return err
	}
	if jobs {
		s.mu.Lock()
		kick := s.kick
		s.mu.Unlock()
		kick(account)
	}
	return nil
}

// ErrAgain makes InTx run its function once more: what it had found changed
// before it was locked.
var ErrAgain = errors.New("changed meanwhile")

// View runs fn on one snapshot of one account. Queries that write fail.
func (s *Store) View(ctx context.Context, account model.AccountID, fn func(*Tx) error) error {
	return s.engine.View(ctx, func(conn Conn) error {
		return fn(&Tx{ctx: ctx, conn: conn, engine: s.engine, account: account, next: &s.next})
	})
}

// write queues a statement. $1 is always the account.
func (tx *Tx) write(sql string, args ...any) {
	tx.queue(Statement{SQL: sql, Args: tx.args(args)})
}

// queue has statements go out with the next one that is asked.
func (tx *Tx) queue(statements ...Statement) {
	tx.settle()
	tx.queued = append(tx.queued, statements...)
}

// outgoing takes what is queued.
func (tx *Tx) outgoing() []Statement {
	tx.settle()
	all := tx.queued
	tx.queued = nil
	return all
}

// ask makes a statement whose rows go to row. $1 is always the account.
func (tx *Tx) ask(sql string, row func(Row) error, args ...any) Statement {
	return Statement{SQL: sql, Args: tx.args(args), Row: row}
}

// run sends what is queued and the statements, in order, in one round trip.
func (tx *Tx) run(statements ...Statement) error {
	all := append(tx.outgoing(), statements...)
	if len(all) == 0 {
		return nil
	}
	return tx.conn.Run(tx.ctx, all...)
}

// read runs one query.
func (tx *Tx) read(sql string, row func(Row) error, args ...any) error {
	return tx.run(tx.ask(sql, row, args...))
}

// change runs one statement and returns how many rows it changed.
func (tx *Tx) change(sql string, args ...any) (int64, error) {
	var n int64
	err := tx.run(Statement{SQL: sql, Args: tx.args(args), Affected: &n})
	return n, err
}

// changed runs an UPDATE or DELETE of the rows with the given ids, no two of
// them alike, and returns those that it changed. As a rule it changes all of
// them, which is cheaper to count than to list: only where it does not, the
// transaction runs again, and lists them.
func changed[ID ~int64](tx *Tx, ids []ID, sql string, args ...any) ([]ID, error) {
	if !tx.again {
		n, err := tx.change(sql, args...)
		if err == nil && n != int64(len(ids)) {
			err = ErrAgain
		}
		return ids, err
	}
	var list []ID
	err := tx.read(sql+`
		RETURNING id`, func(r Row) error {
		var id ID
		err := r.Scan(&id)
		list = append(list, id)
		return err
	}, args...)
	return list, err
}

func (tx *Tx) args(rest []any) []any {
	args := make([]any, 0, 1+len(rest))
	return append(append(args, int64(tx.account)), rest...)
}

// missing is the error of a row that is not there.
func missing(reason model.Reason, what string, key any) error {
	return &model.Error{Kind: model.NotFound, Reason: reason, Msg: fmt.Sprintf("%s %v is not known", what, key)}
}
