package referralfactory_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/dialect/dialecttest"
	"grapevine/dialect/referralfactory"
	"grapevine/engine"
	"grapevine/model"
)

var renderer = referralfactory.NewRenderer("https://grapevine.example.com", 15*time.Minute, 24*time.Hour)

// hook registers an address as the node does.
func (s *stage) hook(t *testing.T, method, path, body string) int64 {
	t.Helper()
	var made struct{ Webhook struct{ ID int64 } }
	decode(t, s.call(method, path, body), &made)
	if made.Webhook.ID == 0 {
		t.Fatalf("%s %s made no hook", path, body)
	}
	return made.Webhook.ID
}

// add makes a user, and returns their id and code.
func (s *stage) add(t *testing.T, campaign int, name, more string) (id int64, code string) {
	t.Helper()
	var made struct {
		Data struct {
			ID   int64
			Code string
		}
	}
	decode(t, s.call("POST", "/api/v1/users", fmt.Sprintf(`{"campaign_id":%d,"first_name":%q,"email":"%s@example.com"%s}`, campaign, name, name, more)), &made)
	return made.Data.ID, made.Data.Code
}

// show is the data of an answer.
func (s *stage) show(t *testing.T, target string) json.RawMessage {
	t.Helper()
	var shown struct{ Data json.RawMessage }
	decode(t, s.call("GET", target, ""), &shown)
	return shown.Data
}

// told are the bodies to an address.
func told(heard []dialecttest.Heard, url string) (bodies []string) {
	for _, h := range heard {
		if h.URL == url {
			bodies = append(bodies, h.Delivery.Body)
		}
	}
	return bodies
}

func TestHooksAreToldAsCallsShow(t *testing.T) {
	dialecttest.OnBoth(t, func(t *testing.T, d *dialecttest.Stage) {
		s := enter(t, d, nil)
		s.hook(t, "POST", "/api/n8n/webhooks", `{"url":"https://n8n.example.com/referred","event":"user.join","campaign_id":25}`)
		s.hook(t, "POST", "/api/n8n/webhooks", `{"url":"https://n8n.example.com/all","event":"user.join","sources":["API","Referred"],"campaign_id":"25"}`)
		s.hook(t, "POST", "/api/n8n/webhooks", `{"url":"https://n8n.example.com/other","event":"user.join","sources":["API"],"campaign_id":26}`)
		s.hook(t, "POST", "/api/n8n/webhooks", `{"url":"https://n8n.example.com/qualified","event":"user.qualified","campaign_id":25}`)
		s.hook(t, "PUT", "/api/n8n/rewards/3", `{"url":"https://n8n.example.com/issued","event":"reward_issued","reward_id":3}`)
		ended := s.hook(t, "POST", "/api/n8n/webhooks", `{"url":"https://n8n.example.com/ended","event":"user.join","sources":["API"]}`)
		if w := s.call("DELETE", fmt.Sprint("/api/n8n/webhooks/", ended), ""); w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}

		_, code := s.add(t, 25, "ann", "")
		ben, _ := s.add(t, 25, "ben", `,"referrer_code":"`+code+`"`)
		heard := s.Hear(t, renderer)
		shown := func(id int64) string {
			return string(s.show(t, fmt.Sprintf("/api/v1/users/%d?with[]=campaign&with[]=referrer&with[]=rewards_due&with[]=rewards_issued", id)))
		}
		if diff := cmp.Diff([]string{`{"event":"user.join","data":` + shown(ben) + `}`}, told(heard, "https://n8n.example.com/referred")); diff != "" {
			t.Errorf("a referred user (-want +got):\n%s", diff)
		}
		if n := len(told(heard, "https://n8n.example.com/all")); n != 2 {
			t.Errorf("told of %d users from both sources, want 2", n)
		}
		if len(heard) != 3 {
			t.Errorf("told %d times, want 3: %+v", len(heard), heard)
		}

		qualify := func(qualified int) {
			t.Helper()
			if w := s.call("PUT", fmt.Sprint("/api/v1/users/", ben), fmt.Sprintf(`{"qualified":%d}`, qualified)); w.Code != http.StatusOK {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
		qualify(1)
		heard = s.Hear(t, renderer)
		if diff := cmp.Diff([]string{`{"event":"user.qualified","data":` + shown(ben) + `}`}, told(heard, "https://n8n.example.com/qualified")); diff != "" {
			t.Errorf("a qualified user (-want +got):\n%s", diff)
		}
		qualify(0)
		qualify(1)
		if heard = s.Hear(t, renderer); len(heard) != 0 {
			t.Errorf("qualifying again is told: %+v", heard)
		}

		listed, err := s.Core.ListRewards(t.Context(), s.Account, engine.ListQuery{
			From: time.Unix(0, 0), To: s.Clock.Now(), Size: 100, Kind: "advocate",
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range listed.Rows {
			if row.Reward.Rule == 3 && row.Reward.State == model.Earned {
				if _, err := s.Core.DeliverReward(t.Context(), s.Account, row.Reward.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		heard = s.Hear(t, renderer)
		rows := string(s.show(t, "/api/v1/rewards/issued?filters[0][field]=reward_id&filters[0][operator]=equal&filters[0][value]=3&with[]=reward&with[]=recipient"))
		if diff := cmp.Diff([]string{`{"event":"reward_issued","data":` + rows[1:len(rows)-1] + `}`}, told(heard, "https://n8n.example.com/issued")); diff != "" {
			t.Errorf("an issued reward (-want +got):\n%s", diff)
		}
		s.Verify(t)
	})
}

func TestHooksAreToldOfCouponsThatRunLow(t *testing.T) {
	dialecttest.OnBoth(t, func(t *testing.T, d *dialecttest.Stage) {
		s := enter(t, d, nil)
		s.Apply(t, func(text string) string {
			return text + "webhooks: [{on: referral_factory.coupons_low, url: \"https://shop.example.com/stock\", campaign: Example Campaign}]\n"
		})
		_, code := s.add(t, 25, "ann", "")
		var got []string
		for _, name := range []string{"ben", "cyd", "dan", "eve", "fay"} { // the batch has four codes
			s.add(t, 25, name, `,"referrer_code":"`+code+`"`)
			s.Work(t, model.JobStock)
			got = append(got, strings.Join(told(s.Hear(t, renderer), "https://shop.example.com/stock"), " "))
		}
		low := func(percent int) string {
			return fmt.Sprintf(`{"event":"coupons_low","data":{"percent":%d,"coupons":4,"unused":0,"batch":{"id":7,"name":"friend-offer","campaign_id":25,"created_at":"2026-03-01"}}}`, percent)
		}
		if diff := cmp.Diff([]string{"", "", "", low(85) + " " + low(95) + " " + low(100), ""}, got); diff != "" {
			t.Errorf("after each friend (-want +got):\n%s", diff)
		}
		s.Verify(t)
	})
}

func TestHooksAreTriedOnFriendbuysSchedule(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]model.Verdict{
		200: model.Accepted, 201: model.Accepted, 204: model.Accepted, 299: model.Accepted,
		199: model.TryAgain, 302: model.TryAgain, 400: model.TryAgain, 410: model.TryAgain, 500: model.TryAgain,
	} {
		if got := renderer.Judge(&model.Endpoint{}, status); got != want {
			t.Errorf("%d is judged as %v, want %v", status, got, want)
		}
	}
	first := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	d := &model.Delivery{Since: first}
	if next, again := renderer.Next(d, &model.Endpoint{}, first.Add(10*time.Second)); !again || next != first.Add(15*time.Minute) {
		t.Errorf("again at %v (%v)", next, again)
	}
	if _, again := renderer.Next(d, &model.Endpoint{}, first.Add(24*time.Hour)); again {
		t.Error("tried for more than a day")
	}
}
