//go:build e2e

package e2e_test

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// madeCode finds the code that a sign-up answers with, and the name in it.
var madeCode = regexp.MustCompile(`\?iref=((pete|mary)\w{4})"`)

// withCodes puts codes where something stands for them.
func withCodes(text string, codes map[string]string) string {
	for standing, code := range codes {
		text = strings.ReplaceAll(text, standing, code)
	}
	return text
}

// TestEachMethodOfIRefer makes every documented call in its documented forms,
// with the account's key from a server and without it from a page.
func TestEachMethodOfIRefer(t *testing.T) {
	onEachEngine(t, func(t *testing.T, d database) {
		d.apply(t, factoryProject)
		s := d.serve(t)
		walked := map[string]bool{}
		codes := map[string]string{} // by what stands for them: {pete}
		ask := func(version, method, query, origin string) string {
			q, err := http.NewRequestWithContext(t.Context(), "GET", s.url+"/"+version+"/W4qL69dbdc0ed0520530bede3c1fc574.js"+method+"?"+query, nil)
			if err != nil {
				t.Fatal(err)
			}
			if origin != "" {
				q.Header.Set("Origin", origin)
			}
			a, err := s.http.Do(q)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Body.Close()
			text, err := io.ReadAll(a.Body)
			if err != nil || a.StatusCode != http.StatusOK || a.Header.Get("Access-Control-Allow-Origin") != origin {
				t.Errorf("%s?%s: %d %v %s %v", method, query, a.StatusCode, a.Header, text, err)
			}
			walked["GET /{version}/{license}.js"+method] = true
			return string(text)
		}
		const offered = `"rewards_offered":[{"signups_count":"1","reward_heading":"A voucher","reward_description":""},{"signups_count":"1","reward_heading":"Thanks","reward_description":"A friend came by."}]`
		for i, c := range []struct {
			method, query string
			has           []string
		}{
			{"/newSignup", "campaign_id=25&email=pete@example.com&name=pete", []string{`{"campaign_name":"Spring camp","email":"pete@example.com","confirmed":"1","referral_link":"https://shop.example.com/?iref={pete}","referrer":null,"reward_next":`}},
			{"/newSignup", "campaign_id=25&email=mary@example.com&name=mary&phone=555&info_1=a&info_2=b&info_3=c&info_4=d&info_5=e&source=f&referrer_code={pete}", []string{`"referrer":"pete@example.com"`}},
			{"/newSpecificAction", "campaign_id=25&external_id=mary@example.com&action=/thanks&referrer_code={pete}", []string{`{"campaign_name":"Spring camp","external_id":"mary@example.com"}`}},
			{"/referrerStats", "email=pete@example.com&campaign_id=25", []string{`{"campaign_name":"Spring camp","email":"pete@example.com","confirmed":"1","referral_link":`, `"referrals_made":1,"reward_last":`, `"rewards_earned":[`, offered}},
			{"/campaignStats", "campaign_id=25", []string{`"total_views":"`, `"signups_total":2,"signups_today":2,"conversion":"0.0%","referrals":1,"facebook_referrals":1,"whatsapp_referrals":0`, offered}},
			{"/referrers", "campaign_id=25", []string{`[{"id":"`, `"referral_link":"{mary}","referrer_email":"pete@example.com","name":"mary","email":"mary@example.com","phone":"555","info_1":"a"`, `"source_network":"facebook","referrals_count":"0"}`}},
			{"/rewards", "campaign_id=25", []string{`"recipient_email":"pete@example.com","recipient_name":"pete","recipient_referral_code":"{pete}","referrals_made":"1"`, `"reward_goal_type":"SPECIFIC","reward_to":"REFFERER"}`}},
			{"/specificActionSignups", "campaign_id=25", []string{`"campaign_id":"25","referrer_email":"pete@example.com","referred_person":"mary@example.com","specific_action":"/thanks","created_at":"2`}},
			{"", "", []string{"vsu_referrer_hash"}},
		} {
			version := []string{"v1.0", "v1"}[i%2]
			query := withCodes(c.query, codes)
			server := ask(version, c.method, query+"&api_key=ireferextapi", "")
			if made := madeCode.FindStringSubmatch(server); made != nil {
				codes["{"+made[2]+"}"] = made[1]
			}
			page := server
			if c.method != "" {
				page = ask(version, c.method, query, "https://shop.example.com")
			}
			for _, part := range c.has {
				part = withCodes(part, codes)
				if !strings.Contains(server, part) || !strings.Contains(page, part) {
					t.Errorf("%s?%s: %s and %s, want %s", c.method, c.query, server, page, part)
				}
			}
			if c.method != "" {
				if got := ask(version, c.method, "campaign_id=99", "https://shop.example.com"); got != `{"error":"input missing or incorrect","error_code":"irefer_api_`+c.method[1:]+`_err_401"}` {
					t.Errorf("%s of no campaign: %s", c.method, got)
				}
			}
		}
		for _, operation := range documentedOperations(t, s, "irefer.yaml") {
			if !walked[operation] {
				t.Errorf("%s was not called", operation)
			}
		}
		s.stop(t)
		d.command(t, "verify")
	})
}
