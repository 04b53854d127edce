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
}

// Stand locks persons and reads what the rules ask of them. friends are who
// acts, and who is about to be merged into them; an id of 0 is nobody. ledgers
// are read where the rules may post to them.
func (tx *Tx) Stand(friends, advocates []model.PersonID, ledgers bool) (*Standing, error) {
	s := &Standing{Groups: map[model.PersonID][]model.PersonID{}}
	all := distinct(slices.Concat(friends, advocates))
	if len(all) == 0 {
		return s, nil
	}
	lock, persons := tx.lockPersons(all)
	asked := []Statement{lock}
	s.Persons = persons
	for _, id := range all {
		s.Groups[id] = []model.PersonID{id}
	}
	progresses, referrals, heads := tx.standing(&asked, all, advocates, friends)
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
	if err := tx.takeTurns(persons, all); err != nil {
		return nil, err
	}
	s.Progresses, s.Referrals, s.Ledgers = *progresses, *referrals, *heads
	return s, tx.standAsGroups(s, friends, advocates)
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
func (tx *Tx) standAsGroups(s *Standing, friends, advocates []model.PersonID) error {
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
	friends, advocates = grown(friends), grown(advocates)
	var asked []Statement
	progresses, referrals, _ := tx.standing(&asked, distinct(slices.Concat(friends, advocates)), advocates, friends)
	if err := tx.run(asked...); err != nil {
		return err
	}
	s.Progresses, s.Referrals = *progresses, *referrals
	return nil
}
