package store

import "grapevine/model"

// Standing is how the persons of an event stand, read under their locks.
type Standing struct {
	Persons    map[model.PersonID]*model.Person
	Groups     map[model.PersonID][]model.PersonID // each with those merged into them
	Progresses []Progress
	Referrals  []Referral // between the advocates and the friend
	Ledgers    []model.Ledger
}

// Stand locks persons and reads what the rules ask of them. friend is 0 where
// nobody is known, or where the friend is new; ledgers are read where the
// rules may post to them.
func (tx *Tx) Stand(friend model.PersonID, others []model.PersonID, ledgers bool) (*Standing, error) {
	ids := append([]model.PersonID{friend}, others...)
	asked, persons := tx.lockPersons(ids)
	locks := len(asked)
	s := &Standing{Persons: persons, Groups: map[model.PersonID][]model.PersonID{}}
	if locks == 0 {
		return s, nil
	}
	all := distinct(ids)
	for _, id := range all {
		s.Groups[id] = []model.PersonID{id}
	}
	progresses, referrals, heads := tx.standing(&asked, all, others, []model.PersonID{friend})
	if ledgers {
		holders := make([]string, len(all))
		for i, id := range all {
			holders[i] = PersonHolder(id)
		}
		statement, list := tx.ledgers(holders)
		asked, heads = append(asked, *statement), list
	}
	if err := tx.run(asked...); err != nil {
		return nil, err
	}
	if err := locked(persons, ids); err != nil {
		return nil, err
	}
	s.Progresses, s.Referrals, s.Ledgers = *progresses, *referrals, *heads
	return s, tx.standAsGroups(s, friend, others)
}

func (tx *Tx) standing(asked *[]Statement, all, advocates, friends []model.PersonID) (*[]Progress, *[]Referral, *[]model.Ledger) {
	statement, progresses := tx.progresses(all)
	*asked = append(*asked, *statement)
	statement, referrals := tx.referrals(distinct(advocates), distinct(friends))
	if statement != nil {
		*asked = append(*asked, *statement)
	}
	return progresses, referrals, &[]model.Ledger{}
}

// standAsGroups reads again with those who were merged into the persons:
// limits count over them too. Their rows are covered by the locks held.
func (tx *Tx) standAsGroups(s *Standing, friend model.PersonID, others []model.PersonID) error {
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
	var all, advocates []model.PersonID
	for _, group := range s.Groups {
		all = append(all, group...)
	}
	for _, id := range distinct(others) {
		advocates = append(advocates, s.Groups[id]...)
	}
	var asked []Statement
	progresses, referrals, _ := tx.standing(&asked, distinct(all), advocates, s.Groups[friend])
	if err := tx.run(asked...); err != nil {
		return err
	}
	s.Progresses, s.Referrals = *progresses, *referrals
	return nil
}
