package engine_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
	"grapevine/projectfile"
)

// The tests of this file show what the names of the project file bring about;
// docs/project-file.md says which test shows which name.

// click follows a link and returns where it leads.
func (s *stage) click(code string) *url.URL {
	s.t.Helper()
	landing, err := s.core.Click(context.Background(), engine.Visit{Code: code})
	if err != nil {
		s.t.Fatalf("click %s: %v", code, err)
	}
	to, err := url.Parse(landing.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	return to
}

// join signs somebody up, or captures their address.
func (s *stage) join(kind model.EventKind, customer, code string) *engine.Joined {
	s.t.Helper()
	joined, err := s.core.Join(context.Background(), s.account, engine.Join{
		Who: engine.Who{CustomerID: customer, Email: customer + "@example.com", Server: true}, Kind: kind,
		Referral: engine.Referral{ReferralCode: code},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return joined
}

func TestLinksLeadWhereTheFileSays(t *testing.T) {
	onBoth(t, `
account: Acme
site: https://shop.example.com/home
link_url: https://go.example.com/
campaigns:
  - {name: Plain, status: launched, code: plain}
  - {name: Own, status: launched, landing: "https://shop.example.com/welcome?from=friend#top", link_param: iref, fbuy: false}
`, func(t *testing.T, s *stage) {
		links, err := s.core.Links(context.Background(), s.account, []engine.LinkRequest{
			{Who: engine.Who{Email: "ann@example.com", Server: true}, Campaign: s.project.Campaigns[0].UUID},
			{Who: engine.Who{Email: "ann@example.com", Server: true}, Campaign: s.project.Campaigns[1].UUID},
		})
		if err != nil {
			t.Fatal(err)
		}
		if want := "https://go.example.com/" + links[0].Code; links[0].URL != want {
			t.Errorf("link is %s, want %s", links[0].URL, want)
		}
		to := s.click(links[0].Code)
		if to.Host != "shop.example.com" || to.Path != "/home" || to.Query().Get("ref") != links[0].Code || to.Query().Get("signed") == "" {
			t.Errorf("the plain campaign's link leads to %s", to)
		}
		to = s.click(links[1].Code)
		if to.Path != "/welcome" || to.Fragment != "top" || to.Query().Get("from") != "friend" || to.Query().Get("iref") != links[1].Code || to.Query().Has("signed") || to.Query().Has("ref") {
			t.Errorf("the other's leads to %s", to)
		}
		if to := s.click("PLAIN"); to.Path != "/home" {
			t.Errorf("the join link leads to %s", to)
		}
	})
}

func TestCodesAreMadeAsTheFileSays(t *testing.T) {
	onBoth(t, `
account: Acme
site: https://shop.example.com
campaigns:
  - {name: Vanity, status: launched, code_style: {seed: first_name, prefix: go-}}
`, func(t *testing.T, s *stage) {
		links, err := s.core.Links(context.Background(), s.account, []engine.LinkRequest{{
			Who: engine.Who{Email: "ann@example.com", FirstName: "Annabel", Server: true}, Campaign: s.project.Campaigns[0].UUID,
		}})
		if err != nil {
			t.Fatal(err)
		}
		if code := strings.ToLower(links[0].Code); !strings.HasPrefix(code, "go-ann") {
			t.Errorf("code is %s, want the prefix and the name", code)
		}
	})
}

func TestRewardsGoToWhomAndForWhatTheFileSays(t *testing.T) {
	onBoth(t, `
account: Acme
site: https://shop.example.com
campaigns:
  - name: All
    status: launched
    rewards:
      - {name: captured, to: friend, on: email_capture}
      - {name: signed, to: advocate, on: sign_up}
      - {name: invited, to: friend, on: invited, value: {type: ledger, amount: 7}}
      - {name: bought, to: both, on: purchase}
      - {name: rode, to: friend, on: Test Ride}
      - {name: thanked, to: friend, on: /thanks*}
      - {name: anybody, to: customer, on: purchase, repeat: true}
`, func(t *testing.T, s *stage) {
		code := s.link("ann@example.com", 0)
		who := engine.Who{CustomerID: "bob", Email: "bob@example.com", Server: true}
		captured := s.join(model.EmailCapture, "bob", code)
		signed := s.join(model.SignUp, "bob", code)
		bought := s.buy("o-1", "bob", "", "10")
		rode, err := s.core.RecordCustom(context.Background(), s.account, engine.CustomEvent{Who: who, Name: "Test Ride"})
		if err != nil {
			t.Fatal(err)
		}
		thanked, err := s.core.RecordPage(context.Background(), s.account, engine.Page{Who: who, URL: "/thanks?order=1"})
		if err != nil {
			t.Fatal(err)
		}
		stranger := s.buy("o-2", "stranger", "", "10")
		got := map[string][]string{
			"captured": s.rewards(captured.Event), "signed": s.rewards(signed.Event), "bought": s.rewards(bought.Event),
			"rode": s.rewards(rode.Event), "thanked": s.rewards(thanked.Event), "stranger": s.rewards(stranger.Event),
		}
		if balance := s.balance("bob", "USD"); balance != 7*money.Unit {
			t.Errorf("for being invited %v, want 7", balance)
		}
		for _, rewards := range got {
			slices.Sort(rewards)
		}
		want := map[string][]string{
			"captured": {"friend captured earned"},
			"signed":   {"advocate signed earned"},
			"bought":   {"advocate bought earned", "customer anybody earned", "friend bought earned"},
			"rode":     {"friend rode earned"},
			"thanked":  {"friend thanked earned"},
			"stranger": {"customer anybody earned"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestConditionsOfRewardsHold(t *testing.T) {
	onBoth(t, `
account: Acme
currency: EUR
site: https://shop.example.com
campaigns:
  - name: All
    status: launched
    rewards:
      - {name: big, to: friend, on: purchase, repeat: true, when: {min_amount: 50}}
      - {name: new, to: friend, on: purchase, repeat: true, when: {new_customer: true}}
      - {name: bike, to: friend, on: purchase, repeat: true, when: {skus: [BIKE-1, BIKE-2]}}
`, func(t *testing.T, s *stage) {
		code := s.link("ann@example.com", 0)
		buy := func(order, amount, currency string, skus ...string) []string {
			return s.rewards(s.purchase(engine.Purchase{
				Who: engine.Who{CustomerID: "bob", Server: true}, Referral: engine.Referral{ReferralCode: code},
				OrderID: order, Amount: amountOf(t, amount), Currency: currency, SKUs: skus,
			}).Event)
		}
		for _, c := range []struct {
			got, want []string
		}{
			{buy("o-1", "49.99", "EUR"), []string{"friend big not_eligible below_minimum", "friend new earned"}},
			{buy("o-2", "50", "EUR", "BELL", "BIKE-2"), []string{"friend big earned", "friend new not_eligible existing_customer", "friend bike earned"}},
			{buy("o-3", "50", "USD"), []string{"friend big not_eligible currency_differs", "friend new not_eligible existing_customer"}},
		} {
			if diff := cmp.Diff(c.want, c.got); diff != "" {
				t.Error(diff)
			}
		}
	})
}

func TestHoldValidationAndIssueOfRewards(t *testing.T) {
	onBoth(t, `
account: Acme
site: https://shop.example.com
coupons: [{batch: ten, codes: [T-1, T-2]}]
campaigns:
  - name: All
    status: launched
    rewards:
      - {name: held, to: friend, on: purchase, hold: 48h, issue: auto, value: {type: discount, amount: 10, unit: EUR, coupons: ten}}
      - {name: asked, to: friend, on: purchase, validate_url: "https://shop.example.com/validate"}
      - {name: posted, to: friend, on: purchase, value: {type: ledger, amount: 3}}
      - {name: kept, to: friend, on: purchase, issue: manual, value: {type: ledger, amount: 4}}
`, func(t *testing.T, s *stage) {
		bought := s.buy("o-1", "bob", s.link("ann@example.com", 0), "10")
		want := []string{"friend held pending hold", "friend asked pending validation", "friend posted delivered", "friend kept earned"}
		if diff := cmp.Diff(want, s.rewards(bought.Event)); diff != "" {
			t.Error(diff)
		}
		if got := s.balance("bob", "USD"); got != 3*money.Unit {
			t.Errorf("balance %v, want 3", got)
		}
		s.wait(47 * time.Hour)
		s.run()
		if diff := cmp.Diff(want, s.rewards(bought.Event)); diff != "" {
			t.Errorf("before the hold is over: %s", diff)
		}
		s.wait(2 * time.Hour)
		s.run()
		want[0] = "friend held delivered"
		if diff := cmp.Diff(want, s.rewards(bought.Event)); diff != "" {
			t.Errorf("after the hold: %s", diff)
		}
		held := s.rewardsOf(bought.Event)[0]
		if held.Kind != model.Discount || held.Amount != 10*money.Unit || held.Unit != "EUR" || held.Coupon == 0 {
			t.Errorf("reward is %+v", held)
		}
	})
}

func TestEarningPaysCustomersForTheirOwnEvents(t *testing.T) {
	onBoth(t, `
account: Acme
currency: EUR
currencies: [{code: Points, cap: 60, expires_after: 48h}]
loyalty: {auto_opt_in: true}
earning:
  - {name: Welcome, on: sign_up, amount: 40, currency: Points}
  - {name: A point a euro, on: purchase, per_unit: 1, currency: Points}
`, func(t *testing.T, s *stage) {
		s.join(model.SignUp, "bob", "")
		if got := s.balance("bob", "Points"); got != 40*money.Unit {
			t.Errorf("after the sign-up %v, want 40", got)
		}
		buy := func(order, amount, currency string) {
			s.purchase(engine.Purchase{
				Who: engine.Who{CustomerID: "bob", Server: true}, OrderID: order, Amount: amountOf(t, amount), Currency: currency,
			})
		}
		buy("o-1", "9.99", "EUR")
		buy("o-2", "9.99", "USD")
		if got := s.balance("bob", "Points"); got != 49*money.Unit {
			t.Errorf("after 9.99 in each of two currencies %v, want 49", got)
		}
		buy("o-3", "30", "EUR")
		if got := s.balance("bob", "Points"); got != 60*money.Unit {
			t.Errorf("over the cap %v, want 60", got)
		}
		s.wait(49 * time.Hour)
		s.run()
		if got := s.balance("bob", "Points"); got != 0 {
			t.Errorf("after everything expired %v, want 0", got)
		}
	})
}

func TestWindowStatusAndBlocksDecideWhoIsCredited(t *testing.T) {
	const file = `
account: Acme
site: https://shop.example.com
campaigns:
  - {name: All, status: launched, attribution_window: 48h, rewards: [{name: gift, description: A bell, to: friend, on: purchase, repeat: true, value: {type: product, amount: 1, unit: bell}}]}
`
	onBoth(t, file, func(t *testing.T, s *stage) {
		code := s.link("ann@example.com", 0)
		status, err := s.core.ReferralStatus(context.Background(), s.account, code)
		if err != nil || status.FriendDescription != "A bell" || status.Friend.Unit != "bell" {
			t.Errorf("status of the code: %+v, %v", status, err)
		}
		s.join(model.SignUp, "bob", code)
		credited := []string{"friend gift earned"}
		if got := s.rewards(s.buy("o-1", "bob", "", "1").Event); !cmp.Equal(got, credited) {
			t.Errorf("inside the window: %v", got)
		}
		s.wait(49 * time.Hour)
		if got := s.rewards(s.buy("o-2", "bob", "", "1").Event); len(got) != 0 {
			t.Errorf("after the window: %v", got)
		}
		for name, changed := range map[string]string{
			"paused":        strings.Replace(file, "status: launched", "status: paused", 1),
			"a draft":       strings.Replace(file, "status: launched, ", "", 1),
			"not begun":     strings.Replace(file, "status: launched", "status: launched, starts_at: 2027-01-01T00:00:00Z", 1),
			"over":          strings.Replace(file, "status: launched", "status: launched, ends_at: 2026-03-01T13:00:00Z", 1),
			"a block on it": file + "blocked: {codes: ['" + code[:len(code)-1] + "*']}\n",
		} {
			s.apply(changed)
			if got := s.rewards(s.buy("o-"+name, "carl", code, "1").Event); len(got) != 0 {
				t.Errorf("with %s: %v", name, got)
			}
		}
		s.apply(file)
		if got := s.rewards(s.buy("o-9", "dora", code, "1").Event); !cmp.Equal(got, credited) {
			t.Errorf("launched again: %v", got)
		}
	})
}

func TestACampaignDoesNotTakeACodeOfSomebody(t *testing.T) {
	const file = "account: Acme\nsite: https://shop.example.com\ncampaigns:\n  - {name: All, status: launched, code: all}\n"
	onBoth(t, file, func(t *testing.T, s *stage) {
		code := s.link("ann@example.com", 0)
		parsed, err := projectfile.Parse("stage.yaml", []byte(file+"  - {name: New, code: "+upper(code)+"}\n"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.core.Apply(context.Background(), parsed.Project())
		if model.ReasonOf(err) != model.CodeTaken {
			t.Errorf("got %v, want the code taken", err)
		}
		if to := s.click(code); to.Query().Get("ref") != code {
			t.Errorf("somebody's link leads to %s", to)
		}
	})
}
