package friendbuy_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/model"
)

const (
	overlay   = "ff83c064-0776-4b99-adcc-c2b93af11b78"
	incentive = "ff83c064-0776-4b99-adcc-c2b93af11b79"
)

// whole is the body of an answer, its times as their placeholder.
func (s *stage) whole(t testing.TB, token, path string) string {
	t.Helper()
	text := s.call(http.MethodGet, "/v1/analytics/"+path, token, "").Body.String()
	for _, at := range texts(t, s.list(t, token, path).Results, "createdOn") {
		text = strings.Replace(text, at, "<time>", 1)
	}
	return text
}

func TestWidgetViewsAreListed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *stage) {
		token := s.token(t)
		s.link(t, token, "ann", "purl")
		sights := []engine.Sight{
			{Who: engine.Who{IP: "192.0.2.7", Agent: "Mozilla/5.0"}, Kind: model.WidgetViewed, Widget: incentive},
			{Who: engine.Who{CustomerID: "ann", Email: "ann@example.com", Signed: true, IP: "192.0.2.8"}, Kind: model.WidgetViewed, Widget: overlay},
			{Who: engine.Who{}, Kind: model.WidgetActed, Widget: overlay, Action: &engine.WidgetAction{Name: "share"}},
		}
		_, errs := s.core.RecordSights(t.Context(), s.account, sights)
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
		ann := `{"customerId":"ann","email":"ann@example.com","widgetName":"Post Purchase Overlay","campaignId":"` + evergreen +
			`","campaignName":"Evergreen","createdOn":"<time>","ipAddress":"192.0.2.8","widgetType":"advocateShare"}`
		nobody := `{"widgetName":"Friend Incentive Widget","campaignId":"` + evergreen +
			`","campaignName":"Evergreen","createdOn":"<time>","userAgent":"Mozilla/5.0","ipAddress":"192.0.2.7","widgetType":"emailCapture"}`
		for query, want := range map[string][]string{
			"&widgetType=advocateShare":                        {ann},
			"&widgetType=emailCapture":                         {nobody},
			"&widgetName=Post+Purchase+Overlay":                {ann},
			"&widgetName=post+purchase+overlay":                {},
			"&widgetName=Post%25":                              {},
			"&widgetName=*":                                    {},
			"&campaignId=0a1b2c3d-0000-4000-8000-000000000002": {},
		} {
			if got := s.whole(t, token, "widget-views?"+wholeDay+query); got != fmt.Sprintf(`{"totalResults":%d,"results":[%s]}`, len(want), strings.Join(want, ",")) {
				t.Errorf("widget-views%s: got\n%s\nwant %v", query, got, want)
			}
		}
		// Both were told in one transaction: which comes first is open.
		if page := s.list(t, token, "widget-views?campaignId="+evergreen+"&"+wholeDay); page.TotalResults != 2 || len(page.Results) != 2 {
			t.Errorf("of the campaign: %d of %d", len(page.Results), page.TotalResults)
		}
	})
}

func TestSharesAreListed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *stage) {
		token := s.token(t)
		s.link(t, token, "ann", "purl")
		for _, channel := range []string{"", "email"} {
			if _, err := s.core.RecordShare(t.Context(), s.account, engine.Share{
				Who: engine.Who{IP: "192.0.2.7", Agent: "Mozilla/5.0"}, Code: "ann", Channel: channel,
			}); err != nil {
				t.Fatal(err)
			}
		}
		row := func(channel string) string {
			return `{"advocateCustomerId":"ann","advocateEmail":"ann@example.com","channel":"` + channel + `","referralCode":"ann","campaignId":"` +
				evergreen + `","campaignName":"Evergreen","createdOn":"<time>","userAgent":"Mozilla/5.0","ipAddress":"192.0.2.7"}`
		}
		for query, want := range map[string][]string{
			"":                        {row("email"), row("purl")},
			"&channel=email":          {row("email")},
			"&channel=purl":           {row("purl")},
			"&channel=facebook":       {},
			"&advocateCustomerId=ann": {row("email"), row("purl")},
			"&advocateCustomerId=bob": {},
			"&channel=purl&advocateEmail=ann%40example.com":    {row("purl")},
			"&campaignId=0a1b2c3d-0000-4000-8000-000000000002": {},
		} {
			if got := s.whole(t, token, "shares?"+wholeDay+query); got != fmt.Sprintf(`{"totalResults":%d,"results":[%s]}`, len(want), strings.Join(want, ",")) {
				t.Errorf("shares%s: got\n%s\nwant %v", query, got, want)
			}
		}
	})
}

func TestEmailCapturesAreListed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *stage) {
		token := s.token(t)
		s.link(t, token, "ann", "purl")
		yes := true
		for _, j := range []engine.Join{
			{Who: engine.Who{Email: "adv@example.com"}, Widget: overlay},
			{Who: engine.Who{Email: "bob@example.com", FirstName: "Bob", LastName: "Friend", IP: "192.0.2.7"}, Widget: incentive,
				Referral: engine.Referral{ReferralCode: "ann"}, Newsletter: &yes},
			{Who: engine.Who{Email: "eve@example.com"}, Widget: incentive},
		} {
			cfg, err := s.core.Config(t.Context(), s.account)
			if err != nil {
				t.Fatal(err)
			}
			in, err := cfg.CampaignByUUID(evergreen)
			if err != nil {
				t.Fatal(err)
			}
			j.Kind, j.Campaign = model.EmailCapture, in.ID
			if _, err := s.core.Join(t.Context(), s.account, j); err != nil {
				t.Fatal(err)
			}
		}
		bob := `{"name":"Bob Friend","email":"bob@example.com","widgetName":"Friend Incentive Widget","campaignId":"` + evergreen +
			`","campaignName":"Evergreen","createdOn":"<time>","ipAddress":"192.0.2.7","emailCaptureType":"friend","newsletterOptIn":true}`
		row := func(email, widget, kind string) string {
			return `{"email":"` + email + `","widgetName":"` + widget + `","campaignId":"` + evergreen +
				`","campaignName":"Evergreen","createdOn":"<time>","emailCaptureType":"` + kind + `"}`
		}
		adv, eve := row("adv@example.com", "Post Purchase Overlay", "advocate"), row("eve@example.com", "Friend Incentive Widget", "other")
		for query, want := range map[string][]string{
			"":                           {eve, bob, adv},
			"&emailCaptureType=advocate": {adv},
			"&emailCaptureType=friend":   {bob},
			"&email=eve%40example.com":   {eve},
			"&email=ann%40example.com":   {},
			"&email=bob%40example.com&emailCaptureType=advocate": {},
			"&campaignId=0a1b2c3d-0000-4000-8000-000000000002":   {},
		} {
			if got := s.whole(t, token, "email-captures?"+wholeDay+query); got != fmt.Sprintf(`{"totalResults":%d,"results":[%s]}`, len(want), strings.Join(want, ",")) {
				t.Errorf("email-captures%s: got\n%s\nwant %v", query, got, want)
			}
		}
	})
}

func TestEmailSharesAreCountedByDay(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *stage) {
		token := s.token(t)
		s.link(t, token, "ann", "purl")
		share := func(channel, widget string) {
			t.Helper()
			if _, err := s.core.RecordShare(t.Context(), s.account, engine.Share{
				Who: engine.Who{CustomerID: "ann", Email: "ann@example.com", Signed: true}, Campaign: evergreen, Channel: channel, Widget: widget,
			}); err != nil {
				t.Fatal(err)
			}
		}
		share("email", "")                          // 1 March, 4:00 in Los Angeles
		share("facebook", "")                       // not by mail
		s.clock.jump(20*time.Hour + 30*time.Minute) // 2 March in UTC, 0:30 in Los Angeles
		token = s.token(t)                          // the first has expired
		share("email", overlay)
		share("email", overlay)

		counts := func(shares int) string {
			zero := `"totalOpens":0,"uniqueOpens":0,"uniqueClicks":0,"totalClicks":0,"shares":%d,"recipients":0,"delivered":0,"bounced":0,"spam":0`
			return fmt.Sprintf(`"shareEmails":{`+zero+`},"reminderEmails":{`+zero+`}`, shares, 0)
		}
		head := `{"fromDate":"2026-02-28","toDate":"2026-03-02","zone":"America/Los_Angeles",`
		const asked = "email-metrics?fromDate=2026-02-28&toDate=2026-03-02&zone=America%2FLos_Angeles"
		figures := map[string]string{
			"":                     head + counts(3) + `}`,
			"&includeSeries=false": head + counts(3) + `}`,
			"&widgetId=" + overlay: head + counts(2) + `}`,
			"&widgetId=" + strings.ToUpper(overlay) + "&campaignId=" + evergreen: head + counts(2) + `}`,
			"&widgetId=" + incentive:                           head + counts(0) + `}`,
			"&campaignId=0a1b2c3d-0000-4000-8000-000000000002": head + counts(0) + `}`,
			"&includeSeries=true": head + counts(3) + `,"series":[{"date":"2026-02-28",` + counts(0) + `},{"date":"2026-03-01",` + counts(1) +
				`},{"date":"2026-03-02",` + counts(2) + `}]}`,
		}
		check := func(when string) {
			t.Helper()
			for query, want := range figures {
				if got := s.call(http.MethodGet, "/v1/analytics/"+asked+query, token, "").Body.String(); got != want {
					t.Errorf("email-metrics%s %s: got\n%s\nwant\n%s", query, when, got, want)
				}
			}
		}
		check("of rows")
		s.clock.jump(time.Hour)
		token = s.token(t)
		if _, err := s.core.RollCounts(t.Context(), s.account); err != nil {
			t.Fatal(err)
		}
		check("of what is counted")
		// In Berlin, half past eight in the morning of 2 March is the same day.
		var inBerlin []string
		for _, day := range []string{"2026-03-01", "2026-03-02"} {
			text := s.call(http.MethodGet, "/v1/analytics/email-metrics?zone=Europe%2FBerlin&fromDate="+day+"&toDate="+day, token, "").Body.String()
			_, after, _ := strings.Cut(text, `"shares":`)
			inBerlin = append(inBerlin, after[:1])
		}
		if !slices.Equal(inBerlin, []string{"1", "2"}) {
			t.Errorf("in Berlin: %v", inBerlin)
		}
	})
}
