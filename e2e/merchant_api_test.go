//go:build e2e

package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

const (
	noteOption   = "8bded445-b740-44d7-8b36-08d5630ed282"
	couponOption = "662c3a74-9d72-4d80-a835-c9db624c92b1"
)

// loyaltyProject adds what the loyalty calls are about.
var loyaltyProject = strings.Replace(segmentProject, "campaigns:\n", `origins: [https://shop.example.com]
currencies:
  - {code: Points, cap: 500}
redemptions:
  - {id: `+couponOption+`, name: $10 Coupon, cost: 50, currency: Points, coupons: ten-off}
  - {id: `+noteOption+`, name: A note, cost: 1, currency: USD}
tiers:
  - {id: 0c7c2f4e-0000-4000-8000-000000000001, name: Gold Tier, points: 100, currency: Points}
campaigns:
`, 1) + `    widgets:
      - {id: ff83c064-0776-4b99-adcc-c2b93af11b78, name: Post Purchase Overlay, type: advocateShare}
      - {id: ff83c064-0776-4b99-adcc-c2b93af11b79, name: Friend Incentive Widget, type: emailCapture}
`

// call is one call with the status it is answered with.
type call struct {
	method, target, body string
	status               int
	has                  map[string]any // of the answer
}

// TestMerchantAPI makes every call of the reference, with its own examples,
// against a new server: what one leaves behind the next ones show.
func TestMerchantAPI(t *testing.T) {
	onEachEngine(t, func(t *testing.T, d database) {
		d.apply(t, loyaltyProject)
		s := d.serve(t)
		m := openMerchant(t, s)
		m.origin = "https://shop.example.com"
		walked := map[string]bool{"POST /v1/authorization": true}
		for _, c := range merchantCalls() {
			got := m.must(t, c.method, c.target, c.body, c.status)
			has(t, c.method+" "+c.target, got, c.has)
			path, _, _ := strings.Cut(c.target, "?")
			walked[c.method+" "+strings.Replace(path, merchantID, "{merchantId}", 1)] = true
		}
		for _, operation := range documentedOperations(t, s, "friendbuy.yaml") {
			if !walked[operation] {
				t.Errorf("%s was not called", operation)
			}
		}
		s.stop(t)
		d.command(t, "verify")
	})
}

// merchantCalls are in the order of the reference, but for what has to be
// there before it can be shown.
func merchantCalls() []call {
	const (
		advocate = `"email": "user@example.com", "customerId": "7482393297197", "firstName": "Test", "lastName": "Advocate", "ipAddress": "192.168.0.1", "userAgent": "Mozilla/5.0..."`
		friend   = `"email": "friend@example.com", "customerId": "5361552294001", "firstName": "Test", "lastName": "Friend", "ipAddress": "192.168.0.7", "userAgent": "Mozilla/5.0..."`
		profile  = `"timezone": "America/Los_Angeles", "loyaltyStatus": "in", "birthday": {"day": 1, "month": 10, "year": 1980}`
		more     = `"additionalProperties": {"property1": "string", "property2": "string"}`
	)
	now := time.Now().UTC()
	period := "?" + url.Values{"fromDate": {now.Add(-time.Hour).Format(time.RFC3339)}, "toDate": {now.Add(time.Hour).Format(time.RFC3339)}}.Encode()
	day := now.Format(time.DateOnly)
	return []call{
		{"POST", "/v1/customer", `{` + advocate + `, ` + profile + `, ` + more + `, "isNewCustomer": false, "age": 0, "gender": "string", "zipCode": "string",
			"state": "string", "city": "string", "category": "string", "country": "string", "language": "string"}`, 201, nil},
		{"POST", "/v1/customer", `{` + advocate + `}`, 200, nil},
		{"POST", "/v1/personal-referral-link", `{` + advocate + `, "campaignId": "` + campaignUUID + `", "destinationUrlQueryParams": {}, "seed": "johnsmith", "channel": "purl"}`,
			200, map[string]any{"referralCode": "johnsmith"}},
		{"POST", "/v1/personal-referral-link-batch", `{"requests": [{` + advocate + `, "campaignId": "` + campaignUUID + `", "destinationUrlQueryParams": {}, "seed": "string",
			"prefix": "string", "channel": "purl", "short": false, "eventUrl": "string", "eventPage": "string"}]}`, 200, nil},
		{"GET", "/v1/referral-status?code=johnsmith", "", 200, map[string]any{"campaignId": campaignUUID, "referralCode": map[string]string{"code": "johnsmith", "status": "active"}}},
		{"GET", "/r/johnsmith", "", 302, nil},
		{"POST", "/v1/event/account-sign-up", `{` + friend + `, ` + profile + `, ` + more + `, "referralCode": "johnsmith"}`, 201, nil},
		{"POST", "/v1/event/purchase", `{` + friend + `, "orderId": "5319082091152", "amount": 50.0, "currency": "USD", "isNewCustomer": true, "referralCode": "johnsmith",
			"products": [{"sku": "test-product-1", "name": "Test Product", "quantity": 2, "price": 25.0}], ` + more + `}`, 201, nil},
		{"POST", "/v1/event/custom", `{` + friend + `, "eventType": "store_visit", "isNewCustomer": false, "deduplicationId": "string", "referralCode": "johnsmith", ` + more + `}`, 201, nil},

		{"POST", "/v1/intake/" + merchantID, `{"metadata": {"url": "https://shop.example.com/thanks"}, "events": [
			{"id": "6b0c1c2e-0000-4000-8000-000000000001", "type": "widget_view", "payload": {"widgetId": "ff83c064-0776-4b99-adcc-c2b93af11b78"}},
			{"id": "6b0c1c2e-0000-4000-8000-000000000002", "type": "share", "payload": {"channel": "email", "referralCode": "johnsmith"}},
			{"id": "6b0c1c2e-0000-4000-8000-000000000003", "type": "track", "name": "email_capture", "payload": {"email": "user2@example.com", "name": "Test Customer",
				"widgetId": "ff83c064-0776-4b99-adcc-c2b93af11b79", "referralCode": "johnsmith", "newsletterOptIn": true}}]}`, 200, nil},

		{"POST", "/v1/ledger-adjustment", `{"customerId": "7482393297197", "currency": "Points", "value": 200, "adjustmentType": "add", "description": "Email loyalty program",
			"expirationDate": "2090-06-09T18:31:31.233Z"}`, 200, map[string]any{"value": 200, "total": 200, "ledgerCap": 500, "expirationDate": "2090-06-09T18:31:31.233Z"}},
		{"POST", "/v1/ledger-adjustment", `{"customerId": "7482393297197", "currency": "Points", "value": 201, "adjustmentType": "remove", "description": "too much"}`, 409, nil},
		{"POST", "/v1/ledger-adjustment-custom", `{"customCustomerId": "newSignUp25", "currency": "USD", "value": 10, "adjustmentType": "add", "description": "Customer sign up"}`, 201, nil},
		{"POST", "/v1/ledger-adjustment-custom", `{"customCustomerId": "newSignUp25", "currency": "USD", "value": 4, "adjustmentType": "remove", "description": "string"}`, 200, map[string]any{"total": 6}},
		{"GET", "/v1/customers/member-tier?id=7482393297197", "", 200, map[string]any{"memberTierNameCached": "Gold Tier", "memberTierPrecedenceCached": 1, "pointsCurrency": "Points"}},
		{"GET", "/v1/customers?id=7482393297197", "", 200, map[string]any{"email": "user@example.com", "name": "Test Advocate"}},
		{"GET", "/v1/customers?id=nobody", "", 404, nil},
		{"GET", "/v1/reward/redemption-options", "", 200, nil},
		{"POST", "/v1/reward/redeem", `{"redemptionOptionId": "` + couponOption + `", "customerId": "7482393297197"}`, 202, map[string]any{"newLedgerTotal": 150}},
		{"GET", "/v1/reward/coupons?customerId=7482393297197", "", 200, nil},
		{"GET", "/v1/ledger-balance?customerId=7482393297197&currency=Points", "", 200, map[string]any{"total": 150, "currency": "Points"}},
		{"GET", "/v1/ledger-balance?customerId=nobody&currency=USD", "", 404, map[string]any{"error": "Not found", "message": "No ledger found for customer with id: nobody"}},
		{"GET", "/v1/ledger-balance-custom?customCustomerId=newSignUp25&currency=USD", "", 200, map[string]any{"total": 6}},
		{"GET", "/v1/ledger-entries?customerId=7482393297197&currency=Points&createdAfter=2020-01-01T00:00:00Z", "", 200, nil},

		{"GET", "/v1/analytics/widget-views" + period, "", 200, map[string]any{"totalResults": 1}},
		{"GET", "/v1/analytics/shares" + period, "", 200, map[string]any{"totalResults": 1}},
		{"GET", "/v1/analytics/clicks" + period, "", 200, map[string]any{"totalResults": 1}},
		{"GET", "/v1/analytics/account-sign-ups" + period, "", 200, map[string]any{"totalResults": 1}},
		{"GET", "/v1/analytics/purchases" + period, "", 200, map[string]any{"totalResults": 1}},
		{"GET", "/v1/analytics/distributed-advocate-rewards" + period, "", 200, map[string]any{"totalResults": 3}},
		{"GET", "/v1/analytics/distributed-friend-incentives" + period, "", 200, nil},
		{"GET", "/v1/analytics/rewards/referral" + period, "", 200, map[string]any{"totalResults": 4}},
		{"GET", "/v1/analytics/email-captures" + period, "", 200, map[string]any{"totalResults": 1}},
		{"GET", "/v1/analytics/email-metrics?fromDate=" + day + "&toDate=" + day + "&zone=America%2FLos_Angeles&includeSeries=true", "", 200, map[string]any{"fromDate": day, "zone": "America/Los_Angeles"}},
		{"GET", "/v1/analytics/loyalty/ledger-heads?currency=Points", "", 200, nil},
		{"GET", "/v1/user-data?email=friend@example.com", "", 200, map[string]any{"emails": []string{"friend@example.com"}, "customerIds": []string{"5361552294001"}}},
		{"DELETE", "/v1/user-data?email=friend@example.com", "", 200, nil},
	}
}

// documentedOperations are those of a document that the server shows.
func documentedOperations(t *testing.T, s *server, document string) (operations []string) {
	t.Helper()
	a, err := s.http.Get(s.url + "/openapi/" + document)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil || a.StatusCode != http.StatusOK {
		t.Fatalf("the document: %d %v", a.StatusCode, err)
	}
	var path string
	for _, found := range regexp.MustCompile(`(?m)^  (/\S+):$|^    (get|post|put|patch|delete):$`).FindAllStringSubmatch(string(text), -1) {
		if found[1] != "" {
			path = found[1]
			continue
		}
		operations = append(operations, fmt.Sprintf("%s %s", strings.ToUpper(found[2]), path))
	}
	if len(operations) == 0 {
		t.Fatalf("the document cannot be read: %q", operations)
	}
	return operations
}
