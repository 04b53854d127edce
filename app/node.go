package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"grapevine/model"
	"grapevine/store"
)

const (
	nodeWait  = 10 * time.Second // how long a process waits for a free number
	nodePoll  = 250 * time.Millisecond
	nodeRenew = 5 * time.Second
)

// node makes ids under a leased node number. NewID and held are safe for
// concurrent use; the rest belongs to one goroutine at a time.
type node struct {
	store *store.Store
	now   func() time.Time
	log   *slog.Logger
	lease *store.Node
	until atomic.Int64 // unix milliseconds, when the lease ends
	maker atomic.Pointer[model.Maker]
}

// leaseNode takes a node number. It waits for a free one, and gives up after
// ten seconds.
func leaseNode(ctx context.Context, st *store.Store, now func() time.Time, log *slog.Logger) (*node, error) {
	n := &node{store: st, now: now, log: log}
	if err := n.take(ctx); err != nil {
		return nil, err
	}
	return n, nil
}

func (n *node) take(ctx context.Context) error {
	limit := time.After(nodeWait)
	for {
		err := n.try(ctx)
		if !errors.Is(err, store.ErrNoNode) {
			return err
		}
		select {
		case <-time.After(nodePoll):
		case <-limit:
			return fmt.Errorf("%d processes that write use this database already, the most that can: %w", model.Nodes, err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (n *node) try(ctx context.Context) error {
	now := n.now()
	lease, err := n.store.LeaseNode(ctx, now)
	if err != nil {
		return fmt.Errorf("lease a node number: %w", err)
	}
	n.lease = lease
	n.maker.Store(model.NewMaker(n.now, lease.Number, lease.After, lease.Mark))
	n.until.Store(now.Add(store.NodeLease).UnixMilli())
	return nil
}

// NewID makes an id that no other process makes. It fails while the number
// could not be renewed.
func (n *node) NewID() (int64, error) { return n.maker.Load().Next() }

// held reports whether the lease still runs.
func (n *node) held() bool { return n.now().UnixMilli() < n.until.Load() }

// keep renews the lease until ctx ends. A process that slept so long that
// another took its number takes another one; keep fails when there is none.
func (n *node) keep(ctx context.Context) error {
	tick := time.NewTicker(nodeRenew)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := n.renew(ctx)
		if errors.Is(err, store.ErrNodeLost) {
			n.log.Warn("the node number was taken over, as it was not renewed in time", "node", n.lease.Number)
			if err = n.take(ctx); errors.Is(err, store.ErrNoNode) {
				return err
			}
		}
		if err != nil && ctx.Err() == nil {
			n.log.Error("the node number was not renewed", "node", n.lease.Number, "err", err)
		}
	}
}

func (n *node) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, nodeRenew)
	defer cancel()
	now, maker := n.now(), n.maker.Load()
	if err := n.store.RenewNode(ctx, n.lease, now, maker.Reached()); err != nil {
		return err
	}
	maker.Extend(n.lease.Mark)
	n.until.Store(now.Add(store.NodeLease).UnixMilli())
	return nil
}

// release gives the number back. No id is made after it.
func (n *node) release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, nodeRenew)
	defer cancel()
	err := n.store.ReleaseNode(ctx, n.lease, n.maker.Load().Stop())
	if errors.Is(err, store.ErrNodeLost) {
		return nil // another has it
	}
	return err
}
