package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
)

const watched = `
account: Acme
site: https://shop.example.com
%s
campaigns:
  - name: First
    status: launched
    rewards:
      - {name: Brought, to: advocate, on: purchase, repeat: true, issue: auto, value: {type: ledger, amount: 10, unit: USD}}
      - {name: Came, to: friend, on: purchase, repeat: true, value: {type: cash, amount: 5, unit: USD}}
      - {name: Qualified, to: advocate, on: qualified, repeat: true, value: {type: cash, amount: 1, unit: USD}}
`

func watching(settings string) string { return fmt.Sprintf(watched, settings) }

const home, firefox, ours = "192.0.2.1", "Firefox", model.VisitorID(77)

// advocate is who everybody here is suspected to be.
var advocate = engine.Who{
	CustomerID: "A-1", Email: "ann.lee@example.com", Server: true, IP: home, Agent: firefox, Visitor: ours,
}

// signals lists what speaks against the rewards of an event, which have to
// agree on it.
func (s *stage) signals(event model.EventID) string {
	s.t.Helper()
	var list []string
	for _, w := range s.rewardsOf(event) {
		var signals []string
		for _, signal := range w.Why.Fraud {
			text := signal.Reason
			if signal.Score != 0 {
				text = fmt.Sprint(text, " ", signal.Score)
			}
			signals = append(signals, text)
		}
		if rejected := w.State == model.Rejected && w.Why.Reason != "" && !w.Place; rejected != (len(signals) > 0) {
			s.t.Errorf("the %s's reward is %s for %q, with %v against it", w.Role, w.State, w.Why.Reason, signals)
		}
		if len(signals) > 0 && !strings.HasPrefix(signals[0], w.Why.Reason) {
			s.t.Errorf("the reason %q is not the first of %v", w.Why.Reason, signals)
		}
		list = append(list, strings.Join(signals, ", "))
	}
	if len(list) != 2 || list[0] != list[1] {
		s.t.Errorf("advocate's and friend's rewards are not alike: %q", list)
		return ""
	}
	return list[0]
}

// buys records a first purchase by a code.
func (s *stage) buys(order string, who engine.Who, code string) model.EventID {
	s.t.Helper()
	return s.purchase(engine.Purchase{Who: who, Referral: by(code), OrderID: order, Amount: amountOf(s.t, "20"), Currency: "USD"}).Event
}

// start gives the advocate a link.
func (s *stage) start() string { return s.linkOf(advocate, 0) }

func TestFraudChecksAreMadeAsTheFileSays(t *testing.T) {
	const off = "same_cookie: false, same_ip_and_agent: false, same_email: false, similar_email: 0, same_customer_id: false"
	friend := func(change func(*engine.Who)) engine.Who {
		who := engine.Who{CustomerID: "B-1", Email: "zoe@else.test", Server: true}
		change(&who)
		return who
	}
	sameEmail := friend(func(w *engine.Who) { w.Email = "Ann.Lee@example.com" })
	folded := friend(func(w *engine.Who) { w.Email = "AnnLee+1@example.com" })
	similar := friend(func(w *engine.Who) { w.Email = "annlee2@example.com" })
	sameID := friend(func(w *engine.Who) { w.CustomerID = "a-1" })
	place := friend(func(w *engine.Who) { w.IP, w.Agent = "::ffff:"+home, firefox })
	network := friend(func(w *engine.Who) { w.IP, w.Agent = home, "Safari" })
	cookie := friend(func(w *engine.Who) { w.Visitor = ours })
	for _, c := range []struct {
		name, settings string
		who            engine.Who
		want           string
	}{
		{"a stranger", "", friend(func(*engine.Who) {}), ""},
		{"somebody without a name", "", engine.Who{Email: "zoe@else.test"}, ""},
		{"the same e-mail", "", sameEmail, "same_email"},
		{"the same e-mail, off", "fraud: {same_email: false}", sameEmail, ""},
		{"an equal e-mail once folded", "", folded, "similar_email 100"},
		{"a similar e-mail", "", similar, ""},
		{"a similar e-mail, from 95 on", "fraud: {similar_email: 95}", similar, "similar_email 98"},
		{"a similar e-mail, off", "fraud: {similar_email: 0}", folded, ""},
		{"the same customer id", "", sameID, "same_customer_id"},
		{"the same customer id, off", "fraud: {same_customer_id: false}", sameID, ""},
		{"the same address and agent", "", place, "same_ip_and_agent"},
		{"the same address and agent, off", "fraud: {same_ip_and_agent: false}", place, ""},
		{"the same address alone", "", network, ""},
		{"the same address alone, on", "fraud: {same_ip: true}", network, "same_ip"},
		{"the same browser", "", cookie, "same_cookie"},
		{"the same browser, off", "fraud: {same_cookie: false}", cookie, ""},
		{"everything off", "fraud: {" + off + "}", friend(func(w *engine.Who) {
			*w = engine.Who{CustomerID: "a-1", Email: advocate.Email, Server: true, IP: home, Agent: firefox, Visitor: ours}
		}), ""},
		{"a blocked person", "blocked: {emails: [Zoe@else.test]}", friend(func(*engine.Who) {}), "blocked_person"},
		{"a blocked domain", "blocked: {emails: ['*@ELSE.test']}", friend(func(*engine.Who) {}), "blocked_email_domain"},
		{"a blocked pattern", "blocked: {emails: ['z*@else.*']}", friend(func(*engine.Who) {}), "blocked_email"},
		{"a blocked advocate", "blocked: {emails: ['*@example.com']}", friend(func(*engine.Who) {}), "blocked_email_domain"},
		{"a blocked network", "blocked: {ips: [198.51.100.0/24]}", friend(func(w *engine.Who) { w.IP = "198.51.100.9" }), "blocked_ip"},
		{"a blocked advocate's network", "blocked: {ips: ['192.0.*']}", friend(func(*engine.Who) {}), "blocked_ip"},
		{"nobody that is blocked", "blocked: {emails: ['*@x.test'], ips: [198.51.100.9]}", place, "same_ip_and_agent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBoth(t, watching(c.settings), func(t *testing.T, s *stage) {
				code := s.start()
				event := s.buys("o-1", c.who, code)
				if got := s.signals(event); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
				if paid := s.balance("A-1", "USD") > 0; paid != (c.want == "") {
					t.Errorf("the advocate is paid: %v", paid)
				}
			})
		})
	}
}

// Each check holds for whoever somebody became and was: names, addresses and
// browsers of all who were merged are one person's.
func TestFraudChecksKnowMergedPersons(t *testing.T) {
	onBoth(t, watching(""), func(t *testing.T, s *stage) {
		old := engine.Who{Email: "ann@old.test", Server: true, IP: "198.51.100.1", Agent: "Opera", Visitor: 11}
		code := s.linkOf(old, 0)
		s.linkOf(engine.Who{CustomerID: "A-1", Server: true}, 0)
		s.linkOf(engine.Who{CustomerID: "A-1", Email: "ann@old.test", Server: true}, 0) // they are one from here on
		for i, c := range []struct {
			who  engine.Who
			want string
		}{
			{engine.Who{Email: "a.nn+x@old.test"}, "similar_email 100"},
			{engine.Who{Email: "b@else.test", IP: "198.51.100.1", Agent: "Opera"}, "same_ip_and_agent"},
			{engine.Who{Email: "c@else.test", Visitor: 11}, "same_cookie"},
			{engine.Who{Email: "d@else.test"}, ""},
		} {
			if got := s.signals(s.buys(fmt.Sprint("o-", i), c.who, code)); got != c.want {
				t.Errorf("%s: got %q, want %q", c.who.Email, got, c.want)
			}
		}
		// A friend who was two is suspected for what either was.
		s.linkOf(engine.Who{Email: "e@else.test", Server: true, Visitor: 11}, 0)
		s.linkOf(server("E-1", ""), 0)
		if got := s.signals(s.buys("o-e", server("E-1", "e@else.test"), code)); got != "same_cookie" {
			t.Errorf("a friend who is merged by their purchase: %q", got)
		}
		if got := s.signals(s.buys("o-f", server("E-1", ""), code)); got != "same_cookie" {
			t.Errorf("and later: %q", got)
		}
	})
}

// A browser stays known as whom it was known as: signing up as somebody else
// in it hides nothing.
func TestABrowserIsRememberedAsWhomItWas(t *testing.T) {
	onBoth(t, watching(""), func(t *testing.T, s *stage) {
		code := s.start()
		s.signUp(engine.Who{Email: "zoe@else.test", Visitor: ours}, code)
		if got := s.signals(s.buys("o-1", engine.Who{Email: "zoe@else.test", Server: true}, "")); got != "same_cookie" {
			t.Errorf("a purchase that the server tells of: %q", got)
		}
		if got := s.signals(s.buys("o-2", engine.Who{Email: "yan@else.test", Visitor: ours}, code)); got != "same_cookie" {
			t.Errorf("a third in it: %q", got)
		}
		if got := s.signals(s.buys("o-3", engine.Who{Email: "max@else.test", Visitor: 78}, code)); got != "" {
			t.Errorf("in another browser: %q", got)
		}
	})
}

func TestASelfReferralIsNamedAsOne(t *testing.T) {
	onBoth(t, watching(""), func(t *testing.T, s *stage) {
		code := s.start()
		if got := s.signals(s.buys("o-1", advocate, code)); got != "self_referral" {
			t.Errorf("got %q", got)
		}
	})
}

func TestQualifyingIsWatchedByWhatWasSentLast(t *testing.T) {
	onBoth(t, watching(""), func(t *testing.T, s *stage) {
		code := s.start()
		joined := s.signUp(engine.Who{Email: "zoe@else.test", IP: home, Agent: firefox}, code)
		honest := s.signUp(engine.Who{Email: "yan@else.test", IP: "198.51.100.1", Agent: firefox}, code)
		for _, j := range []*engine.Joined{joined, honest} {
			if err := s.core.Qualify(context.Background(), s.account, j.Participant, true); err != nil {
				t.Fatal(err)
			}
		}
		want := []string{"sign_up, First by code of ann.lee", "invited, First by code of ann.lee", "qualified, First by referrer of ann.lee"}
		for name, reward := range map[string]string{"zoe@else.test": "  advocate qualified rejected same_ip_and_agent", "yan@else.test": "  advocate qualified earned"} {
			if diff := cmp.Diff(append(want[:3:3], reward), s.story(name)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	})
}

// A join that waits for its address to be confirmed is judged when it is, by
// what is known of who joined.
func TestAHeldJoinIsWatchedOnceItIsConfirmed(t *testing.T) {
	const held = `
account: Acme
site: https://shop.example.com
campaigns:
  - name: First
    status: launched
    confirm_email: true
    rewards: [{name: Brought, to: both, on: sign_up, repeat: true, value: {type: cash, amount: 1, unit: USD}}]
`
	onBoth(t, held, func(t *testing.T, s *stage) {
		code := s.start()
		for name, c := range map[string]struct {
			who  engine.Who
			want string
		}{
			"the same place":   {engine.Who{Email: "zoe@else.test", IP: home, Agent: firefox}, "rejected same_ip_and_agent"},
			"the same browser": {engine.Who{Email: "max@else.test", Visitor: ours}, "rejected same_cookie"},
			"a stranger":       {engine.Who{Email: "yan@else.test", IP: "198.51.100.1", Agent: firefox}, "earned"},
		} {
			joined := s.signUp(c.who, code)
			if err := s.core.Confirm(context.Background(), s.core.ConfirmationToken(s.account, joined.Participant)); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, line := range s.story(c.who.Email) {
				if strings.HasPrefix(line, "  ") {
					got = append(got, strings.TrimSpace(line))
				}
			}
			if diff := cmp.Diff([]string{"advocate brought " + c.want, "friend brought " + c.want}, got); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	})
}

// Who is blocked takes no rewards at all; a block that leaves the file ends at
// once, and what was decided under it stays.
func TestBlocksHoldWhileTheyAreInTheFile(t *testing.T) {
	const loyal = `
account: Acme
site: https://shop.example.com
loyalty: {auto_opt_in: true}
%s
earning: [{name: Order, on: purchase, amount: 3, currency: EUR}]
campaigns:
  - name: First
    status: launched
    rewards:
      - {name: Anybody, to: customer, on: purchase, repeat: true, value: {type: ledger, amount: 1, unit: USD}}
`
	for _, block := range []string{"emails: ['*@else.test']", "emails: [zoe@else.test]", "ips: [198.51.100.0/24]"} {
		onBoth(t, fmt.Sprintf(loyal, ""), func(t *testing.T, s *stage) {
			who := engine.Who{CustomerID: "zoe", Email: "zoe@else.test", Server: true, IP: "198.51.100.7"}
			s.buys("o-1", who, "")
			s.apply(fmt.Sprintf(loyal, "blocked: {"+block+"}"))
			blocked := s.rewards(s.buys("o-2", who, ""))
			s.apply(fmt.Sprintf(loyal, ""))
			after := s.rewards(s.buys("o-3", who, ""))
			if len(blocked) != 1 || !strings.HasPrefix(blocked[0], "customer anybody rejected blocked_") {
				t.Errorf("%s: while blocked %q", block, blocked)
			}
			if diff := cmp.Diff([]string{"customer anybody delivered", "earning Order delivered"}, after); diff != "" {
				t.Errorf("%s: afterwards %s", block, diff)
			}
			if usd, eur := s.balance("zoe", "USD"), s.balance("zoe", "EUR"); usd != amountOf(t, "2") || eur != amountOf(t, "6") {
				t.Errorf("%s: paid %v USD and %v EUR, want 2 and 6", block, usd, eur)
			}
		})
	}
}

// A suspicion keeps a friend from counting; once they act without one, they
// count.
func TestASuspectCountsForNoTier(t *testing.T) {
	const tiered = `
account: Acme
site: https://shop.example.com
campaigns:
  - name: First
    status: launched
    rewards: [{name: Second, to: advocate, on: purchase, after: 2, value: {type: cash, amount: 1, unit: USD}}]
`
	onBoth(t, tiered, func(t *testing.T, s *stage) {
		code := s.start()
		got := []string{}
		for i, who := range []engine.Who{
			{Email: "zoe@else.test", IP: home, Agent: firefox, Server: true}, {Email: "yan@else.test", Server: true}, {Email: "zoe@else.test", Server: true},
		} {
			got = append(got, s.rewards(s.buys(fmt.Sprint("o-", i), who, code))...)
		}
		want := []string{"advocate second rejected same_ip_and_agent", "advocate second not_eligible below_tier", "advocate second earned"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// The verdict stands in the event: verify repeats it without anything of the
// persons, and sees when it is another.
func TestVerifyRepeatsVerdictsWithoutPersonalData(t *testing.T) {
	onBoth(t, watching("blocked: {emails: ['*@junk.test']}\nfraud: {similar_email: 95}"), func(t *testing.T, s *stage) {
		s.damaged = true
		code := s.start()
		s.buys("o-1", engine.Who{Email: "annlee2@example.com", IP: home, Agent: firefox}, code)
		s.buys("o-2", engine.Who{Email: "a@junk.test"}, code)
		s.buys("o-3", engine.Who{Email: "yan@else.test", Visitor: ours}, code)
		s.buys("o-4", engine.Who{Email: "max@else.test"}, code)
		for _, table := range []string{"identity", "profile", "visitor", "detail"} {
			s.raw("DELETE FROM " + table)
		}
		if report := s.verify(); len(report.Differences) > 0 {
			t.Errorf("without what can be erased: %v", report.Differences)
		}
		if s.raw("UPDATE event SET facts = replace(facts, 'fraud', 'frodo') WHERE kind = 'purchase'") != 4 {
			t.Fatal("no purchases to damage")
		}
		if report := s.verify(); !names(report, "reward state") {
			t.Errorf("without its verdicts: %v", report.Differences)
		}
	})
}
