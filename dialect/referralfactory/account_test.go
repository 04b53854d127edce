package referralfactory_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/dialect/dialecttest"
	"grapevine/web"
)

func TestTokensEndWithTheirSuccessors(t *testing.T) {
	t.Parallel()
	s := enter(t, dialecttest.New(t), nil)
	statuses := func() string {
		var all []string
		for _, token := range []string{"rf-token", "rf-next"} {
			r := httptest.NewRequest("GET", "/api/v1/campaigns", nil)
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			s.handler.ServeHTTP(w, r)
			all = append(all, fmt.Sprint(w.Code))
		}
		for _, token := range []string{"rf-inbound", "rf-inbound-next"} {
			w := s.call("POST", "/webhook/"+token+"/qualify", "code=nobody")
			known := !strings.Contains(w.Body.String(), "no such webhook")
			all = append(all, fmt.Sprint(w.Code, known))
		}
		return strings.Join(all, " ")
	}
	if got, want := statuses(), "200 401 404 true 404 false"; got != want {
		t.Errorf("before: %s, want %s", got, want)
	}
	s.Apply(t, func(text string) string {
		return strings.NewReplacer("rf-token", "rf-next", "rf-inbound", "rf-inbound-next").Replace(text)
	})
	if err := s.Core.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := statuses(), "401 200 404 false 404 true"; got != want {
		t.Errorf("after: %s, want %s", got, want)
	}
}

func TestDaysAreThoseOfTheAccountsZone(t *testing.T) {
	t.Parallel()
	s := enter(t, dialecttest.New(t), nil)
	s.Clock.Jump(17 * time.Hour) // 2026-03-02 05:00 UTC is 1 March still in Los Angeles
	s.call("POST", "/api/v1/users", "campaign_id=25&first_name=Ann&email=ann@example.com")
	joined := func(day string) int {
		w := s.call("GET", "/api/v1/users?filters[0][field]=date&filters[0][value]="+day, "")
		return strings.Count(w.Body.String(), `"first_name":"Ann"`)
	}
	if got := [2]int{joined("2026-03-01"), joined("2026-03-02")}; got != [2]int{0, 1} {
		t.Errorf("in UTC she joined on 1 March %d times and on 2 March %d times", got[0], got[1])
	}
	s.Apply(t, func(text string) string { return text + "timezone: America/Los_Angeles\n" })
	if got := [2]int{joined("2026-03-01"), joined("2026-03-02")}; got != [2]int{1, 0} {
		t.Errorf("in Los Angeles she joined on 1 March %d times and on 2 March %d times", got[0], got[1])
	}
}

func TestRowsShowWhatTheFileSays(t *testing.T) {
	t.Parallel()
	s := enter(t, dialecttest.New(t), nil)
	_, kris := s.add(t, 25, "Kris", "")
	s.call("POST", "/api/v1/users", "campaign_id=25&first_name=Ann&email=ann@example.com&referrer_code="+kris)
	for _, c := range []struct{ target, want string }{
		{"/api/v1/campaigns/26?fields=lang", `{"data":{"lang":"de"},"code":200,"message":null}`},
		{"/api/v1/users?fields=sharing&per_page=1", `"data":[{"sharing":[{"social":"facebook","url":"https://grapevine.example.com/` + kris + `/socials/facebook"},` +
			`{"social":"whatsapp","url":"https://grapevine.example.com/` + kris + `/socials/whatsapp"}]}]`},
		{"/api/v1/users?fields=sharing_message&per_page=1", `{"subject":"Have a look","text":"I thought of you: https://go.example.com/` + kris + `"}`},
		{"/api/v1/coupons/FRIEND-1?with=batch&fields.batch=name,campaign_id&fields=name", `{"name":"FRIEND-1","batch":{"name":"friend-offer","campaign_id":25}}`},
	} {
		if w := s.call("GET", c.target, ""); !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: %s, want %s", c.target, w.Body, c.want)
		}
	}
}

// What stands for something in the mails of a campaign does so wherever its
// words are proposed.
func TestProposedWordsAreFilledInAsInMails(t *testing.T) {
	t.Parallel()
	s := enter(t, dialecttest.New(t), nil)
	_, kris := s.add(t, 25, "Kris", "")
	s.Apply(t, func(text string) string {
		return strings.Replace(text, `text: "I thought of you: {{.Link}}"`, `text: "{{.Campaign}} by {{ .Account }}, {{.Price}}: {{.Link}}"`, 1)
	})
	cfg, err := s.Core.Config(t.Context(), s.Account)
	if err != nil {
		t.Fatal(err)
	}
	campaign, err := cfg.Campaign(25)
	if err != nil {
		t.Fatal(err)
	}
	want := campaign.Name + " by " + cfg.Settings.Name + ", {{.Price}}: https://go.example.com/" + kris
	if w := s.call("GET", "/api/v1/users?fields=sharing_message&per_page=1", ""); !strings.Contains(w.Body.String(), `"text":"`+want+`"`) {
		t.Errorf("%s, want %s", w.Body, want)
	}
	if w := s.call("GET", "/api/v1/users?filters[0][field]=sharing_message&filters[0][operator]=equal&filters[0][value]="+url.QueryEscape(want), ""); !strings.Contains(w.Body.String(), `"total":1`) {
		t.Errorf("found by it: %s", w.Body)
	}
}

// Another account's ids, codes, coupons and tokens are unknown, and no list
// shows anything of it.
func TestAccountsNeverSeeEachOther(t *testing.T) {
	t.Parallel()
	dialecttest.OnBoth(t, func(t *testing.T, d *dialecttest.Stage) {
		s := enter(t, d, nil)
		id, kris := s.add(t, 25, "Kris", "")
		s.call("POST", "/api/v1/users", "campaign_id=25&first_name=Ann&email=ann@example.com&referrer_code="+kris)
		s.Apply(t, func(text string) string {
			return "account: Other\nsite: https://other.example\nkeys: {referral_factory: {token: other-token, inbound_token: other-inbound}}\n" +
				"campaigns: [{name: Theirs, id: 25, code: theirs, status: launched}]\n"
		})
		other := func(method, target, body string) (int, string) {
			r := httptest.NewRequest(method, target, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer other-token")
			w := httptest.NewRecorder()
			s.handler.ServeHTTP(w, r)
			return w.Code, w.Body.String()
		}
		at := fmt.Sprint("/api/v1/users/", id)
		got := map[string]int{}
		for _, call := range [][3]string{
			{"GET", at, ""}, {"PUT", at, "qualified=1"}, {"DELETE", at, ""}, {"GET", "/api/v1/campaigns/26", ""}, {"GET", "/api/v1/coupons/FRIEND-1", ""},
			{"POST", "/api/v1/coupons/FRIEND-1/qualification", "qualified=1"}, {"POST", "/webhook/other-inbound/qualify", "code=" + kris},
			{"POST", "/webhook/other-inbound/qualify", "coupon=FRIEND-1"}, {"POST", "/api/n8n/users/qualify", "email=kris@example.com&campaign_id=25"},
			{"DELETE", "/api/n8n/webhooks/1", ""}, {"PUT", "/api/n8n/rewards/3", `{"url":"https://n8n.example.com"}`},
		} {
			status, body := other(call[0], call[1], call[2])
			if status != http.StatusNotFound || strings.Contains(body, "Kris") {
				t.Errorf("%s %s: %d %s", call[0], call[1], status, body)
			}
		}
		for _, list := range []string{"users", "rewards", "rewards/due", "rewards/issued"} {
			_, body := other("GET", "/api/v1/"+list, "")
			got[list] = strings.Count(body, `"total":0`)
		}
		if diff := cmp.Diff(map[string]int{"users": 1, "rewards": 1, "rewards/due": 1, "rewards/issued": 1}, got); diff != "" {
			t.Error(diff)
		}
		if status, body := other("POST", "/api/v1/users", "campaign_id=25&first_name=A&email=kris@example.com&referrer_code="+kris); status != http.StatusUnprocessableEntity {
			t.Errorf("their code brings somebody here: %d %s", status, body)
		}
		s.Verify(t)
	})
}

// 600 calls a minute are answered; who overruns that in more than three
// minutes of a day is blocked for a week.
func TestCallsAreLimitedAsDocumented(t *testing.T) {
	t.Parallel()
	d := dialecttest.New(t)
	rates := web.NewRates(d.Clock.Now, d.Core)
	s := enter(t, d, rates)
	from := func(address string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/api/v1/campaigns/1", nil)
		r.RemoteAddr = address + ":4711"
		r.Header.Set("Authorization", "Bearer rf-token")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		return w
	}
	overrun := func() *httptest.ResponseRecorder {
		d.Clock.Jump(2 * time.Minute)
		var w *httptest.ResponseRecorder
		for n := range 620 {
			if w = from("192.0.2.1"); n < 500 && w.Code == http.StatusTooManyRequests {
				t.Fatalf("call %d is refused", n)
			}
		}
		if err := rates.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		return w
	}
	for range 4 {
		w := overrun()
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || !strings.HasPrefix(w.Body.String(), `{"code":429,"message":"`) {
			t.Fatalf("past the limit: %d %v %s", w.Code, w.Header(), w.Body)
		}
	}
	d.Clock.Jump(6 * 24 * time.Hour)
	if w := from("192.0.2.1"); w.Code != http.StatusForbidden || w.Header().Get("Retry-After") == "" || !strings.HasPrefix(w.Body.String(), `{"code":403,"message":"`) {
		t.Errorf("after four overruns, six days later: %d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := from("192.0.2.2"); w.Code != http.StatusNotFound {
		t.Errorf("another address: %d", w.Code)
	}
	d.Clock.Jump(25 * time.Hour)
	if w := from("192.0.2.1"); w.Code != http.StatusNotFound {
		t.Errorf("after a week: %d", w.Code)
	}
}
