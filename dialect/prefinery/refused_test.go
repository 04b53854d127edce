package prefinery_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"grapevine/dialect/dialecttest"
	"grapevine/openapi"
)

// limitsEnd is how long after the last call every limit is forgotten.
const limitsEnd = 15 * time.Minute

// everything is what the account has, as its lists show it.
func (s *stage) everything(t *testing.T) string {
	t.Helper()
	s.Clock.Jump(limitsEnd)
	var all strings.Builder
	for _, target := range []string{
		"", "/12/testers", "/13/testers", "/14/testers", "/12/rewards", "/13/rewards", "/12/suppressions", "/12/points", "/13/points",
	} {
		all.WriteString(s.body(t, "GET", "/api/v2/betas"+target, "") + "\n")
	}
	return all.String()
}

// refused is a call that cannot be, after people was called, and the code that
// it is told.
type refused struct {
	code                 int
	method, target, body string
}

// people is what the calls of this file are about: ADA is active in beta 12,
// and has a reward EARNED and another DONE; in 13, where addresses are
// confirmed, there is KIM, who was invited and has invited as many as he may.
func people(t *testing.T, s *stage) *strings.Replacer {
	t.Helper()
	made := func(target, body string) string {
		id, _ := idOf(t, s.body(t, "POST", "/api/v2/betas/"+target, body))
		return fmt.Sprint(id)
	}
	ada := made("12/testers", `{"tester":{"email":"ada@example.org","status":"active"}}`)
	made("12/testers", `{"tester":{"email":"grace@example.org"}}`)
	gone := made("12/testers", `{"tester":{"email":"gone@example.org"}}`)
	s.body(t, "PUT", "/api/v2/betas/12/testers/"+gone, `{"tester":{"status":"suspended"}}`)
	kim := made("13/testers", `{"tester":{"email":"kim@example.org","status":"invited"}}`)
	made("13/friend_invitations", `{"sender_email":"kim@example.org","recipient_email":"friend@example.org"}`)
	earned := made("12/rewards", `{"email":"ada@example.org","descriptor":"free_month"}`)
	done := made("12/rewards", `{"email":"ada@example.org","descriptor":"free_month"}`)
	s.body(t, "PATCH", "/api/v2/betas/12/rewards/"+done, `{"status":"delivered"}`)
	made("12/rewards", `{"email":"ada@example.org","descriptor":"code"}`) // the only coupon, and all she gets
	stopped := made("12/suppressions", `{"email":"stopped@example.org","reason":"Unsubscribe"}`)
	return strings.NewReplacer("ADA", ada, "GONE", gone, "KIM", kim, "EARNED", earned, "DONE", done, "STOPPED", stopped)
}

// codes has a call for each code that there is.
var codes = []refused{
	{2301, "POST", "12/testers", `{"tester":{"email":"new@example.org","responses":[{"question_id":32,"answer":"x"}]}}`},
	{2302, "POST", "12/testers", `{"tester":{"status":"applied"}}`},
	{2303, "POST", "12/testers", `{"tester":{"email":"new@nowhere"}}`},
	{2304, "POST", "12/testers", `{"tester":{"email":"new@example.org","status":"waiting"}}`},
	{2305, "POST", "12/testers", `{"tester":{"email":"new@example.org","status":"active","invitation_code":"0123456789"}}`},
	{2306, "POST", "12/testers", `{"tester":{"email":"new@example.org","referrer_id":"nobody"}}`},
	{2307, "POST", "12/testers", `{"tester":{"email":"new@spam.example.org"}}`},
	{2308, "PUT", "12/testers/ADA", `{"tester":{"status":"applied"}}`},
	{2309, "POST", "12/checkins", `{"checkin":{}}`},
	{2310, "POST", "12/testers", `{"tester":{"email":"ada@example.org"}}`},
	{2311, "POST", "12/checkins", `{"checkin":{"email":"nobody@example.org"}}`},
	{2401, "POST", "12/friend_invitations", `{"sender_email":"ada@example.org","recipient_email":"new"}`},
	{2402, "POST", "12/friend_invitations", `{"recipient_email":"new@example.org"}`},
	{2403, "POST", "12/friend_invitations", `{"sender_email":"nobody@example.org","recipient_email":"new@example.org"}`},
	{2404, "POST", "12/friend_invitations", `{"sender_email":"grace@example.org","recipient_email":"new@example.org"}`},
	{2405, "POST", "12/friend_invitations", `{"sender_email":"ada@example.org"}`},
	{2406, "POST", "12/friend_invitations", `{"sender_email":"ada@example.org","recipient_email":"grace@example.org"}`},
	{2407, "POST", "13/friend_invitations", `{"sender_email":"kim@example.org","recipient_email":"new@example.org"}`},
	{2601, "POST", "12/rewards", `{"email":"grace@example.org","descriptor":"code"}`},
	{2602, "POST", "12/rewards", `{"descriptor":"free_month"}`},
	{2603, "POST", "12/rewards", `{"email":"nobody@example.org","descriptor":"free_month"}`},
	{2604, "POST", "12/rewards", `{"email":"ada@example.org"}`},
	{2605, "POST", "12/rewards", `{"email":"ada@example.org","descriptor":"for_all"}`},
	{2606, "POST", "12/rewards", `{"email":"ada@example.org","descriptor":"code"}`},
	{2607, "POST", "12/rewards/trigger", `{"email":"ada@example.org"}`},
	{2608, "PATCH", "12/rewards/DONE", `{"status":"revoked"}`},
	{2701, "POST", "12/suppressions", `{"email":"new@example.org","reason":"SpamComplaint"}`},
	{2702, "POST", "12/suppressions", `{"email":"Stopped@example.org"}`},
	{2703, "POST", "12/suppressions", `{"reason":"Manual"}`},
	{2704, "DELETE", "12/suppressions/STOPPED", ""},
	{2801, "POST", "12/points", `{"email":"ada@example.org","quantity":10}`},
	{2802, "POST", "13/points", `{"quantity":10}`},
	{2803, "POST", "13/points", `{"email":"nobody@example.org","quantity":10}`},
	{2804, "POST", "13/points", `{"email":"kim@example.org"}`},
}

// bad are other calls that cannot be, by what is wrong with them.
var bad = []refused{
	// Addresses that are none, and those that somebody has.
	{2303, "POST", "12/testers", `{"tester":{"email":"ada"}}`},
	{2303, "POST", "12/testers", `{"tester":{"email":"a b@example.org"}}`},
	{2303, "POST", "12/testers", `{"tester":{"email":"a@example.org\nbcc: b@example.org"}}`},
	{2303, "POST", "12/testers", `{"tester":{"email":"` + strings.Repeat("a", 300) + `@example.org"}}`},
	{2303, "POST", "12/testers", `{"tester":{"email":7}}`},
	{2303, "PUT", "12/testers/ADA", `{"tester":{"email":"ada"}}`},
	{2303, "PUT", "12/testers/ADA", `{"tester":{"email":""}}`},
	{2302, "POST", "12/testers", `{"tester":{"email":"  "}}`},
	{2302, "POST", "12/testers", `{"tester":{"email":null}}`},
	{2302, "POST", "12/testers", `{"tester":"ada@example.org"}`},
	{2302, "POST", "12/testers", `{"tester":null}`},
	{2302, "POST", "12/testers", ``},
	{2310, "POST", "12/testers", `{"email":" ADA@Example.org "}`},
	{2310, "PUT", "12/testers/ADA", `{"tester":{"email":"Grace@example.org"}}`},
	{2311, "POST", "12/checkins", `{"checkin":{"email":"kim@example.org"}}`}, // in another beta
	{2401, "POST", "12/friend_invitations", `{"sender_email":"ada@example.org","recipient_email":"new@spam.example.org"}`},
	{2701, "POST", "12/suppressions", `{"email":"new"}`},
	{2603, "POST", "12/rewards/trigger", `{"email":"kim@example.org","event":"purchase"}`},
	{2803, "POST", "13/points", `{"email":"ada@example.org","quantity":1}`},

	// Statuses that there are not, or that nobody begins in.
	{2304, "POST", "12/testers", `{"tester":{"email":"new@example.org","status":"rejected"}}`},
	{2304, "POST", "12/testers", `{"tester":{"email":"new@example.org","status":"suspended"}}`},
	{2304, "POST", "12/testers", `{"tester":{"email":"new@example.org","status":"idle"}}`},
	{2304, "POST", "12/testers", `{"tester":{"email":"new@example.org","status":"unsuspended"}}`},
	{2304, "POST", "12/testers", `{"tester":{"email":"new@example.org","status":"Applied"}}`},
	{2304, "POST", "12/testers", `{"tester":{"email":"new@example.org","status":""}}`},
	{2304, "PUT", "12/testers/ADA", `{"tester":{"status":"gone"}}`},
	{2304, "PUT", "12/testers/ADA", `{"tester":{"status":7}}`},
	{2608, "GET", "12/rewards?status=pending", ""},
	{2608, "PATCH", "12/rewards/EARNED", `{"status":"earned"}`},
	{2608, "PATCH", "12/rewards/EARNED", `{"status":"Delivered"}`},
	{2608, "PUT", "12/rewards/EARNED", `{}`},
	{2701, "POST", "12/suppressions", `{"email":"new@example.org","reason":"manual"}`},

	// Statuses that do not lead there.
	{2308, "PUT", "12/testers/ADA", `{"tester":{"status":"invited"}}`},
	{2308, "PUT", "12/testers/ADA", `{"tester":{"status":"idle","groups":"VIP","profile":{"first_name":"A"}}}`},
	{2308, "PUT", "12/testers/ADA", `{"tester":{"status":"unsuspended"}}`},
	{2308, "PUT", "12/testers/GONE", `{"tester":{"status":"active"}}`},
	{2308, "PUT", "13/testers/KIM", `{"tester":{"status":"applied"}}`},
	{2308, "POST", "12/testers/GONE/checkin", ""},
	{2608, "PATCH", "12/rewards/DONE", `{"status":"delivered"}`},

	// Betas that take nobody, and questions that are not asked.
	{2301, "POST", "14/testers", `{"tester":{"email":"new@example.org"}}`},
	{2401, "POST", "14/friend_invitations", `{"sender_email":"ada@example.org","recipient_email":"new@example.org"}`},
	{2301, "PUT", "12/testers/ADA", `{"tester":{"groups":"VIP","responses":[{"question_id":32,"answer":"x"}]}}`},
	{2305, "PUT", "12/testers/ADA", `{"tester":{"groups":"VIP","invitation_code":"0123456789"}}`},

	// Who cannot have brought somebody, and who must not come in.
	{2306, "PUT", "12/testers/ADA", `{"tester":{"groups":"VIP","referrer_id":"nobody"}}`},
	{2306, "PUT", "12/testers/ADA", `{"tester":{"groups":"VIP","referrer_id":"kim@example.org"}}`}, // in another beta
	{2307, "PUT", "12/testers/ADA", `{"tester":{"groups":"VIP","email":"ada@spam.example.org"}}`},

	// Flags and quantities that are none.
	{2601, "POST", "12/rewards", `{"email":"ada@example.org","descriptor":"free_month","skip_quantity_check":"maybe"}`},
	{2601, "POST", "12/rewards", `{"email":"ada@example.org","descriptor":"free_month","skip_quantity_check":2}`},
	{2801, "POST", "13/points", `{"email":"kim@example.org","quantity":0}`},
	{2801, "POST", "13/points", `{"email":"kim@example.org","quantity":"0.00001"}`},
	{2801, "POST", "13/points", `{"email":"kim@example.org","quantity":"ten"}`},
	{2801, "POST", "13/points", `{"email":"kim@example.org","quantity":"10 points"}`},
	{2801, "POST", "13/points", `{"email":"kim@example.org","quantity":true}`},
	{2801, "POST", "13/points", `{"email":"kim@example.org","quantity":1e999}`},
	{2801, "POST", "13/points", `{"email":"kim@example.org","quantity":-1000000001}`},
	{2801, "POST", "13/points", `{"email":"kim@example.org","quantity":"NaN"}`},
	{2804, "POST", "13/points", `{"email":"kim@example.org","quantity":" "}`},
	{2804, "POST", "13/points", `{"email":"kim@example.org","quantity":null}`},
	{2801, "POST", "13/points", `{"email":"kim@example.org","quantity":1,"reason":"` + strings.Repeat("x", 10_000) + `"}`},
}

// Each code of the document is given by a call, and no call leaves anything.
func TestRefusedCallsAreToldTheirCode(t *testing.T) {
	t.Parallel()
	given := map[int]bool{}
	for _, c := range codes {
		given[c.code] = true
	}
	text, err := openapi.Documents.ReadFile("prefinery.yaml")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[int]bool{}
	for _, list := range regexp.MustCompile(`code: \{type: integer, enum: \[([\d, ]+)\]`).FindAllSubmatch(text, -1) {
		for code := range strings.SplitSeq(string(list[1]), ", ") {
			n, err := strconv.Atoi(code)
			if err != nil {
				t.Fatal(err)
			}
			documented[n] = true
		}
	}
	if !maps.Equal(given, documented) {
		t.Errorf("calls are made for %v, and there are %v", slices.Sorted(maps.Keys(given)), slices.Sorted(maps.Keys(documented)))
	}

	dialecttest.OnBoth(t, func(t *testing.T, d *dialecttest.Stage) {
		s := enter(t, d)
		named := people(t, s)
		before := s.everything(t)
		for _, c := range slices.Concat(codes, bad) {
			target := "/api/v2/betas/" + named.Replace(c.target)
			for _, w := range []*httptest.ResponseRecorder{s.call(c.method, target, c.body), s.call(c.method, target, wrapped(c))} {
				begins := fmt.Sprintf(`{"errors":[{"code":%d,"message":"`, c.code)
				if w.Code != http.StatusUnprocessableEntity || !strings.HasPrefix(w.Body.String(), begins) {
					t.Errorf("%s %s %.200s: %d %s, want %d", c.method, target, c.body, w.Code, w.Body, c.code)
				}
			}
		}
		if after := s.everything(t); after != before {
			t.Errorf("what was refused has left something:\n%s\nbefore:\n%s", after, before)
		}
		s.Verify(t)
	})
}

// wrapped is a body below the name of its resource, where it is bare.
func wrapped(c refused) string {
	resource := strings.TrimSuffix(strings.Split(c.target, "/")[1], "s")
	if c.body == "" || strings.HasPrefix(c.body, `{"tester"`) || strings.HasPrefix(c.body, `{"checkin"`) {
		return c.body
	}
	return `{"` + resource + `":` + c.body + `}`
}
