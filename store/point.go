package store

import (
	"slices"
	"time"

	"grapevine/model"
	"grapevine/money"
)

const pointColumns = `id, campaign_id, participant_id, activity, subject_id, quantity, note, at`

func (tx *Tx) points(where string, args ...any) ([]model.Point, error) {
	var list []model.Point
	err := tx.read(`SELECT `+pointColumns+`
		FROM point
		WHERE account_id = $1 AND `+where,
		func(r Row) error {
			var p model.Point
			var when int64
			err := r.Scan(&p.ID, &p.Campaign, &p.Participant, &p.Activity, &p.Subject, &p.Quantity, &p.Note, &when)
			p.At = at(when)
			list = append(list, p)
			return err
		}, args...)
	return list, err
}

// InsertPoints queues entries of logs of points.
func (tx *Tx) InsertPoints(points []model.Point) {
	rows := make([][]any, len(points))
	for i, p := range points {
		rows[i] = []any{p.ID, p.Campaign, p.Participant, string(p.Activity), p.Subject, int64(p.Quantity), p.Note, ms(p.At)}
	}
	tx.insert("point", pointColumns, rows, "")
}

// AddPoints queues that a participant has so many points more.
func (tx *Tx) AddPoints(id model.ParticipantID, quantity money.Amount, now time.Time) {
	tx.write(`UPDATE participant
		SET points = points + $3, changed_at = $4
		WHERE account_id = $1 AND id = $2`, id, int64(quantity), ms(now))
}

// PointsOf lists the points that somebody has by what brought them.
func (tx *Tx) PointsOf(subject int64) ([]model.Point, error) {
	return tx.points(`subject_id = $2 AND subject_id <> 0
		ORDER BY id`, subject)
}

// PointsByID finds entries by their ids, in the order of these.
func (tx *Tx) PointsByID(ids []model.PointID) ([]model.Point, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	listed := few(ids)
	return tx.points(`id IN (`+in(2, len(listed))+`)
		ORDER BY id`, listed...)
}

// PointLog lists entries of a campaign's log, newest first, without the first
// few of them.
func (tx *Tx) PointLog(campaign model.CampaignID, skip, limit int) ([]model.Point, error) {
	return tx.points(`campaign_id = $2
		ORDER BY id DESC
		LIMIT $3 OFFSET $4`, campaign, limit, skip)
}

// PointLogOf is PointLog of one participant, and how many entries there are.
func (tx *Tx) PointLogOf(id model.ParticipantID, skip, limit int) ([]model.Point, int64, error) {
	var total int64
	tx.queue(tx.ask(`SELECT COUNT(*)
		FROM point
		WHERE account_id = $1 AND participant_id = $2`,
		func(r Row) error { return r.Scan(&total) }, id))
	list, err := tx.points(`participant_id = $2
		ORDER BY id DESC
		LIMIT $3 OFFSET $4`, id, limit, skip)
	return list, total, err
}

// DeletePoints takes a participant's entries out of the log, and returns how
// many there were.
func (tx *Tx) DeletePoints(id model.ParticipantID) (int64, error) {
	return tx.change(`DELETE FROM point
		WHERE account_id = $1 AND participant_id = $2`, id)
}

// ErasePoints queues that up to limit entries of a person's say nothing in
// anybody's words. It returns the ids of the entries that it looked at.
func (tx *Tx) ErasePoints(person model.PersonID, above model.PointID, limit int) ([]model.PointID, error) {
	looked, err := as[model.PointID](tx.ids(`SELECT o.id
		FROM participant a
		JOIN point o ON o.account_id = a.account_id AND o.participant_id = a.id
		WHERE a.account_id = $1 AND a.person_id = $2 AND o.id > $3
		ORDER BY o.id
		LIMIT $4`, person, above, limit))
	for chunk := range slices.Chunk(looked, 64) {
		listed := few(chunk)
		tx.write(`UPDATE point
			SET note = ''
			WHERE account_id = $1 AND note <> '' AND id IN (`+in(2, len(listed))+`)`, listed...)
	}
	return looked, err
}

// PersonsPoint is an entry with whose it is.
type PersonsPoint struct {
	model.Point
	Person model.PersonID
}

// PointsOfPersons lists the entries of persons who take part, by id.
func (tx *Tx) PointsOfPersons(persons []model.PersonID) ([]PersonsPoint, error) {
	var list []PersonsPoint
	err := tx.read(`SELECT o.id, o.campaign_id, o.participant_id, o.activity, o.subject_id, o.quantity, o.note, o.at, a.person_id
		FROM participant a
		JOIN point o ON o.account_id = a.account_id AND o.participant_id = a.id
		WHERE a.account_id = $1 AND a.person_id IN (`+in(2, len(persons))+`)
		ORDER BY o.id`,
		func(r Row) error {
			var p PersonsPoint
			var when int64
			err := r.Scan(&p.ID, &p.Campaign, &p.Participant, &p.Activity, &p.Subject, &p.Quantity, &p.Note, &when, &p.Person)
			p.At = at(when)
			list = append(list, p)
			return err
		}, anys(persons)...)
	return list, err
}

// StrayPoints lists entries of who takes part no more, and those for a friend
// whom their participant did not bring and that were not taken back.
func (tx *Tx) StrayPoints() ([]model.Point, error) {
	return tx.points(`NOT EXISTS (SELECT 1 FROM participant a
			WHERE a.account_id = $1 AND a.id = point.participant_id)
		OR account_id = $1 AND activity = 'referral'
			AND NOT EXISTS (SELECT 1 FROM participant f
				WHERE f.account_id = $1 AND f.id = point.subject_id AND f.referrer_id = point.participant_id AND f.confirmed_at <> 0)
			AND 0 <> (SELECT SUM(b.quantity) FROM point b
				WHERE b.account_id = $1 AND b.participant_id = point.participant_id AND b.subject_id = point.subject_id AND b.subject_id <> 0)
		ORDER BY id`)
}
