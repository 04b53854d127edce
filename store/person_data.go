package store

import "grapevine/model"

// What is known of a person: read in one snapshot, and not bounded.

// Told calls each for every event of a person, oldest first, with the name of
// a custom one and its erasable part; "" is none.
func (tx *Tx) Told(person model.PersonID, each func(kind model.EventKind, name, body string) error) error {
	return tx.toldRows(`SELECT e.kind, COALESCE(n.name, ''), COALESCE(d.body, '')
		FROM event e
		LEFT JOIN event_name n ON n.account_id = e.account_id AND n.id = e.name_id
		LEFT JOIN detail d ON d.account_id = e.account_id AND d.id = e.id
		WHERE e.account_id = $1 AND e.person_id = $2
		ORDER BY e.id`, each, person)
}

// ToldByVisitors calls each for every click of a person's browsers, with an
// empty kind, and for what those did before anybody was known.
func (tx *Tx) ToldByVisitors(person model.PersonID, each func(kind model.EventKind, name, body string) error) error {
	if err := tx.toldRows(`SELECT '', '', d.body
		FROM visitor v
		JOIN click k ON k.account_id = v.account_id AND k.visitor_id = v.id
		JOIN detail d ON d.account_id = k.account_id AND d.id = k.id
		WHERE v.account_id = $1 AND v.person_id = $2
		ORDER BY k.id`, each, person); err != nil {
		return err
	}
	return tx.toldRows(`SELECT e.kind, '', COALESCE(d.body, '')
		FROM visitor v
		JOIN event e ON e.account_id = v.account_id AND e.subject_id = v.id AND e.subject_id <> 0 AND e.person_id = 0
		LEFT JOIN detail d ON d.account_id = e.account_id AND d.id = e.id
		WHERE v.account_id = $1 AND v.person_id = $2
		ORDER BY e.id`, each, person)
}

func (tx *Tx) toldRows(sql string, each func(kind model.EventKind, name, body string) error, args ...any) error {
	return tx.read(sql, func(r Row) error {
		var kind model.EventKind
		var name, body string
		if err := r.Scan(&kind, &name, &body); err != nil {
			return err
		}
		return each(kind, name, body)
	}, args...)
}

// SharesByChannel adds up the shares of a person.
func (tx *Tx) SharesByChannel(person model.PersonID, n map[string]int64) error {
	return tx.addUp(n, `SELECT f.channel, COUNT(*)
		FROM event e
		JOIN facet f ON f.account_id = e.account_id AND f.list = 'share' AND f.id = e.facet_id
		WHERE e.account_id = $1 AND e.person_id = $2 AND e.kind = 'shared'
		GROUP BY f.channel`, person)
}

// ConversionsByChannel adds up what counts for a person as an advocate, of
// some kinds of events, by the channel of the code that it came by.
func (tx *Tx) ConversionsByChannel(person model.PersonID, kinds []model.EventKind, n map[string]int64) error {
	args := []any{person}
	for _, kind := range kinds {
		args = append(args, string(kind))
	}
	return tx.addUp(n, `SELECT COALESCE(c.channel, ''), COUNT(*)
		FROM conversion v
		LEFT JOIN code c ON c.account_id = v.account_id AND c.id = v.code_id
		WHERE v.account_id = $1 AND v.advocate = $2 AND v.kind IN (`+in(3, len(kinds))+`)
		GROUP BY COALESCE(c.channel, '')`, args...)
}

func (tx *Tx) addUp(n map[string]int64, sql string, args ...any) error {
	return tx.read(sql, func(r Row) error {
		var channel string
		var count int64
		err := r.Scan(&channel, &count)
		n[channel] += count
		return err
	}, args...)
}
