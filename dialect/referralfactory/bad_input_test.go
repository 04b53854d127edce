package referralfactory_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"grapevine/dialect/dialecttest"
)

// sqlTries are texts that would change or tell something if any of them ever
// stood in a statement.
var sqlTries = []string{"' OR '1'='1", "1; DROP TABLE person", "1 OR 1=1", "x' UNION SELECT secret FROM key--", "%", "_", `\`, "id)--"}

// What tries to be more than a value is one, and what is none is refused in the
// one shape; nothing is stored, and nobody else's data shows.
func TestBadInputChangesAndShowsNothing(t *testing.T) {
	t.Parallel()
	dialecttest.OnBoth(t, func(t *testing.T, d *dialecttest.Stage) {
		s := enter(t, d, nil)
		id, kris := s.add(t, 25, "kris", "")
		s.Apply(t, func(string) string {
			return "account: Other\nsite: https://other.example\nkeys: {referral_factory: {token: other-token, inbound_token: other-inbound}}\n" +
				"campaigns: [{name: Theirs, id: 25, code: theirs, status: launched, code_style: {seed: first_name}}]\n"
		})
		theirs := httptest.NewRequest("POST", "/api/v1/users", strings.NewReader("campaign_id=25&first_name=Secretary&email=secretary@example.org"))
		theirs.Header.Set("Authorization", "Bearer other-token")
		made := httptest.NewRecorder()
		if s.handler.ServeHTTP(made, theirs); made.Code != http.StatusCreated {
			t.Fatal(made.Code, made.Body)
		}
		var secretary struct{ Data struct{ Code string } }
		decode(t, made, &secretary)
		before := string(s.show(t, "/api/v1/users"))
		refused := func(method, target, body string, statuses ...int) {
			t.Helper()
			w := s.call(method, target, body)
			for _, status := range statuses {
				if w.Code == status && (status == http.StatusOK || strings.HasPrefix(w.Body.String(), fmt.Sprintf(`{"code":%d,"message":"`, status))) && !strings.Contains(w.Body.String(), "secretary@") {
					return
				}
			}
			t.Errorf("%s %s %s: %d %s, want %d", method, target, body, w.Code, w.Body, statuses)
		}
		query := func(pairs ...string) string {
			values := url.Values{}
			for i := 0; i < len(pairs); i += 2 {
				values.Set(pairs[i], pairs[i+1])
			}
			return values.Encode()
		}
		for _, text := range sqlTries {
			for _, field := range []string{"email", "first_name", "code", "url", "meta", "sharing", "sharing_message", "source"} {
				for _, operator := range []string{"equal", "gt", "like"} {
					refused("GET", "/api/v1/users?"+query("filters[0][field]", field, "filters[0][operator]", operator, "filters[0][value]", text), "", http.StatusOK)
				}
			}
			for _, field := range []string{"id", "campaign_id", "referrer_id", "qualified", "qualified_at", "unsubscribed", "unsubscribed_at", "reach", "referrals_count", "converted_referrals_count", "date"} {
				refused("GET", "/api/v1/users?"+query("filters[0][field]", field, "filters[0][value]", text), "", http.StatusUnprocessableEntity)
			}
			for _, name := range []string{"filters[0][field]", "filters[0][operator]", "order[field]", "with", "with[]", "fields", "fields.campaign", "page", "per_page"} {
				refused("GET", "/api/v1/users?"+query(name, text), "", http.StatusUnprocessableEntity)
			}
			refused("GET", "/api/v1/users?"+query("order[field]", "id", "order[direction]", text), "", http.StatusUnprocessableEntity)
			in := url.PathEscape(text)
			for _, target := range []string{"/api/v1/users/" + in, "/api/v1/campaigns/" + in, "/api/v1/coupons/" + in} {
				refused("GET", target, "", http.StatusNotFound)
			}
			refused("PUT", "/api/v1/users/"+in, "qualified=1", http.StatusNotFound)
			refused("DELETE", "/api/v1/users/"+in, "", http.StatusNotFound)
			refused("POST", "/api/v1/coupons/"+in+"/qualification", "qualified=1", http.StatusNotFound)
			refused("POST", "/webhook/"+in+"/qualify", "code="+kris, http.StatusNotFound)
			refused("POST", "/webhook/rf-inbound/qualify", query("code", text), http.StatusNotFound)
			refused("POST", "/webhook/rf-inbound/qualify", query("coupon", text), http.StatusNotFound)
			refused("POST", "/api/v1/users", query("campaign_id", text, "first_name", "A", "email", "a@example.com"), http.StatusBadRequest)
			refused("POST", "/api/v1/users", query("campaign_id", "25", "first_name", "A", "email", text), http.StatusBadRequest)
			refused("POST", "/api/v1/users", query("campaign_id", "25", "first_name", "A", "email", "a@example.com", "referrer_code", text), http.StatusUnprocessableEntity)
		}
		for _, list := range []string{"campaigns", "users", "rewards", "rewards/due", "rewards/issued"} {
			for _, q := range []string{
				"per_page=0", "per_page=-1", "per_page=1.5", "per_page=ten", "page=0", "page=-1", "page=1e9", "page=99999999999999999999",
				"page[]=1", "per_page[]=1", "page[a]=1", "fields[]=id", "fields[0]=id", "fields.campaign[]=id", "order[field][]=id", "order[]=id", "order=id",
				"filters[]=id", "filters[0][value]=1", "filters[0][field][]=id&filters[0][value]=1", "filters[0][field]=id&filters[0][value][]=1",
				"filters[0][field]=id&filters[0][value]=1&filters[0][value]=2", "with[a]=nothing", "with=all,nothing",
			} {
				refused("GET", "/api/v1/"+list+"?"+q, "", http.StatusUnprocessableEntity)
			}
			refused("GET", "/api/v1/"+list+"?page=40000000000000", "", http.StatusOK) // an empty page
			refused("GET", "/api/v1/"+list+"?per_page=2147483647", "", http.StatusOK) // 250
		}
		at := fmt.Sprint("/api/v1/users/", id)
		for _, c := range [][3]string{
			{"POST", "/api/v1/users", `{"campaign_id":25,"first_name":["A"],"email":"a@example.com"}`}, {"POST", "/api/v1/users", `{"campaign_id":[25],"first_name":"A","email":"a@example.com"}`},
			{"POST", "/api/v1/users", "campaign_id[]=25&first_name=A&email=a@example.com"}, {"POST", "/api/v1/users", `[]`}, {"POST", "/api/v1/users", `"text"`},
			{"POST", "/api/v1/users", "campaign_id=25&first_name=A&email[]=a@example.com"}, {"POST", "/api/v1/users", `{"campaign_id":25,"first_name":"A","email":"a@example.com","referrer_id":{}}`},
			{"PUT", at, "email[]=a@example.com"}, {"PUT", at, `{"first_name":{"a":1}}`}, {"PUT", at, "qualified=maybe"}, {"PUT", at, "qualified[]=1"}, {"PUT", at, "email="}, {"PUT", at, "email=nobody"},
			{"POST", "/api/v1/users", "campaign_id=25&first_name=+&email=a@example.com"}, {"POST", "/api/v1/users", `{"campaign_id":25,"first_name":"A","email":"  "}`},
			{"POST", "/api/v1/users", `{"campaign_id":25,"first_name":"A","email":"a@example.com"}}`}, {"POST", "/api/v1/users", `{"campaign_id":25,"first_name":"A","email":"a@example.com"}]`},
			{"POST", "/api/v1/users", "campaign_id=25&first_name=%ff&email=a@example.com"}, {"PUT", at, "first_name=++"}, {"POST", "/webhook/rf-inbound/qualify", "code=+"},
			{"POST", "/api/n8n/webhooks", `{"event":"user.join","url":"  "}`}, {"POST", "/api/n8n/webhooks", `{"event":"user.join","url":"https://:80/"}`},
			{"POST", "/api/n8n/webhooks", "event=user.join&url=https://n8n.example.com/1&sources[a]=API"},
			{"POST", "/api/v1/coupons/FRIEND-1/qualification", ""}, {"POST", "/api/v1/coupons/FRIEND-1/qualification", "qualified=2"}, {"POST", "/api/v1/coupons/FRIEND-1/qualification", "qualified[]=1"},
			{"POST", "/webhook/rf-inbound/qualify", "code[]=" + kris}, {"POST", "/webhook/rf-inbound/qualify", `{"coupon":["FRIEND-1"]}`}, {"POST", "/webhook/rf-inbound/qualify", ""},
		} {
			refused(c[0], c[1], c[2], http.StatusBadRequest)
		}
		refused("POST", "/api/n8n/webhooks", "event=user.join&url=https://n8n.example.com/1&sources[]=API&sources[]=Mars", http.StatusUnprocessableEntity)
		refused("POST", "/api/n8n/webhooks", "event=user.join&url=https://n8n.example.com/"+strings.Repeat("a", 5000), http.StatusUnprocessableEntity)
		refused("POST", "/api/v1/users", "campaign_id=25&first_name=A&email=a@example.com&referrer_code="+secretary.Data.Code, http.StatusUnprocessableEntity)
		refused("POST", "/webhook/rf-inbound/qualify", "code="+secretary.Data.Code, http.StatusNotFound)
		if after := string(s.show(t, "/api/v1/users")); after != before {
			t.Errorf("users were\n%s, and are\n%s", before, after)
		}
		s.Verify(t)
	})
}
