package prefinery_test

import (
	"strings"
	"testing"

	"grapevine/dialect/dialecttest"
	"grapevine/engine"
	"grapevine/model"
)

// Whoever tells of it, a form that was seen counts once for each visitor.
func TestBetasShowHowManySawAForm(t *testing.T) {
	t.Parallel()
	dialecttest.OnBoth(t, func(t *testing.T, d *dialecttest.Stage) {
		s := enter(t, d)
		cfg, err := s.Core.Config(t.Context(), s.Account)
		if err != nil {
			t.Fatal(err)
		}
		campaign, err := cfg.Campaign(12)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			visitor, _, err := s.Core.Visitor(s.Account)
			if err != nil {
				t.Fatal(err)
			}
			seen := engine.Sight{Who: engine.Who{Visitor: visitor}, Kind: model.FormViewed, Campaign: campaign.UUID}
			if _, errs := s.Core.RecordSights(t.Context(), s.Account, []engine.Sight{seen, seen}); errs[0] != nil || errs[1] != nil {
				t.Fatal(errs)
			}
		}
		for target, want := range map[string]string{"/api/v2/betas/12": `"impressions_count":2`, "/api/v2/betas/13": `"impressions_count":0`} {
			if got := s.body(t, "GET", target, ""); !strings.Contains(got, want) {
				t.Errorf("%s answers %s, want %s", target, got, want)
			}
		}
		s.Verify(t)
	})
}
