package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/model"
)

const listing = `
account: Acme
site: https://shop.example.com
campaigns:
  - name: Spring
    status: launched
    landing: https://shop.example.com/spring?a=1#top
    rewards:
      - {name: Ten, to: both, on: purchase, repeat: true, issue: auto, value: {type: cash, amount: 10, unit: USD}}
      - {name: Five, to: advocate, on: sign_up, repeat: true, value: {type: discount, coupons: Gifts}}
      - {name: Regular, to: customer, on: purchase, repeat: true, value: {type: cash, amount: 1, unit: USD}}
  - {name: Autumn, status: launched, widgets: [{name: Footer, type: emailCapture}, {name: Overlay}], rewards: [{name: One, to: advocate, on: trial, repeat: true, value: {type: cash, amount: 1, unit: USD}}]}
coupons:
  - {batch: Gifts, generate: 10}
`

// pageOf asks for a page with everything that a test leaves open.
func pageOf(q engine.ListQuery) engine.ListQuery {
	if q.Size == 0 {
		q.Size = 100
	}
	return q
}

// listed shows a page as its total and one line a row.
func listed[T any](t *testing.T, got *engine.Listed[T], err error, line func(T) string) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{fmt.Sprint(got.Total)}
	for _, row := range got.Rows {
		lines = append(lines, line(row))
	}
	return strings.Join(lines, "\n")
}

func wantLines(t *testing.T, what, got, want string) {
	t.Helper()
	if want = strings.TrimSpace(strings.ReplaceAll(want, "\t", "")); got != want {
		t.Errorf("%s:\n%s\nwant:\n%s", what, got, want)
	}
}

func who(k engine.Known) string { return k.Email + " " + k.CustomerID + " " + k.Name }

func TestListsShowWhatHappened(t *testing.T) {
	onBoth(t, listing, func(t *testing.T, s *stage) {
		ctx := context.Background()
		links, err := s.core.Links(ctx, s.account, []engine.LinkRequest{{
			Who:      engine.Who{Email: "Ann@example.com", FirstName: "Ann", LastName: "Lee", Server: true},
			Campaign: s.project.Campaigns[0].UUID, Seed: "Ann", Channel: "facebook", Params: "b=2",
		}})
		if err != nil {
			t.Fatal(err)
		}
		ann := links[0].Code
		_, cookie := s.follow(ann, "")
		s.wait(time.Second)
		s.joinAs(engine.Join{Who: engine.Who{Email: "ben@example.com", FirstName: "Ben", IP: "192.0.2.7", Agent: "Firefox", Server: true}, Referral: by(ann), Kind: model.SignUp})
		s.wait(time.Second)
		s.purchase(engine.Purchase{
			Who: engine.Who{Email: "ben@example.com", CustomerID: "c-ben", IP: "192.0.2.8", Server: true}, OrderID: "o-1",
			Referral: by(ann), Amount: amountOf(t, "12.5"), Currency: "USD",
			Detail: json.RawMessage(`{"products":[{"sku":"x"},{"sku":"y"}]}`),
		})
		s.buy("o-2", "c-alone", "", "7") // counts for nobody
		s.custom(engine.CustomEvent{Who: server("c-ben", ""), Referral: by(s.link("zoe@example.com", 1)), Name: "trial"})
		news := true
		s.joinAs(engine.Join{Who: engine.Who{Email: "eve@example.com", FirstName: "Eve"}, Kind: model.EmailCapture, Campaign: s.project.Campaigns[1].ID, Newsletter: &news, Widget: "Footer"})

		clicks, err := s.core.ListClicks(ctx, s.account, pageOf(engine.ListQuery{}))
		wantLines(t, "clicks", listed(t, clicks, err, func(c engine.Clicked) string {
			return strings.Join([]string{c.CampaignName, who(c.Advocate), c.Channel, c.Code, c.IP, c.Agent, c.Destination}, ", ")
		}), `1
			Spring, Ann@example.com  Ann Lee, facebook, ann, 192.0.2.1, test, https://shop.example.com/spring?a=1&b=2&ref=ann#top`)
		signUps, err := s.core.ListSignUps(ctx, s.account, pageOf(engine.ListQuery{}))
		wantLines(t, "sign-ups", listed(t, signUps, err, func(c engine.SignedUp) string {
			return strings.Join([]string{c.CampaignName, who(c.Person), who(c.Advocate), c.Channel, c.Code, c.IP, c.Agent, fmt.Sprint(c.NewCustomer)}, ", ")
		}), `1
			Spring, ben@example.com c-ben Ben, Ann@example.com  Ann Lee, facebook, ann, 192.0.2.7, Firefox, true`)
		bought, err := s.core.ListPurchases(ctx, s.account, pageOf(engine.ListQuery{}))
		wantLines(t, "purchases", listed(t, bought, err, func(c engine.Bought) string {
			return strings.Join([]string{c.CampaignName, who(c.Person), who(c.Advocate), c.OrderID, c.Code, c.IP, c.Amount.String(), c.Currency, fmt.Sprint(c.NewCustomer), fmt.Sprintf("%s", c.Products)}, ", ")
		}), `1
			Spring, ben@example.com c-ben Ben, Ann@example.com  Ann Lee, o-1, ann, 192.0.2.8, 12.5, USD, true, [{"sku":"x"} {"sku":"y"}]`)
		rewarded := func(w engine.Rewarded) string {
			coupon := "no coupon"
			if w.Coupon != "" {
				coupon = "with coupon"
			}
			return strings.Join([]string{w.CampaignName, string(w.Reward.Role), string(w.Reward.State), w.Trigger, who(w.Advocate), who(w.Friend), w.Channel, w.Code, coupon}, ", ")
		}
		sorted := func(text string) string {
			lines := strings.Split(text, "\n")
			slices.Sort(lines)
			return strings.Join(lines, "\n")
		}
		rewards, err := s.core.ListRewards(ctx, s.account, pageOf(engine.ListQuery{}))
		wantLines(t, "rewards", sorted(listed(t, rewards, err, rewarded)), `4
			Autumn, advocate, earned, trial, zoe@example.com  , ben@example.com c-ben Ben, , `+s.link("zoe@example.com", 1)+`, no coupon
			Spring, advocate, delivered, purchase, Ann@example.com  Ann Lee, ben@example.com c-ben Ben, facebook, ann, no coupon
			Spring, advocate, earned, sign_up, Ann@example.com  Ann Lee, ben@example.com c-ben Ben, facebook, ann, with coupon
			Spring, friend, delivered, purchase, Ann@example.com  Ann Lee, ben@example.com c-ben Ben, facebook, ann, no coupon`)
		for _, tt := range []struct {
			what string
			q    engine.ListQuery
			want int64
		}{
			{"all", engine.ListQuery{}, 4},
			{"of a campaign", engine.ListQuery{Campaign: s.project.Campaigns[0].UUID}, 3},
			{"of a campaign and a role", engine.ListQuery{Campaign: s.project.Campaigns[0].UUID, Kind: "friend"}, 1},
			{"of an unknown campaign", engine.ListQuery{Campaign: "5d2ae2a1-5f1b-4b0e-9d4c-111111111111"}, 0},
			{"of an advocate", engine.ListQuery{Email: "ann@example.com"}, 3},
			{"of an advocate and a role", engine.ListQuery{Email: "ann@example.com", Kind: "friend"}, 1},
			{"of somebody unknown", engine.ListQuery{CustomerID: "nobody"}, 0},
			{"of somebody with two names", engine.ListQuery{Email: "ben@example.com", CustomerID: "c-ben"}, 0},
			{"of two persons", engine.ListQuery{Email: "ann@example.com", CustomerID: "c-ben"}, 0},
		} {
			got, err := s.core.ListRewards(ctx, s.account, pageOf(tt.q))
			if err != nil || got.Total != tt.want || int64(len(got.Rows)) != tt.want {
				t.Errorf("rewards %s: %v, %d in all, %d rows, want %d", tt.what, err, got.Total, len(got.Rows), tt.want)
			}
		}
		delivered, err := s.core.ListDelivered(ctx, s.account, model.AsFriend, pageOf(engine.ListQuery{CustomerID: "c-ben"}))
		if err != nil || delivered.Total != 1 || delivered.Rows[0].Reward.Role != model.AsFriend {
			t.Errorf("delivered to the friend: %v, %+v", err, delivered)
		}
		captures, err := s.core.ListCaptures(ctx, s.account, pageOf(engine.ListQuery{Widget: "Footer"}))
		wantLines(t, "captures", listed(t, captures, err, func(c engine.Captured) string {
			return strings.Join([]string{c.CampaignName, c.Name, c.Email, c.Widget, c.Kind, fmt.Sprint(*c.Newsletter)}, ", ")
		}), `1
			Autumn, Eve, eve@example.com, Footer, other, true`)
		for _, kind := range []model.EventKind{model.WidgetViewed, model.WidgetActed} {
			if _, errs := s.core.RecordSights(ctx, s.account, []engine.Sight{{
				Who: engine.Who{CustomerID: "c-ben", IP: "192.0.2.9", Agent: "Safari"}, Kind: kind, Campaign: s.project.Campaigns[1].UUID, Widget: "Overlay",
				Action: &engine.WidgetAction{Name: "opened"},
			}}); errs[0] != nil {
				t.Fatal(errs[0])
			}
		}
		views, err := s.core.ListWidgetViews(ctx, s.account, pageOf(engine.ListQuery{Kind: model.AdvocateShareView}))
		wantLines(t, "views", listed(t, views, err, func(c engine.WidgetView) string {
			return strings.Join([]string{c.CampaignName, who(c.Person), c.Widget, c.WidgetType, c.IP, c.Agent}, ", ")
		}), `1
			Autumn, ben@example.com c-ben Ben, Overlay, advocateShare, 192.0.2.9, Safari`)
		if _, err := s.core.RecordShare(ctx, s.account, engine.Share{Who: engine.Who{IP: "192.0.2.10", Agent: "Chrome"}, Code: ann, Channel: "email"}); err != nil {
			t.Fatal(err)
		}
		shares, err := s.core.ListShares(ctx, s.account, pageOf(engine.ListQuery{Channel: "email"}))
		wantLines(t, "shares", listed(t, shares, err, func(c engine.SharedLink) string {
			return strings.Join([]string{c.CampaignName, who(c.Advocate), c.Channel, c.Code, c.IP, c.Agent}, ", ")
		}), `1
			Spring, Ann@example.com  Ann Lee, email, ann, 192.0.2.10, Chrome`)

		// Who owns the link follows it: that is no click of a friend.
		visitor, _ := s.follow(ann, cookie)
		if _, err := s.core.Links(ctx, s.account, []engine.LinkRequest{{Who: engine.Who{Email: "ann@example.com", Visitor: visitor}, Campaign: s.project.Campaigns[0].UUID}}); err != nil {
			t.Fatal(err)
		}
		s.follow(ann, cookie)
		if clicks, err = s.core.ListClicks(ctx, s.account, pageOf(engine.ListQuery{})); err != nil || clicks.Total != 2 {
			t.Errorf("%d clicks, want the owner's own left out: %v", clicks.Total, err)
		}
		if _, err = s.core.ListClicks(ctx, s.account, pageOf(engine.ListQuery{Email: "ann@example.com"})); err == nil {
			t.Error("clicks are filtered by a person")
		}

		// Who is erased is listed still, as nobody.
		s.erase(engine.Whom{CustomerID: "c-ben"})
		s.run()
		bought, err = s.core.ListPurchases(ctx, s.account, pageOf(engine.ListQuery{}))
		wantLines(t, "purchases of somebody erased", listed(t, bought, err, func(c engine.Bought) string {
			return strings.Join([]string{c.CampaignName, strings.TrimSpace(who(c.Person)), who(c.Advocate), c.OrderID, c.Code, c.IP, c.Amount.String(), fmt.Sprint(c.Products)}, ", ")
		}), `1
			Spring, , Ann@example.com  Ann Lee, , ann, , 12.5, []`)
		if views, err = s.core.ListWidgetViews(ctx, s.account, pageOf(engine.ListQuery{})); err != nil || views.Total != 1 || strings.TrimSpace(who(views.Rows[0].Person))+views.Rows[0].IP != "" {
			t.Errorf("views of somebody erased: %v, %+v", err, views)
		}
	})
}
