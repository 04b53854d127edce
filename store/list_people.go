package store

import (
	"slices"

	"grapevine/model"
)

// Lists that a change of a person shows in.
const (
	InPeople   = 1 // as a participant
	InHoldings = 2 // as who holds rewards
)

// Change says that lists in memory have to read a person again.
type Change struct {
	ID     int64
	Person model.PersonID
	Lists  int64
	Gone   model.ParticipantID // who is no more; 0 is none
}

// InsertChanges queues changes.
func (tx *Tx) InsertChanges(changes []Change) {
	rows := make([][]any, len(changes))
	for i, c := range changes {
		rows[i] = []any{c.ID, c.Person, c.Lists, c.Gone}
	}
	tx.insert("person_change", "id, person_id, lists, gone_id", rows, "")
}

// ChangeIfDescribed queues a change of a person who is called otherwise than is
// kept, or of whom something else was sent; what is empty says nothing. What
// saves the profile comes after it.
func (tx *Tx) ChangeIfDescribed(id int64, p model.Profile) {
	tx.write(`INSERT INTO person_change (account_id, id, person_id, lists, gone_id)
		SELECT $1, CAST($2 AS BIGINT), p.id, 3, 0
		FROM person p
		LEFT JOIN profile f ON f.account_id = p.account_id AND f.person_id = p.id
		WHERE p.account_id = $1 AND p.id = $3 AND ($4 <> '' AND COALESCE(f.first_name, '') <> $4 OR $5 <> '' AND COALESCE(f.last_name, '') <> $5
			OR $6 <> '' AND COALESCE(f.body, '') <> $6)`, id, p.Person, p.FirstName, p.LastName, p.Body)
}

// Changes lists changes above an id.
func (tx *Tx) Changes(above int64) ([]Change, error) {
	var list []Change
	err := tx.read(`SELECT id, person_id, lists, gone_id
		FROM person_change
		WHERE account_id = $1 AND id > $2
		ORDER BY id`,
		func(r Row) error {
			var c Change
			err := r.Scan(&c.ID, &c.Person, &c.Lists, &c.Gone)
			list = append(list, c)
			return err
		}, above)
	return list, err
}

// OldChange tells whether there is a change below an id.
func (tx *Tx) OldChange(below int64) (bool, error) {
	found := false
	err := tx.read(`SELECT 1
		FROM person_change
		WHERE account_id = $1 AND id < $2
		LIMIT 1`,
		func(Row) error { found = true; return nil }, below)
	return found, err
}

// PruneChanges removes some changes below an id, the oldest first, and returns
// how many.
func (tx *Tx) PruneChanges(below int64, limit int) (int64, error) {
	return tx.change(`DELETE FROM person_change
		WHERE account_id = $1 AND id IN (SELECT c.id
			FROM person_change c
			WHERE c.account_id = $1 AND c.id < $2
			ORDER BY c.id
			LIMIT $3)`, below, limit)
}

// PersonEntry is a participant as lists sort and filter them.
type PersonEntry struct {
	Participant model.ParticipantID
	Campaign    model.CampaignID
	Person      model.PersonID // as in the participant's row
	Referrer    model.ParticipantID
	JoinedAt    int64 // milliseconds, as the other times
	ConfirmedAt int64
	QualifiedAt int64
	Source      string
	Code        string // the main code, folded
	Email       string
	FirstName   string
	LastName    string
	Body        string // JSON: what else was sent of the person
	Erased      bool   // nobody is behind the participant any more

	UnsubscribedAt int64 // for the caller to find: it takes a hash of the address
	merged         bool
}

// nameColumns are how a person is called: their first name, and their main
// address, else the oldest; whether they were merged with others, or erased.
const nameColumns = `COALESCE(f.first_name, ''), COALESCE((SELECT i.shown
			FROM identity i
			WHERE i.account_id = p.account_id AND i.person_id = p.id AND i.kind = 2
			ORDER BY i.main DESC, i.at, i.shown
			LIMIT 1), ''), CASE WHEN p.alias_of <> 0 OR p.aliases > 0 THEN 1 ELSE 0 END, CASE WHEN p.erased_at <> 0 THEN 1 ELSE 0 END`

const entryQuery = `SELECT a.id, a.campaign_id, a.person_id, a.referrer_id, a.joined_at, a.confirmed_at, a.qualified_at, a.source, COALESCE(c.folded, ''), COALESCE(f.last_name, ''), COALESCE(f.body, ''), ` + nameColumns + `
		FROM participant a
		JOIN person p ON p.account_id = a.account_id AND p.id = a.person_id
		LEFT JOIN profile f ON f.account_id = a.account_id AND f.person_id = a.person_id
		LEFT JOIN code c ON c.account_id = a.account_id AND c.id = a.code_id
		WHERE a.account_id = $1`

// EveryEntry calls each for all participants, by id; what is known of those
// who were merged comes last.
func (tx *Tx) EveryEntry(each func(PersonEntry) error) error {
	return tx.entries(each, entryQuery+`
		ORDER BY a.id`)
}

// EntriesOf calls each for the participants that persons are, and those who
// were merged with them.
func (tx *Tx) EntriesOf(persons []model.PersonID, each func(PersonEntry) error) error {
	all, err := tx.grown(persons)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(all, mostListed) {
		listed := few(chunk)
		err := tx.entries(each, entryQuery+` AND a.person_id IN (`+in(2, len(listed))+`)
		ORDER BY a.id`, listed...)
		if err != nil {
			return err
		}
	}
	return nil
}

// mostListed is how many persons one query asks for.
const mostListed = 256

func (tx *Tx) entries(each func(PersonEntry) error, sql string, args ...any) error {
	var merged []PersonEntry
	err := tx.read(sql, func(r Row) error {
		var e PersonEntry
		if err := r.Scan(&e.Participant, &e.Campaign, &e.Person, &e.Referrer, &e.JoinedAt, &e.ConfirmedAt, &e.QualifiedAt,
			&e.Source, &e.Code, &e.LastName, &e.Body, &e.FirstName, &e.Email, &e.merged, &e.Erased); err != nil {
			return err
		}
		if e.merged && !e.Erased {
			merged = append(merged, e)
			return nil
		}
		return each(e)
	}, args...)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(merged, mostListed) {
		persons := make([]model.PersonID, len(chunk))
		for i, e := range chunk {
			persons[i] = e.Person
		}
		known, err := tx.Contacts(persons)
		if err != nil {
			return err
		}
		for _, e := range chunk {
			c := known[e.Person]
			e.Email, e.FirstName, e.LastName = c.Email, c.Profile.FirstName, c.Profile.LastName
			if err := each(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// grown are persons with all who were merged with them.
func (tx *Tx) grown(persons []model.PersonID) ([]model.PersonID, error) {
	all := map[model.PersonID]bool{}
	for chunk := range slices.Chunk(distinct(persons), mostListed) {
		owner, err := tx.owners(chunk)
		if err != nil {
			return nil, err
		}
		for id, into := range owner {
			all[id], all[into] = true, true
		}
	}
	ids := make([]model.PersonID, 0, len(all))
	for id := range all {
		ids = append(ids, id)
	}
	return distinct(ids), nil
}

// Visits counts the clicks above an id and up to another by participant.
func (tx *Tx) Visits(above, upTo int64) (map[int64]int64, error) {
	counts := map[int64]int64{}
	err := tx.read(`SELECT participant_id, CAST(COUNT(*) AS BIGINT)
		FROM click
		WHERE account_id = $1 AND id > $2 AND id <= $3
		GROUP BY participant_id`,
		func(r Row) error {
			var id, n int64
			err := r.Scan(&id, &n)
			counts[id] = n
			return err
		}, above, upTo)
	return counts, err
}
