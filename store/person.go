package store

import (
	"maps"
	"slices"

	"grapevine/model"
)

// LockPersons locks persons' rows in the order of their ids, and takes a turn
// of each. One that is merged by now, or gone, makes the transaction run
// again.
func (tx *Tx) LockPersons(ids ...model.PersonID) (map[model.PersonID]*model.Person, error) {
	locked := map[model.PersonID]*model.Person{}
	for chunk := range slices.Chunk(distinct(ids), 64) {
		lock, persons := tx.lockPersons(chunk)
		if err := tx.run(lock); err != nil {
			return nil, err
		}
		if err := tx.takeTurns(persons, chunk, false); err != nil {
			return nil, err
		}
		maps.Copy(locked, persons)
	}
	return locked, nil
}

// PersonsNamed finds who has names of a kind, those merged included. Names
// that nobody has are left out.
func (tx *Tx) PersonsNamed(kind model.IdentityKind, names []string) (map[string]model.PersonID, error) {
	persons := map[string]model.PersonID{}
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	for chunk := range slices.Chunk(names, 64) {
		listed := few(chunk)
		err := tx.read(`SELECT i.value, `+canonical+`
			FROM identity i
			JOIN person p ON p.account_id = i.account_id AND p.id = i.person_id
			WHERE i.account_id = $1 AND i.kind = $2 AND i.value IN (`+in(3, len(listed))+`)`,
			func(r Row) error {
				var name string
				var id model.PersonID
				err := r.Scan(&name, &id)
				persons[name] = id
				return err
			}, append([]any{kind}, listed...)...)
		if err != nil {
			return nil, err
		}
	}
	return persons, nil
}

// lockPersons asks for the persons' rows and locks them in the order of their
// ids. takeTurns has to follow.
func (tx *Tx) lockPersons(ids []model.PersonID) (Statement, map[model.PersonID]*model.Person) {
	persons := make(map[model.PersonID]*model.Person, len(ids))
	listed := few(ids)
	return tx.ask(`SELECT id, alias_of, aliases, purchases, turns, loyalty, created_at, CASE WHEN erased_at <> 0 THEN 1 ELSE 0 END
		FROM person
		WHERE account_id = $1 AND id IN (`+in(2, len(listed))+`)
		ORDER BY id`+tx.engine.ForUpdate(),
		func(r Row) error {
			var p model.Person
			var created int64
			err := r.Scan(&p.ID, &p.AliasOf, &p.Aliases, &p.Purchases, &p.Turns, &p.Loyalty, &created, &p.Erased)
			p.CreatedAt = at(created)
			persons[p.ID] = &p
			return err
		}, listed...), persons
}

// takeTurns queues a turn of each person who is locked, and counts it. One
// that is merged by now, or gone, makes the transaction run again, and so does
// one who is erased, unless they may be.
func (tx *Tx) takeTurns(persons map[model.PersonID]*model.Person, ids []model.PersonID, erased bool) error {
	for _, id := range ids {
		p := persons[id]
		if p == nil || p.AliasOf != 0 || p.Erased && !erased {
			return ErrAgain
		}
		p.Turns++
	}
	for chunk := range slices.Chunk(ids, 64) {
		listed := few(chunk)
		tx.write(`UPDATE person
			SET turns = turns + 1
			WHERE account_id = $1 AND id IN (`+in(2, len(listed))+`)`, listed...)
	}
	return nil
}

// distinct sorts ids and drops zeros and repetitions.
func distinct(ids []model.PersonID) []model.PersonID {
	sorted := slices.Clone(ids)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	if len(sorted) > 0 && sorted[0] == 0 {
		sorted = sorted[1:]
	}
	return sorted
}

// Canonical returns who a person is now: the one they were merged into, or
// themselves.
func (tx *Tx) Canonical(id model.PersonID) (model.PersonID, error) {
	into := id
	err := tx.read(`SELECT `+canonical+`
		FROM person p
		WHERE p.account_id = $1 AND p.id = $2`,
		func(r Row) error { return r.Scan(&into) }, id)
	return into, err
}

// Group returns a person's id and those of everyone merged into it.
func (tx *Tx) Group(p *model.Person) ([]model.PersonID, error) {
	group := []model.PersonID{p.ID}
	if p.Aliases == 0 {
		return group, nil
	}
	err := tx.read(`SELECT id
		FROM person
		WHERE account_id = $1 AND alias_of = $2 AND alias_of <> 0
		ORDER BY id`,
		func(r Row) error {
			var id model.PersonID
			err := r.Scan(&id)
			group = append(group, id)
			return err
		}, p.ID)
	return group, err
}

// PersonByCustomerID finds who has a customer id, and who was merged into
// them, themselves first. It fails with NotFound.
func (tx *Tx) PersonByCustomerID(customerID string) (*model.Person, []model.PersonID, error) {
	found, err := tx.Look(Lookup{CustomerID: customerID})
	if err != nil {
		return nil, nil, err
	}
	var list []model.Person
	if found.ByCustomer != 0 {
		err = tx.persons(&list, `id = $2`, found.ByCustomer)
	}
	if err != nil {
		return nil, nil, err
	}
	if len(list) == 0 {
		return nil, nil, missing(model.PersonUnknown, "customer", customerID)
	}
	group, err := tx.Group(&list[0])
	return &list[0], group, err
}

// LoyaltyChanges lists the events that changed the loyalty status of a group
// of persons, oldest first.
func (tx *Tx) LoyaltyChanges(group []model.PersonID) ([]*model.Event, error) {
	var list []*model.Event
	err := tx.read(`SELECT `+eventColumns+`
		FROM event e
		WHERE e.account_id = $1 AND e.person_id IN (`+in(2, len(group))+`) AND e.kind = 'loyalty'
		ORDER BY e.at, e.id`,
		func(r Row) error {
			e := &model.Event{}
			list = append(list, e)
			return scanEvent(r, e)
		}, anys(group)...)
	return list, err
}

// InsertPerson queues a new person.
func (tx *Tx) InsertPerson(p *model.Person) {
	tx.insert("person", "id, alias_of, aliases, purchases, turns, loyalty, created_at, erased_at",
		[][]any{{p.ID, 0, 0, p.Purchases, p.Turns, string(p.Loyalty), ms(p.CreatedAt), 0}}, "")
}

// SetLoyalty queues whether a person takes part in the loyalty programme.
func (tx *Tx) SetLoyalty(id model.PersonID, status model.LoyaltyStatus) {
	tx.write(`UPDATE person
		SET loyalty = $3
		WHERE account_id = $1 AND id = $2`, id, string(status))
}

// CountPurchase queues one more purchase of a person.
func (tx *Tx) CountPurchase(id model.PersonID) {
	tx.write(`UPDATE person
		SET purchases = purchases + 1
		WHERE account_id = $1 AND id = $2`, id)
}

// InsertIdentities queues new names of persons. One that somebody else took
// meanwhile makes the transaction run again.
func (tx *Tx) InsertIdentities(identities []model.Identity, now int64) {
	rows := make([][]any, len(identities))
	for i, d := range identities {
		rows[i] = []any{d.Kind, d.Value, d.Person, d.Shown, d.Main, now}
	}
	tx.insert("identity", "kind, value, person_id, shown, main, at", rows, "")
}

// Identities lists the names of a group of persons, customer ids first, the
// main one of each kind before the others.
func (tx *Tx) Identities(group []model.PersonID) ([]model.Identity, error) {
	var list []model.Identity
	err := tx.read(`SELECT kind, value, person_id, shown, main
		FROM identity
		WHERE account_id = $1 AND person_id IN (`+in(2, len(group))+`)
		ORDER BY kind, main DESC, at, value`,
		func(r Row) error {
			var d model.Identity
			err := r.Scan(&d.Kind, &d.Value, &d.Person, &d.Shown, &d.Main)
			list = append(list, d)
			return err
		}, anys(group)...)
	return list, err
}

// HasCustomerID reports whether a person is known by a customer id. The caller
// holds the person's lock.
func (tx *Tx) HasCustomerID(id model.PersonID) (bool, error) {
	has := false
	err := tx.read(`SELECT 1
		FROM identity
		WHERE account_id = $1 AND person_id = $2 AND kind = 1
		LIMIT 1`,
		func(Row) error { has = true; return nil }, id)
	return has, err
}

// DeleteIdentity queues that a name is nobody's any more.
func (tx *Tx) DeleteIdentity(d model.Identity) {
	tx.write(`DELETE FROM identity
		WHERE account_id = $1 AND kind = $2 AND value = $3`, d.Kind, d.Value)
}

// SetMainIdentity queues that one name of a group is the main one of its kind.
func (tx *Tx) SetMainIdentity(group []model.PersonID, kind model.IdentityKind, value string) {
	tx.write(`UPDATE identity
		SET main = CASE WHEN value = $3 THEN 1 ELSE 0 END
		WHERE account_id = $1 AND kind = $2 AND person_id IN (`+in(4, len(group))+`)`,
		append([]any{kind, value}, anys(group)...)...)
}

// ConfirmEmail queues that an e-mail is the main one of a person, where the
// group has no main one. Then nobody vouched for the person's others: they are
// theirs no longer.
func (tx *Tx) ConfirmEmail(person model.PersonID, group []model.PersonID, value string) {
	args := append([]any{model.Email, value, person}, anys(group)...)
	unless := `NOT EXISTS (SELECT 1 FROM identity m
			WHERE m.account_id = $1 AND m.kind = $2 AND m.main = 1 AND m.person_id IN (` + in(5, len(group)) + `))`
	tx.write(`DELETE FROM identity
		WHERE account_id = $1 AND kind = $2 AND value <> $3 AND person_id = $4
			AND `+unless, args...)
	tx.write(`UPDATE identity
		SET main = 1
		WHERE account_id = $1 AND kind = $2 AND value = $3 AND (person_id = $4 OR person_id IN (`+in(5, len(group))+`))
			AND `+unless, args...)
}

// Alias queues that from is merged into into, whose main names stay the main
// ones.
func (tx *Tx) Alias(from, into model.PersonID) {
	tx.write(`UPDATE person
		SET alias_of = $3
		WHERE account_id = $1 AND (id = $2 OR (alias_of = $2 AND alias_of <> 0))`, from, into)
	tx.write(`UPDATE identity
		SET main = 0
		WHERE account_id = $1 AND person_id = $2`, from)
	tx.write(`UPDATE person
		SET aliases = aliases + 1 + (SELECT COALESCE(MAX(o.aliases), 0) FROM person o WHERE o.account_id = $1 AND o.id = $2),
			purchases = purchases + (SELECT COALESCE(MAX(o.purchases), 0) FROM person o WHERE o.account_id = $1 AND o.id = $2)
		WHERE account_id = $1 AND id = $3`, from, into)
}

// Profile returns what is kept of a person, empty where nothing is.
func (tx *Tx) Profile(id model.PersonID) (model.Profile, error) {
	p := model.Profile{Person: id}
	err := tx.read(`SELECT first_name, last_name, ip, agent, body
		FROM profile
		WHERE account_id = $1 AND person_id = $2`,
		func(r Row) error { return r.Scan(&p.FirstName, &p.LastName, &p.IP, &p.Agent, &p.Body) }, id)
	return p, err
}

// SaveProfile queues what was sent of a person; empty fields keep what was
// there.
func (tx *Tx) SaveProfile(p model.Profile) {
	tx.insert("profile", "person_id, first_name, last_name, ip, agent, body",
		[][]any{{p.Person, p.FirstName, p.LastName, p.IP, p.Agent, p.Body}}, `ON CONFLICT (account_id, person_id) DO UPDATE
		SET first_name = CASE WHEN excluded.first_name <> '' THEN excluded.first_name ELSE profile.first_name END,
			last_name = CASE WHEN excluded.last_name <> '' THEN excluded.last_name ELSE profile.last_name END,
			ip = CASE WHEN excluded.ip <> '' THEN excluded.ip ELSE profile.ip END,
			agent = CASE WHEN excluded.agent <> '' THEN excluded.agent ELSE profile.agent END,
			body = CASE WHEN excluded.body <> '' THEN excluded.body ELSE profile.body END`)
}

// ReplaceProfile queues that this, and no more, is kept of a person of whom
// something was.
func (tx *Tx) ReplaceProfile(p model.Profile) {
	tx.write(`UPDATE profile
		SET first_name = $3, last_name = $4, ip = $5, agent = $6, body = $7
		WHERE account_id = $1 AND person_id = $2`, p.Person, p.FirstName, p.LastName, p.IP, p.Agent, p.Body)
}
