package store

import (
	"encoding/json"
	"fmt"

	"grapevine/model"
)

// ByRecipient and ByAdvocate tell whose rewards a person's are.
const (
	ByRecipient = false
	ByAdvocate  = true
)

// PersonRows lists all rows of a list that are of one of a group of persons:
// views, shares and captures by who acted, sign-ups and purchases by the
// friend, rewards by who receives them or by the advocate.
func (tx *Tx) PersonRows(list model.List, group []model.PersonID, advocate bool) ([]Place, error) {
	listed := few(group)
	var places []Place
	scan := func(r Row) error {
		var p Place
		err := r.Scan(&p.At, &p.ID, &p.Facet)
		places = append(places, p)
		return err
	}
	var err error
	switch {
	case list == model.SignUps || list == model.Purchases:
		err = tx.read(`SELECT v.at, v.id, v.facet_id
			FROM event e
			JOIN conversion v ON v.account_id = e.account_id AND v.event_id = e.id
			WHERE e.account_id = $1 AND v.facet_id <> 0 AND e.person_id IN (`+in(2, len(listed))+`)`, scan, listed...)
	case list == model.Rewards && advocate:
		err = tx.read(`SELECT w.at, w.id, w.facet_id
			FROM conversion v
			JOIN reward w ON w.account_id = v.account_id AND w.event_id = v.event_id AND w.conversion_id = v.id
			WHERE v.account_id = $1 AND w.facet_id <> 0 AND v.advocate IN (`+in(2, len(listed))+`)`, scan, listed...)
	case list == model.Rewards:
		err = tx.read(`SELECT at, id, facet_id
			FROM reward
			WHERE account_id = $1 AND facet_id <> 0 AND person_id IN (`+in(2, len(listed))+`)`, scan, listed...)
	default:
		err = tx.read(`SELECT at, id, facet_id
			FROM event
			WHERE account_id = $1 AND facet_id <> 0 AND person_id IN (`+in(2, len(listed))+`)`, scan, listed...)
	}
	return places, err
}

// ListedEvent is an event of a list, with what may be erased of it.
type ListedEvent struct {
	Person model.PersonID
	Detail string // JSON; "" where nothing is kept
}

// ListedEvents finds events by their ids.
func (tx *Tx) ListedEvents(ids []int64) (map[int64]*ListedEvent, error) {
	found := make(map[int64]*ListedEvent, len(ids))
	listed := few(ids)
	err := tx.read(`SELECT e.id, e.person_id, COALESCE(d.body, '')
		FROM event e
		LEFT JOIN detail d ON d.account_id = e.account_id AND d.id = e.id
		WHERE e.account_id = $1 AND e.id IN (`+in(2, len(listed))+`)`,
		func(r Row) error {
			var id int64
			e := &ListedEvent{}
			err := r.Scan(&id, &e.Person, &e.Detail)
			found[id] = e
			return err
		}, listed...)
	return found, err
}

// CodesShown finds the texts of codes; one that is nobody's any more has none.
func (tx *Tx) CodesShown(ids []model.CodeID) (map[model.CodeID]string, error) {
	shown := make(map[model.CodeID]string, len(ids))
	if len(ids) == 0 {
		return shown, nil
	}
	listed := few(ids)
	err := tx.read(`SELECT id, shown
		FROM code
		WHERE account_id = $1 AND id IN (`+in(2, len(listed))+`)`,
		func(r Row) error {
			var id model.CodeID
			var text string
			err := r.Scan(&id, &text)
			shown[id] = text
			return err
		}, listed...)
	return shown, err
}

// ListedClick is a click of a list. Its code is empty where nobody has it any
// more.
type ListedClick struct {
	Advocate     model.PersonID
	Code, Params string
	Detail       string
}

// ListedClicks finds clicks by their ids.
func (tx *Tx) ListedClicks(ids []int64) (map[int64]*ListedClick, error) {
	found := make(map[int64]*ListedClick, len(ids))
	listed := few(ids)
	err := tx.read(`SELECT k.id, COALESCE(c.person_id, 0), COALESCE(c.shown, ''), COALESCE(c.params, ''), COALESCE(d.body, '')
		FROM click k
		LEFT JOIN code c ON c.account_id = k.account_id AND c.id = k.code_id
		LEFT JOIN detail d ON d.account_id = k.account_id AND d.id = k.id
		WHERE k.account_id = $1 AND k.id IN (`+in(2, len(listed))+`)`,
		func(r Row) error {
			var id int64
			c := &ListedClick{}
			err := r.Scan(&id, &c.Advocate, &c.Code, &c.Params, &c.Detail)
			found[id] = c
			return err
		}, listed...)
	return found, err
}

// ListedConversion is a conversion of a list, with its event.
type ListedConversion struct {
	Advocate, Friend model.PersonID
	Code             string
	Event            model.Event // id, amount, currency and facts
	Detail           string      // of the event
}

// ListedConversions finds conversions by their ids.
func (tx *Tx) ListedConversions(ids []int64) (map[int64]*ListedConversion, error) {
	found := make(map[int64]*ListedConversion, len(ids))
	listed := few(ids)
	err := tx.read(`SELECT v.id, v.advocate, v.friend_id, COALESCE(c.shown, ''),
			e.id, e.amount, e.currency, e.facts, COALESCE(d.body, '')
		FROM conversion v
		JOIN event e ON e.account_id = v.account_id AND e.id = v.event_id
		LEFT JOIN code c ON c.account_id = v.account_id AND c.id = v.code_id
		LEFT JOIN detail d ON d.account_id = e.account_id AND d.id = e.id
		WHERE v.account_id = $1 AND v.id IN (`+in(2, len(listed))+`)`,
		func(r Row) error {
			var id int64
			var facts string
			v := &ListedConversion{}
			if err := r.Scan(&id, &v.Advocate, &v.Friend, &v.Code, &v.Event.ID, &v.Event.Amount, &v.Event.Currency, &facts, &v.Detail); err != nil {
				return err
			}
			found[id] = v
			if err := json.Unmarshal([]byte(facts), &v.Event.Facts); err != nil {
				return fmt.Errorf("facts of the event of conversion %d: %w", id, err)
			}
			return nil
		}, listed...)
	return found, err
}

// ListedReward is a reward of a list, with what it rests on.
type ListedReward struct {
	model.Reward
	Coupon        string // its code
	Trigger       string // the kind of the event, of a custom one its name
	Advocate      model.PersonID
	Code, Channel string
}

// ListedRewards finds rewards by their ids.
func (tx *Tx) ListedRewards(ids []int64) (map[int64]*ListedReward, error) {
	found := make(map[int64]*ListedReward, len(ids))
	listed := few(ids)
	asked := tx.ask(`SELECT w.id, CASE WHEN e.kind = 'custom' THEN COALESCE(n.name, '') ELSE e.kind END,
			COALESCE(v.advocate, 0), COALESCE(c.shown, ''), COALESCE(c.channel, '')
		FROM reward w
		JOIN event e ON e.account_id = w.account_id AND e.id = w.event_id
		LEFT JOIN event_name n ON n.account_id = e.account_id AND n.id = e.name_id
		LEFT JOIN conversion v ON v.account_id = w.account_id AND v.id = w.conversion_id
		LEFT JOIN code c ON c.account_id = v.account_id AND c.id = v.code_id
		WHERE w.account_id = $1 AND w.id IN (`+in(2, len(listed))+`)`,
		func(r Row) error {
			var id int64
			w := &ListedReward{}
			err := r.Scan(&id, &w.Trigger, &w.Advocate, &w.Code, &w.Channel)
			found[id] = w
			return err
		}, listed...)
	tx.queue(asked)
	rewards := make([]model.RewardID, len(ids))
	for i, id := range ids {
		rewards[i] = model.RewardID(id)
	}
	list, coupons, err := tx.Rewards(rewards)
	for _, w := range list {
		if row := found[int64(w.ID)]; row != nil {
			row.Reward, row.Coupon = *w, coupons[w.ID]
		}
	}
	return found, err
}

// GroupOf is a person's id and those of everyone merged into it.
func (tx *Tx) GroupOf(id model.PersonID) ([]model.PersonID, error) {
	return tx.Group(&model.Person{ID: id, Aliases: 1})
}
