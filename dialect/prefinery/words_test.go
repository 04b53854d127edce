package prefinery_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/dialect/dialecttest"
	"grapevine/engine"
	"grapevine/openapi"
)

// wordy has a beta in which everything happens that has a word of its own.
const wordy = `
  - name: Wordy
    id: 16
    code: wordy
    status: launched
    leaderboard: points
    idle_after: 48h
    points: {sign_up: 1, share: 2, referral: 10}
    rewards:
      - {name: Single, descriptor: single, id: 701, to: advocate, on: sign_up, limit: 1, issue: auto, points: {referrer: 3}, value: {type: cash, amount: 1, unit: USD}}
      - {name: Double, descriptor: double, id: 702, to: both, on: sign_up, repeat: true, points: {referrer: 4, friend: 5}, value: {type: cash, amount: 2, unit: USD}}
      - {name: Two friends, descriptor: two, id: 703, to: advocate, on: sign_up, after: 2, value: {type: cash, amount: 3, unit: USD}}
`

// Each word that the document knows for a status, a type, a role, an activity
// or a reason is shown by a list, once there is what it means.
func TestEveryWordIsShown(t *testing.T) {
	t.Parallel()
	dialecttest.OnBoth(t, func(t *testing.T, d *dialecttest.Stage) {
		s := enter(t, d)
		s.Apply(t, func(text string) string { return text + wordy })
		id := map[string]int64{}
		join := func(name, more string) {
			id[name], _ = idOf(t, s.body(t, "POST", "/api/v2/betas/16/testers", fmt.Sprintf(`{"tester":{"email":"%s@example.org"%s}}`, name, more)))
		}
		become := func(name, status string) {
			s.body(t, "PUT", fmt.Sprint("/api/v2/betas/16/testers/", id[name]), `{"tester":{"status":"`+status+`"}}`)
		}
		for _, status := range []string{"imported", "unconfirmed", "applied", "invited", "active"} {
			join(status, `,"status":"`+status+`"`)
		}
		join("rejected", "")
		become("rejected", "rejected")
		join("suspended", "")
		become("suspended", "suspended")
		s.Clock.Jump(72 * time.Hour) // who was active is idle
		join("seen", `,"status":"active"`)
		join("friend", `,"referrer_id":"applied@example.org"`)
		join("second", `,"referrer_id":"applied@example.org"`)
		join("third", `,"referrer_id":"seen@example.org"`)

		shown := map[string]any{}
		if err := json.Unmarshal([]byte(s.body(t, "GET", fmt.Sprint("/api/v2/betas/16/testers/", id["applied"]), "")), &shown); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Core.RecordShare(t.Context(), s.Account, engine.Share{Code: fmt.Sprint(shown["referral_code"]), Channel: "facebook"}); err != nil {
			t.Fatal(err)
		}
		s.body(t, "POST", "/api/v2/betas/16/points", `{"email":"seen@example.org","quantity":-7}`)
		var mine []struct{ ID int64 }
		if err := json.Unmarshal([]byte(s.body(t, "GET", "/api/v2/betas/16/rewards?email=seen@example.org&status=earned", "")), &mine); err != nil || len(mine) == 0 {
			t.Fatalf("no reward is earned: %v", err)
		}
		s.body(t, "PATCH", fmt.Sprint("/api/v2/betas/16/rewards/", mine[0].ID), `{"status":"revoked"}`)
		s.body(t, "POST", "/api/v2/betas/16/suppressions", `{"email":"friend@example.org"}`)
		s.body(t, "POST", "/api/v2/betas/16/suppressions", `{"email":"second@example.org","reason":"Unsubscribe"}`)
		for email, news := range map[string]engine.MailNews{"gone@example.org": engine.MailHasNoMailbox, "cross@example.org": engine.MailIsSpam} {
			if err := s.Core.MailReturned(t.Context(), s.Account, engine.MailReturn{News: news, Address: email}); err != nil {
				t.Fatal(err)
			}
		}

		lists := map[string]string{}
		for _, name := range []string{"testers", "rewards", "points", "suppressions"} {
			lists[strings.TrimSuffix(name, "s")] = s.body(t, "GET", "/api/v2/betas/16/"+name, "")
		}
		for _, w := range words(t) {
			field := regexp.MustCompile(`"` + w.field + `":"([^"]*)"`)
			seen := map[string]bool{}
			for _, found := range field.FindAllStringSubmatch(lists[w.schema], -1) {
				seen[found[1]] = true
			}
			if diff := cmp.Diff(w.words, slices.Sorted(maps.Keys(seen))); diff != "" {
				t.Errorf("the %s of a %s (-documented +shown):\n%s", w.field, w.schema, diff)
			}
		}

		// Of what came of mail, only an address that there is not may be tried again.
		var suppressed []struct {
			ID     int64
			Reason string
		}
		if err := json.Unmarshal([]byte(lists["suppression"]), &suppressed); err != nil {
			t.Fatal(err)
		}
		for _, one := range suppressed {
			want := http.StatusUnprocessableEntity
			if one.Reason == "Manual" || one.Reason == "HardBounce" {
				want = http.StatusOK
			}
			if w := s.call("DELETE", fmt.Sprint("/api/v2/betas/16/suppressions/", one.ID), ""); w.Code != want {
				t.Errorf("delete a suppression for %s: %d %s, want %d", one.Reason, w.Code, w.Body, want)
			}
		}
		s.Verify(t)
	})
}

// word is a field whose words the document lists.
type word struct {
	schema, field string
	words         []string
}

// words are the fields of the lists' rows that have a closed list of words.
func words(t *testing.T) (fields []word) {
	t.Helper()
	text, err := openapi.Documents.ReadFile("prefinery.yaml")
	if err != nil {
		t.Fatal(err)
	}
	schema := ""
	for _, line := range regexp.MustCompile(`(?m)^    (\w+):$|^        (\w+): \{enum: \[([\w, ]+)\]`).FindAllStringSubmatch(string(text), -1) {
		if line[1] != "" {
			schema = line[1]
		} else if slices.Contains([]string{"tester", "reward", "point", "suppression"}, schema) {
			list := strings.Split(line[3], ", ")
			slices.Sort(list)
			fields = append(fields, word{schema, line[2], list})
		}
	}
	if len(fields) != 6 {
		t.Fatalf("the document lists words of %d fields: %v", len(fields), fields)
	}
	return fields
}
