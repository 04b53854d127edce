package store

import "grapevine/model"

// CheckIn queues that a participant of a campaign was seen once more on a day.
func (tx *Tx) CheckIn(id model.ParticipantID, campaign model.CampaignID, day int64) {
	tx.write(`INSERT INTO check_in (account_id, participant_id, day, campaign_id, n)
		VALUES ($1, $2, $3, $4, 1)
		ON CONFLICT (account_id, participant_id, day) DO UPDATE
		SET n = check_in.n + 1`, id, day, campaign)
}

// DayCount is how often participants checked in on a day, and how many did.
type DayCount struct {
	Day      int64 // since 1970
	CheckIns int64
	Came     int64
}

// CheckInsByDay counts the check-ins of a campaign from a day to another,
// both included; days without any are left out.
func (tx *Tx) CheckInsByDay(campaign model.CampaignID, from, to int64) ([]DayCount, error) {
	var list []DayCount
	err := tx.read(`SELECT day, CAST(SUM(n) AS BIGINT), COUNT(*)
		FROM check_in
		WHERE account_id = $1 AND campaign_id = $2 AND day >= $3 AND day <= $4
		GROUP BY day
		ORDER BY day`,
		func(r Row) error {
			var d DayCount
			err := r.Scan(&d.Day, &d.CheckIns, &d.Came)
			list = append(list, d)
			return err
		}, campaign, from, to)
	return list, err
}

// CameOn is how often a participant checked in on a day.
type CameOn struct {
	Participant model.ParticipantID
	Person      model.PersonID
	Day         int64
	N           int64
}

// CheckInsOf lists the check-ins of persons who take part.
func (tx *Tx) CheckInsOf(persons []model.PersonID) ([]CameOn, error) {
	var list []CameOn
	err := tx.read(`SELECT k.participant_id, a.person_id, k.day, k.n
		FROM participant a
		JOIN check_in k ON k.account_id = a.account_id AND k.participant_id = a.id
		WHERE a.account_id = $1 AND a.person_id IN (`+in(2, len(persons))+`)
		ORDER BY k.participant_id, k.day`,
		func(r Row) error {
			var c CameOn
			err := r.Scan(&c.Participant, &c.Person, &c.Day, &c.N)
			list = append(list, c)
			return err
		}, anys(persons)...)
	return list, err
}
