package store

import (
	"encoding/json"
	"fmt"

	"grapevine/model"
	"grapevine/money"
)

// What verify reads. Nothing here reads a counter to compute one.

// Grown lists persons who are themselves, not aliases, from after on.
func (tx *Tx) Grown(after model.PersonID, limit int) ([]model.Person, error) {
	var list []model.Person
	err := tx.persons(&list, `id > $2 AND alias_of = 0
		ORDER BY id
		LIMIT $3`, after, limit)
	return list, err
}

// Aliases lists everyone who was merged into somebody.
func (tx *Tx) Aliases() ([]model.Person, error) {
	var list []model.Person
	err := tx.persons(&list, `alias_of <> 0
		ORDER BY id`)
	return list, err
}

func (tx *Tx) persons(list *[]model.Person, where string, args ...any) error {
	return tx.read(`SELECT id, alias_of, aliases, purchases, turns, loyalty, created_at, CASE WHEN erased_at <> 0 THEN 1 ELSE 0 END
		FROM person
		WHERE account_id = $1 AND `+where,
		func(r Row) error {
			var p model.Person
			var created int64
			err := r.Scan(&p.ID, &p.AliasOf, &p.Aliases, &p.Purchases, &p.Turns, &p.Loyalty, &created, &p.Erased)
			p.CreatedAt = at(created)
			*list = append(*list, p)
			return err
		}, args...)
}

const eventColumns = `e.id, e.uuid, e.kind, e.name_id, e.person_id, e.turn, e.subject_id, e.amount, e.currency, e.version, e.facts, e.at`

func scanEvent(r Row, e *model.Event, after ...any) error {
	var facts string
	var when int64
	if err := r.Scan(append([]any{&e.ID, &e.UUID, &e.Kind, &e.Name, &e.Person, &e.Turn, &e.Subject, &e.Amount, &e.Currency, &e.Version, &facts, &when}, after...)...); err != nil {
		return err
	}
	e.At = at(when)
	if err := json.Unmarshal([]byte(facts), &e.Facts); err != nil {
		return fmt.Errorf("facts of event %d: %w", e.ID, err)
	}
	return nil
}

// EventsOf lists the events of persons.
func (tx *Tx) EventsOf(persons []model.PersonID) ([]*model.Event, error) {
	var list []*model.Event
	err := tx.read(`SELECT `+eventColumns+`
		FROM event e
		WHERE e.account_id = $1 AND e.person_id IN (`+in(2, len(persons))+`)`,
		func(r Row) error {
			e := &model.Event{}
			list = append(list, e)
			return scanEvent(r, e)
		}, anys(persons)...)
	return list, err
}

// Converted is a conversion with its event.
type Converted struct {
	model.Conversion
	Of model.Event
}

const convertedColumns = `v.id, v.campaign_id, v.version, v.advocate_id, v.advocate, v.turn, v.friend_id, ` + eventColumns

func (tx *Tx) converted(from string, persons []model.PersonID) ([]*Converted, error) {
	var list []*Converted
	err := tx.read(`SELECT `+convertedColumns+from+` IN (`+in(2, len(persons))+`)`,
		func(r Row) error {
			c := &Converted{}
			list = append(list, c)
			var facts string
			var when int64
			err := r.Scan(&c.ID, &c.Campaign, &c.Version, &c.Advocate, &c.Person, &c.Turn, &c.Friend,
				&c.Of.ID, &c.Of.UUID, &c.Of.Kind, &c.Of.Name, &c.Of.Person, &c.Of.Turn, &c.Of.Subject,
				&c.Of.Amount, &c.Of.Currency, &c.Of.Version, &facts, &when)
			if err != nil {
				return err
			}
			c.Event, c.Kind, c.At, c.Of.At = c.Of.ID, c.Of.Kind, at(when), at(when)
			if err := json.Unmarshal([]byte(facts), &c.Of.Facts); err != nil {
				return fmt.Errorf("facts of event %d: %w", c.Of.ID, err)
			}
			return nil
		}, anys(persons)...)
	return list, err
}

// ConvertedFor lists conversions that count for advocates.
func (tx *Tx) ConvertedFor(advocates []model.PersonID) ([]*Converted, error) {
	return tx.converted(`
		FROM conversion v
		JOIN event e ON e.account_id = v.account_id AND e.id = v.event_id
		WHERE v.account_id = $1 AND v.advocate`, advocates)
}

// ConvertedBy lists conversions of the events of friends.
func (tx *Tx) ConvertedBy(friends []model.PersonID) ([]*Converted, error) {
	return tx.converted(`
		FROM event e
		JOIN conversion v ON v.account_id = e.account_id AND v.event_id = e.id
		WHERE e.account_id = $1 AND e.person_id`, friends)
}

// Merges lists all merges.
func (tx *Tx) Merges() ([]*model.Event, error) {
	var list []*model.Event
	err := tx.read(`SELECT `+eventColumns+`
		FROM person p
		JOIN event e ON e.account_id = p.account_id AND e.person_id = p.id AND e.kind = 'merged'
		WHERE p.account_id = $1 AND p.aliases > 0`,
		func(r Row) error {
			e := &model.Event{}
			list = append(list, e)
			return scanEvent(r, e)
		})
	return list, err
}

// RewardsOf lists the rewards of persons.
func (tx *Tx) RewardsOf(persons []model.PersonID) ([]*model.Reward, error) {
	return tx.rewards(`person_id IN (`+in(2, len(persons))+`)
		ORDER BY id`, anys(persons)...)
}

// ParticipantsOf lists the participants that persons are.
func (tx *Tx) ParticipantsOf(persons []model.PersonID) ([]*model.Participant, error) {
	var list []*model.Participant
	err := tx.read(`SELECT `+participantColumns+`
		FROM participant a
		WHERE a.account_id = $1 AND a.person_id IN (`+in(2, len(persons))+`)
		ORDER BY a.id`,
		func(r Row) error {
			p := &model.Participant{}
			list = append(list, p)
			return scanParticipant(r, p)
		}, anys(persons)...)
	return list, err
}

// ReferralsOff lists the participants who count more or fewer referrals than
// there are, as participant, count and how many there are.
func (tx *Tx) ReferralsOff() ([][3]int64, error) {
	var off [][3]int64
	err := tx.read(`SELECT id, CAST(SUM(got) AS BIGINT), CAST(SUM(want) AS BIGINT)
		FROM (
			SELECT id, referrals AS got, 0 AS want FROM participant WHERE account_id = $1
			UNION ALL
			SELECT r.id, 0, 1
			FROM participant a
			JOIN participant r ON r.account_id = a.account_id AND r.id = a.referrer_id
			WHERE a.account_id = $1 AND a.referrer_id <> 0 AND a.confirmed_at <> 0
		) counted
		GROUP BY id
		HAVING SUM(got) <> SUM(want)
		ORDER BY id`,
		func(r Row) error {
			var o [3]int64
			err := r.Scan(&o[0], &o[1], &o[2])
			off = append(off, o)
			return err
		})
	return off, err
}

// ReferralsOf lists the friends who count for advocates. It finds them by the
// conversions that made them count: see StrayReferrals for others.
func (tx *Tx) ReferralsOf(advocates []model.PersonID) ([]Referral, error) {
	return tx.referralRows(`SELECT DISTINCT f.rule_id, f.person_id, f.friend_id, f.number
		FROM conversion v
		JOIN referral f ON f.account_id = v.account_id AND f.friend_id = v.friend_id AND f.person_id = v.advocate
		WHERE v.account_id = $1 AND v.advocate IN (`+in(2, len(advocates))+`)`, anys(advocates)...)
}

// StrayReferrals lists friends who count for somebody without a conversion.
func (tx *Tx) StrayReferrals() ([]Referral, error) {
	return tx.referralRows(`SELECT f.rule_id, f.person_id, f.friend_id, f.number
		FROM referral f
		WHERE f.account_id = $1 AND NOT EXISTS (SELECT 1 FROM event e
			JOIN conversion v ON v.account_id = e.account_id AND v.event_id = e.id
			WHERE e.account_id = $1 AND e.person_id = f.friend_id AND v.advocate = f.person_id)
		ORDER BY f.person_id, f.rule_id, f.friend_id`)
}

func (tx *Tx) referralRows(sql string, args ...any) ([]Referral, error) {
	var list []Referral
	err := tx.read(sql,
		func(r Row) error {
			var f Referral
			err := r.Scan(&f.Rule, &f.Advocate, &f.Friend, &f.Number)
			list = append(list, f)
			return err
		}, args...)
	return list, err
}

// EventNames lists the account's names of custom events by id.
func (tx *Tx) EventNames() (map[int64]string, error) {
	names := map[int64]string{}
	err := tx.read(`SELECT id, name
		FROM event_name
		WHERE account_id = $1`,
		func(r Row) error {
			var id int64
			var name string
			err := r.Scan(&id, &name)
			names[id] = name
			return err
		})
	return names, err
}

// BatchesOff lists coupon batches whose size is not the number of their codes,
// as batch, size and codes.
func (tx *Tx) BatchesOff() ([][3]int64, error) {
	var off [][3]int64
	err := tx.read(`SELECT b.id, b.size, CAST(COUNT(c.id) AS BIGINT)
		FROM coupon_batch b
		LEFT JOIN coupon c ON c.account_id = b.account_id AND c.batch_id = b.id
		WHERE b.account_id = $1
		GROUP BY b.id, b.size
		HAVING b.size <> COUNT(c.id)
		ORDER BY b.id`,
		func(r Row) error {
			var b [3]int64
			err := r.Scan(&b[0], &b[1], &b[2])
			off = append(off, b)
			return err
		})
	return off, err
}

// CouponHeld is a coupon that is no longer free, with the reward that names
// it and the events about it.
type CouponHeld struct {
	model.CouponRef
	Holder      int64 // the reward, or the event of a redemption, that the coupon says it went to
	Person      model.PersonID
	Friend      bool
	Used        bool
	Uses        int64
	Voided      bool
	HolderState model.RewardState // of that reward; "" where there is none
	HolderRole  model.Role
	HolderHas   model.CouponRef // the coupon which that reward says it has
	BoughtBy    model.PersonID  // in that redemption; 0 where there is none
	PersonHasIt bool            // Person is whose the reward or redemption is, or became by a merge
}

// CouponsHeld lists coupons that are not free, and calls each for every one.
func (tx *Tx) CouponsHeld(each func(CouponHeld) error) error {
	return tx.read(`SELECT c.batch_id, c.id, c.holder_id, c.person_id, c.friend,
			CASE WHEN c.used_at <> 0 THEN 1 ELSE 0 END, c.uses, CASE WHEN c.voided_at <> 0 THEN 1 ELSE 0 END,
			COALESCE(w.state, ''), COALESCE(w.role, ''), COALESCE(w.batch_id, 0), COALESCE(w.coupon_id, 0), COALESCE(e.person_id, 0),
			CASE WHEN c.person_id = h.id OR c.person_id = h.alias_of OR g.alias_of = h.alias_of AND g.alias_of <> 0 THEN 1 ELSE 0 END
		FROM coupon c
		LEFT JOIN reward w ON w.account_id = c.account_id AND w.id = c.holder_id
		LEFT JOIN event e ON e.account_id = c.account_id AND e.id = c.holder_id
		LEFT JOIN person h ON h.account_id = c.account_id AND h.id = COALESCE(w.person_id, e.person_id)
		LEFT JOIN person g ON g.account_id = c.account_id AND g.id = c.person_id
		WHERE c.account_id = $1 AND (c.holder_id <> 0 OR c.used_at <> 0 OR c.voided_at <> 0)
		ORDER BY c.batch_id, c.id`,
		func(r Row) error {
			var h CouponHeld
			if err := r.Scan(&h.Batch, &h.ID, &h.Holder, &h.Person, &h.Friend, &h.Used, &h.Uses, &h.Voided,
				&h.HolderState, &h.HolderRole, &h.HolderHas.Batch, &h.HolderHas.ID, &h.BoughtBy, &h.PersonHasIt); err != nil {
				return err
			}
			return each(h)
		})
}

// RewardsWithLostCoupon lists rewards that name a coupon which says another
// reward holds it.
func (tx *Tx) RewardsWithLostCoupon() ([]model.RewardID, error) {
	var list []model.RewardID
	err := tx.read(`SELECT w.id
		FROM reward w
		LEFT JOIN coupon c ON c.account_id = w.account_id AND c.batch_id = w.batch_id AND c.id = w.coupon_id
		WHERE w.account_id = $1 AND w.coupon_id <> 0 AND COALESCE(c.holder_id, 0) <> w.id
		ORDER BY w.id`,
		func(r Row) error {
			var id model.RewardID
			err := r.Scan(&id)
			list = append(list, id)
			return err
		})
	return list, err
}

// Facts calls each for the facts of every event that has any.
func (tx *Tx) Facts(each func(*model.Event) error) error {
	return tx.read(`SELECT `+eventColumns+`
		FROM event e
		WHERE e.account_id = $1 AND e.facts <> '{}'`,
		func(r Row) error {
			var e model.Event
			if err := scanEvent(r, &e); err != nil {
				return err
			}
			return each(&e)
		})
}

// AllLedgers calls each for every ledger, in order of holder and currency.
func (tx *Tx) AllLedgers(each func(model.Ledger) error) error {
	return tx.read(`SELECT `+headColumns+`
		FROM ledger
		WHERE account_id = $1
		ORDER BY holder, currency`,
		func(r Row) error {
			var h model.Ledger
			if err := scanHead(r, &h); err != nil {
				return err
			}
			return each(h)
		})
}

// AllEntries calls each for every ledger entry, in order of holder, currency
// and number.
func (tx *Tx) AllEntries(each func(model.Entry) error) error {
	return tx.read(`SELECT holder, currency, number, id, kind, amount, balance, reward_id, event_id, at
		FROM ledger_entry
		WHERE account_id = $1
		ORDER BY holder, currency, number`,
		func(r Row) error {
			var e model.Entry
			var when int64
			if err := r.Scan(&e.Holder, &e.Currency, &e.Number, &e.ID, &e.Kind, &e.Amount, &e.Balance, &e.Reward, &e.Event, &when); err != nil {
				return err
			}
			e.At = at(when)
			return each(e)
		})
}

// CreditSum is what the credits of a ledger come to.
type CreditSum struct {
	Holder, Currency string
	Active           money.Amount
	NextExpiry       int64 // milliseconds; 0: none expires
}

// AllCredits calls each for the credits of every ledger.
func (tx *Tx) AllCredits(each func(CreditSum) error) error {
	return tx.read(`SELECT holder, currency,
			CAST(SUM(CASE WHEN ended_at = 0 THEN remaining ELSE 0 END) AS BIGINT),
			MIN(CASE WHEN ended_at = 0 THEN expires_at ELSE 9223372036854775807 END)
		FROM credit
		WHERE account_id = $1
		GROUP BY holder, currency
		ORDER BY holder, currency`,
		func(r Row) error {
			var c CreditSum
			if err := r.Scan(&c.Holder, &c.Currency, &c.Active, &c.NextExpiry); err != nil {
				return err
			}
			if c.NextExpiry == never {
				c.NextExpiry = 0
			}
			return each(c)
		})
}
