package engine

import (
	"cmp"
	"time"

	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

type heldKey struct {
	person model.PersonID
	rule   model.RuleID
	role   model.Role
	state  model.RewardState
}

// holds says that a reward has come to a state in which somebody holds it, or
// by -1 that it left one. Rewards of advocates and friends are held: what a
// customer earns for their own events stands in no list of rewards.
func (t *turn) holds(w *model.Reward, state model.RewardState, by int64) {
	if w.Role != model.AsAdvocate && w.Role != model.AsFriend {
		return
	}
	key := heldKey{cmp.Or(w.MadeFor, w.Person), w.Rule, w.Role, state}
	if t.held == nil {
		t.held = map[heldKey]*store.Holding{}
	}
	h := t.held[key]
	if h == nil {
		h = &store.Holding{Person: key.person, Rule: key.rule, Role: key.role, State: state, Campaign: w.Campaign}
		t.held[key] = h
	}
	h.N += by
	h.Amount += money.Amount(by) * w.Amount
	if by > 0 && state != model.Earned && w.DeliveredAt.After(h.IssuedAt) {
		h.IssuedAt = w.DeliveredAt
	}
	t.shows(key.person, store.InHoldings)
}

// holdings are the changes of what people hold, in one order. What was earned
// and delivered at once was never held as earned.
func (t *turn) holdings() []store.Holding {
	var list []store.Holding
	for _, key := range sortedBy(t.held, func(a, b heldKey) int {
		return compare3(int64(a.person), int64(b.person), int64(a.rule), int64(b.rule), string(a.role)+string(a.state), string(b.role)+string(b.state))
	}) {
		if h := t.held[key]; h.N != 0 || h.Amount != 0 || !h.IssuedAt.IsZero() {
			h.ID = model.HoldingID(t.id())
			list = append(list, *h)
		}
	}
	return list
}

// shows says that a change of a person shows in lists.
func (t *turn) shows(person model.PersonID, lists int64) {
	if person == 0 {
		return
	}
	if t.changed == nil {
		t.changed = map[model.PersonID]int64{}
	}
	t.changed[person] |= lists
}

const inAllLists = store.InPeople | store.InHoldings

// changes are whom lists in memory have to read again.
func (t *turn) changes() []store.Change {
	list := t.gone
	for _, id := range sortedBy(t.changed, func(a, b model.PersonID) int { return cmp.Compare(a, b) }) {
		list = append(list, store.Change{Person: id, Lists: t.changed[id]})
	}
	for i := range list {
		list[i].ID = t.id()
	}
	return list
}

// addParticipant queues a new participant.
func (t *turn) addParticipant(p *model.Participant) {
	p.ChangedAt = t.now
	t.tx.InsertParticipant(p)
	t.shows(p.Person, inAllLists) // who held rewards is shown as a participant from now on
	t.tellOf(p, model.PersonAdded)
}

// saveParticipant queues what changed of a participant.
func (t *turn) saveParticipant(p *model.Participant) {
	p.ChangedAt = t.now
	t.tx.UpdateParticipant(p)
	t.shows(p.Person, store.InPeople)
}

// idAt is the smallest id that can be made at a time.
func idAt(at time.Time) int64 { return max(0, model.Milli(at)) << model.BitsBelowMilli }
