package store

import (
	"maps"
	"slices"

	"grapevine/model"
	"grapevine/money"
)

// ListedParticipant is a participant with what is shown of them beside.
type ListedParticipant struct {
	model.Participant
	Shown string // the main code
	Turns int64  // of their person; 0: merged with others
}

// Version tells whether a participant is as they were when they were read:
// whatever changes what is shown of them, but for counters and suppressions,
// takes a turn of their person or says when it changed their row.
type Version struct {
	Turns, Changed, Referrals int64
	Points                    money.Amount
}

// Version is that of the row.
func (p *ListedParticipant) Version() Version {
	return Version{p.Turns, ms(p.ChangedAt), p.Referrals, p.Points}
}

// ParticipantsByID finds participants. Those that are not there, or whose person
// was erased, are left out.
func (tx *Tx) ParticipantsByID(ids []model.ParticipantID) (map[model.ParticipantID]*ListedParticipant, error) {
	found := make(map[model.ParticipantID]*ListedParticipant, len(ids))
	var read ListedParticipant
	row := intoParticipant(&read.Participant, &read.Shown, &read.Turns)
	for chunk := range slices.Chunk(ids, mostListed) {
		listed := few(chunk)
		err := tx.read(`SELECT `+participantColumns+`, COALESCE(c.shown, ''), `+turnsAlone+`
			FROM participant a
			JOIN person p ON p.account_id = a.account_id AND p.id = a.person_id
			LEFT JOIN code c ON c.account_id = a.account_id AND c.id = a.code_id
			WHERE a.account_id = $1 AND p.erased_at = 0 AND a.id IN (`+in(2, len(listed))+`)`,
			func(r Row) error {
				err := row.scan(r)
				p := read
				found[p.ID] = &p
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
	Referrers map[model.ParticipantID]Referrer
}

// Referrer is how a participant who brought others is addressed.
type Referrer struct {
	Email  string
	Person model.PersonID
	Turns  int64 // of the person; 0: merged with others
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
		Cards: map[model.ParticipantID]*model.Card{}, Referrers: map[model.ParticipantID]Referrer{},
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
		if p.Turns == 0 {
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
	if referrers && len(brought) > 0 {
		asked = append(asked, tx.referrers(found.Referrers, brought))
	}
	if err := tx.run(asked...); err != nil {
		return err
	}
	countDue()
	for _, r := range found.Referrers {
		if r.Turns == 0 {
			merged = append(merged, r.Person)
		}
	}
	if len(merged) == 0 {
		return nil
	}
	known, err := tx.Contacts(merged)
	if err != nil {
		return err
	}
	maps.Copy(found.Contacts, known)
	for id, r := range found.Referrers {
		if r.Turns == 0 {
			r.Email = known[r.Person].Email
			found.Referrers[id] = r
		}
	}
	return nil
}

// referrers asks for the main addresses of participants; of those whose person
// was merged with others it may be another.
func (tx *Tx) referrers(found map[model.ParticipantID]Referrer, ids []model.ParticipantID) Statement {
	listed := few(ids)
	return tx.ask(`SELECT r.id, r.person_id, COALESCE(i.shown, ''), `+turnsAlone+`
		FROM participant r
		JOIN person p ON p.account_id = r.account_id AND p.id = r.person_id
		LEFT JOIN identity i ON i.account_id = r.account_id AND i.person_id = r.person_id AND i.kind = 2
		WHERE r.account_id = $1 AND p.erased_at = 0 AND r.id IN (`+in(2, len(listed))+`)
		ORDER BY i.main DESC, i.at, i.value`,
		func(row Row) error {
			var id model.ParticipantID
			var r Referrer
			err := row.Scan(&id, &r.Person, &r.Email, &r.Turns)
			if _, had := found[id]; !had {
				found[id] = r
			}
			return err
		}, listed...)
}

// Glance is what may have changed of participants since they were read.
type Glance struct {
	Versions   map[model.ParticipantID]Version // of those who are there
	Turns      map[model.PersonID]int64        // of those who are not merged with others
	Counts     map[Counted]int64
	Suppressed map[string]model.Suppression // by address
}

// Glance looks at participants, the persons of who brought them, counters, and
// addresses, in one round trip. There is at least one participant, and there
// are at most 256.
func (tx *Tx) Glance(ids []model.ParticipantID, persons []model.PersonID, subjects []int64, addresses []string) (*Glance, error) {
	g := &Glance{Versions: map[model.ParticipantID]Version{}, Turns: map[model.PersonID]int64{}, Counts: map[Counted]int64{}, Suppressed: map[string]model.Suppression{}}
	asked, countDue := tx.counts(g.Counts, subjects)
	listed := few(ids)
	asked = append(asked, tx.ask(`SELECT a.id, `+turnsAlone+`, a.changed_at, a.referrals, a.points
		FROM participant a
		JOIN person p ON p.account_id = a.account_id AND p.id = a.person_id
		WHERE a.account_id = $1 AND p.erased_at = 0 AND a.id IN (`+in(2, len(listed))+`)`,
		func(r Row) error {
			var id model.ParticipantID
			var v Version
			err := r.Scan(&id, &v.Turns, &v.Changed, &v.Referrals, &v.Points)
			g.Versions[id] = v
			return err
		}, listed...))
	if len(persons) > 0 {
		listed := few(persons)
		asked = append(asked, tx.ask(`SELECT p.id, `+turnsAlone+`
			FROM person p
			WHERE p.account_id = $1 AND p.id IN (`+in(2, len(listed))+`)`,
			func(r Row) error {
				var id model.PersonID
				var turns int64
				err := r.Scan(&id, &turns)
				g.Turns[id] = turns
				return err
			}, listed...))
	}
	if len(addresses) > 0 {
		asked = append(asked, tx.suppressed(g.Suppressed, addresses))
	}
	err := tx.run(asked...)
	countDue()
	return g, err
}
