package friendbuy_test

import (
	"fmt"
	"strings"
	"testing"

	"grapevine/engine"
	"grapevine/model"
)

// TestEveryListIsRead reads every list to its end in pages of one row, and
// finds in them what their document tells.
func TestEveryListIsRead(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *stage) {
		s.apply(t, func(text string) string {
			return strings.Replace(text, "value: {type: ledger, amount: 5, unit: Points}",
				"issue: auto\n        value: {type: discount, amount: 10, unit: USD, coupons: ten-off}", 1)
		})
		token := s.token(t)
		s.fillLists(t, token)
		for name, want := range map[string]int{
			"widget-views?" + wholeDay:                  2,
			"shares?" + wholeDay:                        2,
			"clicks?" + wholeDay:                        2,
			"account-sign-ups?" + wholeDay:              2,
			"purchases?" + wholeDay:                     2,
			"distributed-advocate-rewards?" + wholeDay:  4,
			"distributed-friend-incentives?" + wholeDay: 2,
			"rewards/referral?" + wholeDay:              8,
			"email-captures?" + wholeDay:                2,
			"loyalty/ledger-heads?currency=Points":      2,
		} {
			name, asked, _ := strings.Cut(name, "?")
			page, rows := s.list(t, token, name+"?"+asked+"&pageSize=1"), 0
			for ; ; page = s.list(t, token, name+"?pageToken="+page.NextPageToken) {
				rows += len(page.Results)
				if page.TotalResults != want {
					t.Errorf("%s: %d rows in all, want %d", name, page.TotalResults, want)
				}
				if page.NextPageToken == "" || rows > want {
					break
				}
			}
			if rows != want {
				t.Errorf("%s: read %d rows, want %d", name, rows, want)
			}
		}
	})
}

// fillLists puts two rows into each list.
func (s *stage) fillLists(t testing.TB, token string) {
	t.Helper()
	config, err := s.core.Config(t.Context(), s.account)
	if err != nil {
		t.Fatal(err)
	}
	campaign, err := config.CampaignByUUID(evergreen)
	if err != nil {
		t.Fatal(err)
	}
	s.post(t, token, "customer", `{"email":"ann@example.com","customerId":"ann","firstName":"Ann","lastName":"Bee"}`)
	s.link(t, token, "ann", "facebook")
	browser := engine.Who{IP: "192.0.2.7", Agent: "Mozilla/5.0"}
	yes := true
	for _, friend := range []string{"bob", "cleo"} {
		_, errs := s.core.RecordSights(t.Context(), s.account, []engine.Sight{{Who: browser, Kind: model.WidgetViewed, Widget: overlay}})
		_, shared := s.core.RecordShare(t.Context(), s.account, engine.Share{Who: browser, Code: "ann", Channel: "email"})
		_, clicked := s.core.Click(t.Context(), engine.Visit{Code: "ann", IP: browser.IP, Agent: browser.Agent})
		captured := browser
		captured.Email, captured.FirstName = friend+"@example.com", friend
		_, joined := s.core.Join(t.Context(), s.account, engine.Join{
			Who: captured, Kind: model.EmailCapture, Campaign: campaign.ID, Widget: incentive, Newsletter: &yes,
			Referral: engine.Referral{ReferralCode: "ann"},
		})
		for _, err := range append(errs, shared, clicked, joined) {
			if err != nil {
				t.Fatal(err)
			}
		}
		who := fmt.Sprintf(`"email":"%s@example.com","customerId":"%s","firstName":"%s","ipAddress":"192.0.2.7","userAgent":"Mozilla/5.0","referralCode":"ann"`, friend, friend, friend)
		s.post(t, token, "event/account-sign-up", `{`+who+`}`)
		s.post(t, token, "event/purchase", `{`+who+`,"orderId":"`+friend+`","amount":20,"currency":"USD","isNewCustomer":true,"couponCode":"SPRING","products":[{"sku":"s-1","name":"Tent","quantity":2,"price":10}]}`)
		s.post(t, token, "event/custom", `{`+who+`,"eventType":"store_visit"}`)
		s.post(t, token, "event/custom", `{`+who+`,"eventType":"quiz"}`)
		s.post(t, token, "ledger-adjustment", `{"customerId":"`+friend+`","currency":"Points","value":5,"adjustmentType":"add","description":"welcome"}`)
	}
}
