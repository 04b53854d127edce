package friendbuy_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"grapevine/engine"
)

const wholeDay = "fromDate=2026-03-01&toDate=2026-03-02"

// listed is a page of any list.
type listed struct {
	NextPageToken string                       `json:"nextPageToken"`
	TotalResults  int                          `json:"totalResults"`
	Results       []map[string]json.RawMessage `json:"results"`
}

func (s *stage) list(t testing.TB, token, path string) listed {
	t.Helper()
	w := s.call(http.MethodGet, "/v1/analytics/"+path, token, "")
	var page listed
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return page
}

func (s *stage) post(t testing.TB, token, path, body string) {
	t.Helper()
	if w := s.call(http.MethodPost, "/v1/"+path, token, body); w.Code/100 != 2 {
		t.Errorf("%s: %d %s", path, w.Code, w.Body)
	}
}

// link gives somebody a link of that code on a channel.
func (s *stage) link(t testing.TB, token, code, channel string) {
	t.Helper()
	s.post(t, token, "personal-referral-link", fmt.Sprintf(
		`{"email":"%s@example.com","customerId":"%s","campaignId":"%s","seed":"%s","channel":"%s"}`, code, code, stageCampaign, code, channel))
}

func (s *stage) buy(t testing.TB, token, order, code string) {
	t.Helper()
	s.post(t, token, "event/purchase", fmt.Sprintf(
		`{"orderId":"%s","customerId":"buyer-%s","amount":20,"currency":"USD","isNewCustomer":true,"referralCode":"%s"}`, order, order, code))
}

// texts are one field of rows.
func texts(t testing.TB, rows []map[string]json.RawMessage, field string) []string {
	t.Helper()
	var all []string
	for _, row := range rows {
		var text string
		if raw, ok := row[field]; ok {
			if err := json.Unmarshal(raw, &text); err != nil {
				t.Fatalf("%s: %v", field, err)
			}
		}
		all = append(all, text)
	}
	return all
}

func TestPagesShowEachRowOnceWhileNewOnesArrive(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *stage) {
		token := s.token(t)
		channels := []string{"facebook", "sms", "purl"}
		for _, channel := range channels {
			s.link(t, token, "by-"+channel, channel)
		}
		const before = 23
		var want []string
		for n := range before {
			order := fmt.Sprintf("o-%d", n)
			s.buy(t, token, order, "by-"+channels[n%len(channels)])
			want = append(want, order)
		}
		slices.Reverse(want)

		stop, done := make(chan struct{}), make(chan struct{})
		go func() { // somebody goes on buying
			defer close(done)
			for n := range 500 {
				select {
				case <-stop:
					return
				default:
					s.buy(t, token, fmt.Sprintf("later-%d", n), "by-"+channels[n%len(channels)])
				}
			}
		}()
		defer func() { <-done }()
		defer close(stop)

		var got []string
		page := s.list(t, token, "purchases?pageSize=4&"+wholeDay)
		for {
			got = append(got, texts(t, page.Results, "orderId")...)
			if page.NextPageToken == "" {
				break
			}
			if len(page.Results) != 4 {
				t.Fatalf("a page that is not the last has %d rows", len(page.Results))
			}
			page = s.list(t, token, "purchases?pageToken="+page.NextPageToken)
			if page.TotalResults < before {
				t.Fatalf("of %d rows at least, %d are counted", before, page.TotalResults)
			}
		}
		sorted := slices.Sorted(slices.Values(got))
		if n := len(slices.Compact(sorted)); n != len(got) {
			t.Errorf("%d rows are shown more than once: %v", len(got)-n, got)
		}
		got = slices.DeleteFunc(got, func(order string) bool { return strings.HasPrefix(order, "later") })
		if !slices.Equal(got, want) {
			t.Errorf("of what was there from the beginning: got %v, want %v", got, want)
		}
	})
}

func TestPagesEndWithTheLastRow(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *stage) {
		token := s.token(t)
		s.link(t, token, "ann", "purl")
		for n := range 6 {
			s.buy(t, token, fmt.Sprintf("o-%d", n), "ann")
		}
		for _, size := range []int{1, 2, 3, 4, 5, 6, 7} {
			var sizes, want []int
			page := s.list(t, token, fmt.Sprintf("purchases?pageSize=%d&%s", size, wholeDay))
			for {
				sizes = append(sizes, len(page.Results))
				if page.TotalResults != 6 {
					t.Errorf("pages of %d: %d rows are counted, want 6", size, page.TotalResults)
				}
				if page.NextPageToken == "" || len(sizes) > 6 {
					break
				}
				page = s.list(t, token, "purchases?pageToken="+page.NextPageToken)
			}
			for left := 6; left > 0; left -= size {
				want = append(want, min(left, size))
			}
			if !slices.Equal(sizes, want) {
				t.Errorf("pages of %d: got %v, want %v", size, sizes, want)
			}
		}
	})
}

// Dates include both their ends, to the millisecond.
func TestDatesAreInclusive(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *stage) {
		token := s.token(t)
		s.link(t, token, "ann", "purl")
		for n := range 3 {
			s.buy(t, token, fmt.Sprintf("o-%d", n), "ann")
		}
		at := texts(t, s.list(t, token, "purchases?"+wholeDay).Results, "createdOn")
		slices.Reverse(at)
		for _, c := range []struct{ from, to, want string }{
			{at[0], at[2], "o-2 o-1 o-0"},
			{at[1], at[1], "o-1"},
			{at[0], at[1], "o-1 o-0"},
			{at[1], at[2], "o-2 o-1"},
			{"2026-02-28", at[0], "o-0"},
			{at[2], "2026-03-02T01:00:00.000+01:00", "o-2"},
		} {
			query := url.Values{"fromDate": {c.from}, "toDate": {c.to}}.Encode()
			if got := strings.Join(texts(t, s.list(t, token, "purchases?"+query).Results, "orderId"), " "); got != c.want {
				t.Errorf("from %s to %s: got %s, want %s", c.from, c.to, got, c.want)
			}
		}
	})
}

func TestRewardsKeepTheirPlaceWhenTheyMove(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *stage) {
		token := s.token(t)
		s.link(t, token, "ann", "sms")
		for n := range 3 {
			s.post(t, token, "event/account-sign-up", fmt.Sprintf(`{"email":"friend-%d@example.com","customerId":"%d","referralCode":"ann"}`, n, n))
		}
		first := s.list(t, token, "rewards/referral?pageSize=1&"+wholeDay)
		for _, id := range texts(t, s.list(t, token, "rewards/referral?"+wholeDay).Results, "id") {
			found, err := s.core.RewardByID(t.Context(), s.account, id)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.core.DeliverReward(t.Context(), s.account, found.ID); err != nil {
				t.Fatal(err)
			}
		}
		rest := s.list(t, token, "rewards/referral?pageToken="+first.NextPageToken)
		rows := append(first.Results, s.list(t, token, "rewards/referral?pageToken="+rest.NextPageToken).Results...)
		rows = append(rows, rest.Results...)
		if got := texts(t, rows, "friendEmail"); !slices.Equal(got, []string{"friend-2@example.com", "friend-0@example.com", "friend-1@example.com"}) {
			t.Errorf("got %v, want each friend's reward once", got)
		}
		if got := texts(t, rows, "status"); !slices.Equal(got, []string{"Rewarded", "Distributed", "Distributed"}) {
			t.Errorf("got %v: the first was read before it was delivered", got)
		}
		given := s.list(t, token, "distributed-friend-incentives?"+wholeDay)
		if got := texts(t, given.Results, "couponCode"); !slices.Equal(got, []string{"FRIEND-3", "FRIEND-2", "FRIEND-1"}) || given.TotalResults != 3 {
			t.Errorf("delivered: got %v of %d", got, given.TotalResults)
		}
	})
}

func TestClicksAreListed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *stage) {
		token := s.token(t)
		s.link(t, token, "ann", "facebook")
		s.link(t, token, "bob", "purl")
		for _, code := range []string{"ann", "bob"} {
			if _, err := s.core.Click(t.Context(), engine.Visit{Code: code, IP: "192.0.2.7", Agent: "Mozilla/5.0"}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.core.Click(t.Context(), engine.Visit{Code: "ann", Uncounted: true}); err != nil {
			t.Fatal(err)
		}
		for query, want := range map[string]string{
			"":                  "bob ann",
			"&channel=facebook": "ann",
			"&channel=purl":     "bob",
			"&channel=sms":      "",
			"&channel=none":     "",
			"&channel=facebook&campaignId=" + stageCampaign:                              "ann",
			"&channel=facebook&campaignId=0a1b2c3d-0000-4000-8000-000000000002":          "",
			"&campaignId=0a1b2c3d-0000-4000-8000-0000000000ff":                           "",
			"&channel=purl&campaignId=" + strings.ToUpper(stageCampaign) + "&pageSize=1": "bob",
		} {
			page := s.list(t, token, "clicks?"+wholeDay+query)
			if got := strings.Join(texts(t, page.Results, "referralCode"), " "); got != want || page.TotalResults != len(page.Results) {
				t.Errorf("clicks%s: got %q of %d, want %q", query, got, page.TotalResults, want)
			}
		}
		w := s.call(http.MethodGet, "/v1/analytics/clicks?channel=facebook&"+wholeDay, token, "")
		at := texts(t, s.list(t, token, "clicks?channel=facebook&"+wholeDay).Results, "createdOn")[0]
		want := `{"totalResults":1,"results":[{"advocateCustomerId":"ann","advocateEmail":"ann@example.com","channel":"facebook",` +
			`"referralCode":"ann","campaignId":"` + stageCampaign + `","campaignName":"Evergreen","createdOn":"` + at + `",` +
			`"userAgent":"Mozilla/5.0","ipAddress":"192.0.2.7","destinationUrl":"https://shop.example.com/welcome?ref=ann"}]}`
		if w.Body.String() != want {
			t.Errorf("got\n%s\nwant\n%s", w.Body, want)
		}
	})
}

// A page token opens no list of another account.
func TestPageTokensAreOfOneAccount(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *stage) {
		token := s.token(t)
		s.link(t, token, "ann", "purl")
		s.buy(t, token, "o-1", "ann")
		s.buy(t, token, "o-2", "ann")
		page := s.list(t, token, "purchases?pageSize=1&"+wholeDay)

		const key = "3fa85f64-5717-4562-b3fc-2c963f66afa7"
		s.apply(t, func(text string) string {
			text = strings.NewReplacer("account: Acme Outdoors", "account: Other", "slug: acme", "slug: other", stageKey, key,
				"7b0f4a52", "7b0f4a53", "ef9befc6", "ef9befc7", "0a1b2c3d", "0a1b2c3e", "ff83c064", "ff83c065",
				"code: evergreen", "code: evergreen-2", "code: winter", "code: winter-2", "code: plain", "code: plain-2").Replace(text)
			return text
		})
		w := s.call(http.MethodPost, "/v1/authorization", "", `{"key":"`+key+`","secret":"`+stageSecret+`"}`)
		var other struct{ Token string }
		if err := json.Unmarshal(w.Body.Bytes(), &other); err != nil || other.Token == "" {
			t.Fatalf("no token: %d %s", w.Code, w.Body)
		}
		if w := s.call(http.MethodGet, "/v1/analytics/purchases?pageToken="+page.NextPageToken, other.Token, ""); w.Code != http.StatusBadRequest {
			t.Errorf("the token of another account: got %d %s, want 400", w.Code, w.Body)
		}
		if got := s.list(t, other.Token, "purchases?"+wholeDay); got.TotalResults != 0 || len(got.Results) != 0 {
			t.Errorf("the other account's list has %d of %d", len(got.Results), got.TotalResults)
		}
		if got := s.list(t, token, "purchases?pageToken="+page.NextPageToken); len(got.Results) != 1 {
			t.Errorf("its own account: got %v", got.Results)
		}
	})
}
