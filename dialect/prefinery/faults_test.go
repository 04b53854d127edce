package prefinery_test

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"grapevine/dialect/dialecttest"
	"grapevine/openapi/checktest"
)

// whole are the calls that take a body, with everything that the document
// lists. N in one is a number that no other call has.
var whole = []struct{ method, path, body string }{
	{"POST", "/api/v2/betas/{beta}/testers", `{"email":"n-N@example.org","status":"invited","referrer_id":"grace@example.org","invitation_code":"CODE",` +
		`"groups":["Press"],"profile":PROFILE,"responses":{"response":[{"question_id":31,"answer":"a friend"}]}}`},
	{"PUT", "/api/v2/betas/{beta}/testers/{id}", `{"email":"ada@example.org","status":"active","referrer_id":"grace@example.org","invitation_code":"0615901c86",` +
		`"groups":["Press"],"profile":PROFILE,"responses":[{"question_id":31,"answer":"a friend"}]}`},
	{"POST", "/api/v2/betas/{beta}/checkins", `{"email":"ada@example.org"}`},
	{"POST", "/api/v2/betas/{beta}/rewards", `{"email":"ada@example.org","descriptor":"free_month","skip_quantity_check":true}`},
	{"POST", "/api/v2/betas/{beta}/rewards/trigger", `{"email":"ada@example.org","event":"purchase"}`},
	{"PATCH", "/api/v2/betas/{beta}/rewards/{id}", `{"status":"delivered"}`},
	{"PUT", "/api/v2/betas/{beta}/rewards/{id}", `{"status":"revoked"}`},
	{"POST", "/api/v2/betas/{beta}/suppressions", `{"email":"n-N@example.org","reason":"Manual"}`},
	{"POST", "/api/v2/betas/{beta}/friend_invitations", `{"sender_email":"ada@example.org","recipient_email":"n-N@example.org","message":"hello"}`},
	{"POST", "/api/v2/betas/{beta}/points", `{"email":"ada@example.org","quantity":1,"reason":"a talk"}`},
}

// Of each call everything that its document tells to be wrong is refused, and
// what it tells to be fine is taken: each field missing, empty, null, of
// another type, of a value that cannot be.
func TestBodiesAreTakenAsDocumented(t *testing.T) {
	t.Parallel()
	var profile []string
	for name := range strings.FieldsSeq("first_name last_name employer jobtitle address_line1 address_line2 city state postal_code country telephone http_referrer " +
		"custom_var1 custom_var2 custom_var3 ip user_agent utm_source utm_medium utm_campaign utm_term utm_content browser_name browser_version os_name os_version") {
		profile = append(profile, fmt.Sprintf("%q:%q", name, "a "+name))
	}
	s := enter(t, dialecttest.New(t))     // what is read is the same on both databases
	s.Apply(t, func(text string) string { // everything happens in one beta
		return strings.Replace(text, "code_style: {seed: first_name}", "leaderboard: points\n    friend_invitations: 1000", 1)
	})
	ada, _ := idOf(t, s.body(t, "POST", "/api/v2/betas/12/testers", `{"email":"ada@example.org","status":"active"}`))
	s.body(t, "POST", "/api/v2/betas/12/testers", `{"email":"grace@example.org"}`)
	n := 0
	for _, c := range whole {
		faults, err := document.Faults(c.method, c.path, strings.NewReplacer("PROFILE", "{"+strings.Join(profile, ",")+"}").Replace(c.body))
		if err != nil {
			t.Fatalf("%s %s: %v", c.method, c.path, err)
		}
		for _, f := range append(faults, checktest.Fault{Kind: checktest.Fine, What: "all of it", Body: strings.ReplaceAll(c.body, "PROFILE", "{}")}) {
			id := ada
			if strings.Contains(c.path, "/rewards/{id}") {
				id, _ = idOf(t, s.body(t, "POST", "/api/v2/betas/12/rewards", `{"email":"ada@example.org","descriptor":"free_month"}`))
			}
			n++
			email := fmt.Sprintf("n-%d@example.org", n)
			body := strings.NewReplacer("n-N@example.org", email, "CODE", codeFor(email)).Replace(f.Body)
			w := s.call(c.method, strings.NewReplacer("{beta}", "12", "{id}", fmt.Sprint(id)).Replace(c.path), body)
			if f.Kind == checktest.Fine && w.Code >= 300 ||
				f.Kind != checktest.Fine && w.Code != http.StatusBadRequest && w.Code != http.StatusUnprocessableEntity {
				t.Errorf("%s %s: %s: %s: %d %s\n%s", c.method, c.path, f.Kind, f.What, w.Code, w.Body, body)
			}
		}
	}
	s.Verify(t)
}

// codeFor is the invitation code of an address.
func codeFor(email string) string {
	sum := sha1.Sum([]byte("pf-decoder" + email))
	return hex.EncodeToString(sum[:])[:10]
}
