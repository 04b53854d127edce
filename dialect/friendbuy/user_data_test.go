package friendbuy_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// All twelve keys come from what was stored: of calls of a server, of a click,
// and of what a browser sent.
func TestUserDataIsReadBackFromWhatWasSent(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *stage) {
		token := s.token(t)
		s.post(t, token, "customer", `{"email":"user@example.com","customerId":"1554332","firstName":"Test","lastName":"User","language":"English",`+
			`"ipAddress":"203.0.113.7","userAgent":"Mozilla/5.0"}`)
		sent := func(device, url string, list ...string) {
			t.Helper()
			got := s.browse(t, `{`+signature(s.clock.now(), "user@example.com", "1554332")+`,"customer":{"id":"1554332","email":"user@example.com"},`+
				`"device":`+device+`,"metadata":{"url":"`+url+`"},`+events(list...)+`}`)
			for _, r := range got.Results {
				if r.Status != http.StatusCreated {
					t.Fatalf("%+v", r)
				}
			}
		}
		share := func(channel string) string {
			return event("share", "", fmt.Sprintf(`{"campaignId":%q,"channel":%q}`, stageCampaign, channel))
		}
		sent(`{"language":"de-AT","colorDepth":24,"platform":"MacIntel","screenSize":"3072x1920"}`, "https://shop.example.com/",
			share("email"), share("email"), share("facebook"), share("messenger"), share("sms"), share("twitter"), share("purl"))
		sent(`{"language":"es","colorDepth":30,"platform":"iPhone","screenSize":"390x844"}`, "https://shop.example.com/thanks",
			event("widget_view", "", `{"widgetId":"`+shareWidget+`"}`), event("track", "page", `{"name":"thanks"}`), event("track", "store_visit", `{"shop":"Graz"}`))
		s.link(t, token, "by-mail", "email") // somebody else's
		s.post(t, token, "personal-referral-link", `{"email":"user@example.com","campaignId":"`+stageCampaign+`","seed":"sms-link","channel":"sms"}`)
		s.post(t, token, "event/account-sign-up", `{"email":"f1@example.com","customerId":"f1","referralCode":"sms-link"}`)
		s.buy(t, token, "o-1", "sms-link")
		s.buy(t, token, "o-2", "by-mail")

		want := `{"emails":["user@example.com"],"names":["Test User"],"customerIds":["1554332"],"ipAddresses":["192.0.2.1","203.0.113.7"],` +
			`"languages":["English","de-AT","es"],"userAgents":["Firefox","Mozilla/5.0"],"colorDepths":[24,30],"platforms":["MacIntel","iPhone"],` +
			`"screenSizes":["3072x1920","390x844"],"trackedEvents":[{"type":"customer"}` +
			strings.Repeat(`,{"type":"share","url":"https://shop.example.com/"}`, 7) +
			`,{"type":"store_visit","url":"https://shop.example.com/thanks"},{"type":"widget_view","url":"https://shop.example.com/thanks"},` +
			`{"type":"page","url":"https://shop.example.com/thanks"}],` +
			`"shares":{"email":2,"facebook":1,"messenger":1,"sms":1,"twitter":1,"purl":1},` +
			`"conversions":{"email":0,"facebook":0,"messenger":0,"sms":2,"twitter":0,"purl":0}}`
		for _, by := range []string{"email=USER@example.com", "customerId=1554332", "email=user@example.com&customerId=1554332"} {
			if got := s.call(http.MethodGet, "/v1/user-data?"+by, token, ""); strings.TrimSpace(got.Body.String()) != want {
				t.Errorf("%s: got\n%s\nwant\n%s", by, got.Body, want)
			}
		}
	})
}
