package store

import (
	"slices"

	"grapevine/model"
)

// ListedParticipant is a participant with what is shown of them beside.
type ListedParticipant struct {
	model.Participant
	Shown  string // the main code
	Merged bool   // their person was merged with others
}

// ParticipantsByID finds participants. Those that are not there, or whose person
// was erased, are left out.
func (tx *Tx) ParticipantsByID(ids []model.ParticipantID) (map[model.ParticipantID]*ListedParticipant, error) {
	found := make(map[model.ParticipantID]*ListedParticipant, len(ids))
	for chunk := range slices.Chunk(ids, mostListed) {
		listed := few(chunk)
		err := tx.read(`SELECT `+participantColumns+`, COALESCE(c.shown, ''), CASE WHEN p.alias_of <> 0 OR p.aliases > 0 THEN 1 ELSE 0 END
			FROM participant a
			JOIN person p ON p.account_id = a.account_id AND p.id = a.person_id
			LEFT JOIN code c ON c.account_id = a.account_id AND c.id = a.code_id
			WHERE a.account_id = $1 AND p.erased_at = 0 AND a.id IN (`+in(2, len(listed))+`)`,
			func(r Row) error {
				p := &ListedParticipant{}
				err := scanParticipant(r, &p.Participant, &p.Shown, &p.Merged)
				found[p.ID] = p
				return err
			}, listed...)
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// ParticipantsByUUID finds the ids that go with UUIDs; those that nobody has
// are left out.
func (tx *Tx) ParticipantsByUUID(uuids []string) (map[string]model.ParticipantID, error) {
	found := make(map[string]model.ParticipantID, len(uuids))
	for chunk := range slices.Chunk(uuids, mostListed) {
		listed := few(chunk)
		err := tx.read(`SELECT uuid, id
			FROM participant
			WHERE account_id = $1 AND uuid IN (`+in(2, len(listed))+`)`,
			func(r Row) error {
				var uuid string
				var id model.ParticipantID
				err := r.Scan(&uuid, &id)
				found[uuid] = id
				return err
			}, listed...)
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Portraits are what is shown of participants beside their rows.
type Portraits struct {
	Contacts  map[model.PersonID]*Contact
	Counts    map[Counted]int64
	Cards     map[model.ParticipantID]*model.Card
	Referrers map[model.ParticipantID]string // the address of who brought somebody, by that participant
}

// Portraits reads what is shown of participants, the counters of subjects
// beside theirs, and the addresses of who brought them where that is asked. It
// takes one round trip for 256 of them, unless some were merged with others.
func (tx *Tx) Portraits(of map[model.ParticipantID]*ListedParticipant, subjects []int64, referrers bool) (*Portraits, error) {
	all := make([]*ListedParticipant, 0, len(of))
	for _, p := range of {
		all = append(all, p)
	}
	found := &Portraits{
		Contacts: make(map[model.PersonID]*Contact, len(of)), Counts: map[Counted]int64{},
		Cards: map[model.ParticipantID]*model.Card{}, Referrers: map[model.ParticipantID]string{},
	}
	for chunk := range slices.Chunk(all, mostListed) {
		if err := tx.portraits(found, chunk, subjects, referrers); err != nil {
			return nil, err
		}
		subjects = nil
	}
	return found, nil
}

func (tx *Tx) portraits(found *Portraits, of []*ListedParticipant, subjects []int64, referrers bool) error {
	var alone, merged []model.PersonID
	themselves := make(map[model.PersonID]model.PersonID, len(of))
	ids := make([]model.ParticipantID, 0, len(of))
	var brought []model.ParticipantID
	for _, p := range of {
		ids, subjects = append(ids, p.ID), append(subjects, int64(p.ID))
		if p.Merged {
			merged = append(merged, p.Person)
		} else {
			alone, themselves[p.Person] = append(alone, p.Person), p.Person
		}
		if p.Referrer != 0 {
			brought = append(brought, p.Referrer)
		}
	}
	asked, countDue := tx.counts(found.Counts, subjects)
	asked = append(asked, tx.cards(found.Cards, ids))
	if len(alone) > 0 {
		asked = append(asked, tx.contacts(found.Contacts, themselves, alone)...)
	}
	var grown []mergedReferrer
	if referrers && len(brought) > 0 {
		asked = append(asked, tx.referrers(found.Referrers, &grown, brought))
	}
	if err := tx.run(asked...); err != nil {
		return err
	}
	countDue()
	for _, r := range grown {
		merged = append(merged, r.person)
	}
	known, err := tx.Contacts(merged)
	if err != nil {
		return err
	}
	for id, c := range known {
		found.Contacts[id] = c
	}
	for _, r := range grown {
		found.Referrers[r.id] = known[r.person].Email
	}
	return nil
}

// mergedReferrer is somebody whose address is among those of others.
type mergedReferrer struct {
	id     model.ParticipantID
	person model.PersonID
}

// referrers asks for the main addresses of participants. Those whose person was
// merged with others go to grown.
func (tx *Tx) referrers(found map[model.ParticipantID]string, grown *[]mergedReferrer, ids []model.ParticipantID) Statement {
	listed := few(ids)
	return tx.ask(`SELECT r.id, r.person_id, COALESCE(i.shown, ''), CASE WHEN p.alias_of <> 0 OR p.aliases > 0 THEN 1 ELSE 0 END
		FROM participant r
		JOIN person p ON p.account_id = r.account_id AND p.id = r.person_id
		LEFT JOIN identity i ON i.account_id = r.account_id AND i.person_id = r.person_id AND i.kind = 2
		WHERE r.account_id = $1 AND p.erased_at = 0 AND r.id IN (`+in(2, len(listed))+`)
		ORDER BY i.main DESC, i.at, i.value`,
		func(row Row) error {
			var r mergedReferrer
			var email string
			var merged bool
			err := row.Scan(&r.id, &r.person, &email, &merged)
			if _, had := found[r.id]; had {
				return err
			}
			if found[r.id] = email; merged {
				*grown = append(*grown, r)
			}
			return err
		}, listed...)
}
