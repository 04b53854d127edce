package friendbuy

import (
	"encoding/json"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/model"
)

func TestQuestions(t *testing.T) {
	t.Parallel()
	at := time.Date(2019, 11, 18, 23, 48, 30, 17e6, time.UTC)
	asked := func(kind model.EventKind, trigger, sent string) *engine.ToldReward {
		return &engine.ToldReward{
			Reward:  &model.Reward{Role: model.AsAdvocate},
			In:      &model.Campaign{UUID: "89d78d25-6a33-4873-8b0e-410e3e7c10fa"},
			Trigger: trigger,
			Question: &engine.Question{
				Kind: kind, At: at, OrderID: "order-66", Amount: 100_0000, Currency: "USD", NewCustomer: true, IP: "12.156.140.124",
				Sent:     json.RawMessage(sent),
				Actor:    engine.Contact{CustomerID: "67", Email: "actor@example.com", IP: "12.34.56.78"},
				Advocate: engine.Contact{CustomerID: "66", Email: "advocate@example.com", IP: "12.156.140.1"},
			},
		}
	}
	const products = `{"products":[{"sku":"test-product","name":"Test Product","quantity":1,"price":10.5,"category":"A & B"}]}`
	const shownProducts = `[{"category":"A & B","currency":"USD","name":"Test Product","price":10.5,"quantity":1,"sku":"test-product"}]`
	const advocate = `{"customerId":"66","email":"advocate@example.com","ipAddress":"12.156.140.1"}`
	const parties = `"advocate":` + advocate + `,"actor":{"customerId":"67","email":"actor@example.com","ipAddress":"12.34.56.78"}}`
	const when = `"createdOn":"2019-11-18T23:48:30.017Z"`
	const purchase = `{"eventType":"purchase","recipientType":"advocate","campaignId":"89d78d25-6a33-4873-8b0e-410e3e7c10fa","event":{` + when +
		`,"id":"order-66","amount":100,"currency":"USD","isNewCustomer":true,"ipAddress":"12.156.140.124","date":"2019-11-18T23:48:30.017Z","products":`
	signUp := asked(model.SignUp, "sign_up", `{"additionalProperties":{"plan":"pro"}}`)
	erased := asked(model.Purchase, "purchase", "")
	erased.Question.IP, erased.Question.OrderID, erased.Question.Actor, erased.Question.Advocate = "", "", engine.Contact{}, engine.Contact{}
	for name, c := range map[string]struct {
		event string
		told  *engine.ToldReward
		want  string
	}{
		"purchase": {"rewardValidation", asked(model.Purchase, "purchase", products), purchase + shownProducts + `},` + parties},
		"sign-up": {"rewardValidation", signUp, `{"eventType":"sign_up","recipientType":"advocate","campaignId":"89d78d25-6a33-4873-8b0e-410e3e7c10fa",` +
			`"event":{` + when + `},` + parties},
		"custom": {"rewardValidation", asked(model.Custom, "my_custom_event", `{"additionalProperties":{"customer segment":"18-24","customerNumber":42}}`),
			`{"eventType":"my_custom_event","recipientType":"advocate","campaignId":"89d78d25-6a33-4873-8b0e-410e3e7c10fa",` +
				`"event":{` + when + `,"customer segment":"18-24","customerNumber":42},` + parties},
		"erased": {"rewardValidation", erased, `{"eventType":"purchase","recipientType":"advocate","campaignId":"89d78d25-6a33-4873-8b0e-410e3e7c10fa","event":{` +
			when + `,"id":"","amount":100,"currency":"USD","isNewCustomer":true,"date":"2019-11-18T23:48:30.017Z","products":[]},"advocate":{},"actor":{}}`},
		"old form": {"purchaseValidation", asked(model.Purchase, "purchase", products), `{"eventType":"purchase",` + when +
			`,"campaignId":"89d78d25-6a33-4873-8b0e-410e3e7c10fa","purchase":{"id":"order-66","amount":100,"currency":"USD","isNewCustomer":true,` +
			`"ipAddress":"12.156.140.124","date":"2019-11-18T23:48:30.017Z","email":"actor@example.com","customerId":"67","products":` + shownProducts +
			`},"advocate":` + advocate + `}`},
		"old form of what it has no words for": {"purchaseValidation", signUp, `{"eventType":"sign_up","recipientType":"advocate","campaignId":"89d78d25-6a33-4873-8b0e-410e3e7c10fa",` +
			`"event":{` + when + `},` + parties},
	} {
		to := &model.Endpoint{Event: c.event, Topic: model.RewardQuestioned}
		got, err := NewRenderer(Pace{}).Body(&model.Delivery{}, to, []engine.Told{{Reward: c.told}}, nil)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %v\ngot  %s\nwant %s", name, err, got, c.want)
		}
	}
	if _, err := NewRenderer(Pace{}).Body(&model.Delivery{}, &model.Endpoint{Topic: model.RewardQuestioned}, []engine.Told{{Reward: signUp}, {Reward: signUp}}, nil); err == nil {
		t.Error("two rewards in one question")
	}
}

func TestAnswersToQuestions(t *testing.T) {
	t.Parallel()
	r := NewRenderer(Pace{RetryEvery: 15 * time.Minute, GiveUp: 24 * time.Hour, GiveUpAsk: 72 * time.Hour})
	to := &model.Endpoint{Topic: model.RewardQuestioned}
	for status := 100; status < 600; status++ {
		want := model.TryAgain
		switch status {
		case 200:
			want = model.Accepted
		case 400:
			want = model.Refused
		}
		if got := r.Judge(to, status); got != want {
			t.Errorf("%d is judged as %v, want %v", status, got, want)
		}
	}
	d := &model.Delivery{Since: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	first := d.Since
	if next, again := r.Next(d, to, first.Add(72*time.Hour-time.Minute)); !again || !next.Equal(first.Add(72*time.Hour)) {
		t.Errorf("the last try is at %v (%v)", next, again)
	}
	if _, again := r.Next(d, to, first.Add(72*time.Hour)); again {
		t.Error("it is asked for more than 72 hours")
	}
}
