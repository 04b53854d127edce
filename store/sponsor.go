package store

import "grapevine/model"

// Sponsor is a code and how its owner is addressed.
type Sponsor struct {
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
			COALESCE(i.kind, 0), COALESCE(i.shown, ''), COALESCE(i.main, 0), COALESCE(i.at, 0)
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
			if err := r.Scan(&s.Shown, &s.Campaign, &s.FirstName, &s.LastName, &kind, &name, &main, &at); err != nil {
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
	return s, err
}
