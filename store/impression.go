package store

import (
	"cmp"
	"slices"

	"grapevine/model"
)

// Impression is that somebody saw a form of a campaign, for the first time.
type Impression struct {
	Viewer int64 // the visitor, or the person where no browser is known
	Event  model.EventID
}

// Impress adds those of a campaign's impressions that are there for nobody yet,
// and returns how many.
func (tx *Tx) Impress(campaign model.CampaignID, impressions []Impression) (int64, error) {
	slices.SortFunc(impressions, func(a, b Impression) int { return cmp.Compare(a.Viewer, b.Viewer) })
	counts := make([]int64, len(impressions))
	statements := make([]Statement, len(impressions))
	for i, seen := range impressions {
		statements[i] = Statement{Affected: &counts[i], SQL: `INSERT INTO impression (account_id, campaign_id, viewer_id, event_id)
			VALUES ($1, $2, $3, $4)
			ON CONFLICT DO NOTHING`, Args: tx.args([]any{campaign, seen.Viewer, seen.Event})}
	}
	err := tx.run(statements...)
	added := int64(0)
	for _, n := range counts {
		added += n
	}
	return added, err
}

// StrayImpressions lists the events that impressions name and that are not of a
// form which was seen, by campaign and viewer.
func (tx *Tx) StrayImpressions() ([]model.EventID, error) {
	return as[model.EventID](tx.ids(`SELECT i.event_id
		FROM impression i
		LEFT JOIN event e ON e.account_id = i.account_id AND e.id = i.event_id
		WHERE i.account_id = $1 AND COALESCE(e.kind, '') NOT IN ('widget_viewed', 'form_viewed')
		ORDER BY i.campaign_id, i.viewer_id`))
}
