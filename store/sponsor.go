package store

import "grapevine/model"

// Sponsor is a code and how its owner is addressed.
type Sponsor struct {
	Person     model.PersonID
	Turns      int64 // of the person; whatever changes them takes one. 0: merged with others
	Shown      string
	Campaign   model.CampaignID
	CustomerID string
	Email      string
	FirstName  string
	LastName   string
}

// Sponsor finds the owner of a code. It fails with NotFound.
func (tx *Tx) Sponsor(folded string) (*Sponsor, error) {
	var s *Sponsor
	// The main name of each kind, else the oldest: to pick among the few rows
	// here costs less than to have the database order them.
	best := [3]struct {
		main bool
		at   int64
	}{}
	err := tx.read(`SELECT c.shown, c.campaign_id, COALESCE(f.first_name, ''), COALESCE(f.last_name, ''),
			COALESCE(i.kind, 0), COALESCE(i.shown, ''), COALESCE(i.main, 0), COALESCE(i.at, 0),
			p.id, `+turnsAlone+`
		FROM code c
		JOIN person p ON p.account_id = c.account_id AND p.id = c.person_id
		LEFT JOIN profile f ON f.account_id = c.account_id AND f.person_id = `+canonical+`
		LEFT JOIN identity i ON i.account_id = c.account_id AND i.person_id = `+canonical+`
		WHERE c.account_id = $1 AND c.folded = $2`,
		func(r Row) error {
			if s == nil {
				s = &Sponsor{}
			}
			var kind, at int64
			var main bool
			var name string
			if err := r.Scan(&s.Shown, &s.Campaign, &s.FirstName, &s.LastName, &kind, &name, &main, &at, &s.Person, &s.Turns); err != nil {
				return err
			}
			b := &best[kind]
			if b.at == 0 || (main && !b.main) || (main == b.main && at < b.at) {
				b.main, b.at = main, at
				switch kind {
				case 1:
					s.CustomerID = name
				case 2:
					s.Email = name
				}
			}
			return nil
		}, folded)
	if err == nil && s == nil {
		err = missing(model.CodeUnknown, "code", folded)
	}
	if err == nil && s.Turns == 0 {
		err = tx.groupNames(s, s.Person)
	}
	return s, err
}

// turnsAlone are the turns of a person who was merged with nobody, else 0.
const turnsAlone = `CASE WHEN p.alias_of <> 0 OR p.aliases > 0 THEN 0 ELSE p.turns END`

// Turns tells how many turns a person has taken, 0 where they were merged with
// others.
func (tx *Tx) Turns(id model.PersonID) (int64, error) {
	var turns int64
	err := tx.read(`SELECT `+turnsAlone+`
		FROM person p
		WHERE p.account_id = $1 AND p.id = $2`,
		func(r Row) error { return r.Scan(&turns) }, id)
	return turns, err
}

// groupNames puts in what a merge left with others: their names are the
// person's, too.
func (tx *Tx) groupNames(s *Sponsor, merged model.PersonID) error {
	contacts, err := tx.Contacts([]model.PersonID{merged})
	if err == nil {
		c := contacts[merged]
		s.CustomerID, s.Email, s.FirstName, s.LastName = c.CustomerID, c.Email, c.Profile.FirstName, c.Profile.LastName
	}
	return err
}
