package store

import (
	"slices"
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
	found, err := tx.LookAll([]Lookup{l})
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// LookAll is Look for several events, which have different keys. None sees
// what another one of them is about to write.
func (tx *Tx) LookAll(lookups []Lookup) ([]*Found, error) {
	all := make([]*Found, len(lookups))
	customers, emails, codes := map[string][]*Found{}, map[string][]*Found{}, map[string][]*Found{}
	keys := map[string]model.EventID{}
	var asked []Statement
	for i, l := range lookups {
		all[i] = &Found{EmailIsFree: true}
		customers[l.CustomerID] = append(customers[l.CustomerID], all[i])
		emails[l.Email] = append(emails[l.Email], all[i])
		codes[l.Code] = append(codes[l.Code], all[i])
		if l.Key != "" {
			keys[l.Key] = l.Event
		}
		asked = append(asked, tx.lookFor(l, all[i])...)
	}
	taken := tx.takeKeys(keys)
	asked = slices.Concat(tx.customers(customers), tx.emails(emails), tx.codes(codes), asked)
	if err := tx.run(asked...); err != nil {
		return nil, err
	}
	if taken() == len(keys) {
		return all, nil
	}
	took, err := tx.whoTook(sortedKeys(keys))
	if err != nil {
		return nil, err
	}
	for i, l := range lookups {
		e, there := took[l.Key]
		switch {
		case l.Key == "", there && e.ID == l.Event:
		case !there || e.UUID == "":
			return nil, ErrAgain // who held the key gave it up between the two statements
		default:
			all[i].First = &e
		}
	}
	return all, nil
}

// chunked asks for names, a few at a time. "" is none.
func chunked(names map[string][]*Found, ask func(listed []any) Statement) []Statement {
	delete(names, "")
	var asked []Statement
	for chunk := range slices.Chunk(sortedKeys(names), 64) {
		asked = append(asked, ask(few(chunk)))
	}
	return asked
}

func (tx *Tx) customers(named map[string][]*Found) []Statement {
	return chunked(named, func(listed []any) Statement {
		return tx.ask(`SELECT i.value, `+canonical+`
			FROM identity i
			JOIN person p ON p.account_id = i.account_id AND p.id = i.person_id
			WHERE i.account_id = $1 AND i.kind = 1 AND i.value IN (`+in(2, len(listed))+`)`,
			func(r Row) error {
				var name string
				var id model.PersonID
				err := r.Scan(&name, &id)
				for _, found := range named[name] {
					found.ByCustomer = id
				}
				return err
			}, listed...)
	})
}

func (tx *Tx) emails(named map[string][]*Found) []Statement {
	return chunked(named, func(listed []any) Statement {
		return tx.ask(`SELECT i.value, `+canonical+`,
				CASE WHEN EXISTS (SELECT 1 FROM identity c
					WHERE c.account_id = $1 AND c.person_id = `+canonical+` AND c.kind = 1) THEN 0 ELSE 1 END, i.main,
				CASE WHEN i.main = 1 THEN 1 WHEN EXISTS (SELECT 1 FROM identity m
					WHERE m.account_id = $1 AND m.person_id IN (i.person_id, `+canonical+`) AND m.kind = 2 AND m.main = 1) THEN 1 ELSE 0 END
			FROM identity i
			JOIN person p ON p.account_id = i.account_id AND p.id = i.person_id
			WHERE i.account_id = $1 AND i.kind = 2 AND i.value IN (`+in(2, len(listed))+`)`,
			func(r Row) error {
				var name string
				var is Found
				err := r.Scan(&name, &is.ByEmail, &is.EmailIsFree, &is.EmailIsMain, &is.EmailIsVouched)
				for _, found := range named[name] {
					found.ByEmail, found.EmailIsFree, found.EmailIsMain, found.EmailIsVouched = is.ByEmail, is.EmailIsFree, is.EmailIsMain, is.EmailIsVouched
				}
				return err
			}, listed...)
	})
}

func (tx *Tx) codes(named map[string][]*Found) []Statement {
	return chunked(named, func(listed []any) Statement {
		return tx.ask(`SELECT `+ownerColumns+`
			FROM code c`+ownerJoins+`
			WHERE c.account_id = $1 AND c.folded IN (`+in(2, len(listed))+`)`,
			func(r Row) error {
				var owner *Owner
				if err := scanOwner(r, &owner); err != nil {
					return err
				}
				for _, found := range named[owner.Folded] {
					found.Code = owner
				}
				return nil
			}, listed...)
	})
}

// lookFor asks for what few events name.
func (tx *Tx) lookFor(l Lookup, found *Found) (asked []Statement) {
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
	return asked
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

// CodeOwner finds a code and who is behind it. It fails with NotFound.
func (tx *Tx) CodeOwner(folded string) (*Owner, error) {
	found, err := tx.Look(Lookup{Code: folded})
	if err == nil && found.Code == nil {
		err = missing(model.CodeUnknown, "code", folded)
	}
	if err != nil {
		return nil, err
	}
	return found.Code, nil
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
