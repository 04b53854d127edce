package store

import (
	"encoding/json"
	"time"

	"grapevine/model"
)

// Campaigns returns every campaign of the account in its newest version,
// archived ones included, by id.
func (tx *Tx) Campaigns() ([]model.Campaign, error) {
	return tx.campaigns(`
SELECT v.spec, v.version, c.archived
FROM campaign c
JOIN campaign_version v
	ON v.account_id = c.account_id
	AND v.campaign_id = c.id
	AND v.version = c.version
WHERE c.account_id = $1
ORDER BY c.id`)
}

// CampaignHistory returns every version of every campaign, the newest of a
// campaign first.
func (tx *Tx) CampaignHistory() ([]model.Campaign, error) {
	return tx.campaigns(`
SELECT v.spec, v.version, c.archived
FROM campaign c
JOIN campaign_version v
	ON v.account_id = c.account_id
	AND v.campaign_id = c.id
WHERE c.account_id = $1
ORDER BY c.id, v.version DESC`)
}

// CampaignVersion returns a campaign as it was in a version. It fails with
// NotFound.
func (tx *Tx) CampaignVersion(id model.CampaignID, version int64) (*model.Campaign, error) {
	found, err := tx.campaigns(`
SELECT v.spec, v.version, c.archived
FROM campaign c
JOIN campaign_version v
	ON v.account_id = c.account_id
	AND v.campaign_id = c.id
WHERE c.account_id = $1
	AND c.id = $2
	AND v.version = $3`, id, version)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, missing(model.CampaignUnknown, "campaign", id)
	}
	return &found[0], nil
}

func (tx *Tx) campaigns(sql string, args ...any) ([]model.Campaign, error) {
	var all []model.Campaign
	err := tx.read(sql, func(row Row) error {
		var c model.Campaign
		if err := scanSpec(row, &c, &c.Version, &c.Archived); err != nil {
			return err
		}
		all = append(all, c)
		return nil
	}, args...)
	return all, err
}

// CampaignDates tells when a campaign was made, and when its version came in
// force. It fails with NotFound.
func (tx *Tx) CampaignDates(id model.CampaignID) (made, changed time.Time, err error) {
	found := false
	err = tx.read(`SELECT c.created_at, v.at
		FROM campaign c
		JOIN campaign_version v ON v.account_id = c.account_id AND v.campaign_id = c.id AND v.version = c.version
		WHERE c.account_id = $1 AND c.id = $2`,
		func(r Row) error {
			var first, last int64
			err := r.Scan(&first, &last)
			made, changed, found = at(first), at(last), true
			return err
		}, id)
	if err == nil && !found {
		err = missing(model.CampaignUnknown, "campaign", id)
	}
	return made, changed, err
}

// Since is when a version came in force: of a campaign, or, campaign 0, of the
// account's settings.
type Since struct {
	Campaign model.CampaignID
	Version  int64
	At       time.Time
}

// VersionsSince queues to list all versions, the newest first: they are there
// after whatever is asked next.
func (tx *Tx) VersionsSince() *[]Since {
	all := &[]Since{}
	tx.queue(tx.ask(`SELECT campaign_id, version, at
		FROM (
			SELECT campaign_id, version, at FROM campaign_version WHERE account_id = $1
			UNION ALL
			SELECT 0, version, at FROM account_version WHERE account_id = $1
		) known
		ORDER BY version DESC`,
		func(r Row) error {
			var s Since
			var when int64
			err := r.Scan(&s.Campaign, &s.Version, &when)
			s.At = at(when)
			*all = append(*all, s)
			return err
		}))
	return all
}

// AddCampaign adds a campaign with its first version.
func (tx *Tx) AddCampaign(c *model.Campaign, now time.Time) error {
	tx.write(`
INSERT INTO campaign (account_id, id, uuid, version, archived, created_at)
VALUES ($1, $2, $3, $4, $5, $6)`, c.ID, c.UUID, c.Version, c.Archived, ms(now))
	return tx.AddCampaignVersion(c, now)
}

// AddCampaignVersion adds a version of a campaign. It is in force once
// SetCampaign names it.
func (tx *Tx) AddCampaignVersion(c *model.Campaign, now time.Time) error {
	spec, err := json.Marshal(c)
	if err != nil {
		return err
	}
	tx.write(`
INSERT INTO campaign_version (account_id, campaign_id, version, spec, at)
VALUES ($1, $2, $3, $4, $5)`, c.ID, c.Version, string(spec), ms(now))
	return nil
}

// SetCampaign says which version of a campaign is in force, and whether the
// campaign is archived.
func (tx *Tx) SetCampaign(c *model.Campaign) {
	tx.write(`
UPDATE campaign
SET uuid = $3, version = $4, archived = $5
WHERE account_id = $1
	AND id = $2`, c.ID, c.UUID, c.Version, c.Archived)
}

// SetJoinCode makes a code, which the account has claimed, lead to a campaign.
// It returns false where it is the code of a person.
func (tx *Tx) SetJoinCode(id model.CodeID, code string, campaign model.CampaignID, now time.Time) (bool, error) {
	n, err := tx.change(`
INSERT INTO code (account_id, folded, id, shown, campaign_id, participant_id, person_id, seed, place, channel, params, named, made_at)
VALUES ($1, $2, $3, $4, $5, 0, 0, '', '', '', '', 0, $6)
ON CONFLICT (account_id, folded) DO UPDATE
SET shown = excluded.shown, campaign_id = excluded.campaign_id
WHERE code.participant_id = 0`, model.FoldCode(code), id, code, campaign, ms(now))
	return n == 1, err
}
