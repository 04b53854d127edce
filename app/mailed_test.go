package app

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message/mail"
	"github.com/google/go-cmp/cmp"
)

const mailing = `
account: Acme Outdoors
slug: acme
site: https://shop.example.com
keys:
  referral_factory: {token: rf-token, inbound_token: rf-inbound}
  irefer: {license_key: W4qL69dbdc0ed0520530bede3c1fc574, api_key: ireferextapi}
  prefinery: {api_key: pf-key}
email: {from: Acme <hello@shop.example.com>, rewards: true}
campaigns:
  - name: Evergreen
    id: 2605
    status: launched
    rewards: [{name: Ten dollars, to: advocate, on: qualified, repeat: true, value: {type: cash, amount: 10, unit: USD}}]
  - {name: Confirmed, id: 2606, status: launched, confirm_email: true}
`

// Each dialect sends the mails that its vendor tells of, to whom it tells of.
func TestEachDialectSendsItsMails(t *testing.T) {
	t.Parallel()
	c := place(t)
	applyText(t, c, mailing)
	dir := filepath.Join(t.TempDir(), "mail")
	s := start(t, ServeConfig{Config: c, MailDir: dir})
	ask := func(method, target, authorization, kind, body string) string {
		t.Helper()
		return ask(t, method, s.url+target, authorization, kind, body)
	}
	field := func(text, pattern string) string {
		t.Helper()
		found := regexp.MustCompile(pattern).FindStringSubmatch(text)
		if found == nil {
			t.Fatalf("no %s in %s", pattern, text)
		}
		return found[1]
	}
	user := func(form string) string {
		return field(ask("POST", "/api/v1/users", "Bearer rf-token", "application/x-www-form-urlencoded", "campaign_id=2605&"+form), `"code":\s*"([^"]+)"`)
	}
	tester := func(method, target, body string) string {
		t.Helper()
		if !json.Valid([]byte(body)) {
			t.Fatal(body)
		}
		return ask(method, "/api/v2/betas/2605/"+target+"?api_key=pf-key", "", "application/json", body)
	}
	irefer := func(method, query string) string {
		return ask("GET", "/v1.0/W4qL69dbdc0ed0520530bede3c1fc574.js/"+method+"?campaign_id=2606&api_key=ireferextapi&"+query, "", "", "")
	}

	nora := user("first_name=Nora&email=nora@example.com&notify=true")
	user("first_name=Max&email=max@example.com")
	bob := user("first_name=Bob&email=bob@example.com&referrer_code=" + nora)
	ask("POST", "/webhook/rf-inbound/qualify", "", "application/x-www-form-urlencoded", "code="+bob)
	irefer("newSignup", "email=ivy@example.com&name=Ivy")
	tester("POST", "testers", `{"tester":{"email":"pia@example.com","status":"invited","profile":{"first_name":"Pia"}}}`)
	ray := field(tester("POST", "testers", `{"tester":{"email":"ray@example.com"}}`), `"id":(\d+)`)
	tester("PUT", "testers/"+ray, `{"tester":{"status":"rejected"}}`)
	tester("POST", "friend_invitations", `{"friend_invitation":{"sender_email":"pia@example.com","recipient_email":"joan@example.com","message":"Have a look"}}`)

	want := map[string]string{
		"nora@example.com: Your link for Evergreen":      "/mail/click/",
		"nora@example.com: You have earned a reward":     "10 USD",
		"ivy@example.com: Please confirm your address":   "Hello Ivy,",
		"pia@example.com: You are invited to Evergreen":  "Hello Pia,",
		"ray@example.com: About Evergreen":               "no place for you",
		"joan@example.com: Pia invites you to Evergreen": "Have a look",
	}
	got := map[string]string{}
	for end := time.Now().Add(limit); len(got) < len(want) && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		got = written(t, dir)
	}
	said := map[string]string{}
	for name, text := range got {
		said[name] = "nothing of " + want[name]
		if strings.Contains(text, want[name]) {
			said[name] = want[name]
		}
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Fatalf("mails differ (-want +got):\n%s", diff)
	}

	// What the mail asks is answered with a button; opening the page is no answer.
	confirm := field(got["ivy@example.com: Please confirm your address"], `http://[^/]+(/confirm/\S+)`)
	for _, step := range []struct{ method, confirmed string }{{"GET", "0"}, {"POST", "1"}} {
		ask(step.method, confirm, "", "application/x-www-form-urlencoded", "")
		if stats := irefer("referrerStats", "email=ivy@example.com"); !strings.Contains(stats, `"confirmed":"`+step.confirmed+`"`) {
			t.Errorf("after %s: %s, want confirmed %s", step.method, stats, step.confirmed)
		}
	}
}

// written are the texts of the mails in a folder, by whom they go to and what
// they are about.
func written(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r, err := mail.CreateReader(f)
		if err != nil {
			t.Fatal(err)
		}
		to, _ := r.Header.AddressList("To")
		subject, _ := r.Header.Subject()
		part, err := r.NextPart()
		if err != nil || len(to) != 1 {
			t.Fatalf("%s goes to %v: %v", name, to, err)
		}
		text, err := io.ReadAll(part.Body)
		if err != nil {
			t.Fatal(err)
		}
		texts[to[0].Address+": "+subject] = string(text)
	}
	return texts
}
