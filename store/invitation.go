package store

import "grapevine/model"

// InvitationsTo lists the events by which others invited somebody.
func (tx *Tx) InvitationsTo(person model.PersonID) ([]model.EventID, error) {
	return as[model.EventID](tx.ids(`SELECT invited_by
		FROM participant
		WHERE account_id = $1 AND person_id = $2 AND invited_by <> 0`, person))
}

// InvitedByNone lists participants who are said to be invited by an event that
// invited somebody else, or none.
func (tx *Tx) InvitedByNone() ([]model.ParticipantID, error) {
	return as[model.ParticipantID](tx.ids(`SELECT a.id
		FROM participant a
		LEFT JOIN event e ON e.account_id = a.account_id AND e.id = a.invited_by
		WHERE a.account_id = $1 AND a.invited_by <> 0 AND (COALESCE(e.kind, '') <> 'friend_invited' OR e.subject_id <> a.id)
		ORDER BY a.id`))
}
