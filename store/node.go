package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"grapevine/model"
)

// NodeLease is how long a node number stays with a holder that does not renew
// it.
const NodeLease = 20 * time.Second

// idsAhead is how far a holder may make ids before it has to renew. It is
// longer than the lease, as taking a number over does not rest on time: the
// next holder begins above whatever the last one may have given.
const idsAhead = 30 * time.Second

var (
	// ErrNoNode says that all node numbers are held.
	ErrNoNode = errors.New("all node numbers are leased")
	// ErrNodeLost says that a node number has another holder.
	ErrNodeLost = errors.New("the node number has another holder")
)

// Node is a node number while it is leased. It belongs to one goroutine.
type Node struct {
	Number int
	After  int64 // ids begin above this millisecond
	Mark   int64 // and stay below this one, which the database holds
	token  int64
}

// LeaseNode takes the free node number whose ids lie furthest back. It fails
// with ErrNoNode when all of them are held.
func (s *Store) LeaseNode(ctx context.Context, now time.Time) (*Node, error) {
	var leased *Node
	err := s.engine.Update(ctx, func(conn Conn) ([]Statement, error) {
		leased = nil
		free, err := freeNodes(ctx, conn, now)
		if err != nil {
			return nil, err
		}
		for _, n := range free {
			taken, err := takeNode(ctx, conn, now, &n)
			if err != nil {
				return nil, err
			}
			if taken {
				leased = &n
				return nil, nil
			}
		}
		return nil, ErrNoNode
	})
	return leased, err
}

// freeNodes lists the numbers that nobody holds, as they were left.
func freeNodes(ctx context.Context, conn Conn, now time.Time) ([]Node, error) {
	free := make([]Node, model.Nodes)
	for i := range free {
		free[i].Number = i
	}
	held := map[int]bool{}
	err := conn.Run(ctx, Statement{
		SQL: `SELECT id, token, mark, lease_until FROM node`,
		Row: func(row Row) error {
			var n Node
			var until int64
			if err := row.Scan(&n.Number, &n.token, &n.After, &until); err != nil {
				return err
			}
			free[n.Number] = n
			held[n.Number] = until > now.UnixMilli()
			return nil
		},
	})
	free = slices.DeleteFunc(free, func(n Node) bool { return held[n.Number] })
	slices.SortStableFunc(free, func(a, b Node) int { return cmp.Compare(a.After, b.After) })
	return free, err
}

// takeNode makes n ours, unless somebody was faster.
func takeNode(ctx context.Context, conn Conn, now time.Time, n *Node) (bool, error) {
	n.token++
	n.Mark = markFor(now, n.After)
	var changed int64
	err := conn.Run(ctx, Statement{
		SQL: `
			INSERT INTO node (id, token, mark, lease_until) VALUES ($1, $2, $3, $4)
			ON CONFLICT (id) DO UPDATE
			SET token = excluded.token, mark = excluded.mark, lease_until = excluded.lease_until
			WHERE node.token = excluded.token - 1 AND node.lease_until <= $5`,
		Args:     []any{n.Number, n.token, n.Mark, leaseEnd(now), now.UnixMilli()},
		Affected: &changed,
	})
	return changed == 1, err
}

// RenewNode keeps n and moves its mark; reached is the millisecond of the
// last id given. It fails with ErrNodeLost when another holder took n over.
func (s *Store) RenewNode(ctx context.Context, n *Node, now time.Time, reached int64) error {
	mark := max(n.Mark, markFor(now, reached))
	err := s.changeNode(ctx, Statement{
		SQL:  `UPDATE node SET mark = $3, lease_until = $4 WHERE id = $1 AND token = $2`,
		Args: []any{n.Number, n.token, mark, leaseEnd(now)},
	})
	if err == nil {
		n.Mark = mark
	}
	return err
}

// ReleaseNode gives n back; reached is the millisecond of the last id that
// was or ever will be given under it. It fails with ErrNodeLost when n has
// another holder.
func (s *Store) ReleaseNode(ctx context.Context, n *Node, reached int64) error {
	return s.changeNode(ctx, Statement{
		SQL:  `UPDATE node SET token = token + 1, mark = $3, lease_until = 0 WHERE id = $1 AND token = $2`,
		Args: []any{n.Number, n.token, max(n.After, reached+1)},
	})
}

func (s *Store) changeNode(ctx context.Context, statement Statement) error {
	return s.engine.Update(ctx, func(conn Conn) ([]Statement, error) {
		var changed int64
		statement.Affected = &changed
		if err := conn.Run(ctx, statement); err != nil {
			return nil, err
		}
		if changed == 0 {
			return nil, ErrNodeLost
		}
		return nil, nil
	})
}

func markFor(now time.Time, reached int64) int64 {
	return max(model.Milli(now), reached) + idsAhead.Milliseconds()
}

func leaseEnd(now time.Time) int64 { return now.Add(NodeLease).UnixMilli() }
