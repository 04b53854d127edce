package store

import (
	"slices"

	"grapevine/model"
)

// Waiting is a participant as a waitlist ranks one.
type Waiting struct {
	ID        model.ParticipantID
	AppliedAt int64 // milliseconds
	Referrals int64
	Points    int64
}

// EveryWaiting calls each for all who have applied in a campaign, by when they
// did and their id. It reads nothing but an index.
func (tx *Tx) EveryWaiting(campaign model.CampaignID, each func(Waiting)) error {
	// What a million rows are read into is made once.
	var id, applied, referrals, points int64
	to := []any{&id, &applied, &referrals, &points}
	return tx.read(`SELECT id, applied_at, referrals, points
		FROM participant
		WHERE account_id = $1 AND campaign_id = $2 AND state = 'applied'
		ORDER BY applied_at, id`,
		func(r Row) error {
			err := r.Scan(to...)
			each(Waiting{ID: model.ParticipantID(id), AppliedAt: applied, Referrals: referrals, Points: points})
			return err
		}, campaign)
}

// ErasedWaiting lists those who have applied in a campaign and were erased.
// CROSS JOIN has SQLite begin with the erased, who are few beside those who
// wait.
func (tx *Tx) ErasedWaiting(campaign model.CampaignID) ([]model.ParticipantID, error) {
	return as[model.ParticipantID](tx.ids(`SELECT a.id
		FROM person p
		CROSS JOIN participant a
		WHERE p.account_id = $1 AND p.erased_at <> 0
			AND a.account_id = p.account_id AND a.person_id = p.id AND a.campaign_id = $2 AND a.state = 'applied'`, campaign))
}

// WaitingChange is where a participant stands who may have changed.
type WaitingChange struct {
	Waiting
	Campaign model.CampaignID
	Waits    bool
}

// WaitingOf calls each for the participants that persons are, those who were
// merged with them, and whoever brought any of those.
func (tx *Tx) WaitingOf(persons []model.PersonID, each func(WaitingChange)) error {
	all, err := tx.grown(persons)
	if err != nil {
		return err
	}
	brought := map[model.ParticipantID]bool{}
	for chunk := range slices.Chunk(all, mostListed) {
		listed := few(chunk)
		if err := tx.waitingChanges(each, brought, `a.person_id IN (`+in(2, len(listed))+`)`, listed); err != nil {
			return err
		}
	}
	delete(brought, 0)
	referrers := make([]model.ParticipantID, 0, len(brought))
	for id := range brought {
		referrers = append(referrers, id)
	}
	for chunk := range slices.Chunk(referrers, mostListed) {
		listed := few(chunk)
		if err := tx.waitingChanges(each, map[model.ParticipantID]bool{}, `a.id IN (`+in(2, len(listed))+`)`, listed); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) waitingChanges(each func(WaitingChange), brought map[model.ParticipantID]bool, where string, args []any) error {
	return tx.read(`SELECT a.id, a.campaign_id, a.referrer_id, a.applied_at, a.referrals, a.points,
			CASE WHEN a.state = 'applied' AND p.erased_at = 0 THEN 1 ELSE 0 END
		FROM participant a
		JOIN person p ON p.account_id = a.account_id AND p.id = a.person_id
		WHERE a.account_id = $1 AND `+where,
		func(r Row) error {
			var w WaitingChange
			var referrer model.ParticipantID
			err := r.Scan(&w.ID, &w.Campaign, &referrer, &w.AppliedAt, &w.Referrals, &w.Points, &w.Waits)
			brought[referrer] = true
			each(w)
			return err
		}, args...)
}
