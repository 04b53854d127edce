package irefer_test

import (
	"encoding/json"
	"net/http/httptest"
	"testing"

	"grapevine/dialect/dialecttest"
	"grapevine/dialect/irefer"
	"grapevine/engine"
	"grapevine/model"
)

// What somebody earned stays with nobody, whom no list calls by an id or a code.
func TestWhoWasErasedIsInNoList(t *testing.T) {
	t.Parallel()
	dialecttest.OnBoth(t, func(t *testing.T, s *dialecttest.Stage) {
		api := s.Front(irefer.New(s.Core))
		get := func(call string, into any) {
			t.Helper()
			w := httptest.NewRecorder()
			api.ServeHTTP(w, httptest.NewRequest("GET", "/v1.0/"+license+".js/"+call+"&api_key=ireferextapi", nil))
			if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
				t.Fatalf("%s: %d %s: %v", call, w.Code, w.Body, err)
			}
		}
		var answer any
		get("newSignup?campaign_id=2180&email=ann@example.com", &answer)
		var rows []struct {
			Email string `json:"email"`
			Link  string `json:"referral_link"`
		}
		get("referrers?campaign_id=2180", &rows)
		get("newSignup?campaign_id=2180&email=ben@example.com", &answer)
		get("newSpecificAction?campaign_id=2180&external_id=user-7&action=/dashboard&referrer_code="+rows[0].Link, &answer)
		if _, err := s.Core.Erase(t.Context(), s.Account, engine.Whom{Email: "ann@example.com"}); err != nil {
			t.Fatal(err)
		}
		s.Work(t, model.JobErase)
		if get("referrers?campaign_id=2180", &rows); len(rows) != 1 || rows[0].Email != "ben@example.com" {
			t.Errorf("referrers are %+v, want ben alone", rows)
		}
		var earned []map[string]any
		get("rewards?campaign_id=2180", &earned)
		if len(earned) != 1 || earned[0]["recipient_id"] != "" || earned[0]["recipient_referral_code"] != nil || earned[0]["recipient_email"] != nil {
			t.Errorf("rewards are %v, want one of nobody", earned)
		}
		s.Verify(t)
	})
}
