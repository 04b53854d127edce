package prefinery_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"grapevine/dialect/dialecttest"
)

// operation is a call that succeeds on a prepared stage, after those that stand
// before it, with what a key needs for it.
type operation struct{ permission, method, target, body string }

func (o operation) String() string { return o.method + " " + o.target }

// operations are all calls there are. ADA and so on stand for ids of what
// prepare makes.
var operations = []operation{
	{"projects:read", "GET", "/api/v2/betas", ""},
	{"projects:read", "GET", "/api/v2/betas/12", ""},
	{"users:read", "GET", "/api/v2/betas/12/testers?email_is=ada@example.org&email_contains=ada&email=ada&name=ada&page=1", ""},
	{"users:create", "POST", "/api/v2/betas/12/testers", `{"tester":{"email":"cleo@example.org"}}`},
	{"users:read", "GET", "/api/v2/betas/12/testers/ADA", ""},
	{"users:update", "PUT", "/api/v2/betas/12/testers/ADA", `{"tester":{"groups":"VIP"}}`},
	{"users:read", "GET", "/api/v2/betas/12/testers/ADA/verify?invitation_code=0615901c86", ""},
	{"users:update", "POST", "/api/v2/betas/12/testers/ADA/checkin", ""},
	{"users:update", "POST", "/api/v2/betas/12/checkins", `{"checkin":{"email":"ada@example.org"}}`},
	{"rewards:read", "GET", "/api/v2/betas/12/rewards?email=ada@example.org&status=earned&page=1", ""},
	{"rewards:create", "POST", "/api/v2/betas/12/rewards", `{"email":"ada@example.org","descriptor":"free_month"}`},
	{"rewards:create", "POST", "/api/v2/betas/12/rewards/trigger", `{"email":"ada@example.org","event":"purchase"}`},
	{"rewards:read", "GET", "/api/v2/betas/12/rewards/FIRST", ""},
	{"rewards:update", "PATCH", "/api/v2/betas/12/rewards/FIRST", `{"status":"delivered"}`},
	{"rewards:update", "PUT", "/api/v2/betas/12/rewards/SECOND", `{"reward":{"status":"revoked"}}`},
	{"suppressions:read", "GET", "/api/v2/betas/12/suppressions?page=1", ""},
	{"suppressions:create", "POST", "/api/v2/betas/12/suppressions", `{"email":"other@example.org"}`},
	{"suppressions:read", "GET", "/api/v2/betas/12/suppressions/STOPPED", ""},
	{"suppressions:delete", "DELETE", "/api/v2/betas/12/suppressions/STOPPED", ""},
	{"friend_invitations:create", "POST", "/api/v2/betas/12/friend_invitations", `{"sender_email":"ada@example.org","recipient_email":"joan@example.org"}`},
	{"points:read", "GET", "/api/v2/betas/13/points?email=ada@example.org&page=1", ""},
	{"points:create", "POST", "/api/v2/betas/13/points", `{"email":"ada@example.org","quantity":10}`},
	{"users:delete", "DELETE", "/api/v2/betas/12/testers/ADA", ""},
	{"projects:delete", "DELETE", "/api/v2/betas/12", ""},
}

// prepare makes what operations are about, and says which ids it has.
func prepare(t *testing.T, s *stage) *strings.Replacer {
	t.Helper()
	made := func(target, body string) string {
		id, _ := idOf(t, s.body(t, "POST", target, body))
		return fmt.Sprint(id)
	}
	ada := made("/api/v2/betas/12/testers", `{"email":"ada@example.org","status":"active","profile":{"first_name":"Ada"}}`)
	made("/api/v2/betas/13/testers", `{"email":"ada@example.org"}`)
	first := made("/api/v2/betas/12/rewards", `{"email":"ada@example.org","descriptor":"free_month"}`)
	second := made("/api/v2/betas/12/rewards", `{"email":"ada@example.org","descriptor":"free_month"}`)
	stopped := made("/api/v2/betas/12/suppressions", `{"email":"stopped@example.org"}`)
	return strings.NewReplacer("ADA", ada, "FIRST", first, "SECOND", second, "STOPPED", stopped)
}

// send makes a call with a key.
func (s *stage) send(key, method, target, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

func TestEveryCallSucceeds(t *testing.T) {
	t.Parallel()
	dialecttest.OnBoth(t, func(t *testing.T, d *dialecttest.Stage) {
		s := enter(t, d)
		named := prepare(t, s)
		for _, o := range operations {
			if w := s.send("pf-key", o.method, named.Replace(o.target), o.body); w.Code >= 300 {
				t.Errorf("%s: %d %s", o, w.Code, w.Body)
			}
		}
		s.Verify(t)
	})
}

// A key with one permission makes the calls that need it and no others, before
// anything else is looked at.
func TestPermissionsOpenTheirCallsOnly(t *testing.T) {
	t.Parallel()
	s := enter(t, dialecttest.New(t))
	permissions := map[string]bool{}
	var keys strings.Builder
	for _, o := range operations {
		if !permissions[o.permission] {
			fmt.Fprintf(&keys, "  - {name: %[1]q, api_key: %[1]q, permissions: [%[1]q]}\n", o.permission)
		}
		permissions[o.permission] = true
	}
	s.Apply(t, func(text string) string {
		return strings.Replace(text, "prefinery_keys:\n", "prefinery_keys:\n"+keys.String(), 1)
	})
	for _, o := range operations {
		target := strings.NewReplacer("/12", "/99", "/13", "/99").Replace(o.target) // whoever may call is told of the beta
		for permission := range permissions {
			w := s.send(permission, o.method, target, o.body[:len(o.body)/2])
			switch denied := `{"error":"The API key does not have the permission ` + o.permission + `."}`; {
			case permission == o.permission && w.Code == http.StatusForbidden:
				t.Errorf("%s with %s: %s", o, permission, w.Body)
			case permission != o.permission && (w.Code != http.StatusForbidden || strings.TrimSpace(w.Body.String()) != denied):
				t.Errorf("%s with %s: %d %s", o, permission, w.Code, w.Body)
			}
		}
	}
}

// Every call refuses what every call has to refuse, and does nothing.
func TestEveryCallRefusesAlike(t *testing.T) {
	t.Parallel()
	dialecttest.OnBoth(t, func(t *testing.T, d *dialecttest.Stage) {
		s := enter(t, d)
		named := prepare(t, s)
		s.Apply(t, func(text string) string { // another account, with a beta of its own
			return "account: Other\nsite: https://other.example.org\nkeys: {prefinery: {api_key: other-key, decoder_key: other}}\n" +
				"campaigns: [{name: Theirs, id: 77, code: theirs, status: launched}]\n"
		})
		before := s.everything(t)
		for _, o := range operations {
			target := named.Replace(o.target)
			and := "?"
			if strings.Contains(target, "?") {
				and = "&"
			}
			elsewhere := strings.NewReplacer("/12", "/77", "/13", "/77").Replace(target)
			nowhere := strings.NewReplacer("/12", "/99", "/13", "/99").Replace(target)
			for _, c := range []struct {
				what, key, method, target, body string
				want                            int
			}{
				{"no key", "", o.method, target, o.body, http.StatusUnauthorized},
				{"an unknown key", "nobody", o.method, target, o.body, http.StatusUnauthorized},
				{"a query that cannot be read", "pf-key", o.method, target + and + "x=%zz", o.body, http.StatusBadRequest},
				{"a query with U+0000", "pf-key", o.method, target + and + "x=%00", o.body, http.StatusBadRequest},
				{"another account's key", "other-key", o.method, target, o.body, http.StatusNotFound},
				{"another account's beta", "pf-key", o.method, elsewhere, o.body, http.StatusNotFound},
				{"an unknown beta", "pf-key", o.method, nowhere, o.body, http.StatusNotFound},
				{"a beta that is no number", "pf-key", o.method, strings.Replace(target, "/betas/1", "/betas/+1", 1), o.body, http.StatusNotFound},
				{"half a body", "pf-key", o.method, target, o.body[:len(o.body)/2], http.StatusBadRequest},
				{"a list for a body", "pf-key", o.method, target, "[" + o.body + "]", http.StatusBadRequest},
				{"a body that is no UTF-8", "pf-key", o.method, target, strings.Replace(o.body, `":"`, "\":\"\xff", 1), http.StatusBadRequest},
				{"a body with U+0000", "pf-key", o.method, target, strings.Replace(o.body, `":"`, `":"\u0000`, 1), http.StatusBadRequest},
				{"a large body", "pf-key", o.method, target, o.body + strings.Repeat(" ", 1<<20), http.StatusBadRequest},
				{"another method", "pf-key", "TRACE", target, "", http.StatusMethodNotAllowed},
				{"an address below", "pf-key", o.method, strings.Split(target, "?")[0] + "/a/b/c", o.body, http.StatusNotFound},
			} {
				if o.body == "" && strings.Contains(c.what, "body") || o.target == "/api/v2/betas" && c.want == http.StatusNotFound && c.what != "an address below" ||
					c.body == o.body && strings.HasPrefix(c.what, "a body") {
					continue
				}
				w := s.send(c.key, c.method, c.target, c.body)
				if w.Code != c.want || !strings.HasPrefix(w.Body.String(), `{"error":"`) {
					t.Errorf("%s with %s: %d %s, want %d", o, c.what, w.Code, w.Body, c.want)
				}
				if w.Code == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") == "" {
					t.Errorf("%s with %s does not say how to authenticate", o, c.what)
				}
			}
			s.Clock.Jump(limitsEnd)
		}
		if after := s.everything(t); after != before {
			t.Errorf("what was refused has left something:\n%s\nbefore:\n%s", after, before)
		}
		s.Verify(t)
	})
}

// When the database is gone, every call says that it is our fault, and nothing
// of what went wrong.
func TestEveryCallSurvivesALostDatabase(t *testing.T) {
	t.Parallel()
	dialecttest.OnBoth(t, func(t *testing.T, d *dialecttest.Stage) {
		s := enter(t, d)
		named := prepare(t, s)
		if err := d.Store.Close(); err != nil {
			t.Fatal(err)
		}
		for _, o := range operations {
			w := s.send("pf-key", o.method, named.Replace(o.target), o.body)
			if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "The log says what, under the reference ") {
				t.Errorf("%s: %d %s, want 500", o, w.Code, w.Body)
			}
			if reference := w.Header().Get("X-Request-Id"); !strings.Contains(s.Log.String(), fmt.Sprintf(`"reference":%q`, reference)) {
				t.Errorf("%s: the log has no %s", o, reference)
			}
		}
	})
}
