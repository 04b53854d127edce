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

// UseInvitation counts a use of a campaign's invitation code, unless it was used
// as often as it may be, and reports whether it did. Whoever uses the same code
// waits for the commit.
func (tx *Tx) UseInvitation(use model.InvitationUse, most int64) (bool, error) {
	var counted int64
	err := tx.run(Statement{Affected: &counted, SQL: `INSERT INTO invitation_use (account_id, campaign_id, code, uses)
		VALUES ($1, $2, $3, 1)
		ON CONFLICT (account_id, campaign_id, code) DO UPDATE
		SET uses = invitation_use.uses + 1
		WHERE invitation_use.uses < $4`,
		Args: tx.args([]any{use.Campaign, use.Code, most})})
	return counted == 1, err
}

// InvitationUses calls each for how often every invitation code was used.
func (tx *Tx) InvitationUses(each func(use model.InvitationUse, uses int64)) error {
	return tx.read(`SELECT campaign_id, code, uses
		FROM invitation_use
		WHERE account_id = $1
		ORDER BY campaign_id, code`,
		func(r Row) error {
			var use model.InvitationUse
			var uses int64
			if err := r.Scan(&use.Campaign, &use.Code, &uses); err != nil {
				return err
			}
			each(use, uses)
			return nil
		})
}
