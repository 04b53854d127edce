package friendbuy

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
)

var (
	listedAt   = time.Date(2021, 2, 23, 1, 20, 14, 0, time.UTC)
	listedIn   = engine.In{CampaignUUID: "ef9befc6-18f1-418c-8914-5ee8d09bb5aa", CampaignName: "Evergreen"}
	anAdvocate = engine.Known{Person: 1, Email: "advocate@example.com", CustomerID: "c-1", Name: "Test Advocate"}
	aFriend    = engine.Known{Person: 2, Email: "friend@example.com", CustomerID: "c-2", Name: "Test Friend"}
)

// Each row is shown whole, with its fields in the order of the vendor's
// samples, and with nothing in it but what is always known.
func TestRowsAreShown(t *testing.T) {
	t.Parallel()
	yes := true
	for _, c := range []struct {
		name  string
		whole any
		want  string
		bare  any
		least string
	}{
		{"a widget view",
			widgetViewToJSON(&engine.WidgetView{
				In: listedIn, Person: aFriend, Widget: "Post Purchase Overlay", WidgetType: model.AdvocateShareView,
				IP: "192.168.0.1", Agent: "Mozilla/5.0", At: listedAt,
			}),
			`{"customerId":"c-2","email":"friend@example.com","widgetName":"Post Purchase Overlay",
			"campaignId":"ef9befc6-18f1-418c-8914-5ee8d09bb5aa","campaignName":"Evergreen","createdOn":"2021-02-23T01:20:14.000Z",
			"userAgent":"Mozilla/5.0","ipAddress":"192.168.0.1","widgetType":"advocateShare"}`,
			widgetViewToJSON(&engine.WidgetView{WidgetType: model.EmailCaptureView, At: listedAt}),
			`{"createdOn":"2021-02-23T01:20:14.000Z","widgetType":"emailCapture"}`},
		{"a share",
			shareToJSON(&engine.SharedLink{
				In: listedIn, Advocate: anAdvocate, Channel: "email", Code: "abc123", IP: "192.168.0.1", Agent: "Mozilla/5.0", At: listedAt,
			}),
			`{"advocateCustomerId":"c-1","advocateEmail":"advocate@example.com","advocateName":"Test Advocate","channel":"email",
			"referralCode":"abc123","campaignId":"ef9befc6-18f1-418c-8914-5ee8d09bb5aa","campaignName":"Evergreen",
			"createdOn":"2021-02-23T01:20:14.000Z","userAgent":"Mozilla/5.0","ipAddress":"192.168.0.1"}`,
			shareToJSON(&engine.SharedLink{At: listedAt}),
			`{"channel":"purl","createdOn":"2021-02-23T01:20:14.000Z"}`},
		{"a click",
			clickToJSON(&engine.Clicked{
				In: listedIn, Advocate: anAdvocate, Code: "abc123", IP: "192.168.0.1", Agent: "Mozilla/5.0",
				Destination: "https://example.com/?a=1&b=2", At: listedAt,
			}),
			`{"advocateCustomerId":"c-1","advocateEmail":"advocate@example.com","advocateName":"Test Advocate","channel":"purl",
			"referralCode":"abc123","campaignId":"ef9befc6-18f1-418c-8914-5ee8d09bb5aa","campaignName":"Evergreen",
			"createdOn":"2021-02-23T01:20:14.000Z","userAgent":"Mozilla/5.0","ipAddress":"192.168.0.1",
			"destinationUrl":"https://example.com/?a=1\u0026b=2"}`,
			clickToJSON(&engine.Clicked{At: listedAt}),
			`{"channel":"purl","createdOn":"2021-02-23T01:20:14.000Z"}`},
		{"a sign-up",
			signedUpToJSON(&engine.SignedUp{
				In: listedIn, Person: aFriend, Advocate: anAdvocate, Code: "abc123", Channel: "sms",
				IP: "192.168.0.1", Agent: "Mozilla/5.0", NewCustomer: true, At: listedAt,
			}),
			`{"customerId":"c-2","email":"friend@example.com","name":"Test Friend",
			"campaignId":"ef9befc6-18f1-418c-8914-5ee8d09bb5aa","campaignName":"Evergreen","createdOn":"2021-02-23T01:20:14.000Z",
			"userAgent":"Mozilla/5.0","ipAddress":"192.168.0.1","advocateName":"Test Advocate","advocateEmail":"advocate@example.com",
			"advocateCustomerId":"c-1","newCustomer":true,"referralCode":"abc123","channel":"sms"}`,
			signedUpToJSON(&engine.SignedUp{At: listedAt}),
			`{"createdOn":"2021-02-23T01:20:14.000Z","newCustomer":false}`},
		{"a purchase",
			boughtToJSON(&engine.Bought{
				In: listedIn, Person: aFriend, Advocate: anAdvocate, OrderID: "o-1", Code: "abc123", Coupon: "TEN", IP: "192.168.0.1",
				Amount: 505 * money.Unit / 10, Currency: "USD", NewCustomer: true, At: listedAt,
				Products: []json.RawMessage{
					[]byte(`{"sku":"s-1","name":"Tent","quantity":2,"price":25.0,"currency":"USD","category":"outdoors"}`),
					[]byte(`{"sku":"s-2"}`), []byte(`{"id":7}`), []byte(`"s-3"`),
				},
			}),
			`{"orderId":"o-1","customerId":"c-2","email":"friend@example.com","name":"Test Friend",
			"campaignId":"ef9befc6-18f1-418c-8914-5ee8d09bb5aa","campaignName":"Evergreen","createdOn":"2021-02-23T01:20:14.000Z",
			"ipAddress":"192.168.0.1","advocateName":"Test Advocate","advocateEmail":"advocate@example.com","advocateCustomerId":"c-1",
			"newCustomer":true,"referralCode":"abc123","amount":50.5,"couponCode":"TEN",
			"products":[{"sku":"s-1","name":"Tent","quantity":2,"price":25.0},{"sku":"s-2"}]}`,
			boughtToJSON(&engine.Bought{At: listedAt}),
			`{"createdOn":"2021-02-23T01:20:14.000Z","newCustomer":false,"amount":0,"products":[]}`},
		{"an advocate's reward",
			rewardToJSON(&engine.Rewarded{
				In: listedIn, Reward: model.Reward{Amount: 10 * money.Unit, Batch: 7, Kind: model.Discount, At: listedAt}, Coupon: "TEN-1",
				Trigger: "purchase", Advocate: anAdvocate, Friend: aFriend, Code: "abc123", Channel: "facebook",
			}),
			`{"createdOn":"2021-02-23T01:20:14.000Z","rewardType":"Coupon Code","rewardAmount":10,"couponCode":"TEN-1","trigger":"purchase",
			"advocateEmail":"advocate@example.com","advocateName":"Test Advocate","advocateCustomerId":"c-1","referralCode":"abc123",
			"channel":"facebook","friendEmail":"friend@example.com","friendName":"Test Friend","friendCustomerId":"c-2",
			"campaignId":"ef9befc6-18f1-418c-8914-5ee8d09bb5aa","campaignName":"Evergreen"}`,
			rewardToJSON(&engine.Rewarded{Reward: model.Reward{Kind: model.OtherValue, At: listedAt}, Trigger: "sign_up"}),
			`{"createdOn":"2021-02-23T01:20:14.000Z","rewardType":"Other","rewardAmount":0,"trigger":"sign_up"}`},
		{"a friend's incentive",
			incentiveToJSON(&engine.Rewarded{
				In: listedIn, Reward: model.Reward{Amount: 5 * money.Unit, Kind: model.CreditValue, At: listedAt},
				Trigger: "email_capture", Advocate: anAdvocate, Friend: aFriend, Code: "abc123", Channel: "messenger",
			}),
			`{"createdOn":"2021-02-23T01:20:14.000Z","incentiveType":"Account Credit","incentiveAmount":5,"rewardType":"Account Credit",
			"rewardAmount":5,"trigger":"email_capture","advocateEmail":"advocate@example.com","advocateName":"Test Advocate",
			"advocateCustomerId":"c-1","referralCode":"abc123","channel":"messenger","friendEmail":"friend@example.com",
			"friendName":"Test Friend","friendCustomerId":"c-2","campaignId":"ef9befc6-18f1-418c-8914-5ee8d09bb5aa","campaignName":"Evergreen"}`,
			incentiveToJSON(&engine.Rewarded{Reward: model.Reward{Kind: model.LedgerValue, At: listedAt}, Trigger: "sign_up"}),
			`{"createdOn":"2021-02-23T01:20:14.000Z","incentiveType":"Ledger","incentiveAmount":0,"rewardType":"Ledger","rewardAmount":0,
			"trigger":"sign_up"}`},
		{"a referral reward",
			referralRewardToJSON(&engine.Rewarded{
				In: listedIn, Reward: model.Reward{
					UUID: "7cc076ea-777c-4645-9fdd-1a9299dc24d6", Role: model.AsFriend, State: model.Delivered,
					Amount: 10 * money.Unit, Batch: 7, Kind: model.GiftCard, At: listedAt,
				},
				Coupon: "TEN-1", Trigger: "store_visit", Advocate: anAdvocate, Friend: aFriend, Code: "abc123", Channel: "facebook",
			}),
			`{"id":"7cc076ea-777c-4645-9fdd-1a9299dc24d6","createdOn":"2021-02-23T01:20:14.000Z","rewardType":"Coupon Code","rewardAmount":10,
			"couponCode":"TEN-1","trigger":"store_visit","advocateEmail":"advocate@example.com","advocateName":"Test Advocate",
			"advocateCustomerId":"c-1","referralCode":"abc123","channel":"facebook","friendEmail":"friend@example.com",
			"friendName":"Test Friend","friendCustomerId":"c-2","campaignId":"ef9befc6-18f1-418c-8914-5ee8d09bb5aa",
			"campaignName":"Evergreen","recipientType":"friend","status":"Distributed"}`,
			referralRewardToJSON(&engine.Rewarded{Reward: model.Reward{UUID: "u", Role: model.AsAdvocate, State: model.NotEligible, Kind: model.GiftCard, At: listedAt}}),
			`{"id":"u","createdOn":"2021-02-23T01:20:14.000Z","rewardType":"Gift Card","rewardAmount":0,"trigger":"",
			"recipientType":"advocate","status":"Not Eligible"}`},
		{"a capture",
			captureToJSON(&engine.Captured{
				In: listedIn, Person: aFriend, Name: "Test Customer", Email: "user@example.com", Widget: "Friend Incentive Widget",
				IP: "192.168.0.1", Kind: model.CapturedFriend, Newsletter: &yes, At: listedAt,
			}),
			`{"name":"Test Customer","email":"user@example.com","widgetName":"Friend Incentive Widget",
			"campaignId":"ef9befc6-18f1-418c-8914-5ee8d09bb5aa","campaignName":"Evergreen","createdOn":"2021-02-23T01:20:14.000Z",
			"ipAddress":"192.168.0.1","emailCaptureType":"friend","newsletterOptIn":true}`,
			captureToJSON(&engine.Captured{Kind: model.CapturedOther, At: listedAt}),
			`{"createdOn":"2021-02-23T01:20:14.000Z","emailCaptureType":"other"}`},
		{"a ledger",
			headToJSON(&engine.LedgerHead{Customer: aFriend, Currency: "USD", Balance: 100 * money.Unit, At: listedAt}),
			`{"customerId":"c-2","currency":"USD","currentBalance":100,"lastUpdatedOn":"2021-02-23T01:20:14.000Z"}`,
			headToJSON(&engine.LedgerHead{Currency: "Points", At: listedAt}),
			`{"currency":"Points","currentBalance":0,"lastUpdatedOn":"2021-02-23T01:20:14.000Z"}`},
		{"a page",
			pageJSON[int]{NextPageToken: "abc", TotalResults: 3, Results: []int{1, 2}}, `{"nextPageToken":"abc","totalResults":3,"results":[1,2]}`,
			pageJSON[int]{Results: []int{}}, `{"totalResults":0,"results":[]}`},
	} {
		wantJSON(t, c.name, c.whole, c.want)
		wantJSON(t, c.name+" without what need not be known", c.bare, c.least)
	}
}

func TestEveryRewardHasATypeAndAStatus(t *testing.T) {
	t.Parallel()
	for _, kind := range []model.ValueType{
		model.Discount, model.CreditValue, model.LedgerValue, model.GiftCard, model.Cash, model.Product, model.Integration, model.OtherValue,
	} {
		if rewardTypes[kind] == "" {
			t.Errorf("no type for a reward of type %s", kind)
		}
	}
	for _, state := range []model.RewardState{
		model.Pending, model.Earned, model.Delivered, model.Rejected, model.NotEligible, model.Failed, model.Revoked,
	} {
		if rewardStatuses[state] == "" {
			t.Errorf("no status for a reward that is %s", state)
		}
	}
}

func wantJSON(t *testing.T, what string, got any, want string) {
	t.Helper()
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != compact(t, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", what, text, compact(t, want))
	}
}

func compact(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, []byte(text)); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return out.String()
}
