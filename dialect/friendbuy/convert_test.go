package friendbuy

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
	"grapevine/web"
)

func TestPurchaseIsConverted(t *testing.T) {
	t.Parallel()
	no := false
	got, err := converted(purchaseJSON.purchase, `{
		"orderId": "o-1", "email": "ann@example.com", "customerId": "c-1", "firstName": "Ann", "lastName": "B",
		"amount": 57.870000000000005, "currency": "USD", "isNewCustomer": false,
		"couponCode": "TEN", "attributionId": "a-1", "referralCode": "bob",
		"products": [{"sku": "unknown", "name": "unknown", "quantity": 2.0, "price": 28.935, "category": "x", "imageUrl": "u", "more": 1}],
		"giftCardCodes": ["g"],
		"additionalProperties": {"color": "red", "size": 1e2, "gift": true, "note": null},
		"ipAddress": " ::ffff:192.0.2.7 ", "userAgent": "Mozilla", "unknown": {"a": []}
	}`)
	if err != nil {
		t.Fatal(err)
	}
	want := engine.Purchase{
		Who: engine.Who{
			Email: "ann@example.com", CustomerID: "c-1", FirstName: "Ann", LastName: "B",
			IP: "192.0.2.7", Agent: "Mozilla", Server: true,
		},
		Referral: engine.Referral{CouponCode: "TEN", AttributionID: "a-1", ReferralCode: "bob"},
		OrderID:  "o-1", Amount: 578700, Currency: "USD", NewCustomer: &no, SKUs: []string{"unknown"},
		Detail: json.RawMessage(`{"products":[{"sku":"unknown","name":"unknown","quantity":2.0,"price":28.935,"category":"x","imageUrl":"u"}],` +
			`"giftCardCodes":["g"],"additionalProperties":{"color":"red","gift":true,"note":null,"size":1e2}}`),
	}
	if diff := cmp.Diff(want, got, cmp.Transformer("text", func(r json.RawMessage) string { return string(r) })); diff != "" {
		t.Error("-want +got\n", diff)
	}
}

// converted reads a body and converts it.
func converted[In, Out any](convert func(In) (Out, error), body string) (Out, error) {
	var in In
	if err := web.ReadJSON(httptest.NewRequest("POST", "/", strings.NewReader(body)), &in); err != nil {
		var none Out
		return none, err
	}
	return convert(in)
}

func TestBodiesAreRefused(t *testing.T) {
	t.Parallel()
	purchase := refusal(purchaseJSON.purchase)
	signUp := refusal(signUpJSON.join)
	custom := refusal(customEventJSON.event)
	customer := refusal(customerJSON.customer)
	batch := refusal(linkBatchJSON.requests)
	adjust := refusal(adjustmentJSON.adjustment)
	link := refusal(func(in linkJSON) (engine.LinkRequest, error) { return in.request("") })

	const (
		order   = `"orderId":"o","amount":1,"currency":"USD"`
		person  = `"email":"ann@example.com","customerId":"c"`
		asks    = `"email":"ann@example.com","campaignId":"ef9befc6-18f1-418c-8914-5ee8d09bb5aa"`
		adjusts = `"customerId":"c","currency":"USD","description":"d"`
	)
	for _, c := range []struct {
		name   string
		refuse func(string) (model.Kind, string)
		body   string
		kind   model.Kind // "" is accepted
		field  string
	}{
		{"a purchase of nobody known", purchase, `{` + order + `}`, "", ""},
		{"a purchase of a guest", purchase, `{` + order + `,"email":"","customerId":""}`, "", ""},
		{"nothing", purchase, `null`, model.Malformed, "orderId"},
		{"no order id", purchase, `{"amount":1,"currency":"USD"}`, model.Malformed, "orderId"},
		{"an empty order id", purchase, `{"orderId":"","amount":1,"currency":"USD"}`, model.Malformed, "orderId"},
		{"no amount", purchase, `{"orderId":"o","currency":"USD"}`, model.Malformed, "amount"},
		{"an amount of null", purchase, `{"orderId":"o","amount":null,"currency":"USD"}`, model.Malformed, "amount"},
		{"an amount of 0", purchase, `{"orderId":"o","amount":0,"currency":"USD"}`, "", ""},
		{"an amount in quotes", purchase, `{"orderId":"o","amount":"1","currency":"USD"}`, model.Malformed, "amount"},
		{"an amount below 0", purchase, `{"orderId":"o","amount":-0.01,"currency":"USD"}`, model.Invalid, "amount"},
		{"an amount past all bounds", purchase, `{"orderId":"o","amount":1e300,"currency":"USD"}`, model.Invalid, "amount"},
		{"no currency", purchase, `{"orderId":"o","amount":1}`, model.Malformed, "currency"},
		{"a number for an order id", purchase, `{"orderId":7,"amount":1,"currency":"USD"}`, model.Malformed, "orderId"},
		{"a bad address", purchase, `{` + order + `,"email":"a@b"}`, model.Invalid, "email"},
		{"a text for a flag", purchase, `{` + order + `,"isNewCustomer":"no"}`, model.Malformed, "isNewCustomer"},
		{"products that are no list", purchase, `{` + order + `,"products":{}}`, model.Malformed, "products"},
		{"a product without sku", purchase, `{` + order + `,"products":[{"sku":"a"},{"name":"n"}]}`, model.Malformed, "products[1].sku"},
		{"half a product", purchase, `{` + order + `,"products":[{"sku":"a","quantity":0.5}]}`, model.Malformed, "products[0].quantity"},
		{"a price below 0", purchase, `{` + order + `,"products":[{"sku":"a","price":-1}]}`, model.Invalid, "products[0].price"},
		{"a property that is an object", purchase, `{` + order + `,"additionalProperties":{"a":{}}}`, model.Malformed, "additionalProperties.a"},
		{"properties that are a list", purchase, `{` + order + `,"additionalProperties":[]}`, model.Malformed, "additionalProperties"},
		{"an address of a machine that is none", purchase, `{` + order + `,"ipAddress":"nowhere"}`, "", ""},

		{"a sign-up", signUp, `{` + person + `}`, "", ""},
		{"a sign-up without address", signUp, `{"customerId":"c"}`, model.Malformed, "email"},
		{"a sign-up without customer id", signUp, `{"email":"ann@example.com"}`, model.Malformed, "customerId"},
		{"a zone", signUp, `{` + person + `,"timezone":"America/Argentina"}`, "", ""},
		{"no such zone", signUp, `{` + person + `,"timezone":"Local"}`, model.Invalid, "timezone"},
		{"an empty zone", signUp, `{` + person + `,"timezone":""}`, model.Invalid, "timezone"},
		{"null for a zone", signUp, `{` + person + `,"timezone":null}`, "", ""},
		{"a loyalty status", signUp, `{` + person + `,"loyaltyStatus":"blocked"}`, "", ""},
		{"no such loyalty status", signUp, `{` + person + `,"loyaltyStatus":"In"}`, model.Invalid, "loyaltyStatus"},
		{"a birthday without year", signUp, `{` + person + `,"birthday":{"day":29,"month":2}}`, "", ""},
		{"a leap day", signUp, `{` + person + `,"birthday":{"day":29,"month":2,"year":1984}}`, "", ""},
		{"a leap day in no leap year", signUp, `{` + person + `,"birthday":{"day":29,"month":2,"year":1983}}`, model.Invalid, "birthday.day"},
		{"a birthday of null", signUp, `{` + person + `,"birthday":null}`, "", ""},
		{"a birthday without day", signUp, `{` + person + `,"birthday":{"month":2}}`, model.Malformed, "birthday.day"},
		{"day 0", signUp, `{` + person + `,"birthday":{"day":0,"month":1}}`, model.Invalid, "birthday.day"},
		{"31 April", signUp, `{` + person + `,"birthday":{"day":31,"month":4}}`, model.Invalid, "birthday.day"},
		{"month 13", signUp, `{` + person + `,"birthday":{"day":1,"month":13}}`, model.Invalid, "birthday.month"},
		{"a trace of a month", signUp, `{` + person + `,"birthday":{"day":1,"month":1.00001}}`, model.Malformed, "birthday.month"},
		{"half a month", signUp, `{` + person + `,"birthday":{"day":1,"month":1.5}}`, model.Malformed, "birthday.month"},
		{"a year of two digits", signUp, `{` + person + `,"birthday":{"day":1,"month":1,"year":84}}`, model.Invalid, "birthday.year"},
		{"a month in quotes", signUp, `{` + person + `,"birthday":{"day":1,"month":"1"}}`, model.Malformed, "birthday.month"},

		{"a custom event", custom, `{"email":"ann@example.com","eventType":"visit"}`, "", ""},
		{"a custom event without type", custom, `{"email":"ann@example.com"}`, model.Malformed, "eventType"},
		{"a custom event without address", custom, `{"eventType":"visit"}`, model.Malformed, "email"},

		{"an age of 0", customer, `{` + person + `,"age":0}`, "", ""},
		{"an age below 0", customer, `{` + person + `,"age":-1}`, model.Invalid, "age"},
		{"an age in quotes", customer, `{` + person + `,"age":"23"}`, model.Malformed, "age"},
		{"a customer without id", customer, `{"email":"ann@example.com"}`, model.Malformed, "customerId"},

		{"a link", link, `{` + asks + `}`, "", ""},
		{"a link for nobody", link, `{"campaignId":"ef9befc6-18f1-418c-8914-5ee8d09bb5aa"}`, model.Malformed, "email"},
		{"a link in no campaign", link, `{"email":"ann@example.com"}`, model.Malformed, "campaignId"},
		{"a campaign that is no UUID", link, `{"email":"ann@example.com","campaignId":"evergreen"}`, model.Invalid, "campaignId"},
		{"a UUID without hyphens", link, `{"email":"ann@example.com","campaignId":"ef9befc618f1418c89145ee8d09bb5aa"}`, model.Invalid, "campaignId"},
		{"a widget that is no UUID", link, `{` + asks + `,"widgetId":"w"}`, model.Invalid, "widgetId"},
		{"a channel", link, `{` + asks + `,"channel":"whatsapp"}`, "", ""},
		{"no such channel", link, `{` + asks + `,"channel":"pigeon"}`, model.Invalid, "channel"},
		{"destination parameters that are a text", link, `{` + asks + `,"destinationUrlQueryParams":"vip=1"}`, model.Malformed, "destinationUrlQueryParams"},
		{"a destination parameter that is a list", link, `{` + asks + `,"destinationUrlQueryParams":{"vip":[1]}}`, model.Malformed, "destinationUrlQueryParams.vip"},

		{"ten links", batch, `{"requests":[` + strings.Repeat(`{`+asks+`},`, 9) + `{` + asks + `}]}`, "", ""},
		{"eleven links", batch, `{"requests":[` + strings.Repeat(`{`+asks+`},`, 10) + `{` + asks + `}]}`, model.Invalid, "requests"},
		{"no links", batch, `{"requests":[]}`, "", ""},
		{"a batch without requests", batch, `{}`, model.Malformed, "requests"},
		{"one bad request of a batch", batch, `{"requests":[{` + asks + `},{` + asks + `,"channel":"pigeon"}]}`, model.Invalid, "requests[1].channel"},

		{"an adjustment", adjust, `{` + adjusts + `,"value":1,"adjustmentType":"add"}`, "", ""},
		{"an adjustment of 0", adjust, `{` + adjusts + `,"value":0,"adjustmentType":"add"}`, model.Invalid, "value"},
		{"an adjustment below 0", adjust, `{` + adjusts + `,"value":-1,"adjustmentType":"remove"}`, model.Invalid, "value"},
		{"an adjustment that rounds to 0", adjust, `{` + adjusts + `,"value":0.00001,"adjustmentType":"add"}`, model.Invalid, "value"},
		{"no value", adjust, `{` + adjusts + `,"adjustmentType":"add"}`, model.Malformed, "value"},
		{"no such adjustment", adjust, `{` + adjusts + `,"value":1,"adjustmentType":"steal"}`, model.Invalid, "adjustmentType"},
		{"no description", adjust, `{"customerId":"c","currency":"USD","value":1,"adjustmentType":"add"}`, model.Malformed, "description"},
		{"a date that is none", adjust, `{` + adjusts + `,"value":1,"adjustmentType":"add","expirationDate":"2030-02-30"}`, model.Invalid, "expirationDate"},
		{"a number for a date", adjust, `{` + adjusts + `,"value":1,"adjustmentType":"add","expirationDate":1893456000}`, model.Malformed, "expirationDate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			kind, field := c.refuse(c.body)
			if kind != c.kind || field != c.field {
				t.Errorf("%s: got %q %q, want %q %q", c.body, kind, field, c.kind, c.field)
			}
		})
	}
}

// refusal tells how a body is refused, "" where it is not.
func refusal[In, Out any](convert func(In) (Out, error)) func(string) (model.Kind, string) {
	return func(body string) (model.Kind, string) {
		_, err := converted(convert, body)
		if err == nil {
			return "", ""
		}
		known, ok := err.(*model.Error)
		if !ok {
			return model.KindOf(err), err.Error()
		}
		return known.Kind, known.Field
	}
}

func TestWrongTypeNamesItsField(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"amount":"1"}`:                           "amount must not be a string",
		`{"products":[{"price":true}]}`:            "products.price must not be a bool",
		`{"additionalProperties":{"a":["b"]}}`:     "additionalProperties.a must not be an array",
		`{"additionalProperties":"none"}`:          "additionalProperties must not be a string",
		`{"email":["ann@example.com"]}`:            "email must not be an array",
		`{"isNewCustomer":1,"orderId":["a", "b"]}`: "isNewCustomer must not be a number",
	} {
		var in purchaseJSON
		err := web.ReadJSON(httptest.NewRequest("POST", "/", strings.NewReader(body)), &in)
		if known, ok := err.(*model.Error); !ok || known.Msg != want {
			t.Errorf("%s: got %v, want %q", body, err, want)
		}
	}
}

func TestProfileKeepsWhatWasSent(t *testing.T) {
	t.Parallel()
	got, err := converted(customerJSON.customer, `{
		"email": "ann@example.com", "customerId": "c", "age": 0, "gender": "", "zipCode": "90038", "isNewCustomer": false,
		"birthday": {"day": 1, "month": 10}, "additionalProperties": {"vip": true}, "timezone": "Europe/Berlin"
	}`)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"age": "0", "zipCode": `"90038"`, "isNewCustomer": "false", "birthday": `{"day":1,"month":10}`,
		"additionalProperties": `{"vip":true}`, "timezone": `"Europe/Berlin"`,
	}
	kept := map[string]string{}
	for name, raw := range got.Extra {
		kept[name] = string(raw)
	}
	if diff := cmp.Diff(want, kept); diff != "" {
		t.Error("-want +got\n", diff)
	}
}

func TestCustomerIDAmongProperties(t *testing.T) {
	t.Parallel()
	for properties, want := range map[string]string{
		`"customerId":"c-1"`: "c-1",
		`"customerId":15534`: "15534",
		`"customerId":true`:  "",
		`"customerId":null`:  "",
		`"other":"c-1"`:      "",
	} {
		got, err := converted(customEventJSON.event, `{"email":"ann@example.com","eventType":"visit","additionalProperties":{`+properties+`}}`)
		if err != nil || got.CustomerID != want {
			t.Errorf("%s: got %q, %v; want %q", properties, got.CustomerID, err, want)
		}
	}
	got, err := converted(customEventJSON.event, `{"email":"ann@example.com","eventType":"visit","customerId":"outer","additionalProperties":{"customerId":"inner"}}`)
	if err != nil || got.CustomerID != "outer" {
		t.Errorf("got %q, %v; want the field of its own", got.CustomerID, err)
	}
}

func TestDestinationBecomesAQuery(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{
		`{"vip":true}`:                          "vip=true",
		`{"b":"x y&z","a":10.50,"n":null}`:      "a=10.50&b=x+y%26z",
		`{"name":"Zo\u00eb","q":"\"quoted\"="}`: "name=Zo%C3%AB&q=%22quoted%22%3D",
		`{}`:                                    "",
		`null`:                                  "",
	} {
		var s scalarsJSON
		if err := json.Unmarshal([]byte(sent), &s); err != nil {
			t.Fatal(err)
		}
		if got := s.query(); got != want {
			t.Errorf("%s: got %q, want %q", sent, got, want)
		}
	}
}

func TestTimesHaveThreePlaces(t *testing.T) {
	t.Parallel()
	berlin := time.FixedZone("", 2*60*60)
	for want, at := range map[string]time.Time{
		"2020-03-05T01:07:38.000Z": time.Date(2020, 3, 5, 1, 7, 38, 0, time.UTC),
		"2020-03-05T01:07:38.500Z": time.Date(2020, 3, 5, 3, 7, 38, 500e6, berlin),
	} {
		if got := shown(at); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := shownIfAny(time.Time{}); got != "" {
		t.Errorf("the zero time shows as %q", got)
	}
}

func TestInstant(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2022-06-08T23:47:56.539Z":       "2022-06-08T23:47:56.539Z",
		"2022-06-08T23:47:56Z":           "2022-06-08T23:47:56.000Z",
		"2022-06-08T23:47:56.5+02:00":    "2022-06-08T21:47:56.500Z",
		"2022-06-08T23:47:56":            "2022-06-08T23:47:56.000Z",
		"2022-06-08":                     "2022-06-08T00:00:00.000Z",
		"2022-06-08T23:47:56.1239999Z":   "2022-06-08T23:47:56.123Z",
		"":                               "",
		"2022-13-01":                     "refused",
		"2022-02-29T00:00:00Z":           "refused",
		"tomorrow":                       "refused",
		"1654732076":                     "refused",
		"2022-06-08T23:47:56.539Z extra": "refused",
		"9999-12-31T23:59:59.999Z":       "9999-12-31T23:59:59.999Z",
		"9999-12-31T23:59:59-00:01":      "refused", // five digits in UTC
		"0000-01-01T00:00:00+00:01":      "refused",
	} {
		at, err := instant("expirationDate", text)
		got := shownIfAny(at)
		if err != nil {
			got = "refused"
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// FuzzPurchase holds that whatever a shop sends is converted or refused, and
// that what passes is in bounds.
func FuzzPurchase(f *testing.F) {
	f.Add(`{"orderId":"o","amount":10.5,"currency":"USD"}`)
	f.Add(`{"orderId":"o","amount":1e2,"currency":"USD","products":[{"sku":"a","quantity":2,"price":5}],"additionalProperties":{"a":1.50,"b":null}}`)
	f.Add(`{"orderId":"o","amount":-1,"email":"x"}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, body string) {
		got, err := converted(purchaseJSON.purchase, body)
		if err != nil {
			if kind := model.KindOf(err); kind != model.Malformed && kind != model.Invalid {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		if got.Amount < 0 || got.OrderID == "" || got.Currency == "" {
			t.Errorf("%q: converted to %+v", body, got)
		}
		if len(got.Detail) > 0 && !json.Valid(got.Detail) {
			t.Errorf("%q: keeps %q", body, got.Detail)
		}
	})
}

// FuzzBodies holds that no other body stops the program, and that all that is
// kept is JSON.
func FuzzBodies(f *testing.F) {
	f.Add(`{"email":"ann@example.com","customerId":"c","birthday":{"day":1,"month":10,"year":1980},"age":0}`)
	f.Add(`{"email":"ann@example.com","eventType":"visit","additionalProperties":{"customerId":5}}`)
	f.Add(`{"requests":[{"email":"ann@example.com","campaignId":"ef9befc6-18f1-418c-8914-5ee8d09bb5aa","destinationUrlQueryParams":{"vip":true}}]}`)
	f.Add(`{"customerId":"c","currency":"USD","value":10,"adjustmentType":"add","description":"d","expirationDate":"2022-06-08T23:47:56.539Z"}`)
	f.Fuzz(func(t *testing.T, body string) {
		kept := func(extra map[string]json.RawMessage, details ...json.RawMessage) {
			for _, raw := range extra {
				details = append(details, raw)
			}
			for _, raw := range details {
				if len(raw) > 0 && !json.Valid(raw) {
					t.Errorf("%q: keeps %q", body, raw)
				}
			}
		}
		if got, err := converted(signUpJSON.join, body); err == nil {
			kept(got.Extra, got.Detail)
		}
		if got, err := converted(customEventJSON.event, body); err == nil {
			kept(got.Extra, got.Detail)
		}
		if got, err := converted(customerJSON.customer, body); err == nil {
			kept(got.Extra, got.Detail)
		}
		if got, err := converted(linkBatchJSON.requests, body); err == nil && len(got) > mostInABatch {
			t.Errorf("%q: %d requests", body, len(got))
		}
		if got, err := converted(adjustmentJSON.adjustment, body); err == nil && got.Value <= 0 {
			t.Errorf("%q: adjusts by %d", body, got.Value)
		}
	})
}

func TestAnswersHaveEveryField(t *testing.T) {
	t.Parallel()
	at := time.Date(2022, 6, 10, 0, 19, 0, 179e6, time.UTC)
	limit := 500 * money.Unit
	for _, c := range []struct {
		name string
		got  any
		want string
	}{
		{"an adjustment", adjustedToJSON(&engine.Adjusted{
			Currency: "Points", Value: 10 * money.Unit, Total: 11 * money.Unit, Cap: &limit, Note: "n", At: at, ExpiresAt: at.Add(time.Hour),
			Credits: []model.Credit{
				{Amount: money.Unit, Remaining: money.Unit / 2, EarnedAt: at, ExpiresAt: at.Add(time.Hour)},
				{Amount: money.Unit, EarnedAt: at, EndedAt: at, Ended: model.CreditRedeemed},
				{Amount: money.Unit, EarnedAt: at, ExpiresAt: at, EndedAt: at, Ended: model.CreditExpired},
			},
		}), `{"currency":"Points","value":10,"total":11,"description":"n","createdOn":"2022-06-10T00:19:00.179Z","ledgerCap":500,` +
			`"expirationDate":"2022-06-10T01:19:00.179Z","creditDetails":[` +
			`{"earnedOn":"2022-06-10T00:19:00.179Z","status":"active","amount":0.5,"expireOn":"2022-06-10T01:19:00.179Z"},` +
			`{"earnedOn":"2022-06-10T00:19:00.179Z","status":"redeemed","amount":1,"redeemedOn":"2022-06-10T00:19:00.179Z"},` +
			`{"earnedOn":"2022-06-10T00:19:00.179Z","status":"expired","amount":1,"expireOn":"2022-06-10T00:19:00.179Z"}]}`},
		{"an adjustment without cap or credit", adjustedToJSON(&engine.Adjusted{Currency: "USD", At: at}),
			`{"currency":"USD","value":0,"total":0,"description":"","createdOn":"2022-06-10T00:19:00.179Z","ledgerCap":null,"creditDetails":[]}`},
		{"a referral", referralStatusToJSON(&engine.ReferralStatus{
			Code: "ann", CampaignUUID: "u", Email: "ann@example.com", CustomerID: "c", Name: "Ann B",
			Advocate: &model.Value{Amount: 10 * money.Unit, Unit: "USD"}, Friend: &model.Value{Unit: "%"}, FriendDescription: "Off",
		}), `{"referralCode":{"code":"ann","status":"active"},"campaignId":"u","advocate":{"email":"ann@example.com","customerId":"c","name":"Ann B",` +
			`"rewardDetails":{"amount":10,"value":"USD"}},"friendIncentive":{"amount":0,"value":"%","description":"Off"}}`},
		{"a referral without rewards", referralStatusToJSON(&engine.ReferralStatus{Code: "ann", CampaignUUID: "u"}),
			`{"referralCode":{"code":"ann","status":"active"},"campaignId":"u","advocate":{"rewardDetails":{}},"friendIncentive":{}}`},
		{"a link of a batch", batchedLinkJSON{linkMadeJSON: linkToJSON(engine.Link{URL: "l", Code: "c", MadeAt: at}), Email: "e", CampaignID: "u"},
			`{"link":"l","referralCode":"c","createdOn":"2022-06-10T00:19:00.179Z","email":"e","campaignId":"u"}`},
	} {
		got, err := json.Marshal(c.got)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, string(got)); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.name, diff)
		}
	}
}
