package prefinery_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"grapevine/dialect/dialecttest"
)

func TestUpdatesSayWhoReferredATester(t *testing.T) {
	t.Parallel()
	dialecttest.OnBoth(t, func(t *testing.T, d *dialecttest.Stage) {
		s := enter(t, d)
		const testers = "/api/v2/betas/12/testers"
		grace, _ := idOf(t, s.body(t, "POST", testers, `{"tester":{"email":"grace@example.org"}}`))
		bea, _ := idOf(t, s.body(t, "POST", testers, `{"tester":{"email":"bea@example.org"}}`))
		ada, uuid := idOf(t, s.body(t, "POST", testers, `{"tester":{"email":"ada@example.org"}}`))
		of := func(id int64) (shown struct {
			Referrals  int64  `json:"share_signups_count"`
			ReferredBy string `json:"referred_by"`
		}) {
			if err := json.Unmarshal([]byte(s.body(t, "GET", fmt.Sprint(testers, "/", id), "")), &shown); err != nil {
				t.Fatal(err)
			}
			return shown
		}
		put := func(body, want string) {
			t.Helper()
			if w := s.call("PUT", testers+"/"+uuid, body); !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s: got %d %s, want %s", body, w.Code, w.Body, want)
			}
		}
		put(`{"tester":{"referrer_id":"nobody","groups":"Press"}}`, `{"errors":[{"code":2306,`)
		put(fmt.Sprintf(`{"tester":{"referrer_id":%d}}`, ada), `"referred_by":null`)
		put(`{"tester":{"email":"ada@spam.example.org"}}`, `{"errors":[{"code":2307,`)
		put(`{"tester":{"groups":""}}`, `"email":"ada@example.org"`)
		put(fmt.Sprintf(`{"tester":{"referrer_id":%d}}`, bea), `"referred_by":"bea@example.org"`)
		put(fmt.Sprintf(`{"tester":{"referrer_id":%d}}`, grace), `"referred_by":"bea@example.org"`)
		if got := of(bea); got.Referrals != 1 {
			t.Errorf("bea has %d referrals", got.Referrals)
		}
		if got := of(grace); got.Referrals != 0 {
			t.Errorf("grace has %d referrals", got.Referrals)
		}
		if got := s.body(t, "GET", "/api/v2/betas/12/rewards?email=bea@example.org", ""); strings.Count(got, `"descriptor":"free_month"`) != 1 {
			t.Errorf("bea has %s", got)
		}
		s.Verify(t)
	})
}
