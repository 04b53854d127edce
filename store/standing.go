package store

import (
	"slices"

	"grapevine/model"
)

// Standing is how the persons of an event stand, read under their locks.
type Standing struct {
	Persons    map[model.PersonID]*model.Person
	Groups     map[model.PersonID][]model.PersonID // each with those merged into them
	Progresses []Progress
	Referrals  []Referral // between the advocates and the friend
	Ledgers    []model.Ledger
	Names      []model.Identity                 // their kind, person and what is shown
	Addresses  map[model.PersonID]model.Profile // IP and agent
	Browsers   [][]model.PersonID               // of each meeting: advocates who were known in a browser of a friend's
}

// Ask is what is to be read of persons once they are locked.
type Ask struct {
	Friends   []model.PersonID // who acts, and who is about to be merged into them; 0 is nobody
	Advocates []model.PersonID
	Ledgers   bool // where the rules may post to them
	Names     bool
	Addresses bool
	Meetings  []Meeting
	Erased    bool // it is about what they left: who was erased since they were found does not make the transaction run again
	// Referrers are participants of the advocates who were found to count. Where
	// one has left or was suspended meanwhile, the transaction runs again.
	Referrers []model.ParticipantID
}

// Meeting is who may have used the same browser.
type Meeting struct {
	Friends   []model.PersonID
	Advocates []model.PersonID
	Visitor   model.VisitorID // whose browser it is beside those of the friends; 0 is none
}

// Stand locks persons and reads what the rules and the fraud checks ask of
// them.
func (tx *Tx) Stand(ask Ask) (*Standing, error) {
	s := &Standing{Groups: map[model.PersonID][]model.PersonID{}, Browsers: make([][]model.PersonID, len(ask.Meetings))}
	all := distinct(slices.Concat(ask.Friends, ask.Advocates))
	if len(all) == 0 {
		return s, nil
	}
	lock, persons := tx.lockPersons(all)
	asked := []Statement{lock}
	s.Persons = persons
	for _, id := range all {
		s.Groups[id] = []model.PersonID{id}
	}
	read := tx.standing(&asked, ask)
	heads := &[]model.Ledger{}
	if ask.Ledgers {
		holders := make([]string, len(all))
		for i, id := range all {
			holders[i] = PersonHolder(id)
		}
		statement, list := tx.ledgers(holders)
		asked, heads = append(asked, *statement), list
	}
	referrers, counting := slices.Compact(slices.Sorted(slices.Values(ask.Referrers))), 0
	if len(referrers) > 0 && tx.engine.ForUpdate() != "" { // where the writer is alone, nothing changes meanwhile
		listed := few(referrers)
		asked = append(asked, tx.ask(`SELECT id
			FROM participant
			WHERE account_id = $1 AND id IN (`+in(2, len(listed))+`) AND state <> 'suspended'`,
			func(Row) error { counting++; return nil }, listed...))
	} else {
		counting = len(referrers)
	}
	if err := tx.run(asked...); err != nil {
		return nil, err
	}
	if counting < len(referrers) {
		return nil, ErrAgain
	}
	if err := tx.takeTurns(persons, all, ask.Erased); err != nil {
		return nil, err
	}
	read(s)
	s.Ledgers = *heads
	return s, tx.standAsGroups(s, ask)
}

// standing asks what counts over groups, and returns who puts it into a
// Standing once it is read.
func (tx *Tx) standing(asked *[]Statement, ask Ask) func(*Standing) {
	friends, advocates := distinct(ask.Friends), distinct(ask.Advocates)
	all := distinct(slices.Concat(friends, advocates))
	statement, progresses := tx.progresses(all)
	*asked = append(*asked, *statement)
	statement, referrals := tx.referrals(advocates, friends)
	if statement != nil {
		*asked = append(*asked, *statement)
	}
	known := tx.acquaintance(asked, ask, all)
	return func(s *Standing) {
		s.Progresses, s.Referrals = *progresses, *referrals
		s.Names, s.Addresses, s.Browsers = known.Names, known.Addresses, known.Browsers
	}
}

// Bounds of what fraud checks look at: nobody has more, but for those who make
// them up.
const (
	mostNames    = "8000" // of all together
	mostBrowsers = "64"   // newest first
)

// acquaintance asks what fraud checks want to know of all persons.
func (tx *Tx) acquaintance(asked *[]Statement, ask Ask, all []model.PersonID) *Standing {
	s := &Standing{}
	listed := few(all)
	if ask.Names {
		*asked = append(*asked, tx.ask(`SELECT person_id, kind, shown
			FROM identity
			WHERE account_id = $1 AND person_id IN (`+in(2, len(listed))+`)
			ORDER BY person_id, kind, main, at
			LIMIT `+mostNames, // of a $n PostgreSQL thinks that a tenth of the rows will do, and walks the account's
			func(r Row) error {
				var d model.Identity
				err := r.Scan(&d.Person, &d.Kind, &d.Shown)
				s.Names = append(s.Names, d)
				return err
			}, listed...))
	}
	if ask.Addresses {
		s.Addresses = map[model.PersonID]model.Profile{}
		*asked = append(*asked, tx.ask(`SELECT person_id, ip, agent
			FROM profile
			WHERE account_id = $1 AND person_id IN (`+in(2, len(listed))+`)`,
			func(r Row) error {
				var p model.Profile
				err := r.Scan(&p.Person, &p.IP, &p.Agent)
				s.Addresses[p.Person] = p
				return err
			}, listed...))
	}
	s.Browsers = make([][]model.PersonID, len(ask.Meetings))
	for i, m := range ask.Meetings {
		tx.browsers(asked, m, &s.Browsers[i])
	}
	return s
}

// browsers asks which advocates were known in a browser of the friends'.
func (tx *Tx) browsers(asked *[]Statement, m Meeting, found *[]model.PersonID) {
	friends, advocates := distinct(m.Friends), distinct(m.Advocates)
	if len(advocates) == 0 {
		return
	}
	add := func(r Row) error {
		var id model.PersonID
		err := r.Scan(&id)
		*found = append(*found, id)
		return err
	}
	if m.Visitor != 0 {
		*asked = append(*asked, tx.ask(`SELECT person_id
			FROM visitor
			WHERE account_id = $1 AND id = $2 AND person_id IN (`+in(3, len(advocates))+`)`,
			add, append([]any{m.Visitor}, anys(advocates)...)...))
	}
	if len(friends) > 0 {
		*asked = append(*asked, tx.ask(`SELECT a.person_id
			FROM (SELECT v.id AS id
				FROM visitor v
				WHERE v.account_id = $1 AND v.person_id IN (`+in(2, len(friends))+`)
				ORDER BY v.id DESC
				LIMIT `+mostBrowsers+`) f
			JOIN visitor a ON a.account_id = $1 AND a.id = f.id
			WHERE a.person_id IN (`+in(2+len(friends), len(advocates))+`)`,
			add, anys(slices.Concat(friends, advocates))...))
	}
}

// standAsGroups reads again with those who were merged into the persons:
// limits count over them too. Their rows are covered by the locks held.
func (tx *Tx) standAsGroups(s *Standing, ask Ask) error {
	merged := false
	for id, p := range s.Persons {
		if p.Aliases == 0 {
			continue
		}
		group, err := tx.Group(p)
		if err != nil {
			return err
		}
		s.Groups[id], merged = group, true
	}
	if !merged {
		return nil
	}
	grown := func(ids []model.PersonID) (all []model.PersonID) {
		for _, id := range ids {
			all = append(all, s.Groups[id]...)
		}
		return distinct(all)
	}
	ask.Friends, ask.Advocates = grown(ask.Friends), grown(ask.Advocates)
	ask.Meetings = slices.Clone(ask.Meetings)
	for i, m := range ask.Meetings {
		ask.Meetings[i].Friends, ask.Meetings[i].Advocates = grown(m.Friends), grown(m.Advocates)
	}
	var asked []Statement
	read := tx.standing(&asked, ask)
	if err := tx.run(asked...); err != nil {
		return err
	}
	read(s)
	return nil
}
