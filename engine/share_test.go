package engine_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
)

func (s *stage) share(share engine.Share) *engine.LinkShared {
	s.t.Helper()
	shared, err := s.core.RecordShare(context.Background(), s.account, share)
	if err != nil {
		s.t.Fatal(err)
	}
	return shared
}

func TestShareFindsTheLinkOfItsChannelOrMakesIt(t *testing.T) {
	onBoth(t, pages, func(t *testing.T, s *stage) {
		links, err := s.core.Links(t.Context(), s.account, []engine.LinkRequest{
			{Who: server("c-1", "ann@example.com"), Campaign: evergreenID, Channel: "facebook", Widget: overlay},
		})
		if err != nil {
			t.Fatal(err)
		}
		ann := s.browser("c-1", "ann@example.com")
		ann.Signed = true
		facebook := s.share(engine.Share{Who: ann, Widget: overlay, Channel: "facebook"})
		sms := s.share(engine.Share{Who: ann, Campaign: evergreenID, Widget: "Overlay", Channel: "sms"})
		again := s.share(engine.Share{Who: ann, Widget: overlay, Channel: "sms"})
		if facebook.Link.Code != links[0].Code || sms.Link.Code == facebook.Link.Code || again.Link.Code != sms.Link.Code {
			t.Errorf("facebook %s (made before: %s), sms %s and %s", facebook.Link.Code, links[0].Code, sms.Link.Code, again.Link.Code)
		}
		if sms.Link.URL != "https://grapevine.example/r/"+sms.Link.Code || sms.Link.CampaignUUID != evergreenID {
			t.Errorf("%+v", sms.Link)
		}
		if got := s.count(model.Shared); got != 3 {
			t.Errorf("%d shares", got)
		}
		if diff := cmp.Diff([]string{"link", "shared", "shared", "link", "shared"}, s.story("c-1")); diff != "" {
			t.Error(diff)
		}
	})
}

// Who names somebody gets a link that earns for them, and learns no code of
// theirs, not even whether they have one.
func TestBrowserGetsALinkOfItsOwnForWhomItNames(t *testing.T) {
	onBoth(t, pages, func(t *testing.T, s *stage) {
		theirs := s.linkOf(server("c-1", "ann@example.com"), 0)
		share := engine.Share{Who: s.browser("", "ann@example.com"), Campaign: evergreenID}
		first, again := s.share(share), s.share(share)
		share.Who = s.browser("", "ann@example.com")
		other := s.share(share)
		if first.Link.Code == theirs || other.Link.Code == theirs || other.Link.Code == first.Link.Code || again.Link.Code != first.Link.Code {
			t.Errorf("theirs %s, then %s, %s, and %s", theirs, first.Link.Code, again.Link.Code, other.Link.Code)
		}
		captured := s.joinAs(engine.Join{Who: s.browser("", "bob@example.com"), Referral: by(first.Link.Code), Kind: model.EmailCapture, Widget: offer})
		if got := s.via(captured.Event); got != "code ann@example.com" {
			t.Errorf("the link brings friends of %q", got)
		}
	})
}

func TestSharedCodeIsItsOwners(t *testing.T) {
	onBoth(t, pages, func(t *testing.T, s *stage) {
		code := s.linkOf(server("c-1", "ann@example.com"), 0)
		shared := s.share(engine.Share{Who: s.browser("", ""), Code: upper(code), Channel: "messenger"})
		if shared.Link.Code != code || !slices.Contains(s.story("c-1"), "shared") {
			t.Errorf("%+v, %v", shared.Link, s.story("c-1"))
		}
		email, err := s.core.Links(t.Context(), s.account, []engine.LinkRequest{{Who: server("c-1", ""), Campaign: evergreenID, Channel: "email"}})
		if err != nil {
			t.Fatal(err)
		}
		s.share(engine.Share{Code: email[0].Code})
		s.share(engine.Share{Code: email[0].Code, Bare: true})
		listed, err := s.core.ListShares(t.Context(), s.account, engine.ListQuery{From: noon, To: noon, Size: 10})
		if err != nil {
			t.Fatal(err)
		}
		var channels []string
		for _, row := range listed.Rows {
			channels = append(channels, row.Channel)
		}
		if diff := cmp.Diff([]string{"", "email", "messenger"}, channels); diff != "" {
			t.Error(diff)
		}
		_, err = s.core.RecordShare(t.Context(), s.account, engine.Share{Code: "nobodys"})
		fails(t, err, model.NotFound, model.CodeUnknown)
		_, err = s.core.RecordShare(t.Context(), s.account, engine.Share{Code: s.project.Campaigns[0].Code})
		fails(t, err, model.NotFound, model.CodeUnknown)
	})
}

func TestShareIsRefused(t *testing.T) {
	onBoth(t, pages, func(t *testing.T, s *stage) {
		ann := s.browser("", "ann@example.com")
		for _, tt := range []struct {
			claim  string
			share  engine.Share
			kind   model.Kind
			reason model.Reason
		}{
			{"of nobody", engine.Share{Who: s.browser("", ""), Campaign: evergreenID}, model.Invalid, model.PersonUnknown},
			{"in no campaign", engine.Share{Who: ann}, model.NotFound, model.CampaignUnknown},
			{"in one that is paused", engine.Share{Who: ann, Widget: "ff83c064-0776-4b99-adcc-c2b93af11b80"}, model.NotFound, model.CampaignNotLive},
			{"in a widget that is not there", engine.Share{Who: ann, Campaign: evergreenID, Widget: "Popup"}, model.NotFound, ""},
			{"by a network that is made up", engine.Share{Who: ann, Campaign: evergreenID, Channel: "fax"}, model.Invalid, ""},
		} {
			if _, err := s.core.RecordShare(t.Context(), s.account, tt.share); err == nil || model.KindOf(err) != tt.kind || model.ReasonOf(err) != tt.reason {
				t.Errorf("%s: %v", tt.claim, err)
			}
		}
		if n := s.count(model.Shared) + s.count(model.LinkMade); n != 0 || s.personOf("ann@example.com") != 0 {
			t.Errorf("%d events were left behind, or Ann", n)
		}
	})
}

// However many ask for one seed at once, each gets a code of their own, and
// one of them the seed itself.
func TestOneSeedAtOnceMakesDistinctCodes(t *testing.T) {
	onBoth(t, pages, func(t *testing.T, s *stage) {
		nodes := []*engine.Engine{s.core, s.node(2)}
		const many = 24
		codes := make([]string, many)
		var each sync.WaitGroup
		for i := range codes {
			each.Go(func() {
				links, err := nodes[i%2].Links(context.Background(), s.account, []engine.LinkRequest{
					{Who: server("", string(rune('a'+i))+"@example.com"), Campaign: evergreenID, Seed: "johnsmith"},
				})
				if err != nil {
					t.Error(err)
					return
				}
				codes[i] = links[0].Code
			})
		}
		each.Wait()
		if !slices.Contains(codes, "johnsmith") {
			t.Errorf("nobody has the seed: %v", codes)
		}
		slices.Sort(codes)
		if distinct := len(slices.Compact(codes)); distinct != many {
			t.Errorf("%d codes for %d people", distinct, many)
		}
	})
}
