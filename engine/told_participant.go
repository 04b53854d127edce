package engine

import (
	"encoding/json"

	"grapevine/model"
	"grapevine/store"
)

// stateTopics are what endpoints are told when a participant comes to a state.
var stateTopics = map[model.State]model.Topic{
	model.StateImported:  model.PersonImported,
	model.StateApplied:   model.PersonApplied,
	model.StateInvited:   model.PersonInvited,
	model.StateActive:    model.PersonActivated,
	model.StateRejected:  model.PersonRejected,
	model.StateSuspended: model.PersonSuspended,
}

// tellOf tells of what happened to a participant.
func (t *turn) tellOf(p *model.Participant, topic model.Topic) {
	origin := OriginOf(p.Referrer, p.Source)
	t.tell(topic, p.Campaign, int64(p.ID), func(to *model.Endpoint) bool {
		return to.Origins == 0 || to.Origins&origin.Bit() != 0
	})
}

// tellState tells that a participant came to the state they are in.
func (t *turn) tellState(p *model.Participant) {
	if topic, ok := stateTopics[p.State]; ok {
		t.tellOf(p, topic)
	}
}

// tellRenewed tells of the participants whose persons others know by other
// names since this turn.
func (t *turn) tellRenewed() error {
	for _, person := range t.renewed {
		parts, err := t.tx.Parts(person)
		if err != nil {
			return err
		}
		for _, p := range parts {
			t.tellOf(&p.Participant, model.PersonChanged)
		}
	}
	return nil
}

// renews notes that something of a person changes that endpoints are told of.
func (t *turn) renews(person model.PersonID) {
	if t.cfg.Tells(model.PersonChanged) {
		t.renewed = append(t.renewed, person)
	}
}

// renewsProfile is renews where what was sent of somebody differs from what was
// known, but for where they were last.
func (t *turn) renewsProfile(a actor, sent model.Profile) error {
	if a.fresh || !t.cfg.Tells(model.PersonChanged) {
		return nil
	}
	had, err := t.tx.Profile(a.id)
	has := sent.Over(had)
	if has.FirstName != had.FirstName || has.LastName != had.LastName || has.Body != had.Body {
		t.renews(a.id)
	}
	return err
}

// ToldLeaver is a participant who is no more.
type ToldLeaver struct {
	ID       model.ParticipantID `json:"-"`
	UUID     string              `json:"uuid"`
	Campaign model.CampaignID    `json:"campaign"`
}

// tellLeft tells that a participant is no more. Nothing is left of them then
// but their ids, which the job carries.
func (t *turn) tellLeft(p *model.Participant) {
	t.tellWith(model.PersonDeleted, p.Campaign, int64(p.ID), string(mustJSON(ToldLeaver{UUID: p.UUID, Campaign: p.Campaign})), nil)
}

func (l *ToldLeaver) read(payload string) error { return json.Unmarshal([]byte(payload), l) }

// ToldPoint is an entry of a log of points, and whose it is.
type ToldPoint struct {
	model.Point
	Owner *ParticipantView
}

// toldPoints reads entries of logs of points. Those of who is no more are left
// out.
func (e *Engine) toldPoints(tx *store.Tx, cfg *Config, ids []model.PointID) ([]ToldPoint, error) {
	points, err := tx.PointsByID(ids)
	if err != nil {
		return nil, err
	}
	owners := make([]model.ParticipantID, len(points))
	for i, p := range points {
		owners[i] = p.Participant
	}
	views, err := e.viewParticipantsByID(tx, cfg, owners, false)
	if err != nil {
		return nil, err
	}
	var told []ToldPoint
	for _, p := range points {
		if owner := views[p.Participant]; owner != nil {
			told = append(told, ToldPoint{p, owner})
		}
	}
	return told, nil
}

// withOwners fills in as whom the receivers of rewards take part, and what they
// hold under their rules.
func (e *Engine) withOwners(tx *store.Tx, cfg *Config, rewards []ToldReward) error {
	persons := make([]model.PersonID, len(rewards))
	rows := make([]*model.Reward, len(rewards))
	for i, w := range rewards {
		persons[i], rows[i] = w.Person, w.Reward
	}
	shown, err := e.viewRewards(tx, cfg, rows)
	if err != nil {
		return err
	}
	for i := range rewards {
		rewards[i].Owner = shown[i].Receiver
	}
	ids := make([]model.HoldingID, len(rewards))
	err = tx.HoldingsOf(persons, func(h store.HoldingEntry) error {
		for i, w := range rewards {
			if h.Person == w.Person && h.Rule == w.Rule && h.Role == w.Role && h.State == w.State && !h.Erased {
				ids[i] = h.ID
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	views, err := e.viewHoldings(tx, cfg, ids, persons, false)
	for i := range views {
		for j := range rewards {
			if ids[j] == views[i].ID {
				rewards[j].Held = &views[i]
			}
		}
	}
	return err
}
