package store

import (
	"grapevine/model"
)

// RewardsAsked says which rewards of a campaign are meant: those of persons, or
// else those that are listed under facets.
type RewardsAsked struct {
	Campaign model.CampaignID
	States   []model.RewardState
	Persons  []model.PersonID
	Facets   []model.FacetID
}

// PageOfRewards lists rewards, newest first, and counts them all. Facets are all
// of the campaign's, so that a page is found in their index.
func (tx *Tx) PageOfRewards(ask RewardsAsked, skip, size int) (page []*model.Reward, total int64, err error) {
	states := make([]any, len(ask.States))
	for i, s := range ask.States {
		states[i] = string(s)
	}
	args := append([]any{ask.Campaign}, states...)
	where := `campaign_id = $2 AND state IN (` + in(3, len(states)) + `) AND `
	if ask.Facets != nil {
		where += `facet_id <> 0 AND facet_id IN (` + in(3+len(states), len(ask.Facets)) + `)`
		args = append(args, anys(ask.Facets)...)
	} else {
		where += `role IN ('advocate', 'friend') AND person_id IN (` + in(3+len(states), len(ask.Persons)) + `)`
		args = append(args, anys(ask.Persons)...)
	}
	err = tx.read(`SELECT COUNT(*)
		FROM reward
		WHERE account_id = $1 AND `+where,
		func(r Row) error { return r.Scan(&total) }, args...)
	if err != nil || total <= int64(skip) {
		return nil, total, err
	}
	n := len(args) + 2
	page, err = tx.rewards(where+`
		ORDER BY id DESC
		LIMIT `+in(n, 1)+` OFFSET `+in(n+1, 1), append(args, size, skip)...)
	return page, total, err
}
