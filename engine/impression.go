package engine

import (
	"cmp"
	"maps"
	"slices"

	"grapevine/model"
	"grapevine/store"
)

// sawForm notes that somebody saw a form in which friends leave an address. Who
// has no cookie and is not known may be anybody, and counts as nobody.
func (t *turn) sawForm(s *sight, event *model.Event) {
	viewer := cmp.Or(int64(s.Visitor), int64(event.Person))
	if viewer == 0 {
		return
	}
	if t.impressions == nil {
		t.impressions = map[model.CampaignID][]store.Impression{}
	}
	t.impressions[s.campaign.ID] = append(t.impressions[s.campaign.ID], store.Impression{Viewer: viewer, Event: event.ID})
}

const tallyImpression = "impression"

// impress counts everybody who saw a form for the first time.
func (t *turn) impress() error {
	for _, campaign := range slices.Sorted(maps.Keys(t.impressions)) {
		n, err := t.tx.Impress(campaign, t.impressions[campaign])
		if err != nil {
			return err
		}
		if n > 0 {
			t.tallyIn(campaign, tallyImpression, n)
		}
	}
	return nil
}
