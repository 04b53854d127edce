package friendbuy_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"grapevine/engine"
)

func TestEmailSharesAreCountedByDay(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *stage) {
		token := s.token(t)
		s.link(t, token, "ann", "purl")
		share := func(channel, widget string) {
			t.Helper()
			if _, err := s.core.RecordShare(t.Context(), s.account, engine.Share{
				Who: engine.Who{CustomerID: "ann", Email: "ann@example.com", Signed: true}, Campaign: stageCampaign, Channel: channel, Widget: widget,
			}); err != nil {
				t.Fatal(err)
			}
		}
		share("email", "")                          // 1 March, 4:00 in Los Angeles
		share("facebook", "")                       // not by mail
		s.clock.jump(20*time.Hour + 30*time.Minute) // 2 March in UTC, 0:30 in Los Angeles
		token = s.token(t)                          // the first has expired
		share("email", shareWidget)
		share("email", shareWidget)

		counts := func(shares int) string {
			zero := `"totalOpens":0,"uniqueOpens":0,"uniqueClicks":0,"totalClicks":0,"shares":%d,"recipients":0,"delivered":0,"bounced":0,"spam":0`
			return fmt.Sprintf(`"shareEmails":{`+zero+`},"reminderEmails":{`+zero+`}`, shares, 0)
		}
		head := `{"fromDate":"2026-02-28","toDate":"2026-03-02","zone":"America/Los_Angeles",`
		const asked = "email-metrics?fromDate=2026-02-28&toDate=2026-03-02&zone=America%2FLos_Angeles"
		figures := map[string]string{
			"":                         head + counts(3) + `}`,
			"&includeSeries=false":     head + counts(3) + `}`,
			"&widgetId=" + shareWidget: head + counts(2) + `}`,
			"&widgetId=" + strings.ToUpper(shareWidget) + "&campaignId=" + stageCampaign: head + counts(2) + `}`,
			"&widgetId=" + captureWidget:                       head + counts(0) + `}`,
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
