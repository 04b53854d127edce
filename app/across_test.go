package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// several is an account that is spoken to in several dialects.
const several = `
account: Acme Outdoors
slug: acme
site: https://shop.example.com
keys:
  friendbuy: {key: 3fa85f64-5717-4562-b3fc-2c963f66afa6, secret: 95eb1c78}
  referral_factory: {token: rf-token, inbound_token: rf-inbound}
  irefer: {license_key: W4qL69dbdc0ed0520530bede3c1fc574, api_key: ireferextapi}
  prefinery: {api_key: pf-key}
campaigns:
  - name: Evergreen
    id: 2605
    uuid: ef9befc6-18f1-418c-8914-5ee8d09bb5aa
    status: launched
    rewards: [{name: Ten dollars, id: 7, to: advocate, on: qualified, repeat: true, value: {type: cash, amount: 10, unit: USD}}]
`

// Whoever joins, is qualified and rewarded through one dialect is seen through
// the others at once.
func TestWhatOneDialectWritesTheOthersShow(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, c Config) {
		applyText(t, c, several)
		s := start(t, ServeConfig{Config: c})
		token, _ := call(t, s.url+"/v1/authorization", "", `{"key":"3fa85f64-5717-4562-b3fc-2c963f66afa6","secret":"95eb1c78"}`)["token"].(string)
		ask := func(method, target, authorization, body string) string {
			t.Helper()
			kind := ""
			if strings.HasPrefix(body, "{") {
				kind = "application/json"
			}
			return ask(t, method, s.url+target, authorization, kind, body)
		}
		factory := func(method, target, body string) string {
			return ask(method, "/api/v1/"+target, "Bearer rf-token", body)
		}
		irefer := func(method string) string {
			return ask("GET", "/v1.0/W4qL69dbdc0ed0520530bede3c1fc574.js/"+method+"api_key=ireferextapi", "", "")
		}
		prefinery := func(method, target, body string) string {
			return ask(method, "/api/v2/betas/2605/"+target, "Bearer pf-key", body)
		}

		// Kris joins in the one, Ann and Bob with her code in the others.
		var kris struct{ Data struct{ Code string } }
		if err := json.Unmarshal([]byte(factory("POST", "users", "campaign_id=2605&first_name=Kris&email=kris@example.com")), &kris); err != nil {
			t.Fatal(err)
		}
		ask("POST", "/v1/event/account-sign-up", token, `{"email":"ann@example.com","customerId":"c-1","firstName":"Ann","referralCode":"`+kris.Data.Code+`"}`)
		irefer("newSignup?campaign_id=2605&email=bob@example.com&name=Bob&referrer_code=" + kris.Data.Code + "&")
		if got := factory("GET", "users?fields=first_name,source,referrals_count", ""); !strings.Contains(got, `"data":[{"first_name":"Kris","source":"API","referrals_count":2},`+
			`{"first_name":"Ann","source":"Referred","referrals_count":0},{"first_name":"Bob","source":"Referred","referrals_count":0}]`) {
			t.Errorf("users: %s", got)
		}
		if got := irefer("referrers?campaign_id=2605&"); strings.Count(got, "@example.com") < 3 {
			t.Errorf("referrers: %s", got)
		}

		// So does Cleo with Ann's, in the fourth.
		prefinery("POST", "testers", `{"tester":{"email":"cleo@example.com","referrer_id":"`+codeOf(t, factory, "ann@example.com")+`"}}`)
		if got := prefinery("GET", "testers", ""); strings.Count(got, `"referred_by":"kris@example.com"`) != 2 || !strings.Contains(got, `"referred_by":"ann@example.com"`) {
			t.Errorf("testers: %s", got)
		}
		if got := irefer("referrerStats?campaign_id=2605&email=ann@example.com&"); !strings.Contains(got, `"referrals_made":1`) {
			t.Errorf("whom Ann brought in the fourth: %s", got)
		}

		// Ann is qualified in the one, and the reward is seen in all.
		ask("POST", "/webhook/rf-inbound/qualify", "", "code="+codeOf(t, factory, "ann@example.com"))
		stands := func(due, issued, shown, status string) {
			t.Helper()
			if got := factory("GET", "rewards/due?fields=recipient_email,total_due", ""); !strings.Contains(got, `"data":[`+due+`]`) {
				t.Errorf("due: %s, want %s", got, due)
			}
			if got := factory("GET", "rewards/issued?fields=recipient_email,status", ""); !strings.Contains(got, `"data":[`+issued+`]`) {
				t.Errorf("issued: %s, want %s", got, issued)
			}
			day := time.Now().UTC()
			got := ask("GET", fmt.Sprintf("/v1/analytics/rewards/referral?fromDate=%s&toDate=%s", day.AddDate(0, 0, -1).Format("2006-01-02T15:04:05.000Z"),
				day.AddDate(0, 0, 1).Format("2006-01-02T15:04:05.000Z")), token, "")
			if !strings.Contains(got, shown) {
				t.Errorf("referral rewards: %s, want %s", got, shown)
			}
			if got := prefinery("GET", "rewards", ""); strings.Count(got, `"status":"`) != 1 || !strings.Contains(got, `"status":"`+status+`"`) || !strings.Contains(got, `"email":"kris@example.com"`) {
				t.Errorf("rewards of Prefinery: %s, want one that is %s", got, status)
			}
		}
		stands(`{"recipient_email":"kris@example.com","total_due":1}`, ``, `"Rewarded"`, "earned")
		if got := irefer("rewards?campaign_id=2605&"); !strings.Contains(got, "kris@example.com") {
			t.Errorf("rewards: %s", got)
		}
		change := func(change RewardChange) {
			t.Helper()
			if err := ChangeReward(context.Background(), c, "", rewardOf(t, c), change, io.Discard); err != nil {
				t.Fatal(err)
			}
		}
		change(Deliver)
		stands(``, `{"recipient_email":"kris@example.com","status":"Issued"}`, `"Distributed"`, "delivered")
		change(Revoke)
		stands(``, `{"recipient_email":"kris@example.com","status":"Revoked"}`, `"Rejected"`, "revoked")
		if got := irefer("rewards?campaign_id=2605&"); strings.Contains(got, "kris@example.com") {
			t.Errorf("rewards, after one was revoked: %s", got)
		}
		var out bytes.Buffer
		if err := Verify(t.Context(), c, "", &out); err != nil {
			t.Errorf("verify: %v\n%s", err, &out)
		}
	})
}

// codeOf is the code that somebody shares.
func codeOf(t *testing.T, factory func(method, target, body string) string, email string) string {
	t.Helper()
	var found struct{ Data []struct{ Code string } }
	text := factory("GET", "users?fields=code&filters[0][field]=email&filters[0][value]="+email, "")
	if err := json.Unmarshal([]byte(text), &found); err != nil || len(found.Data) != 1 {
		t.Fatalf("%s: %v", text, err)
	}
	return found.Data[0].Code
}
