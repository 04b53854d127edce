package store

import (
	"math"

	"grapevine/model"
)

// IPUse is a join from a network address, and what a campaign allows from it.
type IPUse struct {
	Campaign model.CampaignID
	Address  string // keyed hash
	NewID    int64  // of the row, where there is none
	SignUp   bool   // it is a sign-up
	Referral bool   // it is somebody's referral
	SignUps  int64  // most that the campaign allows; 0: any number
	Referred int64  // likewise
}

// UseIP counts a join from a network address, and returns the row that counts
// it; 0 where the campaign allows no more, which counts nothing. Whoever counts
// one from the same address waits for the commit.
func (tx *Tx) UseIP(u IPUse) (id int64, err error) {
	var counted int64
	count := Statement{Affected: &counted, SQL: `INSERT INTO ip_use (account_id, campaign_id, address, id, sign_ups, referrals)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (account_id, campaign_id, address) DO UPDATE
		SET sign_ups = ip_use.sign_ups + excluded.sign_ups, referrals = ip_use.referrals + excluded.referrals
		WHERE ip_use.sign_ups <= $7 AND ip_use.referrals <= $8`,
		Args: tx.args([]any{u.Campaign, u.Address, u.NewID, u.SignUp, u.Referral, room(u.SignUp, u.SignUps), room(u.Referral, u.Referred)})}
	find := tx.ask(`SELECT id
		FROM ip_use
		WHERE account_id = $1 AND campaign_id = $2 AND address = $3`,
		func(r Row) error { return r.Scan(&id) }, u.Campaign, u.Address)
	if err := tx.run(count, find); err != nil || counted == 0 {
		return 0, err
	}
	return id, nil
}

// room is how many there may be for one more to be allowed.
func room(counts bool, most int64) int64 {
	if !counts || most == 0 {
		return math.MaxInt64
	}
	return most - 1
}

// IPUses calls each for what is counted of every network address.
func (tx *Tx) IPUses(each func(id, signUps, referrals int64) error) error {
	return tx.read(`SELECT id, sign_ups, referrals
		FROM ip_use
		WHERE account_id = $1
		ORDER BY id`,
		func(r Row) error {
			var id, signUps, referrals int64
			if err := r.Scan(&id, &signUps, &referrals); err != nil {
				return err
			}
			return each(id, signUps, referrals)
		})
}
