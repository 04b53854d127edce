package store

import "grapevine/model"

// EventsAbove lists up to limit events above an id, oldest first, with what is
// kept of each that can be erased.
func (tx *Tx) EventsAbove(above model.EventID, limit int) ([]*model.Event, map[model.EventID]string, error) {
	var list []*model.Event
	details := map[model.EventID]string{}
	err := tx.read(`SELECT `+eventColumns+`, COALESCE(d.body, '')
		FROM event e
		LEFT JOIN detail d ON d.account_id = e.account_id AND d.id = e.id
		WHERE e.account_id = $1 AND e.id > $2
		ORDER BY e.id
		LIMIT $3`,
		func(r Row) error {
			event := &model.Event{}
			var body string
			err := scanEvent(r, event, &body)
			list = append(list, event)
			if body != "" {
				details[event.ID] = body
			}
			return err
		}, above, limit)
	return list, details, err
}

// RewardsAbove lists up to limit rewards above an id, oldest first, with the
// codes of their coupons.
func (tx *Tx) RewardsAbove(above model.RewardID, limit int) ([]*model.Reward, map[model.RewardID]string, error) {
	var ids []model.RewardID
	err := tx.read(`SELECT id
		FROM reward
		WHERE account_id = $1 AND id > $2
		ORDER BY id
		LIMIT $3`,
		func(r Row) error {
			var id model.RewardID
			err := r.Scan(&id)
			ids = append(ids, id)
			return err
		}, above, limit)
	if err != nil {
		return nil, nil, err
	}
	return tx.Rewards(ids)
}

// EnrolledAbove lists up to limit participants above an id, in whatever
// campaign, oldest first.
func (tx *Tx) EnrolledAbove(above model.ParticipantID, limit int) ([]Enrolled, error) {
	return tx.enrolled(`a.id > $2
		ORDER BY a.id
		LIMIT $3`, above, limit)
}

func (tx *Tx) enrolled(where string, args ...any) ([]Enrolled, error) {
	var list []Enrolled
	err := tx.read(`SELECT `+participantColumns+`, COALESCE(c.shown, ''), COALESCE(r.person_id, 0), COALESCE(rc.shown, '')
		FROM participant a
		LEFT JOIN code c ON c.account_id = a.account_id AND c.id = a.code_id
		LEFT JOIN participant r ON r.account_id = a.account_id AND r.id = a.referrer_id
		LEFT JOIN code rc ON rc.account_id = r.account_id AND rc.id = r.code_id
		WHERE a.account_id = $1 AND `+where,
		func(r Row) error {
			var p Enrolled
			err := scanParticipant(r, &p.Participant, &p.Code, &p.Advocate, &p.ReferrerCode)
			list = append(list, p)
			return err
		}, args...)
	return list, err
}
