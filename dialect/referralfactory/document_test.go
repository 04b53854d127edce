package referralfactory_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"grapevine/dialect/dialecttest"
	"grapevine/openapi/checktest"
	"grapevine/web"
)

// document is what every exchange of these tests is held against.
var document *checktest.Document

func TestMain(m *testing.M) {
	var err error
	if document, err = checktest.Open("referral-factory.yaml"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(document.Run(m))
}

// operations are all calls that need the token, each as it succeeds once those
// before it have.
var operations = []struct{ method, target, body string }{
	{"GET", "/api/v1/campaigns", ""},
	{"GET", "/api/v1/campaigns/25", ""},
	{"POST", "/api/v1/users", `{"campaign_id":25,"first_name":"Ann","email":"ann@example.com"}`},
	{"GET", "/api/v1/users", ""},
	{"GET", "/api/v1/users/1", ""},
	{"PUT", "/api/v1/users/1", `{"qualified":true}`},
	{"DELETE", "/api/v1/users/1", ""},
	{"GET", "/api/v1/rewards", ""},
	{"GET", "/api/v1/rewards/due", ""},
	{"GET", "/api/v1/rewards/issued", ""},
	{"GET", "/api/v1/coupons/FRIEND-1", ""},
	{"POST", "/api/v1/coupons/FRIEND-1/qualification", `{"qualified":true}`},
	{"GET", "/api/n8n/test", ""},
	{"GET", "/api/n8n/campaigns", ""},
	{"GET", "/api/n8n/user-sources", ""},
	{"GET", "/api/n8n/rewards", ""},
	{"POST", "/api/n8n/webhooks", `{"url":"https://n8n.example.com","event":"user.join"}`},
	{"DELETE", "/api/n8n/webhooks/1", ""},
	{"PUT", "/api/n8n/rewards/3", `{"url":"https://n8n.example.com"}`},
	{"DELETE", "/api/n8n/rewards/3", ""},
	{"POST", "/api/n8n/users", `{"campaign_id":25,"first_name":"Bob","email":"bob@example.com"}`},
	{"POST", "/api/n8n/users/qualify", `{"code":"bob"}`},
}

// Every call refuses what every call has to refuse, and says so in the one
// shape, whatever else is wrong.
func TestEveryCallRefusesAlike(t *testing.T) {
	t.Parallel()
	d := dialecttest.New(t)
	s := enter(t, d, nil)
	s.handler = document.Watch(t, s.handler)
	expect := func(what string, s *stage, header map[string]string, want int) {
		for _, o := range operations {
			r := httptest.NewRequest(o.method, o.target, strings.NewReader(o.body))
			r.Header.Set("Authorization", "Bearer rf-token")
			for name, value := range header {
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			s.handler.ServeHTTP(w, r)
			if w.Code != want || !strings.HasPrefix(w.Body.String(), fmt.Sprintf(`{"code":%d,"message":"`, want)) {
				t.Errorf("%s, %s %s: %d %s", what, o.method, o.target, w.Code, w.Body)
			}
		}
	}
	expect("no token", s, map[string]string{"Authorization": ""}, http.StatusUnauthorized)
	expect("another format", s, map[string]string{"Accept": "text/csv"}, http.StatusNotAcceptable)

	rates := web.NewRates(d.Clock.Now, d.Core)
	limited := enter(t, d, rates)
	watched := &stage{d, document.Watch(t, limited.handler)}
	for _, want := range []int{http.StatusTooManyRequests, http.StatusTooManyRequests, http.StatusTooManyRequests, http.StatusTooManyRequests, http.StatusForbidden} {
		if want == http.StatusTooManyRequests {
			for range 600 {
				limited.call("GET", "/api/n8n/test", "")
				limited.call("POST", "/webhook/rf-inbound/qualify", "code=nobody")
			}
		}
		expect("past the limit", watched, nil, want)
		if w := watched.call("POST", "/webhook/rf-inbound/qualify", "code=nobody"); w.Code != want {
			t.Errorf("past the limit, the inbound webhook: %d, want %d", w.Code, want)
		}
		if err := rates.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		d.Clock.Jump(time.Minute)
	}
}

// What cannot be read or done is told as documented by each call that takes
// something.
func TestEveryCallRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	s := enter(t, dialecttest.New(t), nil)
	s.Apply(t, func(text string) string { // a campaign that is there no longer
		return strings.Replace(text, "  - {name: Paused campaign, id: 27, code: paused, status: paused}\n", "", 1)
	})
	s.handler = document.Watch(t, s.handler)
	for _, o := range operations {
		if strings.Contains(o.target, "n8n") || o.method == "DELETE" {
			continue
		}
		if w := s.call(o.method, o.target+"?fields=%zz", "{"); w.Code != http.StatusBadRequest {
			t.Errorf("%s %s with what cannot be read: %d %s", o.method, o.target, w.Code, w.Body)
		}
		if o.method == "GET" {
			if w := s.call("GET", o.target+"?fields=nothing", ""); w.Code != http.StatusUnprocessableEntity {
				t.Errorf("%s with a field that there is not: %d %s", o.target, w.Code, w.Body)
			}
		}
	}
	if w := s.call("GET", "/api/v1/campaigns/27", ""); !strings.Contains(w.Body.String(), "removed") {
		t.Errorf("a campaign that was removed: %s", w.Body)
	}
	for _, c := range []struct {
		method, target, body string
		want                 int
	}{
		{"GET", "/api/v1/campaigns/27", "", http.StatusGone},
		{"POST", "/api/n8n/users", "{", http.StatusBadRequest},
		{"POST", "/api/n8n/users", `{"campaign_id":99,"first_name":"A","email":"a@example.com"}`, http.StatusUnprocessableEntity},
		{"POST", "/api/n8n/users/qualify", "", http.StatusBadRequest},
		{"POST", "/api/n8n/users/qualify", `{"coupon":"FRIEND-3"}`, http.StatusUnprocessableEntity},
		{"PUT", "/api/n8n/rewards/3", "{}", http.StatusBadRequest},
		{"GET", "/kris/qr.png", "", http.StatusNotFound},
	} {
		if w := s.call(c.method, c.target, c.body); w.Code != c.want {
			t.Errorf("%s %s %s: %d %s, want %d", c.method, c.target, c.body, w.Code, w.Body, c.want)
		}
	}
}

// When the database is late, every call says when to come again; when it is
// gone, that it is our fault, and nothing of what went wrong.
func TestEveryCallSurvivesALostDatabase(t *testing.T) {
	t.Parallel()
	d := dialecttest.New(t)
	s := enter(t, d, nil)
	s.call("GET", "/api/v1/users", "") // the token is known, and the list is in memory
	s.handler = document.Watch(t, s.handler)
	targets := append([]struct{ method, target, body string }{
		{"POST", "/webhook/rf-inbound/qualify", "code=bob"}, {"GET", "/kris/socials/facebook", ""}, {"GET", "/kris/qr.png", ""},
	}, operations...)
	expect := func(ctx context.Context, want int) {
		for _, o := range targets {
			if o.target == "/api/n8n/test" || o.target == "/api/n8n/user-sources" {
				continue // they ask for nothing
			}
			r := httptest.NewRequestWithContext(ctx, o.method, o.target, strings.NewReader(o.body))
			r.Header.Set("Authorization", "Bearer rf-token")
			w := httptest.NewRecorder()
			s.handler.ServeHTTP(w, r)
			if w.Code != want || strings.Contains(w.Body.String(), "closed") {
				t.Errorf("%s %s: %d %s, want %d", o.method, o.target, w.Code, w.Body, want)
			}
		}
	}
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	expect(late, http.StatusServiceUnavailable)
	if err := d.Store.Close(); err != nil {
		t.Fatal(err)
	}
	expect(t.Context(), http.StatusInternalServerError)
}

func TestQRCodesArePictures(t *testing.T) {
	t.Parallel()
	s := enter(t, dialecttest.New(t), nil)
	s.handler = document.Watch(t, s.handler)
	_, kris := s.add(t, 25, "Kris", "")
	if w := s.call("GET", "/"+kris+"/qr.png", ""); w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), "\x89PNG\r\n") {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}
