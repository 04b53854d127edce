package referralfactory_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"grapevine/dialect/dialecttest"
)

// ids lists the rows of a list whose field compares so with a value.
func (s *stage) ids(t *testing.T, list, id, field, operator, value string) (found []any) {
	t.Helper()
	query := url.Values{"filters[0][field]": {field}, "filters[0][operator]": {operator}, "filters[0][value]": {value}}
	var rows []map[string]any
	if err := json.Unmarshal(s.show(t, list+"?"+query.Encode()), &rows); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		found = append(found, row[id])
	}
	return found
}

// Reward 6 is for both, and for an event that has no word here.
func TestWhatIsNullMeetsNoFilter(t *testing.T) {
	t.Parallel()
	dialecttest.OnBoth(t, func(t *testing.T, d *dialecttest.Stage) {
		s := enter(t, d, nil)
		for _, field := range []string{"reward_for", "when_referral"} {
			for operator, value := range map[string]string{"equal": "", "lt": "z", "lte": "z", "gte": "", "like": ""} {
				for _, id := range s.ids(t, "/api/v1/rewards", "id", field, operator, value) {
					if id == 6. {
						t.Errorf("%s, which is null, meets %s %q", field, operator, value)
					}
				}
			}
		}
	})
}

func TestRowsOfRewardsThatWereRemovedAreFound(t *testing.T) {
	t.Parallel()
	dialecttest.OnBoth(t, func(t *testing.T, d *dialecttest.Stage) {
		s := enter(t, d, nil)
		_, kris := s.add(t, 25, "kris", "")
		s.add(t, 25, "john", `,"referrer_code":"`+kris+`"`)
		s.Apply(t, func(text string) string {
			lines := strings.Split(text, "\n")
			for i, line := range lines {
				if strings.Contains(line, "{name: Welcome, id: 4,") {
					lines[i] = ""
				}
			}
			return strings.Join(lines, "\n")
		})
		for field, value := range map[string]string{"reward_id": "4", "reward_type": "discount", "reward_value": "10", "reward_when_referral": "invited"} {
			if found := s.ids(t, "/api/v1/rewards/due", "reward_id", field, "equal", value); len(found) != 1 || found[0] != 4. {
				t.Errorf("%s = %s: rewards %v, want 4", field, value, found)
			}
		}
	})
}

// Reward 8 is for whoever buys: nothing here shows it, and no hook is told of it.
func TestRewardsThatAreNotListedAreNotTold(t *testing.T) {
	t.Parallel()
	dialecttest.OnBoth(t, func(t *testing.T, d *dialecttest.Stage) {
		s := enter(t, d, nil)
		if w := s.call("PUT", "/api/n8n/rewards/8", `{"url":"https://n8n.example.com/1"}`); w.Code != http.StatusNotFound {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestFormsSendLists(t *testing.T) {
	t.Parallel()
	dialecttest.OnBoth(t, func(t *testing.T, d *dialecttest.Stage) {
		s := enter(t, d, nil)
		for _, body := range []string{"sources[]=API&sources[]=Direct", "sources[0]=Direct&sources[1]=API", "sources%5B%5D=API"} {
			r := s.call("POST", "/api/n8n/webhooks", "event=user.join&campaign_id=25&url=https://n8n.example.com/1&"+body)
			if r.Code != http.StatusCreated {
				t.Fatal(r.Code, r.Body)
			}
		}
		s.add(t, 25, "kris", "")
		if heard := s.Hear(t, renderer); len(heard) != 3 {
			t.Errorf("%d hooks were told of who came by the API, want 3", len(heard))
		}
	})
}
