package store

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"grapevine/model"
)

// Rewards finds rewards, in the order of their ids, and the codes of the
// coupons that came with them.
func (tx *Tx) Rewards(ids []model.RewardID) ([]*model.Reward, map[model.RewardID]string, error) {
	if len(ids) == 0 {
		return nil, nil, nil
	}
	coupons := map[model.RewardID]string{}
	listed := few(ids)
	tx.queue(tx.ask(`SELECT w.id, k.code
		FROM reward w
		JOIN coupon k ON k.account_id = w.account_id AND k.batch_id = w.batch_id AND k.id = w.coupon_id
		WHERE w.account_id = $1 AND w.id IN (`+in(2, len(listed))+`) AND w.coupon_id <> 0`,
		func(r Row) error {
			var id model.RewardID
			var code string
			err := r.Scan(&id, &code)
			coupons[id] = code
			return err
		}, listed...))
	rewards, err := tx.rewards(`id IN (`+in(2, len(listed))+`)
		ORDER BY id`, listed...)
	return rewards, coupons, err
}

// FriendsCounted lists who counts for an advocate under a rule with a number
// above and below the given ones, by number.
func (tx *Tx) FriendsCounted(advocate model.PersonID, rule model.RuleID, above, below int64) ([]Referral, error) {
	owner, err := tx.owners([]model.PersonID{advocate})
	if err != nil || len(owner) == 0 {
		return nil, err
	}
	var list []Referral
	group := few(slices.Sorted(maps.Keys(owner)))
	// A referral is kept under its friend, so the advocate's are found by the
	// conversions that made them count.
	err = tx.read(`SELECT DISTINCT f.rule_id, f.person_id, f.friend_id, f.number
		FROM conversion v
		JOIN referral f ON f.account_id = v.account_id AND f.friend_id = v.friend_id AND f.person_id = v.advocate
		WHERE v.account_id = $1 AND f.rule_id = $2 AND f.number > $3 AND f.number < $4 AND v.advocate IN (`+in(5, len(group))+`)
		ORDER BY f.number, f.friend_id`,
		func(r Row) error {
			var f Referral
			err := r.Scan(&f.Rule, &f.Advocate, &f.Friend, &f.Number)
			list = append(list, f)
			return err
		}, append([]any{rule, above, below}, group...)...)
	return list, err
}

// ToldCapture is an address that was left, with what it came by.
type ToldCapture struct {
	ID       model.EventID
	UUID     string
	At       time.Time
	Campaign model.CampaignID // 0: none
	Advocate model.PersonID   // who referred them; 0: nobody
	Code     model.CodeID     // that it counts by; 0: by none
	Detail   string           // of the event; empty once it was erased
}

// Captures finds events in which an address was left, by id.
func (tx *Tx) Captures(ids []model.EventID) ([]ToldCapture, error) {
	var list []ToldCapture
	listed := few(ids)
	err := tx.read(`SELECT e.id, e.uuid, e.at, COALESCE(f.campaign_id, 0), COALESCE(v.advocate, 0), COALESCE(v.code_id, 0), COALESCE(d.body, '')
		FROM event e
		LEFT JOIN facet f ON f.account_id = e.account_id AND f.list = 'capture' AND f.id = e.facet_id
		LEFT JOIN conversion v ON v.account_id = e.account_id AND v.event_id = e.id AND v.campaign_id = f.campaign_id
		LEFT JOIN detail d ON d.account_id = e.account_id AND d.id = e.id
		WHERE e.account_id = $1 AND e.id IN (`+in(2, len(listed))+`)
		ORDER BY e.id`,
		func(r Row) error {
			var c ToldCapture
			var when int64
			err := r.Scan(&c.ID, &c.UUID, &when, &c.Campaign, &c.Advocate, &c.Code, &c.Detail)
			c.At = at(when)
			list = append(list, c)
			return err
		}, listed...)
	return list, err
}

// CapturesOf lists the events in which persons left an address in a campaign,
// oldest first; of each its id and what was sent.
func (tx *Tx) CapturesOf(persons []model.PersonID, campaign model.CampaignID) ([]ToldCapture, error) {
	var list []ToldCapture
	listed := few(persons)
	err := tx.read(`SELECT e.id, COALESCE(d.body, '')
		FROM event e
		JOIN facet f ON f.account_id = e.account_id AND f.list = 'capture' AND f.id = e.facet_id
		LEFT JOIN detail d ON d.account_id = e.account_id AND d.id = e.id
		WHERE e.account_id = $1 AND f.campaign_id = $2 AND e.kind = 'email_capture' AND e.person_id IN (`+in(3, len(listed))+`)
		ORDER BY e.id`,
		func(r Row) error {
			var c ToldCapture
			err := r.Scan(&c.ID, &c.Detail)
			list = append(list, c)
			return err
		}, append([]any{campaign}, listed...)...)
	return list, err
}

// CodesByID finds codes: what they are, whose, and for which channel. One that
// is nobody's any more is left out.
func (tx *Tx) CodesByID(ids []model.CodeID) (map[model.CodeID]model.Code, error) {
	found := make(map[model.CodeID]model.Code, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	listed := few(ids)
	err := tx.read(`SELECT id, shown, person_id, channel
		FROM code
		WHERE account_id = $1 AND id IN (`+in(2, len(listed))+`)`,
		func(r Row) error {
			var c model.Code
			err := r.Scan(&c.ID, &c.Shown, &c.Person, &c.Channel)
			found[c.ID] = c
			return err
		}, listed...)
	return found, err
}

// Contact is how a person is known to the merchant.
type Contact struct {
	Person     model.PersonID // the one that the person was merged into, if so
	Email      string
	CustomerID string
	Profile    model.Profile
}

// Contacts finds how persons are known: by their main names, and by those of
// the person they were merged into. Nobody is contact 0.
func (tx *Tx) Contacts(ids []model.PersonID) (map[model.PersonID]*Contact, error) {
	contacts := map[model.PersonID]*Contact{0: {}}
	ids = distinct(ids)
	if len(ids) == 0 {
		return contacts, nil
	}
	owner, err := tx.owners(ids)
	if err != nil || len(owner) == 0 {
		return contacts, err
	}
	err = tx.run(tx.contacts(contacts, owner, slices.Sorted(maps.Keys(owner)))...)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if into, known := owner[id]; known {
			contacts[id] = contacts[into]
		} else {
			contacts[id] = &Contact{Person: id}
		}
	}
	return contacts, nil
}

// contacts asks how persons are known, at least one, and whom each was merged
// into or is.
func (tx *Tx) contacts(found map[model.PersonID]*Contact, owner map[model.PersonID]model.PersonID, ids []model.PersonID) []Statement {
	for _, into := range owner {
		found[into] = &Contact{Person: into}
	}
	listed := few(ids)
	identities := tx.ask(`SELECT person_id, kind, shown
		FROM identity
		WHERE account_id = $1 AND person_id IN (`+in(2, len(listed))+`)
		ORDER BY main DESC, at, value`,
		func(r Row) error {
			var id model.PersonID
			var kind model.IdentityKind
			var shown string
			err := r.Scan(&id, &kind, &shown)
			c := found[owner[id]]
			switch kind {
			case model.Email:
				c.Email = cmp.Or(c.Email, shown)
			case model.CustomerID:
				c.CustomerID = cmp.Or(c.CustomerID, shown)
			}
			return err
		}, listed...)
	profiles := tx.ask(`SELECT person_id, first_name, last_name, ip, agent, body
		FROM profile
		WHERE account_id = $1 AND person_id IN (`+in(2, len(listed))+`)
		ORDER BY person_id`,
		func(r Row) error {
			var p model.Profile
			err := r.Scan(&p.Person, &p.FirstName, &p.LastName, &p.IP, &p.Agent, &p.Body)
			c := found[owner[p.Person]]
			if owner[p.Person] == p.Person {
				c.Profile = p.Over(c.Profile)
			} else { // who was merged into them says what they do not
				c.Profile = c.Profile.Over(p)
			}
			c.Profile.Person = c.Person
			return err
		}, listed...)
	return []Statement{identities, profiles}
}

// owners finds whom persons were merged into, themselves where they were not,
// for the persons and for all who were merged into the same.
func (tx *Tx) owners(ids []model.PersonID) (map[model.PersonID]model.PersonID, error) {
	owner := map[model.PersonID]model.PersonID{}
	var merged []model.PersonID
	listed := few(ids)
	err := tx.read(`SELECT id, alias_of, aliases
		FROM person
		WHERE account_id = $1 AND id IN (`+in(2, len(listed))+`)`,
		func(r Row) error {
			var id, into model.PersonID
			var aliases int64
			err := r.Scan(&id, &into, &aliases)
			if into != 0 || aliases > 0 {
				merged = append(merged, cmp.Or(into, id))
			}
			owner[id] = cmp.Or(into, id)
			owner[owner[id]] = owner[id]
			return err
		}, listed...)
	if err != nil || len(merged) == 0 {
		return owner, err
	}
	listed = few(distinct(merged))
	err = tx.read(`SELECT id, alias_of
		FROM person
		WHERE account_id = $1 AND alias_of IN (`+in(2, len(listed))+`) AND alias_of <> 0`,
		func(r Row) error {
			var id, into model.PersonID
			err := r.Scan(&id, &into)
			owner[id] = into
			return err
		}, listed...)
	return owner, err
}
