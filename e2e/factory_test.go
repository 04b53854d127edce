//go:build e2e

package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// factoryProject has what the calls of Referral Factory and iRefer are about.
const factoryProject = `account: Acme Outdoors
slug: acme
site: https://shop.example.com
origins: [https://shop.example.com]
keys:
  referral_factory: {token: rf-token, inbound_token: rf-inbound}
  irefer: {license_key: W4qL69dbdc0ed0520530bede3c1fc574, api_key: ireferextapi}
coupons:
  - {batch: friend-offer, id: 7, codes: [FRIEND-1, FRIEND-2, FRIEND-3], campaign: Spring camp}
campaigns:
  - name: Spring camp
    id: 25
    code: spring
    status: launched
    link_param: iref
    code_style: {seed: first_name}
    share: {subject: Have a look, text: "I thought of you: {{.Link}}"}
    rewards:
      - {name: A voucher, id: 3, to: advocate, on: qualified, repeat: true, value: {type: giftCard, amount: 50, unit: USD, label: Voucher}}
      - {name: Welcome, id: 4, to: friend, on: invited, value: {type: discount, amount: 10, unit: "%", coupons: friend-offer}}
      - {name: Thanks, id: 5, to: advocate, on: /thanks, repeat: true, description: A friend came by., value: {type: cash, amount: 1, unit: USD}}
`

// line is a call as the documentation of Referral Factory writes them for
// curl: the parameters of a GET stand in its query, those of others are a form.
type line struct {
	method, path string
	data         []string // as after -d
	status       int
	has          []string // what the answer has
}

// TestEachLineOfReferralFactory makes every documented call in its documented
// forms: what one leaves behind the next ones show.
func TestEachLineOfReferralFactory(t *testing.T) {
	onEachEngine(t, func(t *testing.T, d database) {
		d.apply(t, factoryProject)
		s := d.serve(t)
		walked := map[string]bool{}
		kris, code := factoryUser(t, s, "campaign_id=25&&first_name=Kris&email=kris@example.com")
		john, _ := factoryUser(t, s, "campaign_id=25&&first_name=John&email=john@example.com&referrer_code="+code+"&notify=0")
		ann, _ := factoryUser(t, s, "campaign_id=25&first_name=Ann&email=ann@example.com&referrer_id="+kris)
		names := strings.NewReplacer("{kris}", kris, "{code}", code, "{john}", john, "{ann}", ann)
		for _, l := range factoryLines() {
			data := slices.Clone(l.data)
			for i := range data {
				data[i] = names.Replace(data[i])
			}
			status, text := factoryCall(t, s, l.method, names.Replace(l.path), data)
			what := fmt.Sprintf("%s %s %q", l.method, l.path, l.data)
			if status != l.status {
				t.Errorf("%s: %d %s, want %d", what, status, text, l.status)
				continue
			}
			for _, part := range l.has {
				if !strings.Contains(text, names.Replace(part)) {
					t.Errorf("%s: %s has no %s", what, text, names.Replace(part))
				}
			}
			walked[l.method+" "+documentedPath.Replace(l.path)] = true
		}
		for _, operation := range documentedOperations(t, s, "referral-factory.yaml") {
			if !walked[operation] {
				t.Errorf("%s was not called", operation)
			}
		}
		s.stop(t)
		d.command(t, "verify")
	})
}

// documentedPath is a path of a line as the document of the API has it.
var documentedPath = strings.NewReplacer("/campaigns/25", "/campaigns/{id}", "/users/{john}", "/users/{id}", "/users/{ann}", "/users/{id}",
	"/FRIEND-1", "/{name}", "/webhook/rf-inbound", "/webhook/{token}", "/n8n/rewards/3", "/n8n/rewards/{id}", "/n8n/webhooks/1", "/n8n/webhooks/{id}",
	"/socials/facebook", "/socials/{network}")

func factoryLines() []line {
	const api = "/api/v1/"
	filter := func(n int, field, operator, value string) (data []string) {
		data = append(data, fmt.Sprintf("filters[%d][field]=%s", n, field), fmt.Sprintf("filters[%d][value]=%s", n, value))
		if operator != "" {
			data = append(data, fmt.Sprintf("filters[%d][operator]=%s", n, operator))
		}
		return data
	}
	year := slices.Concat(filter(0, "qualified_at", "gt", "2019-12-31"), filter(1, "qualified_at", "lt", "2099-02-01"))
	listed := []string{`"links":{"first":`, `"meta":{"current_page":1,"from":1,"last_page":1,`}
	return []line{
		{"GET", api + "campaigns", nil, 200, append(listed, `"name":"Spring camp"`, `"total":1}`, `"code":200,"message":null}`)},
		{"GET", api + "campaigns/25", nil, 200, []string{`"name":"Spring camp"`, `},"code":200,"message":null}`}},
		{"GET", api + "campaigns", filter(0, "status", "", "launched"), 200, []string{`"name":"Spring camp"`}},
		{"GET", api + "campaigns", filter(0, "reach", "gt", "10"), 200, []string{`"data":[]`, `"from":null`}},
		{"GET", api + "campaigns", filter(0, "name", "like", "amp"), 200, []string{`"name":"Spring camp"`}},
		{"GET", api + "campaigns", []string{"order[field]=reach", "order[direction]=desc"}, 200, []string{`"name":"Spring camp"`}},
		{"GET", api + "campaigns", []string{"fields=id,name"}, 200, []string{`"data":[{"id":25,"name":"Spring camp"}]`}},
		{"GET", api + "campaigns", []string{"with=campaign", "fields.campaign=id,name"}, 200, []string{`"campaign":{"id":25,"name":"Spring camp"}`}},

		{"GET", api + "users", nil, 200, append(listed, `"first_name":"John","email":"john@example.com"`, `"code":200,"message":null}`)},
		{"GET", api + "users", []string{"per_page=100"}, 200, []string{`"per_page":100,"to":3,"total":3`}},
		{"GET", api + "users", []string{"with=campaign"}, 200, []string{`"campaign":{"id":25,"name":"Spring camp"`}},
		{"GET", api + "users", []string{"with=all"}, 200, []string{`"campaign":{`, `"referrer":{`, `"rewards_due":[`, `"rewards_issued":[]`}},
		{"GET", api + "users", []string{"with[]=campaign", "with[]=referrer"}, 200, []string{`"campaign":{`, `"referrer":{"id":{kris},"first_name":"Kris"`}},
		{"GET", api + "users", []string{"with[]=campaign&with[]=coupon&with[]=referrer"}, 200, []string{`"campaign":{`, `"referrer":null`, `"coupon":null`, `"coupon":{"id":1,"referral_id":{john}`}},
		{"GET", api + "users", []string{"with[]=campaign", "with[]=referrer", "with[]=rewards_due", "with[]=rewards_issued"}, 200,
			[]string{`"rewards_due":[{"reward_id":4,"reward_name":"Welcome","reward_value":10,"rewards_total":1,`}},
		{"GET", api + "users/{john}", nil, 200, []string{`"sharing":[{"social":"email"`, `"sharing_message":{"subject":"Have a look"`, `"rewards_due":[`, `"rewards_issued":[]`, `"in_cart":false`}},
		{"POST", api + "users", []string{"campaign_id=25&&first_name=Bob&email=bob@example.com"}, 201, []string{`"referrer_id":null`, `"code":201,"message":"User successfully added."}`}},
		{"POST", api + "users", []string{"campaign_id=25&&first_name=Bob"}, 400,
			[]string{`{"code":400,"message":"Validation errors in your request","errors":{"email":[{"field":"email","message":"The email field is required."}]}}`}},
		{"PUT", api + "users/{john}", []string{"qualified=1"}, 200, []string{`"qualified":true,"qualified_at":"2`, `"code":200,"message":"User successfully updated."}`}},
		{"GET", api + "users", year, 200, []string{`"first_name":"John"`, `"total":1}`}},
		{"GET", api + "users", append(year, "with=referrer"), 200, []string{`"first_name":"John"`, `"referrer":{"id":{kris}`}},

		{"GET", api + "rewards", nil, 200, append(listed, `{"id":3,"campaign_id":25,"name":"A voucher","reward_for":"Person Referring (Direct User)","type":"Voucher","value":50,"when_referral":"converted"}`,
			`"message":"Paginated rewards response"`)},
		{"GET", api + "rewards", []string{"with=campaign"}, 200, []string{`"campaign":{"id":25,`}},
		{"GET", api + "rewards", []string{"with=campaign", "fields.campaign=id,name"}, 200, []string{`"campaign":{"id":25,"name":"Spring camp"}`}},
		{"GET", api + "rewards/due", nil, 200, append(listed, `"reward_type":"Voucher","reward_when_referral":"converted","reward_value":50,"recipient_id":{kris},"recipient_first_name":"Kris"`,
			`"total_due":1,"total_value":50,"status":"Due","issued_at":null`, `"total":3}}`)},
		{"GET", api + "rewards/due", []string{"with=reward", "with=recipient"}, 200, []string{`"reward":{"id":3,"campaign_id":25,`, `"recipient":{"id":{kris},"first_name":"Kris"`}},
		{"GET", api + "rewards/due", []string{"with[]=reward&with[]=recipient"}, 200, []string{`"reward":{"id":3,`, `"recipient":{"id":{kris},`}},
		{"GET", api + "rewards/due", []string{"with=reward", "with=recipient", "fields.reward=id,name", "fields.recipient=id,first_name"}, 200,
			[]string{`"reward":{"id":3,"name":"A voucher"},"recipient":{"id":{kris},"first_name":"Kris"}`}},
		{"GET", api + "rewards/issued", nil, 200, []string{`"data":[]`, `"total":0}}`}},
		{"GET", api + "rewards/issued", []string{"with=reward", "with=recipient"}, 200, nil},
		{"GET", api + "rewards/issued", []string{"with=reward", "with=recipient", "fields.reward=id,name", "fields.recipient=id,first_name"}, 200, nil},

		{"GET", api + "coupons/FRIEND-1", nil, 200, []string{`{"data":{"id":1,"referral_id":{john},"name":"FRIEND-1","batch_id":7,"issued_at":"2`, `"used_at":null},"code":200,"message":"Single Coupon Response"}`}},
		{"GET", api + "coupons/FRIEND-1", []string{"with[]=referral", "with[]=batch"}, 200, []string{`"referral":{"id":{john},`, `"batch":{"id":7,"name":"friend-offer","campaign_id":25,"created_at":"2`}},
		{"GET", api + "coupons/FRIEND-1", []string{"with[]=referral", "with[]=batch", "fields.referral=id,first_name,email", "fields.batch=id,name"}, 200,
			[]string{`"referral":{"id":{john},"first_name":"John","email":"john@example.com"},"batch":{"id":7,"name":"friend-offer"}`}},
		{"POST", api + "coupons/FRIEND-1/qualification", []string{"qualified=1"}, 200,
			[]string{`{"code":200,"message":"Coupon marked as used and related user marked as qualified successfully."}`}},
		{"POST", "/webhook/rf-inbound/qualify", []string{"coupon=FRIEND-2"}, 201, []string{`{"code":201,"message":"User has now been qualified."}`}},
		{"POST", "/webhook/rf-inbound/qualify", []string{"code={code}"}, 201, []string{`{"code":201,"message":"User has now been qualified."}`}},
		{"DELETE", api + "users/{ann}", nil, 200, []string{`"qualified":true`, `"first_name":"Ann","email":"ann@example.com"`, `"code":200,"message":"User successfully deleted."}`}},
		{"GET", api + "users/{ann}", nil, 404, []string{`{"code":404,`}},

		{"GET", "/api/n8n/test", nil, 200, nil},
		{"GET", "/api/n8n/campaigns", nil, 200, []string{`{"campaigns":[{"id":25,"name":"Spring camp"}]}`}},
		{"GET", "/api/n8n/user-sources", nil, 200, []string{`{"sources":[{`}},
		{"GET", "/api/n8n/rewards", nil, 200, []string{`{"rewards":[{"id":3,"name":"A voucher"}`}},
		{"POST", "/api/n8n/webhooks", []string{"url=https://hooks.example.com/join&event=user.join"}, 201, []string{`{"webhook":{"id":`}},
		{"DELETE", "/api/n8n/webhooks/1", nil, 200, nil},
		{"PUT", "/api/n8n/rewards/3", []string{"url=https://hooks.example.com/issued&event=reward_issued&reward_id=3"}, 200, []string{`{"webhook":{"id":`}},
		{"DELETE", "/api/n8n/rewards/3", nil, 200, nil},
		{"POST", "/api/n8n/users", []string{"campaign_id=25&first_name=Cleo&email=cleo@example.com"}, 201, []string{`"first_name":"Cleo"`}},
		{"POST", "/api/n8n/users/qualify", []string{"campaign_id=25&email=cleo@example.com"}, 201, nil},
		{"GET", "/{code}/socials/facebook", nil, 302, nil},
		{"GET", "/{code}/qr.png", nil, 200, nil},
	}
}

// factoryUser adds a user, and returns their id and code.
func factoryUser(t *testing.T, s *server, form string) (id, code string) {
	t.Helper()
	status, text := factoryCall(t, s, "POST", "/api/v1/users", []string{form})
	var added struct {
		Data struct {
			ID   json.Number
			Code string
		}
	}
	if err := json.Unmarshal([]byte(text), &added); err != nil || status != http.StatusCreated {
		t.Fatalf("add %s: %d %s: %v", form, status, text, err)
	}
	return added.Data.ID.String(), added.Data.Code
}

// factoryCall sends data as curl does: as it stands, joined by &.
func factoryCall(t *testing.T, s *server, method, path string, data []string) (int, string) {
	t.Helper()
	form, target := strings.Join(data, "&"), s.url+path
	if method == "GET" && form != "" {
		target, form = target+"?"+form, ""
	}
	q, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Accept", "*/*")
	q.Header.Set("Authorization", "Bearer rf-token")
	if form != "" {
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	client := *s.http
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	a, err := client.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, string(text)
}
