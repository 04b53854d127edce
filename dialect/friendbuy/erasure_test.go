package friendbuy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"grapevine/dialect/friendbuy"
	"grapevine/engine"
	"grapevine/model"
	"grapevine/store/storetest"
)

// What Zara leaves behind. Nobody else has anything of it.
const (
	zaraEmail = "zara.quellwasser@example.com"
	zaraID    = "cust-zara-4711"
	zara      = `"email":"zara.quellwasser@example.com","customerId":"cust-zara-4711","firstName":"Zarathustra","lastName":"Quellwasser",` +
		`"ipAddress":"203.0.113.77","userAgent":"ZaraFox/7.7"`
)

// trail is one way in which somebody leaves traces: a feature that keeps
// anything of a person has one. It returns the marks that stand in the database
// after it.
type trail struct {
	what  string
	leave func(t *testing.T, w *wanderer) (marks []string)
}

// wanderer is Zara on her way.
type wanderer struct {
	*stage
	token  string
	cookie string
}

func (w *wanderer) post(t *testing.T, path, body string) {
	t.Helper()
	w.stage.post(t, w.token, path, body)
}

// browse is a call of a page that the shop has signed for Zara.
func (w *wanderer) browse(t *testing.T, agent string, list ...string) {
	t.Helper()
	got := w.stage.browse(t, `{`+signature(w.clock.now(), zaraEmail, zaraID)+`,"customer":{"id":"`+zaraID+`","email":"`+zaraEmail+`"},`+
		`"device":{"language":"tlh-ZZ","colorDepth":30,"platform":"ZaraOS","screenSize":"1234x5678"},`+
		`"metadata":{"url":"https://shop.example.com/wishes-of-zara","title":"All that is Zara's"},`+events(list...)+`}`,
		"User-Agent", agent, "Cookie", "gv="+w.cookie)
	for _, r := range got.Results {
		if r.Status/100 != 2 {
			t.Fatalf("%+v", r)
		}
	}
}

func (w *wanderer) click(t *testing.T, code, cookie, ip, agent string) string {
	t.Helper()
	landing, err := w.core.Click(t.Context(), engine.Visit{Code: code, Cookie: cookie, IP: ip, Agent: agent})
	if err != nil {
		t.Fatal(err)
	}
	if landing.Cookie != "" {
		return landing.Cookie
	}
	return cookie
}

var trails = []trail{
	{"a customer", func(t *testing.T, w *wanderer) []string {
		w.post(t, "customer", `{`+zara+`,"city":"Zarastadt","language":"Zarisch","birthday":{"day":3,"month":4},"additionalProperties":{"nick":"Zaza-the-9th"}}`)
		return []string{zaraEmail, zaraID, "Zarathustra", "Quellwasser", "203.0.113.77", "ZaraFox", "Zarastadt", "Zarisch", "Zaza-the-9th"}
	}},
	{"links, one of which is her name", func(t *testing.T, w *wanderer) []string {
		const ask = `{` + zara + `,"campaignId":"` + stageCampaign + `"`
		w.post(t, "personal-referral-link", ask+`,"seed":"zarathustra-q","eventUrl":"https://shop.example.com/zaras-account","eventPage":"zaras-page"}`)
		w.post(t, "personal-referral-link", ask+`,"channel":"facebook","destinationUrlQueryParams":{"for":"zara-params"}}`)
		w.post(t, "personal-referral-link-batch", `{"requests":[`+ask+`,"prefix":"zaras-","seed":"shop"}]}`)
		return []string{"zarathustra-q", "zaras-shop", "zaras-account", "zaras-page", "zara-params"}
	}},
	{"friends, who come by her name", func(t *testing.T, w *wanderer) []string {
		w.click(t, "zarathustra-q", "", "198.51.100.1", "Fox/1")
		w.post(t, "event/account-sign-up", `{"email":"fred@example.com","customerId":"fred","referralCode":"zarathustra-q","userAgent":"Fox/1"}`)
		w.buy(t, w.token, "o-fred", "zarathustra-q")
		return nil
	}},
	{"a click, known as hers later on", func(t *testing.T, w *wanderer) []string {
		w.cookie = w.click(t, "otto", "", "203.0.113.79", "ZaraTablet/9.9")
		w.stage.browse(t, `{"metadata":{"title":"Still unknown Zara"},`+events(event("widget_view", "", `{"widgetId":"`+shareWidget+`"}`))+`}`,
			"User-Agent", "ZaraWatch/1.1", "Cookie", "gv="+w.cookie)
		return []string{"203.0.113.79", "ZaraTablet", "ZaraWatch", "Still unknown Zara"}
	}},
	{"what a browser tells", func(t *testing.T, w *wanderer) []string {
		share := func(channel string) string {
			return event("share", "", fmt.Sprintf(`{"campaignId":%q,"channel":%q}`, stageCampaign, channel))
		}
		w.browse(t, "ZaraPhone/8.8",
			event("widget_view", "", `{"widgetId":"`+shareWidget+`"}`),
			event("widget_action", "", `{"widgetId":"`+shareWidget+`","actionName":"zaras-doing"}`),
			event("track", "page", `{"name":"zaras-page-name"}`),
			event("track", "email_capture", `{"email":"`+zaraEmail+`","name":"Zara-at-the-widget","widgetId":"`+captureWidget+`"}`),
			event("track", "customer", `{"id":"`+zaraID+`","email":"`+zaraEmail+`","shoe":"zara-shoe-38"}`),
			share("facebook"), share("sms"))
		return []string{"192.0.2.1", "ZaraPhone", "wishes-of-zara", "All that is Zara's", "tlh-ZZ", "ZaraOS", "1234x5678",
			"zaras-doing", "zaras-page-name", "Zara-at-the-widget", "zara-shoe-38"}
	}},
	{"a sign-up and events, as a friend", func(t *testing.T, w *wanderer) []string {
		w.post(t, "event/account-sign-up", `{`+zara+`,"referralCode":"otto","additionalProperties":{"wish":"zara-signup-note"}}`)
		w.post(t, "event/purchase", `{`+zara+`,"orderId":"zara-order-1","amount":500,"currency":"USD","isNewCustomer":true,"referralCode":"otto",`+
			`"giftCardCodes":["ZARA-GIFT"],"products":[{"sku":"zara-sku","quantity":1,"price":500,"name":"Zara's tent"}],"additionalProperties":{"to":"Zara Lane 5"}}`)
		w.post(t, "event/custom", `{`+zara+`,"eventType":"quiz","referralCode":"otto","deduplicationId":"zara-quiz","additionalProperties":{"answer":"zara-answer"}}`)
		return []string{"zara-signup-note", "zara-order-1", "ZARA-GIFT", "zara-sku", "Zara's tent", "Zara Lane 5", "zara-quiz", "zara-answer"}
	}},
	{"a second address and a customer id, found to be hers", func(t *testing.T, w *wanderer) []string {
		w.post(t, "personal-referral-link", `{"email":"zz.other@example.com","firstName":"Zweitname","campaignId":"`+stageCampaign+`","seed":"zweit","ipAddress":"203.0.113.81"}`)
		w.post(t, "event/custom", `{"email":"zz.other@example.com","customerId":"`+zaraID+`","eventType":"merging"}`)
		return []string{"zz.other@example.com", "Zweitname", "zweit", "203.0.113.81"}
	}},
	{"ledgers, hers and one that is called by her address", func(t *testing.T, w *wanderer) []string {
		w.post(t, "ledger-adjustment", `{"customerId":"`+zaraID+`","currency":"USD","value":5,"adjustmentType":"add","description":"for our dear Zara Q."}`)
		for _, id := range []string{zaraEmail, zaraID} {
			if _, err := w.core.AdjustLedger(t.Context(), w.account, engine.Adjustment{
				CustomerID: id, Custom: true, Currency: "USD", Add: true, Value: 1, Note: "a custom one of Zara's",
			}); err != nil {
				t.Fatal(err)
			}
		}
		return []string{"for our dear Zara Q.", "a custom one of Zara's"}
	}},
	{"points spent", func(t *testing.T, w *wanderer) []string {
		w.post(t, "customer", `{`+zara+`,"loyaltyStatus":"in"}`)
		w.post(t, "event/purchase", `{`+zara+`,"orderId":"zara-order-2","amount":90,"currency":"USD"}`)
		w.post(t, "reward/redeem", `{"customerId":"`+zaraID+`","redemptionOptionId":"662c3a74-9d72-4d80-a835-c9db624c92b1"}`)
		return []string{"zara-order-2"}
	}},
	{"mail by her and to her, some of it still to come", func(t *testing.T, w *wanderer) []string {
		w.browse(t, "ZaraPhone/8.8", event("share", "", `{"campaignId":"`+stageCampaign+`","channel":"email",`+
			`"recipients":[{"email":"zaras.friend@example.org","name":"Zaras Freundin"},"zaras.other@example.org"],"message":"kisses, your Zarahase"}`))
		for _, to := range []string{zaraEmail, "ZZ.other@example.com"} {
			if _, err := w.core.RecordShare(t.Context(), w.account, engine.Share{
				Who: engine.Who{Email: "otto@example.com", Server: true}, Campaign: stageCampaign, Channel: "email",
				Mail: &engine.ShareMail{To: []engine.Recipient{{Email: to, Name: "Zarahase the Second"}}},
			}); err != nil {
				t.Fatal(err)
			}
		}
		// Some are refused, in words that name her; the rest still waits.
		if said := w.mail(t, 3, "no mailbox for Zaras-Mailserver-Says"); said != 3 {
			t.Fatalf("%d mails went out", said)
		}
		return []string{"zaras.friend@example.org", "Zaras Freundin", "kisses, your Zarahase", "Zarahase the Second", "Zaras-Mailserver-Says"}
	}},
	{"webhooks, one that fails, and some that are still to come", func(t *testing.T, w *wanderer) []string {
		if sent := w.work(t, http.StatusInternalServerError, "Zara Quellwasser? zaras-excerpt"); len(sent) < 2 {
			t.Fatalf("%d webhooks were sent", len(sent))
		}
		w.post(t, "event/account-sign-up", `{"email":"gina@example.com","customerId":"gina","referralCode":"zarathustra-q"}`)
		return []string{"zaras-excerpt"}
	}},
}

// work does all that is due, and answers webhooks with a status and a text. It
// returns what was sent.
func (s *stage) work(t *testing.T, status int, says string) (sent []string) {
	t.Helper()
	ctx := context.Background()
	renderer := friendbuy.NewRenderer(friendbuy.Pace{RetryEvery: 15 * time.Minute, GiveUp: 24 * time.Hour})
	for range 100 {
		s.clock.jump(time.Second)
		queues, err := s.core.DueQueues(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(queues) == 0 {
			return sent
		}
		for _, q := range queues {
			if q.Kind == model.JobMail {
				s.mail(t, 100, "")
				continue
			}
			if q.Kind == model.JobTell {
				if _, _, err := s.core.GatherTells(ctx, q, renderer.Fits); err != nil {
					t.Fatal(err)
				}
				continue
			}
			jobs, err := s.core.ClaimJobs(ctx, q, 100)
			if err != nil {
				t.Fatal(err)
			}
			if q.Kind == model.JobDeliver {
				sendings, err := s.core.StartDeliveries(ctx, q, jobs, renderer.Body, renderer.Next)
				if err != nil {
					t.Fatal(err)
				}
				for _, to := range sendings {
					sent = append(sent, to.Delivery.Body)
					o := engine.Outcome{Attempt: model.Attempt{Status: status, Excerpt: says}, State: model.DeliveryDelivered}
					if renderer.Judge(&to.Endpoint, status) == model.TryAgain {
						o.State = model.DeliverySending
						o.Next, _ = renderer.Next(&to.Delivery, &to.Endpoint, s.clock.now())
					}
					if lost, err := s.core.EndDeliveries(ctx, []*engine.Ended{{Sending: &to, Outcome: o}}); err != nil || len(lost) > 0 {
						t.Fatal(lost, err)
					}
				}
				continue
			}
			for _, j := range jobs {
				if handled, err := s.core.RunJob(ctx, j); err != nil || !handled {
					t.Fatalf("job %s: handled %v, %v", j.Kind, handled, err)
				}
				if err := s.core.FinishJob(ctx, j); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	t.Fatal("work is still due")
	return nil
}

// mail sends up to so many mails, which are refused with what a server says,
// and returns how many.
func (s *stage) mail(t *testing.T, most int, says string) int {
	t.Helper()
	q := model.Queue{Account: s.account, Kind: model.JobMail}
	jobs, err := s.core.ClaimJobs(t.Context(), q, most)
	if err != nil {
		t.Fatal(err)
	}
	postings, err := s.core.StartMails(t.Context(), q, jobs)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range postings {
		outcome := engine.MailRefused
		if p.To == zaraEmail { // her address is suppressed, that of a friend would stay so
			outcome = engine.MailUnknown
		}
		if _, _, err := s.core.EndMail(t.Context(), &p, outcome, says); err != nil {
			t.Fatal(err)
		}
	}
	return len(postings)
}

// wander leaves all traces, and returns their marks.
func wander(t *testing.T, s *stage) (*wanderer, []string) {
	t.Helper()
	s.apply(t, func(text string) string {
		return text + "webhooks:\n" +
			"  - {on: friendbuy.advocateReward, url: \"https://hooks.example.com/a\"}\n" +
			"  - {on: friendbuy.friendIncentive, url: \"https://hooks.example.com/f\"}\n" +
			"  - {on: friendbuy.loyaltyReward, url: \"https://hooks.example.com/l\"}\n"
	})
	w := &wanderer{stage: s, token: s.token(t)}
	s.link(t, w.token, "otto", "email")
	var marks []string
	for _, trail := range trails {
		left := trail.leave(t, w)
		if t.Failed() {
			t.Fatalf("%s went wrong", trail.what)
		}
		found := storetest.Find(t, s.store.Engine(), left...)
		for _, mark := range left {
			if len(found[mark]) == 0 {
				t.Errorf("%s: %q stands nowhere: the search misses it", trail.what, mark)
			}
		}
		marks = append(marks, left...)
	}
	return w, marks
}

func (w *wanderer) erase(t *testing.T) {
	t.Helper()
	got := w.call(http.MethodDelete, "/v1/user-data?email="+url.QueryEscape(zaraEmail), w.token, "")
	var said struct {
		TaskID string `json:"task_id"`
		JobID  string `json:"jobId"`
	}
	if err := json.Unmarshal(got.Body.Bytes(), &said); err != nil || got.Code != http.StatusOK || said.JobID == "" || said.TaskID != said.JobID {
		t.Fatalf("%d %s", got.Code, got.Body)
	}
}

// Whatever feature kept something of a person: once they are erased it stands
// in no text of no table, and every figure is what it was.
func TestErasingLeavesNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *stage) {
		w, marks := wander(t, s)
		s.verify(t)
		before := s.figures(t, w.token)
		w.erase(t)
		sent := w.work(t, http.StatusOK, "")
		if after := s.figures(t, w.token); after != before {
			t.Errorf("figures: got\n%s\nwant\n%s", after, before)
		}
		for mark, places := range storetest.Find(t, s.store.Engine(), marks...) {
			t.Errorf("%q is left in %s", mark, strings.Join(places, ", "))
		}
		s.clock.jump(time.Hour)
		sent = append(sent, w.work(t, http.StatusOK, "")...)
		if len(sent) < 3 {
			t.Errorf("%d webhooks were sent after the erasure", len(sent))
		}
		for _, body := range sent {
			for _, mark := range marks {
				if strings.Contains(strings.ToLower(body), strings.ToLower(mark)) {
					t.Errorf("a webhook tells of %q: %s", mark, body)
				}
			}
		}
		s.verify(t)
	})
}

// figures are sums and counts that an erasure must not change.
func (s *stage) figures(t *testing.T, token string) string {
	t.Helper()
	var text strings.Builder
	for _, list := range []string{"purchases", "clicks", "shares", "account-sign-ups", "widget-views", "rewards/referral", "distributed-friend-incentives", "email-captures"} {
		fmt.Fprintln(&text, list, s.list(t, token, list+"?"+wholeDay).TotalResults)
	}
	return text.String()
}

// No call shows anything of who was erased.
func TestNothingShowsWhoWasErased(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *stage) {
		w, marks := wander(t, s)
		random := w.codeOn(t, "facebook")
		w.erase(t)
		w.work(t, http.StatusOK, "")
		shown := []string{
			"/v1/user-data?customerId=" + zaraID, "/v1/reward/coupons?email=" + zaraEmail, "/v1/customers?id=" + zaraID,
			"/v1/referral-status?code=zarathustra-q", "/v1/referral-status?code=zaras-shop", "/v1/referral-status?code=" + random,
			"/v1/ledger-balance?currency=USD&customerId=" + zaraID, "/v1/ledger-entries?currency=USD&customerId=" + zaraID,
		}
		for _, list := range []string{"purchases", "clicks", "shares", "account-sign-ups", "widget-views", "rewards/referral",
			"distributed-advocate-rewards", "distributed-friend-incentives", "email-captures"} {
			shown = append(shown, "/v1/analytics/"+list+"?"+wholeDay)
		}
		shown = append(shown, "/v1/analytics/loyalty/ledger-heads?currency=USD")
		for _, path := range shown {
			got := s.call(http.MethodGet, path, w.token, "")
			if got.Code >= 500 && got.Code != http.StatusNotImplemented {
				t.Errorf("%s: %d %s", path, got.Code, got.Body)
			}
			_, query, _ := strings.Cut(path, "?")
			for _, mark := range marks {
				// An error may repeat what was asked for.
				if strings.Contains(strings.ToLower(got.Body.String()), strings.ToLower(mark)) && !strings.Contains(strings.ToLower(query), strings.ToLower(mark)) {
					t.Errorf("%s shows %q: %s", path, mark, got.Body)
				}
			}
		}
		// A code that is nobody's name still leads to the shop, and counts for
		// nobody; one that is ends.
		w.click(t, random, "", "198.51.100.2", "Fox/2")
		if _, err := w.core.Click(t.Context(), engine.Visit{Code: "zarathustra-q"}); model.KindOf(err) != model.NotFound {
			t.Errorf("her name still leads somewhere: %v", err)
		}
		rewards := s.list(t, w.token, "rewards/referral?"+wholeDay+"&recipientType=advocate").TotalResults
		s.buy(t, w.token, "o-late", random)
		if got := s.list(t, w.token, "rewards/referral?"+wholeDay+"&recipientType=advocate").TotalResults; got != rewards {
			t.Error("nobody earned a reward")
		}
		s.verify(t)
	})
}

// codeOn is the code of Zara's link on a channel.
func (w *wanderer) codeOn(t *testing.T, channel string) string {
	t.Helper()
	got := w.call(http.MethodPost, "/v1/personal-referral-link", w.token, `{`+zara+`,"campaignId":"`+stageCampaign+`","channel":"`+channel+`","destinationUrlQueryParams":{"for":"zara-params"}}`)
	var link struct{ ReferralCode string }
	if err := json.Unmarshal(got.Body.Bytes(), &link); err != nil || link.ReferralCode == "" {
		t.Fatalf("%d %s", got.Code, got.Body)
	}
	return link.ReferralCode
}

func TestWhoComesAgainIsSomebodyNew(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *stage) {
		w, _ := wander(t, s)
		w.erase(t)
		w.work(t, http.StatusOK, "")
		// The order that was sent before is still the same order.
		w.post(t, "event/purchase", `{`+zara+`,"orderId":"zara-order-1","amount":500,"currency":"USD"}`)
		w.post(t, "customer", `{"email":"`+zaraEmail+`","customerId":"`+zaraID+`"}`)
		got := s.call(http.MethodGet, "/v1/user-data?customerId="+zaraID, w.token, "").Body.String()
		want := `{"emails":["zara.quellwasser@example.com"],"names":[],"customerIds":["cust-zara-4711"],"ipAddresses":[],"languages":[],` +
			`"userAgents":[],"colorDepths":[],"platforms":[],"screenSizes":[],"trackedEvents":[{"type":"customer"}],` +
			`"shares":{"email":0,"facebook":0,"messenger":0,"sms":0,"twitter":0,"purl":0},` +
			`"conversions":{"email":0,"facebook":0,"messenger":0,"sms":0,"twitter":0,"purl":0}}`
		if strings.TrimSpace(got) != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		s.verify(t)
	})
}
