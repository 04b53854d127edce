//go:build e2e

package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

const (
	merchantID    = "7b0f4a52-1111-4222-8333-444455556666"
	apiKey        = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
	apiSecret     = "95eb1c78-f77e-4c55-828e-17ed3e0163a2"
	signingSecret = "a-signing-secret"
	campaignUUID  = "ef9befc6-18f1-418c-8914-5ee8d09bb5aa"
	coupons       = 30_000
)

// project is an account in which every purchase of a friend earns the advocate
// a coupon and the friend credit, and a webhook tells of both. More campaigns
// may follow.
func project(hook, campaigns string) string {
	return fmt.Sprintf(`account: Acme Outdoors
slug: acme
site: https://shop.example.com
keys:
  friendbuy:
    merchant_id: %s
    key: %s
    secret: %s
    signing_secret: %s
coupons:
  - {batch: ten-off, generate: %d, prefix: TEN-}
webhooks:
  - {on: friendbuy.advocateReward, url: %q}
  - {on: friendbuy.friendIncentive, url: %q}
campaigns:
  - name: Evergreen
    uuid: %s
    status: launched
    rewards:
      - name: Ten off for you
        to: advocate
        on: purchase
        repeat: true
        issue: auto
        value: {type: discount, amount: 10, unit: USD, coupons: ten-off}
      - name: Five for a friend
        to: friend
        on: purchase
        value: {type: ledger, amount: 5, unit: USD}
%s`, merchantID, apiKey, apiSecret, signingSecret, coupons, hook, hook, campaignUUID, campaigns)
}

// shop is a merchant's server that calls ours. Its connections outlive ours.
type shop struct {
	url   string
	token string
	http  *http.Client
}

func openShop(t *testing.T, s *server) *shop {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	p := &shop{url: s.url, http: &http.Client{Transport: transport, Timeout: 20 * time.Second}}
	var got struct {
		Token string `json:"token"`
	}
	p.mustCall(t, "/v1/authorization", map[string]string{"key": apiKey, "secret": apiSecret}, &got)
	p.token = got.Token
	return p
}

// call posts JSON and returns the answer. An error means that none came: what
// was asked may have happened or not.
func (p *shop) call(path string, in any) (status int, body []byte, err error) {
	sent, err := json.Marshal(in)
	if err != nil {
		return 0, nil, err
	}
	q, err := http.NewRequest(http.MethodPost, p.url+path, bytes.NewReader(sent))
	if err != nil {
		return 0, nil, err
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Authorization", "Bearer "+p.token)
	a, err := p.http.Do(q)
	if err != nil {
		return 0, nil, err
	}
	defer a.Body.Close()
	body, err = io.ReadAll(a.Body)
	return a.StatusCode, body, err
}

func (p *shop) mustCall(t *testing.T, path string, in, out any) {
	t.Helper()
	status, body, err := p.call(path, in)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if status/100 != 2 {
		t.Fatalf("%s: %d %s", path, status, body)
	}
	if err := json.Unmarshal(body, out); err != nil {
		t.Fatalf("%s: %v: %s", path, err, body)
	}
}

// link asks for an advocate's link in a campaign.
func (p *shop) link(advocate int, campaign string) (status int, code string, err error) {
	status, body, err := p.call("/v1/personal-referral-link", map[string]string{
		"email":      fmt.Sprintf("advocate-%d@example.com", advocate),
		"customerId": fmt.Sprintf("advocate-%d", advocate),
		"campaignId": campaign,
	})
	if err != nil || status != http.StatusOK {
		return status, "", err
	}
	var got struct {
		ReferralCode string `json:"referralCode"`
	}
	return status, got.ReferralCode, json.Unmarshal(body, &got)
}

// links makes a number of advocates and returns their codes.
func (p *shop) links(t *testing.T, n int) (codes []string) {
	t.Helper()
	for i := range n {
		status, code, err := p.link(i, campaignUUID)
		if err != nil || status != http.StatusOK || code == "" {
			t.Fatalf("link: %d %q %v", status, code, err)
		}
		codes = append(codes, code)
	}
	return codes
}

// friendOf is the customer id of the friend who places an order; each order
// has its own.
func friendOf(order int) string { return fmt.Sprintf("friend-%d", order) }

// buy sends one order. Answered tells whether an answer came; if so, it is the
// event's id, or the error says what else it was.
func (p *shop) buy(order int, code string) (event string, answered bool, err error) {
	status, body, err := p.call("/v1/event/purchase", map[string]any{
		"orderId":      fmt.Sprintf("order-%d", order),
		"customerId":   friendOf(order),
		"email":        friendOf(order) + "@example.org",
		"amount":       57.87,
		"currency":     "USD",
		"referralCode": code,
	})
	if err != nil {
		return "", false, nil
	}
	var got struct {
		EventID string `json:"eventId"`
	}
	if status != http.StatusCreated || json.Unmarshal(body, &got) != nil || got.EventID == "" {
		return "", true, fmt.Errorf("order %d is answered %d: %s", order, status, body)
	}
	return got.EventID, true, nil
}
