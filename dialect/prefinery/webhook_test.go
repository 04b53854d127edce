package prefinery_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/dialect/dialecttest"
	"grapevine/dialect/prefinery"
	"grapevine/model"
)

// listening has an endpoint for each thing that is told.
const listening = `
webhooks:
  - {on: prefinery.tester_created, url: "https://shop.example.com/"}
  - {on: prefinery.tester_updated, url: "https://shop.example.com/"}
  - {on: prefinery.tester_deleted, url: "https://shop.example.com/"}
  - {on: prefinery.referral_created, url: "https://shop.example.com/"}
  - {on: prefinery.reward_earned, url: "https://shop.example.com/"}
  - {on: prefinery.reward_delivered, url: "https://shop.example.com/"}
  - {on: prefinery.reward_revoked, url: "https://shop.example.com/"}
  - {on: prefinery.points_earned, url: "https://shop.example.com/", campaign: Orbit}
`

// body is what is sent for a call, without blanks at its ends.
func (s *stage) body(t *testing.T, method, target, body string) string {
	t.Helper()
	w := s.call(method, target, body)
	if w.Code >= 300 {
		t.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
	}
	return strings.TrimSpace(w.Body.String())
}

func idOf(t *testing.T, body string) (id int64, uuid string) {
	t.Helper()
	var is struct {
		ID   int64
		UUID string
	}
	if err := json.Unmarshal([]byte(body), &is); err != nil {
		t.Fatal(err)
	}
	return is.ID, is.UUID
}

// hears compares what is told with the data that calls show; "" is any.
func (s *stage) hears(t *testing.T, what string, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for _, h := range s.Hear(t, prefinery.Renderer{}) {
		var e struct {
			ID        int64           `json:"id"`
			Event     string          `json:"event"`
			BetaID    int64           `json:"beta_id"`
			CreatedAt time.Time       `json:"created_at"`
			Data      json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal([]byte(h.Delivery.Body), &e); err != nil {
			t.Fatal(err)
		}
		if e.ID != int64(h.Delivery.ID) || e.Event != h.Event || e.BetaID != 12 || e.CreatedAt.IsZero() {
			t.Errorf("%s: the envelope is %s", what, h.Delivery.Body)
		}
		if got[e.Event] = string(e.Data); want[e.Event] == "" {
			got[e.Event] = ""
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestWebhooksShowWhatCallsShow(t *testing.T) {
	dialecttest.OnBoth(t, func(t *testing.T, d *dialecttest.Stage) {
		s := enter(t, d)
		s.Apply(t, func(file string) string {
			return strings.Replace(file, "    code_style: {seed: first_name}\n", "    code_style: {seed: first_name}\n    points: {sign_up: 3}\n", 1) + listening
		})
		const testers = "/api/v2/betas/12/testers"
		grace, _ := idOf(t, s.body(t, "POST", testers, `{"tester":{"email":"grace@example.org","profile":{"first_name":"Grace"}}}`))
		show := func(id int64) string { return s.body(t, "GET", fmt.Sprint(testers, "/", id), "") }
		s.hears(t, "a new tester", map[string]string{"tester_created": show(grace), "points_earned": ""})

		ada, uuid := idOf(t, s.body(t, "POST", testers, `{"tester":{"email":"ada@example.org","referrer_id":"grace@example.org","groups":"Press","profile":{"custom_var1":"pro"}}}`))
		var rewards []json.RawMessage
		if err := json.Unmarshal([]byte(s.body(t, "GET", "/api/v2/betas/12/rewards", "")), &rewards); err != nil || len(rewards) != 1 {
			t.Fatalf("%d rewards, %v", len(rewards), err)
		}
		s.hears(t, "a friend", map[string]string{
			"tester_created": show(ada), "points_earned": "", "reward_earned": string(rewards[0]),
			"referral_created": `{"referrer":` + show(grace) + `,"friend":` + show(ada) + `}`,
		})

		s.body(t, "PUT", fmt.Sprint(testers, "/", ada), `{"tester":{"profile":{"first_name":"Ada"},"groups":"Press,VIP"}}`)
		s.hears(t, "a change", map[string]string{"tester_updated": show(ada)})

		reward, _ := idOf(t, string(rewards[0]))
		delivered := s.body(t, "PATCH", fmt.Sprint("/api/v2/betas/12/rewards/", reward), `{"status":"delivered"}`)
		s.hears(t, "a delivered reward", map[string]string{"reward_delivered": delivered})

		s.body(t, "DELETE", fmt.Sprint(testers, "/", ada), "")
		s.hears(t, "a deleted tester", map[string]string{"tester_deleted": fmt.Sprintf(`{"id":%d,"uuid":%q}`, ada, uuid)})
		s.Verify(t)
	})
}

func TestRevokedRewardIsTold(t *testing.T) {
	t.Parallel()
	s := enter(t, dialecttest.New(t))
	s.Apply(t, func(file string) string {
		return file + "webhooks: [{on: prefinery.reward_revoked, url: 'https://shop.example.com/'}]\n"
	})
	s.body(t, "POST", "/api/v2/betas/12/testers", `{"tester":{"email":"grace@example.org"}}`)
	reward, _ := idOf(t, s.body(t, "POST", "/api/v2/betas/12/rewards", `{"email":"grace@example.org","descriptor":"free_month"}`))
	s.hears(t, "a revoked reward", map[string]string{})
	revoked := s.body(t, "PATCH", fmt.Sprint("/api/v2/betas/12/rewards/", reward), `{"status":"revoked"}`)
	s.hears(t, "a revoked reward", map[string]string{"reward_revoked": revoked})
}

func TestPointsAreToldWithWhoseTheyAre(t *testing.T) {
	t.Parallel()
	s := enter(t, dialecttest.New(t))
	s.Apply(t, func(file string) string {
		return strings.Replace(file, "    code_style: {seed: first_name}\n", "    code_style: {seed: first_name}\n    points: {sign_up: 3}\n", 1) +
			"webhooks: [{on: prefinery.points_earned, url: 'https://shop.example.com/'}]\n"
	})
	grace, _ := idOf(t, s.body(t, "POST", "/api/v2/betas/12/testers", `{"tester":{"email":"grace@example.org","profile":{"first_name":"Grace"}}}`))
	heard := s.Hear(t, prefinery.Renderer{})
	if len(heard) != 1 {
		t.Fatalf("heard %d webhooks", len(heard))
	}
	want := fmt.Sprintf(`{"id":<number>,"event":"points_earned","beta_id":12,"created_at":"<second>","data":{"id":<number>,"quantity":3,"activity":"signup",`+
		`"reason":null,"user_id":%d,"created_at":"<second>","user":{"id":%d,"email":"grace@example.org","referral_code":"<any>","profile":{"first_name":"Grace","last_name":null}}}}`, grace, grace)
	if err := dialecttest.Match(want, heard[0].Delivery.Body, map[string]string{}); err != nil {
		t.Errorf("%v\ngot  %s\nwant %s", err, heard[0].Delivery.Body, want)
	}
}

func TestWebhookIsSignedWithItsTime(t *testing.T) {
	t.Parallel()
	d := &model.Delivery{ID: 120045, Body: `{"id":120045}`}
	at := time.Date(2026, 4, 6, 12, 0, 0, 5e8, time.UTC)
	header := prefinery.Renderer{}.Header(d, &model.Endpoint{}, at, func(use string) string { return "secret of " + use })
	mac := hmac.New(sha256.New, []byte("secret of prefinery.signing_secret"))
	fmt.Fprintf(mac, "%d.%s", at.Unix(), d.Body)
	want := http.Header{
		"Content-Type":          {"application/json"},
		"X-Prefinery-Signature": {fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))},
	}
	if diff := cmp.Diff(want, header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
}

func TestAnswersToWebhooks(t *testing.T) {
	t.Parallel()
	for status := 100; status < 600; status++ {
		want := model.Refused
		switch status {
		case 200, 201:
			want = model.Accepted
		case 429:
			want = model.TryAgain
		case 410:
			want = model.ReceiverGone
		}
		if got := (prefinery.Renderer{}).Judge(&model.Endpoint{}, status); got != want {
			t.Errorf("%d is judged as %v, want %v", status, got, want)
		}
	}
}

func TestWebhooksAreTriedSixteenTimes(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 4, 6, 12, 0, 0, 0, time.UTC)
	now, tries := began, int64(1)
	for ; ; tries++ {
		next, again := prefinery.Renderer{}.Next(&model.Delivery{Tries: tries}, &model.Endpoint{}, now)
		if !again {
			break
		}
		if want := now.Add(5*time.Second + time.Duration(tries*tries*tries*tries)*time.Second); next != want {
			t.Errorf("retry %d is after %v, want %v", tries, next.Sub(now), want.Sub(now))
		}
		now = next
	}
	if took := now.Sub(began); tries != 16 || took != 178387*time.Second {
		t.Errorf("%d tries within %v, want 16 within 49h33m7s", tries, took)
	}
}
