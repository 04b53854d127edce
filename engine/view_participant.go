package engine

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"

	"grapevine/model"
	"grapevine/store"
)

// ViewParticipant finds a participant. Fails with NotFound. The view is not to
// be changed.
func (e *Engine) ViewParticipant(ctx context.Context, account model.AccountID, id model.ParticipantID, with Relations) (*ParticipantView, error) {
	return e.ViewNamed(ctx, account, Naming{ID: id}, with)
}

// ViewNamed is ViewParticipant of whoever is meant. It fails as FindParticipant
// does.
func (e *Engine) ViewNamed(ctx context.Context, account model.AccountID, n Naming, with Relations) (*ParticipantView, error) {
	if n.ID == 0 && n.UUID == "" {
		id, err := e.FindParticipant(ctx, account, n)
		if err != nil {
			return nil, err
		}
		n = Naming{ID: id}
	}
	if n.UUID != "" && uuid.Validate(n.UUID) != nil {
		return nil, participantUnknown()
	}
	v, mark := e.recallHeld(ctx, account, n.ID, with)
	if v != nil {
		return v, nil
	}
	v, err := e.views.do(ctx, viewKey{account, with}, viewing{n, mark})
	if errors.Is(err, errApart) {
		return e.viewApart(ctx, account, v.ID, with)
	}
	return v, err
}

// viewKey is what reads of participants have in common that go together.
type viewKey struct {
	account model.AccountID
	with    Relations
}

// viewing is whom a read is of, and a mark from before it began; 0: none.
type viewing struct {
	Naming
	mark int64
}

// viewGroup bounds how many reads share a snapshot.
const viewGroup = 64

// errApart is of a read that others need not wait for.
var errApart = errors.New("to be read apart")

// viewTogether reads participants by id or UUID. Where one of them cannot be
// shown, each is read alone: then only that one fails.
func (e *Engine) viewTogether(key viewKey, viewings []viewing) ([]result[*ParticipantView], error) {
	results, err := e.viewAtOnce(key, viewings)
	if err == nil || len(viewings) == 1 || model.KindOf(err) == model.Internal {
		return results, err
	}
	for i := range viewings {
		alone, err := e.viewAtOnce(key, viewings[i:i+1])
		if results[i].err = err; err == nil {
			results[i] = alone[0]
		}
	}
	return results, nil
}

// viewAtOnce reads participants in one snapshot. Most of what a read costs is the
// transaction around it and its round trips.
func (e *Engine) viewAtOnce(key viewKey, viewings []viewing) ([]result[*ParticipantView], error) {
	ctx, cancel := context.WithTimeout(context.Background(), store.WriteLimit)
	defer cancel()
	results := make([]result[*ParticipantView], len(viewings))
	cfg, err := e.Config(ctx, key.account)
	if err != nil {
		return results, err
	}
	err = e.store.View(ctx, key.account, func(tx *store.Tx) error {
		ids, err := idsOf(tx, viewings)
		if err != nil {
			return err
		}
		marks := make(map[model.ParticipantID]int64, len(ids))
		for i, id := range ids {
			marks[id] = viewings[i].mark
		}
		byID, err := e.recall(tx, cfg, ids, key.with, marks)
		if err != nil {
			return err
		}
		unknown := slices.DeleteFunc(slices.Clone(ids), func(id model.ParticipantID) bool { return byID[id] != nil })
		views, err := e.viewParticipants(tx, cfg, unknown, key.with)
		if err != nil {
			return err
		}
		for _, v := range views {
			byID[v.ID] = v
		}
		for i, id := range ids {
			switch v := byID[id]; {
			case v == nil:
				results[i].err = participantUnknown()
			case key.with.Place && !e.placeHeld(cfg, v):
				results[i] = result[*ParticipantView]{v, errApart}
			default:
				results[i].out = v
			}
		}
		for _, v := range views { // nobody changes them any more
			e.remember(cfg, v, key.with, marks[v.ID])
		}
		return nil
	})
	return results, err
}

// idsOf are whom ids and UUIDs mean, 0 where it is nobody.
func idsOf(tx *store.Tx, viewings []viewing) ([]model.ParticipantID, error) {
	ids := make([]model.ParticipantID, len(viewings))
	var uuids []string
	for i, n := range viewings {
		if ids[i] = n.ID; n.UUID != "" {
			uuids = append(uuids, strings.ToLower(n.UUID))
		}
	}
	if len(uuids) == 0 {
		return ids, nil
	}
	found, err := tx.ParticipantsByUUID(uuids)
	for i, n := range viewings {
		if n.UUID != "" {
			ids[i] = found[strings.ToLower(n.UUID)]
		}
	}
	return ids, err
}

// viewApart is for whose place is not held: a waitlist may have to be built.
func (e *Engine) viewApart(ctx context.Context, account model.AccountID, id model.ParticipantID, with Relations) (*ParticipantView, error) {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return nil, err
	}
	began := e.now()
	var views []*ParticipantView
	err = e.store.View(ctx, account, func(tx *store.Tx) (err error) {
		if views, err = e.viewParticipants(tx, cfg, []model.ParticipantID{id}, with); err != nil {
			return err
		}
		return e.withPlaces(tx, began, cfg, views)
	})
	if err == nil && len(views) == 0 {
		err = participantUnknown()
	}
	if err != nil {
		return nil, err
	}
	return views[0], nil
}
