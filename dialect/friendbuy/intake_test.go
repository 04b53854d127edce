package friendbuy_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"grapevine/dialect/friendbuy"
	"grapevine/web"
)

const (
	stageMerchant = "7b0f4a52-1111-4222-8333-444455556666"
	stageCampaign = "ef9befc6-18f1-418c-8914-5ee8d09bb5aa"
	shareWidget   = "ff83c064-0776-4b99-adcc-c2b93af11b78"
	captureWidget = "ff83c064-0776-4b99-adcc-c2b93af11b79"
	shop          = "https://shop.example.com"
)

// taken is the answer to a browser.
type taken struct {
	*httptest.ResponseRecorder
	Visitor       string
	Authenticated bool
	Results       []takenResult
}

type takenResult struct {
	ID, EventID, CreatedOn, Link, ReferralCode, Error, Message string
	Status                                                     int
}

// browse is a call of a page of the shop.
func (s *stage) browse(t testing.TB, body string, header ...string) taken {
	t.Helper()
	return s.browseBy(t, s.handler, body, header...)
}

func (s *stage) browseBy(t testing.TB, handler http.Handler, body string, header ...string) taken {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/v1/intake/"+stageMerchant, strings.NewReader(body))
	r.Header.Set("Origin", shop)
	r.Header.Set("Content-Type", "text/plain")
	r.Header.Set("User-Agent", "Firefox")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	got := taken{ResponseRecorder: w}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return got
}

// statuses are what became of the events of a call.
func (got taken) statuses() (list []int) {
	for _, r := range got.Results {
		list = append(list, r.Status)
	}
	return list
}

// event is one event of a body.
func event(kind, name, payload string) string {
	return fmt.Sprintf(`{"id":%q,"type":%q,"name":%q,"payload":%s}`, uuid.NewString(), kind, name, payload)
}

func events(list ...string) string { return `"events":[` + strings.Join(list, ",") + `]` }

// signature is what the merchant's server makes for a page.
func signature(at time.Time, email, customer string) string {
	text := fmt.Sprintf("%d:%s:%s", at.Unix(), email, customer)
	mac := hmac.New(sha256.New, []byte("fb-signing-secret"))
	mac.Write([]byte(text))
	return fmt.Sprintf(`"auth":{"string":%q,"signature":%q}`, text, hex.EncodeToString(mac.Sum(nil)))
}

// capitals writes the digits of a signature as other libraries do.
func capitals(auth string) string {
	at := strings.LastIndex(auth, `:"`)
	return auth[:at] + strings.ToUpper(auth[at:])
}

func TestPagesOfTheOriginsMayCall(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, tt := range []struct {
		origin, merchant string
		post, preflight  int
		allowed          string
	}{
		{shop, stageMerchant, 200, 204, shop},
		{"http://localhost:8080", stageMerchant, 200, 204, "http://localhost:8080"},
		{"http://shop.example.com", stageMerchant, 403, 403, ""},
		{"https://shop.example.com:8443", stageMerchant, 403, 403, ""},
		{"https://evil.example.com", stageMerchant, 403, 403, ""},
		{"https://shop.example.com.evil.example", stageMerchant, 403, 403, ""},
		{"null", stageMerchant, 403, 403, ""},
		{"", stageMerchant, 403, 403, ""},
		{shop, "7b0f4a52-1111-4222-8333-444455556667", 404, 404, ""},
		{shop, stageKey, 404, 404, ""}, // another key is no merchant id
	} {
		for method, want := range map[string]int{http.MethodPost: tt.post, http.MethodOptions: tt.preflight} {
			r := httptest.NewRequest(method, "/v1/intake/"+tt.merchant, strings.NewReader(`{"events":[]}`))
			if tt.origin != "" {
				r.Header.Set("Origin", tt.origin)
			}
			if method == http.MethodOptions {
				r = httptest.NewRequest(method, "/v1/intake/"+tt.merchant, nil)
				r.Header = http.Header{"Origin": {tt.origin}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"content-type"}}
			}
			w := httptest.NewRecorder()
			s.handler.ServeHTTP(w, r)
			header := w.Header()
			if w.Code != want || header.Get("Access-Control-Allow-Origin") != tt.allowed {
				t.Errorf("%s from %q: %d for %q, want %d for %q", method, tt.origin, w.Code, header.Get("Access-Control-Allow-Origin"), want, tt.allowed)
			}
			if tt.merchant == stageMerchant && !slices.Contains(header.Values("Vary"), "Origin") {
				t.Errorf("%s from %q: Vary is %q: a cache would give the answer to others", method, tt.origin, header.Values("Vary"))
			}
			if w.Code == 204 && (header.Get("Access-Control-Allow-Methods") != "POST" || header.Get("Access-Control-Allow-Headers") != "Content-Type" || header.Get("Access-Control-Allow-Credentials") != "true") {
				t.Errorf("preflight %v", header)
			}
		}
	}
}

// Everything that a page pushes, once. The second call is a retry.
func TestIntakeTakesWhatPagesPush(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *stage) {
		body := `{"device":{"language":"de-AT","colorDepth":24,"platform":"MacIntel","screenSize":"3072x1920"},
			"metadata":{"url":"https://shop.example.com/a","title":"A","name":"home"},` + events(
			event("track", "page", `{"name":"home","section":"top"}`),
			event("widget_view", "", `{"campaignId":"`+stageCampaign+`","widgetId":"`+shareWidget+`"}`),
			event("track", "customer", `{"id":4711,"email":"ann@example.com","name":"Ann van Lee","age":26,"loyaltyStatus":"in","customerSince":"2020-06-12T17:58:44.000Z","tags":["vip",{"a":1}]}`),
			event("track", "email", `{"email":"bea@example.com"}`),
			event("track", "email_capture", `{"email":"cid@example.com","name":"Cid","referralCode":"nobody","newsletterOptIn":true,"age":"55","widgetId":"`+captureWidget+`","campaignId":"`+stageCampaign+`"}`),
			event("track", "sign_up", `{"id":"c-2","email":"dan@example.com","name":"Dan","age":40,"birthday":{"day":1,"month":10}}`),
			event("track", "purchase", `{"id":"order-1","amount":57.870000000000005,"currency":"USD","giftCardCodes":["g"],"customer":{"id":"c-3","email":"eve@example.com","name":"Eve"},"products":[{"quantity":2,"price":5.54,"name":"flowers","description":"d","category":"c","url":"https://shop.example.com/p","imageUrl":"https://shop.example.com/i"}],"note":"x"}`),
			event("track", "video-viewed", `{"id":"welcome","name":{"no":"name"},"email":"fay@example.com","deduplicationId":"fay:welcome","amount":"ten"}`),
			event("widget_action", "", `{"widgetConfigId":"`+shareWidget+`","actionName":"copyText","screenName":"S","componentName":"C","email":"ann@example.com"}`),
			event("share", "", `{"campaignId":"`+stageCampaign+`","widgetId":"`+shareWidget+`","channel":"facebook","email":"ann@example.com"}`),
			event("share", "", `{"campaignId":"`+stageCampaign+`","channel":"purl","customerId":"4711"}`),
		) + `}`
		first := s.browse(t, body)
		if diff := cmp.Diff([]int{201, 201, 201, 201, 201, 201, 201, 201, 201, 201, 201}, first.statuses()); diff != "" {
			t.Fatalf("%s\n%s", diff, first.Body)
		}
		again := s.browse(t, body, "Cookie", "gv="+first.Visitor)
		for i, got := range again.Results {
			want := first.Results[i]
			want.Status = 200
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("event %d sent again: %s", i, diff)
			}
		}
		if share := first.Results[9]; !strings.HasPrefix(share.Link, "https://go.example.com/") || share.ReferralCode == "" || share.ReferralCode == first.Results[10].ReferralCode {
			t.Errorf("shares %+v, %+v", share, first.Results[10])
		}
		s.verify(t)
	})
}

func TestOneEventIsRefusedAlone(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	got := s.browse(t, `{`+events(
		event("track", "page", `{"name":1}`),
		event("track", "page", `[]`),
		event("track", "", `{}`),
		event("pixel", "", `{}`),
		`{"id":"7","type":"track","name":"page"}`,
		`{"type":"track","name":"page"}`,
		event("widget_view", "", `{}`),
		event("widget_view", "", `{"campaignId":"7","widgetId":"x"}`),
		event("widget_view", "", `{"campaignId":"`+stageCampaign+`","widgetId":"x"}`),
		event("widget_view", "", `{"campaignId":"0a1b2c3d-0000-4000-8000-00000000000f","widgetId":"x"}`),
		event("widget_action", "", `{"widgetId":"`+shareWidget+`"}`),
		event("track", "customer", `{"email":"ann@example.com"}`),
		event("track", "customer", `{"id":"c-1","email":"ann"}`),
		event("track", "customer", `{"id":"c-1","email":"ann@example.com","loyaltyStatus":"maybe"}`),
		event("track", "email_capture", `{}`),
		event("track", "email_capture", `{"email":"ann@example.com","campaignId":"0a1b2c3d-0000-4000-8000-000000000001"}`),
		event("track", "sign_up", `{"email":"ann@example.com"}`),
		event("track", "purchase", `{"id":"o-1","currency":"USD"}`),
		event("track", "purchase", `{"id":"o-1","amount":"7","currency":"USD"}`),
		event("track", "purchase", `{"id":"o-1","amount":-7,"currency":"USD"}`),
		event("track", "purchase", `{"id":"o-1","amount":7,"currency":"usd"}`),
		event("track", "video", `{"email":"nobody"}`),
		event("share", "", `{"campaignId":"`+stageCampaign+`","channel":"fax","email":"ann@example.com"}`),
		event("share", "", `{"campaignId":"`+stageCampaign+`"}`),
		event("share", "", `{"referralCode":"nobody"}`),
		event("track", "page", `{"name":"home"}`),
	)+`}`)
	want := []int{400, 400, 400, 422, 422, 400, 400, 422, 404, 404, 400, 400, 422, 422, 400, 404, 400, 400, 400, 422, 422, 422, 422, 422, 404, 201}
	if diff := cmp.Diff(want, got.statuses()); diff != "" {
		t.Errorf("%s\n%s", diff, got.Body)
	}
	for i, r := range got.Results[:len(want)-1] {
		if r.Error == "" || r.Message == "" || r.EventID != "" {
			t.Errorf("event %d: %+v", i, r)
		}
	}
	if found := s.call(http.MethodGet, "/v1/customers?id=c-1", s.token(t), ""); found.Code != http.StatusNotFound {
		t.Errorf("an event that was refused left something behind: %d", found.Code)
	}
	s.verify(t)
}

func TestIntakeIsBounded(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	many := func(n int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = event("track", "page", `{"name":"home"}`)
		}
		return `{` + events(list...) + `}`
	}
	for _, tt := range []struct {
		claim, body string
		status      int
	}{
		{"fifty events", many(50), 200},
		{"fifty-one events", many(51), 422},
		{"64 KiB", `{"events":[]` + strings.Repeat(" ", 64<<10-13) + `}`, 200},
		{"a byte more", `{"events":[]` + strings.Repeat(" ", 64<<10-12) + `}`, 400},
		{"no JSON", `{`, 400},
		{"no address", `{"customer":{"email":"ann"},"events":[]}`, 422},
	} {
		if got := s.browse(t, tt.body); got.Code != tt.status {
			t.Errorf("%s: %d %s, want %d", tt.claim, got.Code, got.Body, tt.status)
		}
	}
}

func TestVisitorIsKnownByCookieOrToken(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	first := s.browse(t, `{"events":[]}`)
	cookies := first.Result().Cookies()
	if len(cookies) != 1 || cookies[0].Name != "gv" || cookies[0].Value != first.Visitor || first.Visitor == "" {
		t.Fatalf("visitor %q, cookies %v", first.Visitor, cookies)
	}
	other := s.browse(t, `{"events":[]}`)
	for _, tt := range []struct{ claim, body, cookie, want string }{
		{"by token", `{"visitor":"` + first.Visitor + `","events":[]}`, "", first.Visitor},
		{"by cookie", `{"events":[]}`, first.Visitor, first.Visitor},
		{"by cookie before token", `{"visitor":"` + first.Visitor + `","events":[]}`, other.Visitor, other.Visitor},
		{"by token beside a cookie of nobody's", `{"visitor":"` + first.Visitor + `","events":[]}`, "x", first.Visitor},
		{"by nothing that was changed", `{"visitor":"` + strings.ToUpper(first.Visitor) + `","events":[]}`, "", ""},
	} {
		got := s.browse(t, tt.body, "Cookie", "gv="+tt.cookie)
		if tt.want == "" && (got.Visitor == first.Visitor || got.Visitor == "") || tt.want != "" && got.Visitor != tt.want {
			t.Errorf("%s: %q, want %q", tt.claim, got.Visitor, tt.want)
		}
		if set := got.Result().Cookies(); (len(set) == 0) != (tt.cookie == got.Visitor) {
			t.Errorf("%s: sets %v", tt.claim, set)
		}
	}
}

func TestMerchantSignsWhoIsThere(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	now := s.clock.now()
	ann := func(at time.Time) string { return signature(at, "Ann@example.com", "c:1") }
	for _, tt := range []struct {
		claim, auth string
		want        bool
	}{
		{"now", ann(now), true},
		{"yesterday", ann(now.Add(-23 * time.Hour)), true},
		{"long ago", ann(now.Add(-25 * time.Hour)), false},
		{"by a clock that is a little ahead", ann(now.Add(4 * time.Minute)), true},
		{"in the future", ann(now.Add(time.Hour)), false},
		{"in capital letters", capitals(ann(now)), true},
		{"something else", strings.Replace(ann(now), "Ann@", "Bea@", 1), false},
		{"no address", signature(now, "ann", "c:1"), false},
		{"no customer", signature(now, "ann@example.com", ""), false},
		{"by no hexadecimal digits", `"auth":{"string":"x","signature":"x"}`, false},
		{"nothing", `"auth":null`, false},
	} {
		got := s.browse(t, `{`+tt.auth+`,`+events(event("track", "page", `{"name":"home"}`))+`}`)
		if got.Authenticated != tt.want || got.Results[0].Status != 201 {
			t.Errorf("signed %s: %v, %s", tt.claim, got.Authenticated, got.Body)
		}
	}
}

// A page may say who is there. What it changes of somebody, and what it learns
// of them, is up to their merchant.
func TestUnsignedPageChangesAndLearnsNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *stage) {
		token := s.token(t)
		s.call(http.MethodPost, "/v1/customer", token, `{"customerId":"c-1","email":"ann@example.com","firstName":"Ann","loyaltyStatus":"out"}`)
		made := s.call(http.MethodPost, "/v1/personal-referral-link", token, `{"email":"ann@example.com","campaignId":"`+stageCampaign+`","channel":"facebook"}`)
		before := s.call(http.MethodGet, "/v1/customers?id=c-1", token, "").Body.String()
		share := event("share", "", `{"campaignId":"`+stageCampaign+`","channel":"facebook","email":"ann@example.com"}`)
		pushed := events(
			event("track", "customer", `{"id":"c-1","email":"mallory@example.com","name":"Mallory","loyaltyStatus":"in"}`),
			event("track", "customer", `{"id":"c-1","email":"ann@example.com","name":"Mallory","loyaltyStatus":"in"}`),
			share,
		)
		unsigned := s.browse(t, `{`+pushed+`}`)
		if diff := cmp.Diff([]int{201, 201, 201}, unsigned.statuses()); diff != "" {
			t.Errorf("%s\n%s", diff, unsigned.Body)
		}
		if after := s.call(http.MethodGet, "/v1/customers?id=c-1", token, "").Body.String(); after != before {
			t.Errorf("before %s\nafter %s", before, after)
		}
		if strings.Contains(made.Body.String(), unsigned.Results[2].ReferralCode) {
			t.Error("a stranger learned Ann's code")
		}

		signed := s.browse(t, `{`+signature(s.clock.now(), "ann@example.com", "c-1")+`,`+events(
			event("track", "customer", `{"id":"c-1","email":"ann@example.com","name":"Ann Lee","loyaltyStatus":"in"}`), share)+`}`)
		if after := s.call(http.MethodGet, "/v1/customers?id=c-1", token, "").Body.String(); after == before || !strings.Contains(after, `"status":"in"`) {
			t.Errorf("what was signed changed nothing: %s", after)
		}
		if len(signed.Results) != 2 || !strings.Contains(made.Body.String(), `"`+signed.Results[1].ReferralCode+`"`) {
			t.Errorf("Ann's own share is of another link: %s, %s", made.Body, signed.Body)
		}
		s.verify(t)
	})
}

// Many browsers at once, each sending the same twice: every event is there once.
func TestIntakeInParallel(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *stage) {
		bodies := make([]string, 12)
		for i := range bodies {
			bodies[i] = `{` + events(
				event("track", "page", `{"name":"home"}`),
				event("track", "email_capture", `{"email":"ann@example.com","widgetId":"`+captureWidget+`"}`),
				event("widget_view", "", `{"widgetId":"`+shareWidget+`","email":"ann@example.com"}`),
				event("share", "", `{"campaignId":"`+stageCampaign+`","channel":"sms","email":"ann@example.com"}`),
			) + `}`
		}
		answers := make([]taken, 2*len(bodies))
		var each sync.WaitGroup
		for i := range answers {
			each.Go(func() { answers[i] = s.browse(t, bodies[i%len(bodies)]) })
		}
		each.Wait()
		seen := map[string]int{}
		for i, got := range answers {
			for n, r := range got.Results {
				seen[r.EventID]++
				if twin := answers[(i+len(bodies))%len(answers)].Results[n]; r.EventID == "" || r.EventID != twin.EventID || r.CreatedOn != twin.CreatedOn || r.Status+twin.Status != 401 {
					t.Errorf("call %d, event %d: %+v and %+v", i, n, r, twin)
				}
			}
		}
		if len(seen) != 4*len(bodies) {
			t.Errorf("%d events, want %d", len(seen), 4*len(bodies))
		}
		s.verify(t)
	})
}

func TestBrowsersAddressIsTheClients(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	handler := web.Front(web.Settings{Log: slog.New(slog.DiscardHandler), Now: s.clock.now, Trusted: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}},
		friendbuy.New(s.core, friendbuy.Options{Now: s.clock.now}))
	s.browseBy(t, handler, `{`+events(event("track", "email_capture", `{"email":"ann@example.com"}`))+`}`, "X-Forwarded-For", "203.0.113.9, 198.51.100.4")
	s.browse(t, `{`+events(event("track", "email_capture", `{"email":"bea@example.com"}`))+`}`, "X-Forwarded-For", "203.0.113.9")
	var got []string
	for _, row := range s.listed(t, "email-captures") {
		got = append(got, fmt.Sprint(row["email"], " ", row["ipAddress"]))
	}
	if diff := cmp.Diff([]string{"bea@example.com 192.0.2.1", "ann@example.com 198.51.100.4"}, got); diff != "" {
		t.Error(diff)
	}
}

// listed is the first page of a list.
func (s *stage) listed(t testing.TB, list string) []map[string]any {
	t.Helper()
	w := s.call(http.MethodGet, "/v1/analytics/"+list+"?fromDate=2026-01-01&toDate=2027-01-01", s.token(t), "")
	var got struct{ Results []map[string]any }
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return got.Results
}

// What browsers send fills the lists, under the names of the project file.
func TestListsShowWhatBrowsersSent(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *stage) {
		made := s.call(http.MethodPost, "/v1/personal-referral-link", s.token(t), `{"email":"ann@example.com","customerId":"c-1","firstName":"Ann","campaignId":"`+stageCampaign+`","seed":"ann"}`)
		if made.Code != http.StatusOK {
			t.Fatal(made.Body)
		}
		ann := `"customer":{"id":"c-1","email":"ann@example.com"},`
		s.browse(t, `{`+ann+events(
			event("widget_view", "", `{"campaignId":"`+stageCampaign+`","widgetId":"Post Purchase Overlay"}`),
			event("share", "", `{"referralCode":"ann","channel":"messenger"}`),
			event("track", "email_capture", `{"email":"ann@example.com","name":"Ann Lee","widgetId":"`+shareWidget+`","campaignId":"`+stageCampaign+`"}`),
		)+`}`)
		s.browse(t, `{`+events(
			event("widget_view", "", `{"widgetId":"`+captureWidget+`"}`),
			event("track", "email_capture", `{"email":"bob@example.com","name":"Bob","widgetId":"`+captureWidget+`","referralCode":"ann","newsletterOptIn":true}`),
			event("track", "email_capture", `{"email":"cid@example.com","widgetId":"`+captureWidget+`","newsletterOptIn":false}`),
			event("track", "email_capture", `{"email":"dan@example.com","widgetId":"made up","campaignId":"`+stageCampaign+`"}`),
		)+`}`)
		said := func(list string, names ...string) (rows []string) {
			for _, row := range s.listed(t, list) {
				text := ""
				for _, name := range names {
					text += fmt.Sprint(row[name], ", ")
				}
				rows = append(rows, strings.TrimSuffix(text, ", "))
			}
			return rows
		}
		for _, tt := range []struct {
			list  string
			names []string
			want  []string
		}{
			{"widget-views", []string{"customerId", "email", "widgetName", "widgetType", "campaignName", "ipAddress", "userAgent"}, []string{
				"<nil>, <nil>, Friend Incentive Widget, emailCapture, Evergreen, 192.0.2.1, Firefox",
				"c-1, ann@example.com, Post Purchase Overlay, advocateShare, Evergreen, 192.0.2.1, Firefox",
			}},
			{"shares", []string{"advocateCustomerId", "advocateEmail", "advocateName", "channel", "referralCode", "campaignName", "ipAddress", "userAgent"}, []string{
				"c-1, ann@example.com, Ann, messenger, ann, Evergreen, 192.0.2.1, Firefox",
			}},
			{"email-captures", []string{"name", "email", "widgetName", "campaignName", "emailCaptureType", "newsletterOptIn"}, []string{
				"<nil>, dan@example.com, <nil>, Evergreen, other, <nil>",
				"<nil>, cid@example.com, Friend Incentive Widget, Evergreen, other, false",
				"Bob, bob@example.com, Friend Incentive Widget, Evergreen, friend, true",
				"Ann Lee, ann@example.com, Post Purchase Overlay, Evergreen, advocate, <nil>",
			}},
		} {
			if diff := cmp.Diff(tt.want, said(tt.list, tt.names...)); diff != "" {
				t.Errorf("%s: %s", tt.list, diff)
			}
		}
		s.verify(t)
	})
}

func TestBrowsersPastTheLimitAreRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	handler := s.serve(t, friendbuy.Options{Rates: web.NewRates(func() time.Time { return noon }, s.core), Limits: friendbuy.Limits{Intakes: 1}})
	for i, want := range []int{200, 429} {
		if got := s.browseBy(t, handler, `{"events":[]}`); got.Code != want || got.Header().Get("Access-Control-Allow-Origin") != shop {
			t.Errorf("call %d: %d for %q, want %d that the page can read", i, got.Code, got.Header().Get("Access-Control-Allow-Origin"), want)
		}
	}
}

// A page whose events were not recorded is told so, and sends them again.
func TestIntakeFailsAsAWhole(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	body := `{` + events(event("track", "page", `{"name":"home"}`)) + `}`
	if got := s.browse(t, body); got.Code != http.StatusInternalServerError || len(got.Results) != 0 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	s.core = s.remembersNothing()
	r := httptest.NewRequest(http.MethodOptions, "/v1/intake/"+stageMerchant, nil)
	r.Header.Set("Origin", shop)
	w := httptest.NewRecorder()
	s.serve(t, friendbuy.Options{}).ServeHTTP(w, r)
	if w.Code != http.StatusInternalServerError {
		t.Errorf("preflight %d %s", w.Code, w.Body)
	}
}

// What a browser told of somebody is in their data, whatever it told before it
// was known whose browser it is.
func TestUserDataHasWhatBrowsersTold(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *stage) {
		device := `"device":{"language":"de-AT","colorDepth":24,"platform":"MacIntel","screenSize":"3072x1920"},"metadata":{"url":"https://shop.example.com/a"},`
		before := s.browse(t, `{`+device+events(event("widget_view", "", `{"widgetId":"`+shareWidget+`"}`))+`}`, "User-Agent", "Safari")
		share := s.browse(t, `{"visitor":"`+before.Visitor+`",`+device+events(
			event("track", "customer", `{"id":"ann","email":"ann@example.com","name":"Ann Lee"}`),
			event("share", "", `{"campaignId":"`+stageCampaign+`","channel":"sms","customerId":"ann"}`),
		)+`}`)
		s.browse(t, `{`+events(event("track", "sign_up", `{"id":"bob","email":"bob@example.com","referralCode":"`+share.Results[1].ReferralCode+`"}`))+`}`)
		var got map[string]any
		if err := json.Unmarshal(s.call(http.MethodGet, "/v1/user-data?customerId=ann", s.token(t), "").Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		at := func(kind string) any { return map[string]any{"type": kind, "url": "https://shop.example.com/a"} }
		none := map[string]any{"email": 0.0, "facebook": 0.0, "messenger": 0.0, "sms": 0.0, "twitter": 0.0, "purl": 0.0}
		one := maps.Clone(none)
		one["sms"] = 1.0
		want := map[string]any{
			"emails": []any{"ann@example.com"}, "names": []any{"Ann Lee"}, "customerIds": []any{"ann"}, "ipAddresses": []any{"192.0.2.1"},
			"languages": []any{"de-AT"}, "userAgents": []any{"Firefox", "Safari"}, "colorDepths": []any{24.0}, "platforms": []any{"MacIntel"},
			"screenSizes": []any{"3072x1920"}, "trackedEvents": []any{at("customer"), at("share"), at("widget_view")},
			"shares": one, "conversions": one,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// A browser that shared as Ann is Ann's: what it buys by her link is no
// friend's, whatever name it gives.
func TestBrowserThatSharedIsNoFriend(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *stage) {
		ann := s.browse(t, `{`+events(event("share", "", `{"campaignId":"`+stageCampaign+`","email":"ann@example.com"}`))+`}`)
		order := func(id, visitor, email string) {
			t.Helper()
			got := s.browse(t, `{"visitor":"`+visitor+`",`+events(event("track", "purchase",
				`{"id":"`+id+`","amount":50,"currency":"USD","referralCode":"`+ann.Results[0].ReferralCode+`","customer":{"id":"`+id+`","email":"`+email+`"}}`))+`}`, "User-Agent", id)
			if got.Results[0].Status != 201 {
				t.Fatal(got.Body)
			}
		}
		order("own", ann.Visitor, "someone@example.org")
		order("friends", "", "friend@example.org")
		var statuses []string
		for _, row := range s.listed(t, "rewards/referral") {
			statuses = append(statuses, fmt.Sprint(row["status"]))
		}
		if diff := cmp.Diff([]string{"Distributed", "Rejected"}, statuses); diff != "" {
			t.Error(diff)
		}
	})
}
