package store

import (
	"maps"
	"slices"

	"grapevine/model"
)

// Enrolled is a participant with the code that is shown and who brought them.
type Enrolled struct {
	model.Participant
	Code         string         // as it is shown
	Advocate     model.PersonID // who brought them; 0: nobody
	ReferrerCode string         // that person's, as it is shown
}

// Roster lists up to limit participants of a campaign below an id, newest
// first; below 0 is all. Who was erased is left out.
func (tx *Tx) Roster(campaign model.CampaignID, below model.ParticipantID, limit int) ([]Enrolled, error) {
	return tx.enrolled(`a.campaign_id = $2 AND ($3 = 0 OR a.id < $3)
			AND EXISTS (SELECT 1 FROM person p WHERE p.account_id = a.account_id AND p.id = a.person_id AND p.erased_at = 0)
		ORDER BY a.id DESC
		LIMIT $4`, campaign, below, limit)
}

// ProfileBodies finds what else was sent of persons; those of whom nothing was
// are left out.
func (tx *Tx) ProfileBodies(ids []model.PersonID) (map[model.PersonID]string, error) {
	bodies := map[model.PersonID]string{}
	if len(ids) == 0 {
		return bodies, nil
	}
	listed := few(ids)
	err := tx.read(`SELECT person_id, body
		FROM profile
		WHERE account_id = $1 AND body <> '' AND person_id IN (`+in(2, len(listed))+`)`,
		func(r Row) error {
			var id model.PersonID
			var body string
			err := r.Scan(&id, &body)
			bodies[id] = body
			return err
		}, listed...)
	return bodies, err
}

// EnrolledAs finds as which participants persons take part in a campaign,
// those who were merged into them included; of several it is the oldest.
// Those who do not, and those who were erased, are left out.
func (tx *Tx) EnrolledAs(campaign model.CampaignID, persons []model.PersonID) (map[model.PersonID]Enrolled, error) {
	found := map[model.PersonID]Enrolled{}
	owner, err := tx.owners(persons)
	if err != nil || len(owner) == 0 {
		return found, err
	}
	listed := few(slices.Sorted(maps.Keys(owner)))
	err = tx.read(`SELECT `+participantColumns+`, COALESCE(c.shown, '')
		FROM participant a
		JOIN person p ON p.account_id = a.account_id AND p.id = a.person_id
		LEFT JOIN code c ON c.account_id = a.account_id AND c.id = a.code_id
		WHERE a.account_id = $1 AND p.erased_at = 0 AND a.campaign_id = $2 AND a.person_id IN (`+in(3, len(listed))+`)`,
		func(r Row) error {
			var p Enrolled
			err := scanParticipant(r, &p.Participant, &p.Code)
			if had, there := found[owner[p.Person]]; !there || p.ID < had.ID {
				found[owner[p.Person]] = p
			}
			return err
		}, append([]any{campaign}, listed...)...)
	return found, err
}
