package friendbuy_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"grapevine/dialect/friendbuy"
	"grapevine/openapi/checktest"
	"grapevine/web"
)

// operation is a call with everything that is documented for it, which
// succeeds after those that stand before it.
type operation struct{ method, target, body string }

func (o operation) path() string {
	path, _, _ := strings.Cut(o.target, "?")
	return path
}

func (o operation) String() string { return o.method + o.path() }

const (
	someone = `"firstName":"Ann","lastName":"Bee","ipAddress":"203.0.113.9","userAgent":"Mozilla/5.0"`
	profile = `"timezone":"America/Los_Angeles","loyaltyStatus":"in","birthday":{"day":1,"month":10,"year":1980}`
	came    = `"couponCode":"FRIEND-1","attributionId":"0655e7df-a925-4e56-8509-5c1cbdb78bc2","referralCode":"x-ann"`
	asked   = `"email":"ann@example.com","customerId":"ann",` + someone + `,"campaignId":"ef9befc6-18f1-418c-8914-5ee8d09bb5aa",` +
		`"widgetId":"ff83c064-0776-4b99-adcc-c2b93af11b78","destinationUrlQueryParams":{"size":"xl"},"seed":"ann","prefix":"x-",` +
		`"channel":"purl","short":true,"eventUrl":"https://shop.example.com/","eventPage":"home"`
	adjusted = `"currency":"USD","value":10,"adjustmentType":"add","description":"welcome","expirationDate":"2090-05-19T22:18:10.543Z"`
	period   = `fromDate=2020-01-05T01:07:38.509Z&toDate=2030-01-05T01:07:38.509Z&pageSize=10`
	campaign = `&campaignId=ef9befc6-18f1-418c-8914-5ee8d09bb5aa`
)

var operations = []operation{
	{"POST", "/v1/authorization", `{"key":"` + stageKey + `","secret":"` + stageSecret + `"}`},
	{"POST", "/v1/customer", `{"email":"ann@example.com","customerId":"ann",` + someone + `,` + profile + `,"isNewCustomer":true,"age":40,"gender":"f",` +
		`"zipCode":"90001","state":"CA","city":"Los Angeles","category":"gold","country":"US","language":"en","additionalProperties":{"shoe":7}}`},
	{"POST", "/v1/personal-referral-link", `{` + asked + `}`},
	{"POST", "/v1/personal-referral-link-batch", `{"requests":[{` + asked + `}]}`},
	{"POST", "/v1/event/account-sign-up", `{"email":"bob@example.com","customerId":"bob",` + someone + `,` + profile + `,` + came + `,"additionalProperties":{"shoe":7}}`},
	{"POST", "/v1/event/purchase", `{"orderId":"o-1","email":"bob@example.com","customerId":"bob","amount":50,"currency":"USD","isNewCustomer":true,` +
		someone + `,` + came + `,"giftCardCodes":["G-1"],"additionalProperties":{"gift":true},"products":[{"sku":"s-1","name":"Tent","quantity":1,"price":50,` +
		`"currency":"USD","description":"for two","category":"camp","url":"https://shop.example.com/tent","imageUrl":"https://shop.example.com/tent.png"}]}`},
	{"POST", "/v1/event/custom", `{"email":"bob@example.com","eventType":"store_visit","customerId":"bob","isNewCustomer":false,` + someone + `,` + came +
		`,"deduplicationId":"visit-1","additionalProperties":{"shop":"Berlin"}}`},
	{"POST", "/v1/ledger-adjustment", `{"customerId":"ann",` + adjusted + `}`},
	{"POST", "/v1/ledger-adjustment-custom", `{"customCustomerId":"ann@example.com",` + adjusted + `}`},
	{"GET", "/v1/ledger-balance?customerId=ann&currency=USD", ""},
	{"GET", "/v1/ledger-balance-custom?customCustomerId=ann@example.com&currency=USD", ""},
	{"GET", "/v1/ledger-entries?customerId=ann&currency=USD&createdAfter=2020-01-01T00:00:00Z", ""},
	{"GET", "/v1/customers?id=ann", ""},
	{"GET", "/v1/customers/member-tier?id=ann", ""},
	{"GET", "/v1/reward/redemption-options", ""},
	{"POST", "/v1/reward/redeem", `{"customerId":"ann","redemptionOptionId":"8bded445-b740-44d7-8b36-08d5630ed282"}`},
	{"GET", "/v1/reward/coupons?email=ann@example.com&status=distributed", ""},
	{"GET", "/v1/referral-status?code=x-ann", ""},
	{"GET", "/v1/user-data?email=ann@example.com", ""},
	{"GET", "/v1/analytics/widget-views?" + period + campaign + "&widgetName=Post+Purchase+Overlay&widgetType=advocateShare", ""},
	{"GET", "/v1/analytics/shares?" + period + campaign + "&advocateEmail=ann@example.com&channel=purl", ""},
	{"GET", "/v1/analytics/clicks?" + period + campaign + "&channel=purl", ""},
	{"GET", "/v1/analytics/account-sign-ups?" + period + campaign + "&email=bob@example.com", ""},
	{"GET", "/v1/analytics/purchases?" + period + campaign + "&email=bob@example.com", ""},
	{"GET", "/v1/analytics/distributed-advocate-rewards?" + period + campaign + "&advocateEmail=ann@example.com", ""},
	{"GET", "/v1/analytics/distributed-friend-incentives?" + period + campaign + "&friendEmail=bob@example.com", ""},
	{"GET", "/v1/analytics/rewards/referral?" + period + campaign + "&advocateEmail=ann@example.com&recipientType=advocate", ""},
	{"GET", "/v1/analytics/email-captures?" + period + campaign + "&email=bob@example.com&emailCaptureType=friend", ""},
	{"GET", "/v1/analytics/email-metrics?fromDate=2026-03-01&toDate=2026-03-02&zone=America/Los_Angeles&includeSeries=true" + campaign +
		"&widgetId=ff83c064-0776-4b99-adcc-c2b93af11b78", ""},
	{"GET", "/v1/analytics/loyalty/ledger-heads?currency=USD&pageSize=10", ""},
	{"DELETE", "/v1/user-data?customerId=nobody", ""},
}

// statuses is what a fault is answered with. A query is no body: what is wrong
// with it is 422, whatever it is.
var statuses = map[checktest.Kind]int{
	checktest.MissingField:     http.StatusBadRequest,
	checktest.WrongType:        http.StatusBadRequest,
	checktest.BadValue:         http.StatusUnprocessableEntity,
	checktest.MissingParameter: http.StatusUnprocessableEntity,
	checktest.BadParameter:     http.StatusUnprocessableEntity,
}

// playOperations makes all calls, each of which succeeds.
func playOperations(t *testing.T, s *stage) {
	t.Helper()
	token := s.token(t)
	for _, o := range operations {
		if w := s.call(o.method, o.target, token, o.body); w.Code >= 300 {
			t.Errorf("%s: %d %s", o, w.Code, w.Body)
		}
	}
}

// TestWhatIsWrongIsRefused makes of every call all that its document tells to
// be wrong: each field and parameter missing, empty, of a wrong type, of a
// value that cannot be.
func TestWhatIsWrongIsRefused(t *testing.T) {
	t.Parallel()
	onBoth(t, whatIsWrongIsRefused)
}

func whatIsWrongIsRefused(t *testing.T, s *stage) {
	playOperations(t, s)
	for _, o := range operations {
		t.Run(o.String(), func(t *testing.T) {
			faults, err := document.Faults(o.method, o.target, o.body)
			if err != nil {
				t.Fatal(err)
			}
			token := s.token(t)
			for _, f := range faults {
				w := s.call(o.method, f.Target, token, f.Body)
				want, refused := statuses[f.Kind]
				if refused && w.Code != want || !refused && w.Code >= 300 {
					t.Errorf("%s: %s: %d %s", f.Kind, f.What, w.Code, w.Body)
				}
			}
		})
	}
	s.verify(t)
}

// TestWhatCannotBeReadIsRefused is about all that comes before the fields.
func TestWhatCannotBeReadIsRefused(t *testing.T) {
	t.Parallel()
	onBoth(t, whatCannotBeReadIsRefused)
}

func whatCannotBeReadIsRefused(t *testing.T, s *stage) {
	token := s.token(t)
	playOperations(t, s)
	for _, o := range operations {
		expect := func(what string, want int, method, target, token, body string) {
			t.Helper()
			if w := s.call(method, target, token, body); w.Code != want {
				t.Errorf("%s: %s: %d %s, want %d", o, what, w.Code, w.Body, want)
			}
		}
		and := "?"
		if strings.Contains(o.target, "?") {
			and = "&"
		}
		if o.path() != "/v1/authorization" {
			expect("no token", 401, o.method, o.target, "", o.body)
			expect("a wrong token", 401, o.method, o.target, "Bearer x", o.body)
			expect("a query that ends within a character", 400, o.method, o.target+and+"x=%f", token, o.body)
			expect("a query that is no UTF-8", 400, o.method, o.target+and+"x=%ff", token, o.body)
			expect("a query with U+0000", 400, o.method, o.target+and+"x=%00", token, o.body)
		}
		if o.body != "" {
			expect("no body", 400, o.method, o.target, token, "")
			expect("half a body", 400, o.method, o.target, token, o.body[:len(o.body)/2])
			expect("two bodies", 400, o.method, o.target, token, o.body+o.body)
			expect("a body of another kind", 400, o.method, o.target, token, `[`+o.body+`]`)
			expect("a body that is no UTF-8", 400, o.method, o.target, token, strings.Replace(o.body, `":"`, "\":\"\xff", 1))
			expect("a large body", 400, o.method, o.target, token, o.body+strings.Repeat(" ", web.MaxBody))
		}
		expect("another method", 405, "PATCH", o.target, token, o.body)
		expect("a path below", 404, o.method, o.path()+"/x", token, o.body)
	}
	s.verify(t)
}

// TestCallsPastTheLimitAreRefusedEverywhere has one call answered.
func TestCallsPastTheLimitAreRefusedEverywhere(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	playOperations(t, s)
	token := s.token(t)
	for _, o := range operations {
		s.handler = s.serve(t, friendbuy.Options{
			Rates:  web.NewRates(s.clock.now, s.core),
			Limits: friendbuy.Limits{Calls: 1, Authorizations: 1},
		})
		s.call(o.method, o.target, token, o.body)
		if w := s.call(o.method, o.target, token, o.body); w.Code != http.StatusTooManyRequests {
			t.Errorf("%s: %d %s, want 429", o, w.Code, w.Body)
		}
	}
}

// TestFailuresAreToldByReference takes the database away.
func TestFailuresAreToldByReference(t *testing.T) {
	t.Parallel()
	onBoth(t, failuresAreToldByReference)
}

func failuresAreToldByReference(t *testing.T, s *stage) {
	playOperations(t, s)
	token := s.token(t)
	s.gone = true
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, o := range operations {
		w := s.call(o.method, o.target, token, o.body)
		if w.Code < 300 { // from memory
			s.core = s.remembersNothing()
			s.handler = s.serve(t, friendbuy.Options{})
			w = s.call(o.method, o.target, token, o.body)
		}
		if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "The log says why") {
			t.Errorf("%s: %d %s, want 500", o, w.Code, w.Body)
		}
		if reference := w.Header().Get("X-Request-Id"); !strings.Contains(s.log.String(), fmt.Sprintf(`"reference":%q`, reference)) {
			t.Errorf("%s: the log has no %s", o, reference)
		}
	}
}
