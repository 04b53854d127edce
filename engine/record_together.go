package engine

import (
	"context"
	"errors"

	"grapevine/model"
	"grapevine/store"
)

// recordGroup bounds how many events share a transaction.
const recordGroup = 64

// errAlone says of an event that it cannot be recorded together with others,
// or that one of these failed.
var errAlone = errors.New("to be recorded alone")

// recordTogether records what several callers tell of at once. Where one of the
// events fails, nothing is written, and each is recorded alone: then only that
// one fails.
func (e *Engine) recordTogether(account model.AccountID, all []*occurrence) ([]result[*Recorded], error) {
	results := make([]result[*Recorded], len(all))
	group, at := e.apart(all)
	for i := range results {
		results[i].err = errAlone
	}
	ctx, cancel := context.WithTimeout(context.Background(), store.WriteLimit)
	defer cancel()
	answers, err := e.recordAll(ctx, account, group)
	switch {
	case errors.Is(err, store.ErrClosed), errors.Is(err, store.ErrSlow), ctx.Err() != nil:
		return nil, err // it is not one of them
	case err != nil && len(group) == 1:
		results[at[0]].err = err
	case err == nil:
		for n, i := range at {
			results[i] = result[*Recorded]{out: answers[n]}
		}
	}
	return results, nil
}

// apart picks events of which no two have a name, or what makes them happen
// once, in common, and tells where they are.
func (e *Engine) apart(all []*occurrence) (group []*occurrence, at []int) {
	taken := map[[2]string]bool{}
	for i, o := range all {
		names := [][2]string{{"key", e.keyOf(*o)}, {"customer", o.CustomerID}, {"email", model.FoldEmail(o.Email)}}
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
