package store

import (
	"encoding/json"
	"fmt"
	"slices"

	"grapevine/model"
)

// InsertEvents queues events, and the erasable details of those that have
// any.
func (tx *Tx) InsertEvents(events []*model.Event) error {
	rows := make([][]any, len(events))
	for i, e := range events {
		facts, err := json.Marshal(e.Facts)
		if err != nil {
			return fmt.Errorf("facts of event %d: %w", e.ID, err)
		}
		rows[i] = []any{e.ID, e.UUID, string(e.Kind), e.Name, e.Person, e.Turn, e.Subject, int64(e.Amount), e.Currency, e.Version, string(facts), e.Facet, ms(e.At)}
	}
	tx.insert("event", "id, uuid, kind, name_id, person_id, turn, subject_id, amount, currency, version, facts, facet_id, at", rows, "")
	return nil
}

// InsertDetail queues the erasable part of an event or click.
func (tx *Tx) InsertDetail(id model.EventID, body string) {
	tx.insert("detail", "id, body", [][]any{{id, body}}, "")
}

// EventWithDetail finds an event and what is kept of it that can be erased; ""
// where nothing is.
func (tx *Tx) EventWithDetail(id model.EventID) (*model.Event, string, error) {
	var event *model.Event
	var body string
	err := tx.read(`SELECT `+eventColumns+`, COALESCE(d.body, '')
		FROM event e
		LEFT JOIN detail d ON d.account_id = e.account_id AND d.id = e.id
		WHERE e.account_id = $1 AND e.id = $2`,
		func(r Row) error {
			event = &model.Event{}
			return scanEvent(r, event, &body)
		}, id)
	if err == nil && event == nil {
		err = missing("", "event", id)
	}
	return event, body, err
}

// InsertConversions queues conversions.
func (tx *Tx) InsertConversions(conversions []*model.Conversion) {
	rows := make([][]any, len(conversions))
	for i, c := range conversions {
		rows[i] = []any{c.ID, c.Event, c.Campaign, c.Version, string(c.Kind), c.Advocate, c.Person, c.Turn, c.Friend, string(c.Via), c.Code, ms(c.CountedFrom), c.Facet, ms(c.At)}
	}
	tx.insert("conversion", "id, event_id, campaign_id, version, kind, advocate_id, advocate, turn, friend_id, via, code_id, counted_from, facet_id, at", rows, "")
}

// ConversionsOfEvent lists what an event counts for, by campaign.
func (tx *Tx) ConversionsOfEvent(event model.EventID) ([]*model.Conversion, error) {
	return tx.conversions(`event_id = $2
		ORDER BY campaign_id`, event)
}

func (tx *Tx) conversions(where string, args ...any) ([]*model.Conversion, error) {
	var list []*model.Conversion
	err := tx.read(`SELECT id, event_id, campaign_id, version, kind, advocate_id, advocate, turn, friend_id, via, code_id, counted_from, at
		FROM conversion
		WHERE account_id = $1 AND `+where,
		func(r Row) error {
			c := &model.Conversion{}
			var from, when int64
			err := r.Scan(&c.ID, &c.Event, &c.Campaign, &c.Version, &c.Kind, &c.Advocate, &c.Person, &c.Turn, &c.Friend, &c.Via, &c.Code, &from, &when)
			c.CountedFrom, c.At = at(from), at(when)
			list = append(list, c)
			return err
		}, args...)
	return list, err
}

// TakeKeys takes the keys that make events happen once, and returns the events
// that took some of them before; id, UUID and time.
func (tx *Tx) TakeKeys(keys map[string]*model.Event) (map[string]*model.Event, error) {
	ids := make(map[string]model.EventID, len(keys))
	for hash, event := range keys {
		ids[hash] = event.ID
	}
	tx.takeKeys(ids)
	took, err := tx.whoTook(sortedKeys(ids))
	if err != nil {
		return nil, err
	}
	firsts := map[string]*model.Event{}
	for hash, id := range ids {
		e, there := took[hash]
		switch {
		case !there:
			return nil, ErrAgain // who held a key gave it up between the two statements
		case e.ID != id:
			firsts[hash] = &e
		}
	}
	return firsts, nil
}

// takeKeys queues to take keys, in one order, and returns who tells how many
// were free.
func (tx *Tx) takeKeys(keys map[string]model.EventID) (taken func() int) {
	rows := make([][]any, 0, len(keys))
	for _, hash := range sortedKeys(keys) {
		rows = append(rows, []any{hash, keys[hash]})
	}
	tx.settle()
	from := len(tx.queued)
	tx.insert("event_key", "hash, event_id", rows, "ON CONFLICT DO NOTHING")
	tx.settle()
	counts := make([]int64, len(tx.queued)-from)
	for i := range counts {
		tx.queued[from+i].Affected = &counts[i]
	}
	return func() (n int) {
		for _, count := range counts {
			n += int(count)
		}
		return n
	}
}

// whoTook lists the events that took keys. The UUID of one that is not written
// yet is "".
func (tx *Tx) whoTook(hashes []string) (map[string]model.Event, error) {
	took := map[string]model.Event{}
	for chunk := range slices.Chunk(hashes, 64) {
		listed := few(chunk)
		err := tx.read(`SELECT k.hash, k.event_id, COALESCE(e.uuid, ''), COALESCE(e.at, 0)
			FROM event_key k
			LEFT JOIN event e ON e.account_id = k.account_id AND e.id = k.event_id
			WHERE k.account_id = $1 AND k.hash IN (`+in(2, len(listed))+`)`,
			func(r Row) error {
				var hash string
				var e model.Event
				var when int64
				err := r.Scan(&hash, &e.ID, &e.UUID, &when)
				e.At = at(when)
				took[hash] = e
				return err
			}, listed...)
		if err != nil {
			return nil, err
		}
	}
	return took, nil
}

// EventName returns the id of a custom event's name, taking newID when the
// account has not seen the name.
func (tx *Tx) EventName(name string, newID int64) (int64, error) {
	var id int64
	find := tx.ask(`SELECT id
		FROM event_name
		WHERE account_id = $1 AND name = $2`,
		func(r Row) error { return r.Scan(&id) }, name)
	if err := tx.run(find); err != nil || id != 0 {
		return id, err
	}
	tx.write(`INSERT INTO event_name (account_id, id, name)
		VALUES ($1, $2, $3)
		ON CONFLICT DO NOTHING`, newID, name)
	return id, tx.run(find)
}

// Raising is where what happens once per person is raised: in a campaign for
// advocates and their friends, in one for whoever acts, or in the account,
// campaign 0, for earners.
type Raising struct {
	Campaign model.CampaignID
	Role     model.Role
}

// Raised tells where a kind of event of a group was raised before.
func (tx *Tx) Raised(group []model.PersonID, kind model.EventKind) (map[Raising]bool, error) {
	seen := map[Raising]bool{}
	err := tx.read(`SELECT campaign_id, role
		FROM raised
		WHERE account_id = $1 AND kind = $2 AND person_id IN (`+in(3, len(group))+`)`,
		func(r Row) error {
			var where Raising
			err := r.Scan(&where.Campaign, &where.Role)
			seen[where] = true
			return err
		}, append([]any{string(kind)}, anys(group)...)...)
	return seen, err
}

// InsertRaised queues where a kind of event of a person is raised.
func (tx *Tx) InsertRaised(person model.PersonID, kind model.EventKind, event model.EventID, raised map[Raising]bool) {
	rows := make([][]any, 0, len(raised))
	for where := range raised {
		rows = append(rows, []any{person, where.Campaign, string(kind), string(where.Role), event})
	}
	tx.insert("raised", "person_id, campaign_id, kind, role, event_id", rows, "")
}
