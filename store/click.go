package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"grapevine/model"
)

// CodeAccount finds the account that holds a code, in the directory that is
// there to find it. It fails with NotFound.
func (s *Store) CodeAccount(ctx context.Context, folded string) (model.AccountID, error) {
	var account model.AccountID
	err := s.engine.View(ctx, func(conn Conn) error {
		return conn.Run(ctx, Statement{
			SQL: `SELECT account_id
				FROM code_directory
				WHERE folded = $1`,
			Args: []any{folded},
			Row:  func(r Row) error { return r.Scan(&account) },
		})
	})
	if err == nil && account == 0 {
		err = missing(model.CodeUnknown, "code", folded)
	}
	return account, err
}

// InsertClicks queues clicks and their erasable details.
func (tx *Tx) InsertClicks(clicks []model.Click) {
	insertEach(tx, "click", "id, code_id, campaign_id, participant_id, visitor_id, self, facet_id, at", clicks,
		func(args []any, c *model.Click) []any {
			return append(args, &c.ID, &c.Code, &c.Campaign, &c.Participant, &c.Visitor, c.Self, &c.Facet, ms(c.At))
		})
	detailed := clicks
	if none := func(c model.Click) bool { return c.Detail == "" }; slices.ContainsFunc(clicks, none) {
		detailed = slices.DeleteFunc(slices.Clone(clicks), none)
	}
	insertEach(tx, "detail", "id, body", detailed,
		func(args []any, c *model.Click) []any { return append(args, &c.ID, &c.Detail) })
}

// Attributions makes sure that each code has its attribution of a minute of
// Unix time, and returns their UUIDs: all nodes share the first one's.
func (tx *Tx) Attributions(minute int64, uuids map[model.CodeID]string) (map[model.CodeID]string, error) {
	rows := make([][]any, 0, len(uuids))
	codes := make([]model.CodeID, 0, len(uuids))
	for _, code := range slices.Sorted(maps.Keys(uuids)) {
		codes = append(codes, code)
		rows = append(rows, []any{code, minute, uuids[code]})
	}
	tx.insert("attribution", "code_id, minute, uuid", rows, "ON CONFLICT DO NOTHING")
	shared := make(map[model.CodeID]string, len(uuids))
	for len(codes) > 0 {
		n := min(len(codes), 64)
		err := tx.read(`SELECT code_id, uuid
			FROM attribution
			WHERE account_id = $1 AND minute = $2 AND code_id IN (`+in(3, n)+`)`,
			func(r Row) error {
				var code model.CodeID
				var uuid string
				err := r.Scan(&code, &uuid)
				shared[code] = uuid
				return err
			}, append([]any{minute}, anys(codes[:n])...)...)
		if err != nil {
			return nil, err
		}
		codes = codes[n:]
	}
	return shared, nil
}

// Visitors tells who visitors are known to be, those known as several as who
// they were last. Nobody is known of those it leaves out.
func (tx *Tx) Visitors(ids []model.VisitorID) (map[model.VisitorID]model.PersonID, error) {
	persons := map[model.VisitorID]model.PersonID{}
	for chunk := range slices.Chunk(ids, 64) {
		padded := make([]any, 64) // one text for all, so that it is prepared once
		for i := range padded {
			padded[i] = chunk[min(i, len(chunk)-1)]
		}
		err := tx.read(`SELECT v.id, `+canonical+`
			FROM visitor v
			JOIN person p ON p.account_id = v.account_id AND p.id = v.person_id
			WHERE v.account_id = $1 AND v.id IN (`+in(2, len(padded))+`) AND p.erased_at = 0
			ORDER BY v.at, v.person_id`,
			func(r Row) error {
				var id model.VisitorID
				var person model.PersonID
				err := r.Scan(&id, &person)
				persons[id] = person
				return err
			}, padded...)
		if err != nil {
			return nil, err
		}
	}
	return persons, nil
}

// KnowVisitor queues that a visitor is a person.
func (tx *Tx) KnowVisitor(id model.VisitorID, person model.PersonID, now time.Time) {
	tx.insert("visitor", "id, person_id, at", [][]any{{id, person, ms(now)}}, `ON CONFLICT (account_id, id, person_id) DO UPDATE
		SET at = excluded.at`)
}
