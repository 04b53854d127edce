package engine_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"grapevine/engine"
	"grapevine/model"
)

const capturingFile = `
account: Acme
coupons: [{batch: hello, codes: [HELLO-1, HELLO-2]}]
campaigns:
  - name: Spring
    status: launched
    rewards:
      - {name: Hello, to: friend, on: email_capture, value: {type: discount, amount: 30, unit: USD, coupons: hello}}
  - {name: Confirmed, status: launched, confirm_email: true}
webhooks:
  - {on: friendbuy.emailCapture, url: "https://shop.example.com/captures"}
  - {on: friendbuy.emailCapture, url: "https://shop.example.com/spring", campaign: Spring}
`

// hear gathers what is told at this moment, takes it as delivered, and returns
// it by the address that hears of it.
func (s *stage) hear() map[string][]engine.Told {
	s.t.Helper()
	s.wait(time.Second)
	heard := map[string][]engine.Told{}
	render := func(d *model.Delivery, to *model.Endpoint, told []engine.Told, _ *engine.Config) ([]byte, error) {
		heard[to.URL] = append(heard[to.URL], told...)
		return []byte("{}"), nil
	}
	must := func(err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
	}
	ctx := context.Background()
	for range 2 { // tells become deliveries
		queues, err := s.core.DueQueues(ctx)
		must(err)
		for _, q := range queues {
			switch q.Kind {
			case model.JobTell:
				_, _, err := s.core.GatherTells(ctx, q, together)
				must(err)
			case model.JobDeliver:
				jobs, err := s.core.ClaimJobs(ctx, q, 100)
				must(err)
				sendings, err := s.core.StartDeliveries(ctx, q, jobs, render, nil)
				must(err)
				for _, to := range sendings {
					_, err := s.core.EndDeliveries(ctx, []*engine.Ended{{Sending: &to, Outcome: engine.Outcome{State: model.DeliveryDelivered}}})
					must(err)
				}
			}
		}
	}
	return heard
}

func TestCapturesAreToldOfWhoWelcomesNewsletters(t *testing.T) {
	onBoth(t, capturingFile, func(t *testing.T, s *stage) {
		yes, no := true, false
		s.purchase(engine.Purchase{
			Who:     engine.Who{Email: "sarah@example.com", CustomerID: "sarah", FirstName: "Sarah", LastName: "A", Server: true},
			OrderID: "own", Amount: 1_0000, Currency: "USD",
		})
		code := s.link("sarah@example.com", 0)
		capture := func(email, code string, newsletter *bool, campaign int) *engine.Joined {
			return s.joinAs(engine.Join{
				Who: engine.Who{Email: email, FirstName: "John", LastName: "C"}, Referral: by(code), Kind: model.EmailCapture,
				Campaign: s.project.Campaigns[campaign].ID, Newsletter: newsletter, Detail: json.RawMessage(`{"additionalProperties":{"age":28}}`),
			})
		}
		first := capture("john@example.com", code, &yes, 0)
		capture("quiet@example.com", code, &no, 0)
		capture("silent@example.com", code, nil, 0)
		again := capture("john@example.com", code, &yes, 0)
		waits := capture("later@example.com", "", &yes, 1)

		john := engine.ToldCapture{
			Event: first.UUID, Email: "john@example.com", Name: "John C", Code: code, Coupon: "HELLO-1",
			Advocate: engine.Contact{Email: "sarah@example.com", CustomerID: "sarah", FirstName: "Sarah", LastName: "A"},
			Sent:     json.RawMessage(`{"additionalProperties":{"age":28}}`),
		}
		once := john // the second brings nothing, and is told all the same
		once.Event, once.Coupon = again.UUID, ""
		heard := s.hear()
		for _, address := range []string{"https://shop.example.com/captures", "https://shop.example.com/spring"} {
			var got []engine.ToldCapture
			for _, told := range heard[address] {
				if c := told.Capture; c.In.Name != "Spring" || (c.Coupon != "") != (c.Reward != nil) {
					t.Errorf("told of %+v", c)
				}
				got = append(got, *told.Capture)
			}
			if diff := cmp.Diff([]engine.ToldCapture{john, once}, got, cmpopts.IgnoreFields(engine.ToldCapture{}, "At", "In", "Reward", "Channel")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", address, diff)
			}
		}

		// Who has to confirm their address is told of once they did.
		if err := s.core.Confirm(t.Context(), s.core.ConfirmationToken(s.account, waits.Participant)); err != nil {
			t.Fatal(err)
		}
		heard = s.hear()
		if got := heard["https://shop.example.com/captures"]; len(got) != 1 || got[0].Capture.Event != waits.UUID || got[0].Capture.Email != "later@example.com" {
			t.Errorf("told of %+v", got)
		}
		if got := heard["https://shop.example.com/spring"]; len(got) != 0 {
			t.Errorf("another campaign's endpoint is told of %+v", got)
		}
		s.verify()
	})
}

// Who is erased before they are told of is told of without their data.
func TestErasedCaptureSaysNothing(t *testing.T) {
	onBoth(t, capturingFile, func(t *testing.T, s *stage) {
		yes := true
		code := s.link("sarah@example.com", 0)
		s.joinAs(engine.Join{
			Who: engine.Who{Email: "john@example.com", FirstName: "John"}, Referral: by(code), Kind: model.EmailCapture, Newsletter: &yes,
		})
		s.erase(engine.Whom{Email: "john@example.com"})
		s.erase(engine.Whom{Email: "sarah@example.com"})
		s.run()
		for _, told := range s.hear()["https://shop.example.com/captures"] {
			if c := told.Capture; c.Email != "" || c.Name != "" || c.Advocate != (engine.Contact{}) || c.Event == "" {
				t.Errorf("told of %+v", c)
			}
		}
	})
}
