package friendbuy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"grapevine/engine"
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
	s.post(t, token, "customer", `{"email":"ann@example.com","customerId":"ann","firstName":"Ann","lastName":"Bee"}`)
	s.link(t, token, "ann", "facebook")
	for _, friend := range []string{"bob", "cleo"} {
		if _, err := s.core.Click(t.Context(), engine.Visit{Code: "ann", IP: "192.0.2.7", Agent: "Mozilla/5.0"}); err != nil {
			t.Fatal(err)
		}
		got := s.browse(t, `{`+events(
			event("widget_view", "", `{"widgetId":"ff83c064-0776-4b99-adcc-c2b93af11b78"}`),
			event("share", "", `{"channel":"email","referralCode":"ann"}`),
			event("track", "email_capture", `{"email":"`+friend+`@example.com","name":"`+friend+`","widgetId":"ff83c064-0776-4b99-adcc-c2b93af11b79",`+
				`"referralCode":"ann","newsletterOptIn":true}`),
		)+`}`)
		if slices.Max(got.statuses()) >= 300 {
			t.Fatalf("the page was told %s", got.Body)
		}
		who := fmt.Sprintf(`"email":"%s@example.com","customerId":"%s","firstName":"%s","ipAddress":"192.0.2.7","userAgent":"Mozilla/5.0","referralCode":"ann"`, friend, friend, friend)
		s.post(t, token, "event/account-sign-up", `{`+who+`}`)
		s.post(t, token, "event/purchase", `{`+who+`,"orderId":"`+friend+`","amount":20,"currency":"USD","isNewCustomer":true,"couponCode":"SPRING","products":[{"sku":"s-1","name":"Tent","quantity":2,"price":10}]}`)
		s.post(t, token, "event/custom", `{`+who+`,"eventType":"store_visit"}`)
		s.post(t, token, "event/custom", `{`+who+`,"eventType":"quiz"}`)
		s.post(t, token, "ledger-adjustment", `{"customerId":"`+friend+`","currency":"Points","value":5,"adjustmentType":"add","description":"welcome"}`)
	}
}
