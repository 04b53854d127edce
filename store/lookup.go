package store

import (
	"time"

	"grapevine/model"
)

// Lookup is what an event asks before anything else, in one round trip. Empty
// fields ask nothing.
type Lookup struct {
	Key         string        // digest that makes the event happen once
	Event       model.EventID // who takes the key
	CustomerID  string
	Email       string // folded
	Code        string // folded
	Coupon      string
	Attribution string // UUID
	Visitor     model.VisitorID
}

// Found is the answer to a Lookup. Persons are resolved to those they were
// merged into.
type Found struct {
	First       *model.Event // the event that took the key before; id, UUID and time
	ByCustomer  model.PersonID
	ByEmail     model.PersonID
	EmailIsFree bool // nobody with a customer id has the e-mail
	EmailIsMain bool // it is the main one of who has it
	// EmailIsVouched tells that who has it has a main one: others come from the
	// merchant, too.
	EmailIsVouched bool
	Code           *Owner
	Coupon         *CouponOwner
	Attribution    *Owner
	Attributed     time.Time // the minute of the attribution
	Click          *Owner
	Clicked        time.Time
}

// Owner is a code with the person behind it.
type Owner struct {
	model.Code
	Advocate model.PersonID // 0: the campaign's own code, or that of somebody who was erased
	Silent   bool           // the participant is suspended
}

// CouponOwner is a coupon that was handed out, and the referral behind it.
type CouponOwner struct {
	model.CouponRef
	Used     bool
	Friend   bool // handed out as a friend's reward
	Campaign model.CampaignID
	Referrer model.ParticipantID
	Advocate model.PersonID
	Code     model.CodeID
	Channel  string    // of that code
	From     time.Time // when the window of the referral opened
	Silent   bool      // the referrer is suspended
}

const canonical = `CASE WHEN p.alias_of <> 0 THEN p.alias_of ELSE p.id END`

// behind is who a referral counts for: nobody once they are erased.
const behind = `COALESCE(CASE WHEN p.erased_at <> 0 THEN 0 WHEN p.alias_of <> 0 THEN p.alias_of ELSE p.id END, 0)`

// Look takes the event's key and finds whom and what the event names.
func (tx *Tx) Look(l Lookup) (*Found, error) {
	found := &Found{EmailIsFree: true}
	var asked []Statement
	var taken int64
	if l.Key != "" {
		asked = append(asked, Statement{
			SQL: `INSERT INTO event_key (account_id, hash, event_id)
				VALUES ($1, $2, $3)
				ON CONFLICT DO NOTHING`,
			Args:     tx.args([]any{l.Key, l.Event}),
			Affected: &taken,
		})
	}
	if l.CustomerID != "" {
		asked = append(asked, tx.ask(`SELECT `+canonical+`
			FROM identity i
			JOIN person p ON p.account_id = i.account_id AND p.id = i.person_id
			WHERE i.account_id = $1 AND i.kind = 1 AND i.value = $2`,
			func(r Row) error { return r.Scan(&found.ByCustomer) }, l.CustomerID))
	}
	if l.Email != "" {
		asked = append(asked, tx.ask(`SELECT `+canonical+`,
				CASE WHEN EXISTS (SELECT 1 FROM identity c
					WHERE c.account_id = $1 AND c.person_id = `+canonical+` AND c.kind = 1) THEN 0 ELSE 1 END, i.main,
				CASE WHEN i.main = 1 THEN 1 WHEN EXISTS (SELECT 1 FROM identity m
					WHERE m.account_id = $1 AND m.person_id IN (i.person_id, `+canonical+`) AND m.kind = 2 AND m.main = 1) THEN 1 ELSE 0 END
			FROM identity i
			JOIN person p ON p.account_id = i.account_id AND p.id = i.person_id
			WHERE i.account_id = $1 AND i.kind = 2 AND i.value = $2`,
			func(r Row) error {
				return r.Scan(&found.ByEmail, &found.EmailIsFree, &found.EmailIsMain, &found.EmailIsVouched)
			}, l.Email))
	}
	if l.Code != "" {
		asked = append(asked, tx.ownerOf(l.Code, &found.Code))
	}
	if l.Coupon != "" {
		asked = append(asked, tx.couponOwner(l.Coupon, &found.Coupon))
	}
	if l.Attribution != "" {
		asked = append(asked, tx.ask(`SELECT a.minute, `+ownerColumns+`
			FROM attribution a
			JOIN code c ON c.account_id = a.account_id AND c.id = a.code_id`+ownerJoins+`
			WHERE a.account_id = $1 AND a.uuid = $2`,
			func(r Row) error {
				var minute int64
				err := scanOwner(r, &found.Attribution, &minute)
				found.Attributed = time.Unix(minute*60, 0).UTC()
				return err
			}, l.Attribution))
	}
	if l.Visitor != 0 {
		asked = append(asked, tx.ask(`SELECT k.at, `+ownerColumns+`
			FROM click k
			JOIN code c ON c.account_id = k.account_id AND c.id = k.code_id`+ownerJoins+`
			WHERE k.account_id = $1 AND k.visitor_id = $2
			ORDER BY k.id DESC
			LIMIT 1`,
			func(r Row) error {
				var clicked int64
				err := scanOwner(r, &found.Click, &clicked)
				found.Clicked = at(clicked)
				return err
			}, l.Visitor))
	}
	if err := tx.run(asked...); err != nil {
		return nil, err
	}
	if l.Key != "" && taken == 0 {
		return found, tx.first(l.Key, found)
	}
	return found, nil
}

// first finds the event that took a key.
func (tx *Tx) first(key string, found *Found) error {
	err := tx.read(`SELECT e.id, e.uuid, e.at
		FROM event_key k
		JOIN event e ON e.account_id = k.account_id AND e.id = k.event_id
		WHERE k.account_id = $1 AND k.hash = $2`,
		func(r Row) error {
			var e model.Event
			var when int64
			err := r.Scan(&e.ID, &e.UUID, &when)
			e.At = at(when)
			found.First = &e
			return err
		}, key)
	if err == nil && found.First == nil {
		return ErrAgain // who held the key gave it up between the two statements
	}
	return err
}

const ownerColumns = `c.folded, c.id, c.shown, c.campaign_id, c.participant_id, c.channel, c.params, c.person_id,
	CASE WHEN o.state = 'suspended' THEN 1 ELSE 0 END, ` + behind

// ownerJoins find who is behind code c.
const ownerJoins = `
			LEFT JOIN participant o ON o.account_id = c.account_id AND o.id = c.participant_id
			LEFT JOIN person p ON p.account_id = c.account_id AND p.id = c.person_id`

func scanOwner(r Row, owner **Owner, before ...any) error {
	var o Owner
	err := r.Scan(append(before, &o.Folded, &o.ID, &o.Shown, &o.Campaign, &o.Participant, &o.Channel, &o.Params, &o.Person, &o.Silent, &o.Advocate)...)
	*owner = &o
	return err
}

func (tx *Tx) ownerOf(folded string, owner **Owner) Statement {
	return tx.ask(`SELECT `+ownerColumns+`
		FROM code c`+ownerJoins+`
		WHERE c.account_id = $1 AND c.folded = $2`,
		func(r Row) error { return scanOwner(r, owner) }, folded)
}

// CodeOwner finds a code and who is behind it. It fails with NotFound.
func (tx *Tx) CodeOwner(folded string) (*Owner, error) {
	var owner *Owner
	if err := tx.run(tx.ownerOf(folded, &owner)); err != nil {
		return nil, err
	}
	if owner == nil {
		return nil, missing(model.CodeUnknown, "code", folded)
	}
	return owner, nil
}

func (tx *Tx) couponOwner(code string, owner **CouponOwner) Statement {
	return tx.ask(`SELECT k.batch_id, k.id, CASE WHEN k.used_at <> 0 THEN 1 ELSE 0 END, k.friend,
			COALESCE(v.campaign_id, 0), COALESCE(v.advocate_id, 0), COALESCE(v.code_id, 0), COALESCE(c.channel, ''), COALESCE(v.counted_from, 0),
			CASE WHEN a.state = 'suspended' THEN 1 ELSE 0 END, `+behind+`
		FROM coupon k
		LEFT JOIN reward w ON w.account_id = k.account_id AND w.id = k.holder_id
		LEFT JOIN conversion v ON v.account_id = w.account_id AND v.id = w.conversion_id
		LEFT JOIN code c ON c.account_id = v.account_id AND c.id = v.code_id
		LEFT JOIN participant a ON a.account_id = v.account_id AND a.id = v.advocate_id
		LEFT JOIN person p ON p.account_id = a.account_id AND p.id = a.person_id
		WHERE k.account_id = $1 AND k.code = $2 AND k.holder_id <> 0 AND k.voided_at = 0`,
		func(r Row) error {
			var o CouponOwner
			var from int64
			err := r.Scan(&o.Batch, &o.ID, &o.Used, &o.Friend, &o.Campaign, &o.Referrer, &o.Code, &o.Channel, &from, &o.Silent, &o.Advocate)
			o.From = at(from)
			*owner = &o
			return err
		}, code)
}
