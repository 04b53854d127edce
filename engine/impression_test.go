package engine_test

import (
	"context"
	"testing"

	"grapevine/engine"
	"grapevine/model"
)

func TestFormsAreSeenOnceByEachVisitor(t *testing.T) {
	t.Parallel()
	onBoth(t, pages, func(t *testing.T, s *stage) {
		ann, bob := s.browser("", ""), s.browser("", "")
		s.know("c-1", "")
		known := engine.Who{CustomerID: "c-1", IP: "192.0.2.7"} // without a cookie
		own := func(who engine.Who) engine.Sight {
			return engine.Sight{Who: who, Kind: model.FormViewed, Campaign: evergreenID}
		}
		see := func(sights ...engine.Sight) error {
			_, errs := s.core.RecordSights(context.Background(), s.account, sights)
			for _, err := range errs {
				if err != nil {
					return err
				}
			}
			return nil
		}
		impressions := func() int64 {
			t.Helper()
			counted, err := s.core.CountCampaigns(t.Context(), s.account, s.project.Campaigns[0].ID)
			if err != nil {
				t.Fatal(err)
			}
			return counted[0].Impressions
		}
		for _, c := range []struct {
			what   string
			sights []engine.Sight
			want   int64
		}{
			{"a widget that is no form", []engine.Sight{view(ann, overlay)}, 0},
			{"a form", []engine.Sight{view(ann, offer)}, 1},
			{"the same again", []engine.Sight{view(ann, offer), view(ann, offer), own(ann)}, 1},
			{"a form of the merchant's own", []engine.Sight{own(bob), own(bob)}, 2},
			{"somebody who is known without a cookie", []engine.Sight{own(known), own(known)}, 3},
			{"somebody without either", []engine.Sight{own(engine.Who{IP: "192.0.2.8"})}, 3},
		} {
			if err := see(c.sights...); err != nil {
				t.Fatal(err)
			}
			if got := impressions(); got != c.want {
				t.Errorf("%s: %d impressions, want %d", c.what, got, c.want)
			}
		}
		nodes := []*engine.Engine{s.core, s.node(2)}
		visitors := []engine.Who{s.browser("", ""), s.browser("", ""), s.browser("", "")}
		parallel(t, 24, func(i int) (any, error) {
			_, errs := nodes[i%2].RecordSights(context.Background(), s.account, []engine.Sight{own(visitors[i%3]), view(visitors[(i+1)%3], offer)})
			return nil, errs[0]
		})
		if got := impressions(); got != 6 {
			t.Errorf("three more saw it at once: %d impressions, want 6", got)
		}
		if err := see(engine.Sight{Who: ann, Kind: model.FormViewed, Campaign: "0a1b2c3d-0000-4000-8000-00000000000f"}); model.KindOf(err) != model.NotFound {
			t.Errorf("a campaign that there is not: %v", err)
		}
	})
}

func TestVerifyNamesDamagedImpressions(t *testing.T) {
	t.Parallel()
	onBoth(t, pages, func(t *testing.T, s *stage) {
		s.damaged = true
		if _, errs := s.core.RecordSights(t.Context(), s.account, []engine.Sight{view(s.browser("", ""), offer)}); errs[0] != nil {
			t.Fatal(errs[0])
		}
		s.raw("UPDATE impression SET event_id = 1")
		if report := s.verify(); !names(report, "impression event") {
			t.Errorf("verify says %v", report.Differences)
		}
		s.raw("DELETE FROM impression")
		if report := s.verify(); !names(report, "tally sum") {
			t.Errorf("verify says %v", report.Differences)
		}
	})
}
