package store

import (
	"slices"
	"time"

	"grapevine/model"
)

// What erasing a person takes away. Each statement is bounded: the caller
// comes back until nothing is left.

// EraseNames queues that a group of persons is nobody from now on: their
// names and all that was told of them are gone, the rows that sums rest on
// stay.
func (tx *Tx) EraseNames(group []model.PersonID, now time.Time) {
	for chunk := range slices.Chunk(group, 64) {
		listed := few(chunk)
		tx.write(`DELETE FROM identity
			WHERE account_id = $1 AND person_id IN (`+in(2, len(listed))+`)`, listed...)
		tx.write(`DELETE FROM profile
			WHERE account_id = $1 AND person_id IN (`+in(2, len(listed))+`)`, listed...)
		tx.write(`DELETE FROM card
			WHERE account_id = $1 AND participant_id IN (SELECT a.id
				FROM participant a
				WHERE a.account_id = $1 AND a.person_id IN (`+in(2, len(listed))+`))`, listed...)
		tx.write(`UPDATE person
			SET erased_at = $2
			WHERE account_id = $1 AND id IN (`+in(3, len(listed))+`)`, append([]any{ms(now)}, listed...)...)
	}
}

// EraseCodes takes from up to limit of a person's codes what may say who they
// were: a code that was made of a name is nobody's from then on, others stay.
// It returns how many there were.
func (tx *Tx) EraseCodes(person model.PersonID, limit int) (int, error) {
	var ended, kept []string
	err := tx.read(`SELECT c.folded, c.named
		FROM participant a
		JOIN code c ON c.account_id = a.account_id AND c.participant_id = a.id
		WHERE a.account_id = $1 AND a.person_id = $2 AND (c.named = 1 OR c.place <> '')
		LIMIT $3`,
		func(r Row) error {
			var folded string
			var named bool
			err := r.Scan(&folded, &named)
			if named {
				ended = append(ended, folded)
			} else {
				kept = append(kept, folded)
			}
			return err
		}, person, limit)
	if err != nil {
		return 0, err
	}
	for _, folded := range ended {
		tx.write(`DELETE FROM code
			WHERE account_id = $1 AND folded = $2`, folded)
		tx.ReleaseCode(folded)
	}
	for _, folded := range kept {
		tx.write(`UPDATE code
			SET seed = '', place = '', params = ''
			WHERE account_id = $1 AND folded = $2`, folded)
	}
	return len(ended) + len(kept), nil
}

// EventIDs lists up to limit events of a person above an id, oldest first.
func (tx *Tx) EventIDs(person model.PersonID, above model.EventID, limit int) ([]model.EventID, error) {
	return as[model.EventID](tx.ids(`SELECT id
		FROM event
		WHERE account_id = $1 AND person_id = $2 AND id > $3
		ORDER BY id
		LIMIT $4`, person, above, limit))
}

// DeleteDetails queues that the erasable parts of events and clicks are gone.
func DeleteDetails[T ~int64](tx *Tx, of []T) {
	for chunk := range slices.Chunk(of, 64) {
		listed := few(chunk)
		tx.write(`DELETE FROM detail
			WHERE account_id = $1 AND id IN (`+in(2, len(listed))+`)`, listed...)
	}
}

// RewardIDs lists up to limit rewards of a person above an id, oldest first.
func (tx *Tx) RewardIDs(person model.PersonID, above model.RewardID, limit int) ([]model.RewardID, error) {
	return as[model.RewardID](tx.ids(`SELECT id
		FROM reward
		WHERE account_id = $1 AND person_id = $2 AND id > $3
		ORDER BY id
		LIMIT $4`, person, above, limit))
}

// RewardsOfEvents lists the rewards that events brought.
func (tx *Tx) RewardsOfEvents(events []model.EventID) ([]model.RewardID, error) {
	var list []model.RewardID
	for chunk := range slices.Chunk(events, 64) {
		listed := few(chunk)
		found, err := as[model.RewardID](tx.ids(`SELECT id
			FROM reward
			WHERE account_id = $1 AND event_id IN (`+in(2, len(listed))+`)`, listed...))
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	return list, nil
}

// Advocated lists the events of up to limit conversions that count for a
// person, those above an id, and the id of the last one.
func (tx *Tx) Advocated(person model.PersonID, above model.ConversionID, limit int) (events []model.EventID, last model.ConversionID, err error) {
	err = tx.read(`SELECT id, event_id
		FROM conversion
		WHERE account_id = $1 AND advocate = $2 AND id > $3
		ORDER BY id
		LIMIT $4`,
		func(r Row) error {
			var event model.EventID
			err := r.Scan(&last, &event)
			events = append(events, event)
			return err
		}, person, above, limit)
	return events, last, err
}

// CountedFor lists for whom a person counts as a friend, and under which rules.
func (tx *Tx) CountedFor(friend model.PersonID) ([]Referral, error) {
	return tx.referralRows(`SELECT rule_id, person_id, friend_id, number
		FROM referral
		WHERE account_id = $1 AND friend_id = $2
		ORDER BY person_id, rule_id`, friend)
}

// RewardsNumbered lists an advocate's rewards under a rule whose number is at
// least the one and below the other.
func (tx *Tx) RewardsNumbered(advocate model.PersonID, rule model.RuleID, from, below int64) ([]model.RewardID, error) {
	owner, err := tx.owners([]model.PersonID{advocate})
	if err != nil {
		return nil, err
	}
	var group []model.PersonID
	for id := range owner {
		group = append(group, id)
	}
	listed := few(distinct(group))
	return as[model.RewardID](tx.ids(`SELECT id
		FROM reward
		WHERE account_id = $1 AND rule_id = $2 AND number >= $3 AND number < $4 AND role = 'advocate'
			AND person_id IN (`+in(5, len(listed))+`)`, append([]any{rule, from, below}, listed...)...))
}

// PartsAround lists up to limit participants above an id that are a person, or
// whom these brought; gone, which may be 0, is one that has no row any more.
func (tx *Tx) PartsAround(person model.PersonID, gone, above model.ParticipantID, limit int) ([]model.ParticipantID, error) {
	around, err := as[model.ParticipantID](tx.ids(`SELECT a.id
		FROM participant a
		WHERE a.account_id = $1 AND a.person_id = $2 AND a.id > $4
		UNION
		SELECT f.id
		FROM participant f
		WHERE f.account_id = $1 AND f.referrer_id = $3 AND f.referrer_id <> 0 AND f.id > $4
		UNION
		SELECT f.id
		FROM participant a
		JOIN participant f ON f.account_id = a.account_id AND f.referrer_id = a.id
		WHERE a.account_id = $1 AND a.person_id = $2 AND f.referrer_id <> 0 AND f.id > $4
		ORDER BY id
		LIMIT $5`, person, gone, above, limit))
	if gone != 0 && above == 0 {
		around = append([]model.ParticipantID{gone}, around...)
	}
	return around, err
}

// Redact takes what was written of subjects out of the deliveries that tell of
// them: the bodies, which are written anew when they are sent again, and what
// receivers answered.
func Redact[T ~int64](tx *Tx, subjects []T) error {
	var deliveries []model.DeliveryID
	for chunk := range slices.Chunk(subjects, 64) {
		listed := few(chunk)
		found, err := as[model.DeliveryID](tx.ids(`SELECT delivery_id
			FROM delivery_item
			WHERE account_id = $1 AND subject_id IN (`+in(2, len(listed))+`)`, listed...))
		if err != nil {
			return err
		}
		deliveries = append(deliveries, found...)
	}
	slices.Sort(deliveries)
	for _, id := range slices.Compact(deliveries) {
		tx.write(`UPDATE delivery
			SET frozen = 0, redacted = redacted + 1
			WHERE account_id = $1 AND id = $2`, id)
		tx.write(`DELETE FROM delivery_body
			WHERE account_id = $1 AND delivery_id = $2`, id)
		tx.write(`UPDATE attempt
			SET excerpt = ''
			WHERE account_id = $1 AND delivery_id = $2 AND excerpt <> ''`, id)
	}
	return nil
}

// VisitorsOf lists up to limit visitors who are known to be a person.
func (tx *Tx) VisitorsOf(person model.PersonID, limit int) ([]model.VisitorID, error) {
	return as[model.VisitorID](tx.ids(`SELECT id
		FROM visitor
		WHERE account_id = $1 AND person_id = $2
		ORDER BY id
		LIMIT $3`, person, limit))
}

// Visited lists up to limit of a visitor's clicks above an id, and of the
// events that they are in as nobody known, oldest first.
func (tx *Tx) Visited(visitor model.VisitorID, above int64, limit int) ([]int64, error) {
	return tx.ids(`SELECT id
		FROM click
		WHERE account_id = $1 AND visitor_id = $2 AND id > $3
		UNION ALL
		SELECT id
		FROM event
		WHERE account_id = $1 AND subject_id = $2 AND subject_id <> 0 AND person_id = 0 AND id > $3
		ORDER BY id
		LIMIT $4`, visitor, above, limit)
}

// ForgetVisitor queues that a visitor is not known as a person any more.
func (tx *Tx) ForgetVisitor(id model.VisitorID, person model.PersonID) {
	tx.write(`DELETE FROM visitor
		WHERE account_id = $1 AND id = $2 AND person_id = $3`, id, person)
}

// EraseNotes queues that the entries of a ledger above a number and up to
// another say nothing in the merchant's words.
func (tx *Tx) EraseNotes(holder, currency string, above, to int64) {
	tx.write(`UPDATE ledger_entry
		SET note = ''
		WHERE account_id = $1 AND holder = $2 AND currency = $3 AND number > $4 AND number <= $5 AND note <> ''`,
		holder, currency, above, to)
}

// Touch tells every node to read the account again, and to forget what it
// remembered under the old one.
func (tx *Tx) Touch() {
	tx.write(`UPDATE account
		SET changed = changed + 1
		WHERE id = $1`)
}

// NamedErased lists persons who were erased and are known by something still.
func (tx *Tx) NamedErased() ([]model.PersonID, error) {
	return as[model.PersonID](tx.ids(`SELECT p.id
		FROM person p
		WHERE p.account_id = $1 AND p.erased_at <> 0
			AND (EXISTS (SELECT 1 FROM identity i WHERE i.account_id = $1 AND i.person_id = p.id)
				OR EXISTS (SELECT 1 FROM profile f WHERE f.account_id = $1 AND f.person_id = p.id))
		ORDER BY p.id`))
}

// ids reads one column of ids.
func (tx *Tx) ids(sql string, args ...any) ([]int64, error) {
	var list []int64
	err := tx.read(sql, func(r Row) error {
		var id int64
		err := r.Scan(&id)
		list = append(list, id)
		return err
	}, args...)
	return list, err
}

// as says what ids are ids of.
func as[T ~int64](list []int64, err error) ([]T, error) {
	typed := make([]T, len(list))
	for i, id := range list {
		typed[i] = T(id)
	}
	return typed, err
}
