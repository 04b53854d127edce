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
	err := tx.read(`WITH owner AS (
			SELECT c.shown, c.campaign_id, `+canonical+` AS person_id
			FROM code c
			JOIN person p ON p.account_id = c.account_id AND p.id = c.person_id
			WHERE c.account_id = $1 AND c.folded = $2
		)
		SELECT o.shown, o.campaign_id, COALESCE(f.first_name, ''), COALESCE(f.last_name, ''),
			COALESCE((SELECT i.shown FROM identity i
				WHERE i.account_id = $1 AND i.person_id = o.person_id AND i.kind = 1
				ORDER BY i.main DESC, i.at LIMIT 1), ''),
			COALESCE((SELECT i.shown FROM identity i
				WHERE i.account_id = $1 AND i.person_id = o.person_id AND i.kind = 2
				ORDER BY i.main DESC, i.at LIMIT 1), '')
		FROM owner o
		LEFT JOIN profile f ON f.account_id = $1 AND f.person_id = o.person_id`,
		func(r Row) error {
			s = &Sponsor{}
			return r.Scan(&s.Shown, &s.Campaign, &s.FirstName, &s.LastName, &s.CustomerID, &s.Email)
		}, folded)
	if err == nil && s == nil {
		err = missing(model.CodeUnknown, "code", folded)
	}
	return s, err
}
