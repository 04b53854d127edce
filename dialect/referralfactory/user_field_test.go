package referralfactory_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"grapevine/dialect/dialecttest"
	"grapevine/engine"
	"grapevine/model"
)

// Fields that hold several texts are filtered by any of them, and follow what
// is sent of people.
func TestUsersAreFoundByFieldsOfSeveralTexts(t *testing.T) {
	t.Parallel()
	dialecttest.OnBoth(t, func(t *testing.T, d *dialecttest.Stage) {
		s := enter(t, d, nil)
		describe := func(name string, campaign int, extra string) (code string) {
			t.Helper()
			who := engine.Who{Email: name + "@example.com", FirstName: name, Server: true}
			if err := json.Unmarshal([]byte(extra), &who.Extra); err != nil {
				t.Fatal(err)
			}
			joined, err := s.Core.Join(t.Context(), s.Account, engine.Join{Who: who, Kind: model.SignUp, Campaign: model.CampaignID(campaign)})
			if err != nil {
				t.Fatal(err)
			}
			v, err := s.Core.ViewParticipant(t.Context(), s.Account, joined.Participant, engine.Relations{})
			if err != nil {
				t.Fatal(err)
			}
			return v.Shown
		}
		find := func(query ...string) string {
			t.Helper()
			values := url.Values{"fields": {"first_name"}}
			for _, pair := range query {
				name, value, _ := strings.Cut(pair, "=")
				values.Set(name, value)
			}
			var found struct {
				Data []map[string]string `json:"data"`
				Meta struct{ Total int }
			}
			decode(t, s.call("GET", "/api/v1/users?"+values.Encode(), ""), &found)
			names := make([]string, len(found.Data))
			for i, row := range found.Data {
				names[i] = row["first_name"]
			}
			if found.Meta.Total != len(names) {
				t.Errorf("%q: %d of %d", query, len(names), found.Meta.Total)
			}
			return strings.Join(names, " ")
		}
		ann := describe("ann", 25, `{"color":"Red","size":7,"tags":["a","b"],"none":null}`)
		ben := describe("ben", 26, `{"color":"blue","shop":"red lion"}`)
		describe("cyd", 26, `{}`)
		expect := func(field, operator, value, want string) {
			t.Helper()
			if got := find("filters[0][field]="+field, "filters[0][operator]="+operator, "filters[0][value]="+value); got != want {
				t.Errorf("%s %s %s: %q, want %q", field, operator, value, got, want)
			}
		}
		expect("meta", "equal", "red", "ann")
		expect("meta", "equal", "7", "ann")
		expect("meta", "equal", "color", "")
		expect("meta", "like", "RED", "ann ben")
		expect("meta", "like", `["a"`, "ann")
		expect("meta", "gt", "red", "ben")
		expect("meta", "gte", "red lion", "ben")
		expect("meta", "lt", "9", "ann")
		expect("meta", "lte", "blue", "ann ben")
		expect("sharing", "equal", "Twitter", "ben cyd")
		expect("sharing", "equal", "facebook", "ann ben cyd")
		expect("sharing", "equal", "https://grapevine.example.com/"+ann+"/socials/whatsapp", "ann")
		expect("sharing", "like", "/"+ben+"/", "ben")
		expect("sharing_message", "like", "thought of you", "ann ben cyd")
		expect("sharing_message", "like", "go.example.com/"+ann, "ann")
		expect("sharing_message", "equal", "I thought of you", "ben cyd")
		expect("sharing_message", "equal", "have a look", "ann ben cyd")
		for _, c := range []struct{ field, direction, want string }{
			{"meta", "asc", "cyd ben ann"}, {"meta", "desc", "ann ben cyd"},
			{"sharing", "asc", "ben cyd ann"}, {"sharing", "desc", "ann cyd ben"}, // e-mail comes before Facebook
			{"sharing_message", "asc", "ben cyd ann"}, {"sharing_message", "desc", "ann cyd ben"},
		} {
			if got := find("order[field]="+c.field, "order[direction]="+c.direction); got != c.want {
				t.Errorf("by %s, %s: %q, want %q", c.field, c.direction, got, c.want)
			}
		}

		describe("cyd", 26, `{"color":"green"}`)
		expect("meta", "equal", "green", "cyd")
		if got := find("filters[0][field]=meta", "filters[0][value]=blue", "filters[1][field]=sharing", "filters[1][value]=twitter", "filters[2][field]=first_name", "filters[2][value]=ben"); got != "ben" {
			t.Errorf("three filters: %q", got)
		}
		s.Verify(t)
	})
}
