package engine

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"grapevine/model"
	"grapevine/store"
)

// recordGroup bounds how many events share a transaction.
const recordGroup = 64

// recordLanes lets a group be judged and answered while the one before it is
// written.
const recordLanes = 2

// errAlone says of an event that it cannot be recorded together with others,
// or that one of these failed.
var errAlone = errors.New("to be recorded alone")

// recordTogether records what several callers tell of at once. Where one of the
// events fails, or keeps the others waiting for longer than a transaction may
// take, nothing is written, and each is recorded alone: then only that one fails.
// What may have been written is not recorded again.
func (e *Engine) recordTogether(account model.AccountID, all []*occurrence) ([]result[*Recorded], error) {
	results := make([]result[*Recorded], len(all))
	group, at := apart(all)
	for i := range results {
		results[i].err = errAlone
	}
	ctx, cancel := context.WithTimeout(context.Background(), groupWait)
	defer cancel()
	answers, err := e.recordAll(ctx, account, group)
	switch {
	case err == nil:
		for n, i := range at {
			results[i] = result[*Recorded]{out: answers[n]}
		}
	case errors.Is(err, store.ErrUnsure) || len(group) == 1:
		for _, i := range at {
			results[i].err = err
		}
	case errors.Is(err, store.ErrClosed), ctx.Err() != nil:
		return nil, err // it is not one of them
	}
	return results, nil
}

// apart picks events of which no two have a name, or what makes them happen
// once, in common, and tells where they are. They are in the order of the names:
// groups of two nodes that make the same people wait for one another in a row.
func apart(all []*occurrence) (group []*occurrence, at []int) {
	order, emails := make([]int, len(all)), make([]string, len(all))
	for i, o := range all {
		order[i], emails[i] = i, model.FoldEmail(o.Email)
	}
	slices.SortStableFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(all[i].CustomerID, all[j].CustomerID), cmp.Compare(emails[i], emails[j]))
	})
	taken := map[[2]string]bool{}
	for _, i := range order {
		o := all[i]
		names := [][2]string{{"key", o.digest}, {"customer", o.CustomerID}, {"email", emails[i]}}
		free := true
		for _, name := range names {
			free = free && (name[1] == "" || !taken[name])
		}
		if !free {
			continue
		}
		for _, name := range names {
			taken[name] = true
		}
		group, at = append(group, o), append(at, i)
	}
	return group, at
}
