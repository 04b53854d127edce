package friendbuy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
)

var told = engine.Told{Reward: &engine.ToldReward{
	Reward: &model.Reward{
		ID: 1, UUID: "73cb50ea-7ac8-4f90-9fe4-f5450866f3c0", Kind: model.Discount, Amount: 25_0000, Unit: "USD",
		At: time.Date(2019, 11, 5, 1, 7, 36, 720e6, time.UTC),
	},
	Trigger: "purchase", Info: "Free Gift <1>", Coupon: "test-coupon-code",
	Receiver: engine.Contact{Email: "test@example.com", CustomerID: "asd123", IP: "12.156.140.124", FirstName: "Not", LastName: "Told"},
	Advocate: engine.Contact{Email: "advocate@example.com", CustomerID: "asd321"},
	Friends: []engine.Friend{
		{Contact: engine.Contact{Email: "friend@example.com", CustomerID: "asd322"}, Number: 1},
		{Contact: engine.Contact{Email: "guest@example.com"}, Number: 2},
	},
}}

// bare is a reward of somebody of whom nothing is known any more.
var bare = engine.Told{Reward: &engine.ToldReward{
	Reward: &model.Reward{
		ID: 2, UUID: "6e6d2137-d691-47b5-9519-6bfaad50b73d", Kind: model.LedgerValue, Amount: 12_5000, Unit: "Points",
		At: time.Date(2022, 6, 29, 18, 8, 41, 0, time.UTC),
	},
	Trigger: "sign_up", Friends: []engine.Friend{{Number: 7}},
}}

func TestWebhookBodies(t *testing.T) {
	t.Parallel()
	const head = `{"id":"255e4e45-446d-499d-a680-44ab1eca73fb","type":"`
	const tail = `],"createdOn":"2019-11-05T01:07:38.509Z"}`
	for _, c := range []struct{ event, want string }{
		{"advocateReward", `{"rewardId":"73cb50ea-7ac8-4f90-9fe4-f5450866f3c0","rewardType":"discount","rewardUnit":"USD",` +
			`"emailAddress":"test@example.com","rewardAmount":25,"createdOn":"2019-11-05T01:07:36.720Z","customerId":"asd123",` +
			`"ipAddress":"12.156.140.124","couponCode":"test-coupon-code","rewardInfo":"Free Gift <1>","rewardTrigger":"purchase",` +
			`"friends":[{"friendEmailAddress":"friend@example.com","friendCustomerId":"asd322","conversionNumber":1},` +
			`{"friendEmailAddress":"guest@example.com","conversionNumber":2}]},` +
			`{"rewardId":"6e6d2137-d691-47b5-9519-6bfaad50b73d","rewardType":"ledger","rewardUnit":"Points","rewardAmount":12.5,` +
			`"createdOn":"2022-06-29T18:08:41.000Z","couponCode":null,"rewardTrigger":"sign_up","friends":[{"conversionNumber":7}]}`},
		{"friendIncentive", `{"rewardId":"73cb50ea-7ac8-4f90-9fe4-f5450866f3c0","rewardType":"discount","rewardUnit":"USD",` +
			`"emailAddress":"test@example.com","rewardAmount":25,"incentiveType":"discount","incentiveAmount":25,` +
			`"createdOn":"2019-11-05T01:07:36.720Z","customerId":"asd123",` +
			`"ipAddress":"12.156.140.124","couponCode":"test-coupon-code","rewardInfo":"Free Gift <1>","rewardTrigger":"purchase",` +
			`"advocateEmailAddress":"advocate@example.com","advocateCustomerId":"asd321"},` +
			`{"rewardId":"6e6d2137-d691-47b5-9519-6bfaad50b73d","rewardType":"ledger","rewardUnit":"Points","rewardAmount":12.5,` +
			`"incentiveType":"ledger","incentiveAmount":12.5,` +
			`"createdOn":"2022-06-29T18:08:41.000Z","couponCode":null,"rewardTrigger":"sign_up"}`},
		{"loyaltyReward", `{"createdOn":"2019-11-05T01:07:36.720Z","customerId":"asd123","couponCode":"test-coupon-code",` +
			`"emailAddress":"test@example.com","ipAddress":"12.156.140.124","rewardId":"73cb50ea-7ac8-4f90-9fe4-f5450866f3c0",` +
			`"rewardType":"discount","rewardUnit":"USD","rewardAmount":25,"rewardInfo":"Free Gift <1>","rewardTrigger":"purchase"},` +
			`{"createdOn":"2022-06-29T18:08:41.000Z","couponCode":"","rewardId":"6e6d2137-d691-47b5-9519-6bfaad50b73d",` +
			`"rewardType":"ledger","rewardUnit":"Points","rewardAmount":12.5,"rewardTrigger":"sign_up"}`},
	} {
		d := &model.Delivery{UUID: "255e4e45-446d-499d-a680-44ab1eca73fb", FirstAt: time.Date(2019, 11, 5, 1, 7, 38, 509e6, time.UTC)}
		got, err := NewRenderer(Pace{}).Body(d, &model.Endpoint{Event: c.event}, []engine.Told{told, bare}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(head+c.event+`","data":[`+c.want+tail, string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.event, diff)
		}
	}
	if _, err := NewRenderer(Pace{}).Body(&model.Delivery{}, &model.Endpoint{Event: "somethingElse"}, []engine.Told{told}, nil); err == nil {
		t.Error("a reward was told as something else")
	}
}

func TestWebhookIsSigned(t *testing.T) {
	t.Parallel()
	d := &model.Delivery{UUID: "255e4e45", Body: `{"id":"255e4e45"}`}
	var asked []string
	got := NewRenderer(Pace{}).Header(d, &model.Endpoint{Event: "advocateReward"}, d.FirstAt, func(use string) string {
		asked = append(asked, use)
		return "fb-signing-secret"
	})
	mac := hmac.New(sha256.New, []byte("fb-signing-secret"))
	mac.Write([]byte(`{"id":"255e4e45"}`))
	want := http.Header{
		"Content-Type":            {"application/json"},
		"X-Friendbuy-Hmac-Sha256": {base64.StdEncoding.EncodeToString(mac.Sum(nil))},
		"X-Friendbuy-Event-Type":  {"advocateReward"},
		"X-Friendbuy-Event-Id":    {"255e4e45"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"friendbuy.signing_secret"}, asked); diff != "" {
		t.Errorf("keys asked for (-want +got):\n%s", diff)
	}
}

func TestWebhookIsAcceptedBy200Alone(t *testing.T) {
	t.Parallel()
	for status := 100; status < 600; status++ {
		if got := NewRenderer(Pace{}).Judge(&model.Endpoint{}, status); (got == model.Accepted) != (status == 200) || got != model.Accepted && got != model.TryAgain {
			t.Errorf("%d is judged as %v", status, got)
		}
	}
}

func TestWebhookRetries(t *testing.T) {
	t.Parallel()
	const every, giveUp = 15 * time.Minute, 24 * time.Hour
	first := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name        string
		failed, due time.Duration
		again       bool
	}{
		{"the first fails at once", 0, every, true},
		{"the first takes ten seconds", 10 * time.Second, every, true},
		{"the second comes late", every + 700*time.Millisecond, 2 * every, true},
		{"the second takes until the third is due", 2 * every, 3 * every, true},
		{"the last but one", giveUp - every, giveUp, true},
		{"the last", giveUp, giveUp + every, false},
		{"the last, late", giveUp + time.Second, giveUp + every, false},
		{"a server that was down for two hours", 2*time.Hour + time.Minute, 2*time.Hour + every, true},
		{"a server that was down for two days", 48*time.Hour + time.Minute, 48*time.Hour + every, false},
	} {
		due, again := NewRenderer(Pace{every, giveUp, 72 * time.Hour}).Next(&model.Delivery{Since: first}, &model.Endpoint{}, first.Add(c.failed))
		if got := due.Sub(first); got != c.due || again != c.again {
			t.Errorf("%s: again %v after %v, want %v after %v", c.name, again, got, c.again, c.due)
		}
	}
}

func TestCaptureWebhook(t *testing.T) {
	t.Parallel()
	full := &engine.ToldCapture{
		Event: "e6c720d4-b721-4789-a110-0d680777b802", Email: "john@example.com", Name: "John Customer",
		In:   &model.Campaign{UUID: "8a7b9436-8b91-4022-b830-d405dfcc3964", Name: "Spring Campaign"},
		Code: "7p9axss2", Advocate: engine.Contact{Email: "sarah@example.com", FirstName: "Sarah", LastName: "Advocate"},
		Attribution: "fea9b87a-9411-4a10-aa41-aa137a09849d", Reward: &model.Reward{Amount: 30_0000, Unit: "USD"}, Coupon: "hello-1",
		Sent: json.RawMessage(`{"additionalProperties":{"prospect":true,"age":28,"mobileNumber":"(333) 867-5309"}}`),
	}
	d := &model.Delivery{UUID: "255e4e45-446d-499d-a680-44ab1eca73fb", FirstAt: time.Date(2019, 11, 5, 1, 7, 38, 509e6, time.UTC)}
	got, err := NewRenderer(Pace{}).Body(d, &model.Endpoint{Event: "emailCapture"}, []engine.Told{{Capture: full}, {Capture: &engine.ToldCapture{Event: "e6c720d4", Email: "ann@example.com"}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"id":"255e4e45-446d-499d-a680-44ab1eca73fb","type":"emailCapture","data":[` +
		`{"eventId":"e6c720d4-b721-4789-a110-0d680777b802","emailAddress":"john@example.com","name":"John Customer","mobileNumber":"(333) 867-5309",` +
		`"campaign":{"id":"8a7b9436-8b91-4022-b830-d405dfcc3964","name":"Spring Campaign"},"referral":{"channel":"purl","code":"7p9axss2"},` +
		`"advocate":{"email":"sarah@example.com","name":"Sarah Advocate"},"attributionId":"fea9b87a-9411-4a10-aa41-aa137a09849d",` +
		`"incentive":{"couponCode":"hello-1","amount":30,"currency":"USD"},` +
		`"customProperties":{"age":28,"mobileNumber":"(333) 867-5309","prospect":true}},` +
		`{"eventId":"e6c720d4","emailAddress":"ann@example.com","mobileNumber":null}],"createdOn":"2019-11-05T01:07:38.509Z"}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestOptOutsAndRecipientsAreTold(t *testing.T) {
	t.Parallel()
	r := NewRenderer(Pace{})
	d := &model.Delivery{UUID: "fd2f5766-8c27-4bfe-b3d3-9f41e186b13e", FirstAt: time.Date(2021, 6, 1, 14, 28, 27, 657e6, time.UTC)}
	in := &model.Campaign{UUID: "8a7b9436-8b91-4022-b830-d405dfcc3964", Name: "Spring Campaign"}
	for event, c := range map[string]struct {
		told []engine.Told
		want string
	}{
		"emailOptOut": {[]engine.Told{{OptOut: &engine.ToldOptOut{Email: "a.friend@example.com", In: in}}, {OptOut: &engine.ToldOptOut{}}},
			`{"emailAddress":"a.friend@example.com","campaignId":"8a7b9436-8b91-4022-b830-d405dfcc3964","campaignName":"Spring Campaign"},{}`},
		"emailAuth": {[]engine.Told{{Recipient: &engine.ToldRecipient{Email: "a.friend@example.com"}}, {Recipient: &engine.ToldRecipient{Email: "b@example.com"}}},
			`"a.friend@example.com","b@example.com"`},
	} {
		got, err := r.Body(d, &model.Endpoint{Event: event}, c.told, nil)
		want := `{"id":"fd2f5766-8c27-4bfe-b3d3-9f41e186b13e","type":"` + event + `","data":[` + c.want + `],"createdOn":"2021-06-01T14:28:27.657Z"}`
		if err != nil || string(got) != want {
			t.Errorf("got  %s, %v\nwant %s", got, err, want)
		}
	}
	// Six tries: at once, and after each of the waits.
	to := &model.Endpoint{Topic: model.RecipientsQuestioned}
	var waits []time.Duration
	for tries := int64(1); ; tries++ {
		next, again := r.Next(&model.Delivery{FirstAt: d.FirstAt, Attempts: tries + 6, Tries: tries} /* it was replayed */, to, d.FirstAt)
		if !again {
			break
		}
		waits = append(waits, next.Sub(d.FirstAt))
	}
	if fmt.Sprint(waits) != "[10m0s 5h0m0s 40h0m0s 168h0m0s 528h0m0s]" {
		t.Errorf("waits %v", waits)
	}
	for body, fits := range map[string]bool{`["a@b.co"]`: true, `[]`: true, `null`: false, `{}`: false, ``: false, `[1]`: false} {
		if _, err := r.Allowed([]byte(body)); (err == nil) != fits {
			t.Errorf("%s: %v", body, err)
		}
	}
}
