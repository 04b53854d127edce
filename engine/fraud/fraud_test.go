package fraud_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/quick"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine/fraud"
	"grapevine/model"
)

// all checks are on, and similar addresses are refused from 90 on.
var all = model.FraudChecks{SameCookie: true, SameIPAndAgent: true, SameIP: true, SameEmail: true, SimilarEmail: 90, SameCustomerID: true}

func TestSuspects(t *testing.T) {
	t.Parallel()
	blocked := model.Blocked{
		Emails: []string{"Eve@Example.com", "*@junk.test", "*+*@example.org", "spam*@*"},
		IPs:    []string{"203.0.113.0/24", "198.51.100.7", "10.1.*", "2001:DB8::*", "::ffff:192.0.2.99"},
	}
	ann := fraud.Party{Emails: []string{"ann.lee@example.com"}, CustomerIDs: []string{"A-1"}, IP: "192.0.2.1", Agent: "Firefox"}
	with := func(change func(*model.FraudChecks)) model.FraudChecks {
		c := all
		change(&c)
		return c
	}
	for _, c := range []struct {
		name    string
		checks  model.FraudChecks
		friend  fraud.Party
		cookie  bool
		signals []string
	}{
		{name: "a stranger", checks: all, friend: fraud.Party{Emails: []string{"zoe@else.test"}, CustomerIDs: []string{"B-1"}, IP: "192.0.2.2", Agent: "Firefox"}},
		{name: "nothing known of a friend", checks: all},
		{name: "the same browser", checks: all, cookie: true, signals: []string{"same_cookie"}},
		{name: "the same browser, not asked", checks: with(func(c *model.FraudChecks) { c.SameCookie = false }), cookie: true},
		{name: "address and agent", checks: with(func(c *model.FraudChecks) { c.SameIP = false }), friend: fraud.Party{IP: "192.0.2.1", Agent: "Firefox"}, signals: []string{"same_ip_and_agent"}},
		{name: "an address written otherwise", checks: all, friend: fraud.Party{IP: "::ffff:192.0.2.1", Agent: "Firefox"}, signals: []string{"same_ip_and_agent", "same_ip"}},
		{name: "the address, another agent", checks: all, friend: fraud.Party{IP: "192.0.2.1", Agent: "Safari"}, signals: []string{"same_ip"}},
		{name: "the address, not asked", checks: with(func(c *model.FraudChecks) { c.SameIP, c.SameIPAndAgent = false, false }), friend: fraud.Party{IP: "192.0.2.1", Agent: "Firefox"}},
		{name: "the agent alone", checks: all, friend: fraud.Party{Agent: "Firefox"}},
		{name: "the same e-mail", checks: all, friend: fraud.Party{Emails: []string{"ANN.lee@example.com"}}, signals: []string{"same_email"}},
		{name: "an equal e-mail, sameness not asked", checks: with(func(c *model.FraudChecks) { c.SameEmail = false }), friend: fraud.Party{Emails: []string{"ann.lee@example.com"}}},
		{name: "equal once folded", checks: with(func(c *model.FraudChecks) { c.SimilarEmail = 100 }), friend: fraud.Party{Emails: []string{"x@y.test", "AnnLee+shop@Example.com"}}, signals: []string{"similar_email 100"}},
		{name: "similar", checks: all, friend: fraud.Party{Emails: []string{"annlee2@example.com"}}, signals: []string{"similar_email 98"}},
		{name: "similar, only equal ones asked", checks: with(func(c *model.FraudChecks) { c.SimilarEmail = 100 }), friend: fraud.Party{Emails: []string{"annlee2@example.com"}}},
		{name: "equal once folded, not asked", checks: with(func(c *model.FraudChecks) { c.SimilarEmail = 0 }), friend: fraud.Party{Emails: []string{"annlee@example.com"}}},
		{name: "the customer id typed otherwise", checks: all, friend: fraud.Party{CustomerIDs: []string{" a-1"}}, signals: []string{"same_customer_id"}},
		{name: "no customer id", checks: all, friend: fraud.Party{CustomerIDs: []string{""}}},
		{name: "a blocked person", checks: model.FraudChecks{}, friend: fraud.Party{Emails: []string{"eve@example.com"}}, signals: []string{"blocked_person"}},
		{name: "a blocked domain", checks: model.FraudChecks{}, friend: fraud.Party{Emails: []string{"a@JUNK.test"}}, signals: []string{"blocked_email_domain"}},
		{name: "not a domain below it", checks: model.FraudChecks{}, friend: fraud.Party{Emails: []string{"a@sub.junk.test"}}},
		{name: "a blocked pattern", checks: model.FraudChecks{}, friend: fraud.Party{Emails: []string{"a+b@example.org"}}, signals: []string{"blocked_email"}},
		{name: "blocked twice", checks: model.FraudChecks{}, friend: fraud.Party{Emails: []string{"spam@junk.test", "spam2@x.test"}}, signals: []string{"blocked_email_domain", "blocked_email"}},
		{name: "a blocked network", checks: model.FraudChecks{}, friend: fraud.Party{IP: "203.0.113.77"}, signals: []string{"blocked_ip"}},
		{name: "a blocked address", checks: model.FraudChecks{}, friend: fraud.Party{IP: "::ffff:198.51.100.7"}, signals: []string{"blocked_ip"}},
		{name: "a blocked address that was mapped", checks: model.FraudChecks{}, friend: fraud.Party{IP: "192.0.2.99"}, signals: []string{"blocked_ip"}},
		{name: "a blocked run of addresses", checks: model.FraudChecks{}, friend: fraud.Party{IP: "10.1.200.3"}, signals: []string{"blocked_ip"}},
		{name: "not the next run", checks: model.FraudChecks{}, friend: fraud.Party{IP: "10.12.0.1"}},
		{name: "a blocked run of IPv6", checks: model.FraudChecks{}, friend: fraud.Party{IP: "2001:db8::5"}, signals: []string{"blocked_ip"}},
		{name: "everything, strongest first", checks: all, cookie: true,
			friend:  fraud.Party{Emails: []string{"ann.lee@example.com", "eve@example.com"}, CustomerIDs: []string{"a-1"}, IP: "192.0.2.1", Agent: "Firefox"},
			signals: []string{"blocked_person", "same_customer_id", "same_email", "same_cookie", "same_ip_and_agent", "same_ip"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := fraud.Checks{FraudChecks: c.checks, Blocks: fraud.NewBlocks(blocked)}.Suspects(c.friend, ann, c.cookie)
			if diff := cmp.Diff(c.signals, texts(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func texts(signals []model.Signal) (list []string) {
	for _, s := range signals {
		text := s.Reason
		if s.Score != 0 {
			text = fmt.Sprint(text, " ", s.Score)
		}
		list = append(list, text)
	}
	return list
}

func TestABlockedAdvocateIsSuspectToo(t *testing.T) {
	t.Parallel()
	checks := fraud.Checks{Blocks: fraud.NewBlocks(model.Blocked{Emails: []string{"*@junk.test"}})}
	blocked, other := fraud.Party{Emails: []string{"a@junk.test"}}, fraud.Party{Emails: []string{"b@junk.test"}}
	if got := texts(checks.Suspects(fraud.Party{Emails: []string{"zoe@else.test"}}, blocked, false)); !cmp.Equal(got, []string{"blocked_email_domain"}) {
		t.Errorf("got %v", got)
	}
	if got := texts(checks.Suspects(other, blocked, false)); !cmp.Equal(got, []string{"blocked_email_domain"}) {
		t.Errorf("where both are: %v", got)
	}
	if got := (fraud.Checks{}).Blocked(blocked); got != nil {
		t.Errorf("without lists: %v", got)
	}
}

func TestJaroWinkler(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want float64
	}{
		{"MARTHA", "MARHTA", 0.961}, {"DIXON", "DICKSONX", 0.813}, {"DWAYNE", "DUANE", 0.840},
		{"", "", 1}, {"", "a", 0}, {"a", "b", 0}, {"a", "a", 1}, {"ab", "ba", 0}, {"日本語", "日本誌", 0.822},
	} {
		if got := fraud.JaroWinkler(c.a, c.b); math.Abs(got-c.want) > 0.0005 {
			t.Errorf("%q and %q: got %.4f, want %.3f", c.a, c.b, got, c.want)
		}
	}
}

func TestLikenessHoldsBothWays(t *testing.T) {
	t.Parallel()
	word := func(letters []uint8) string { // of few letters, so that they meet
		for i := range letters {
			letters[i] = "abc"[letters[i]%3]
		}
		return string(letters[:min(len(letters), 12)])
	}
	if err := quick.Check(func(x, y []uint8) bool {
		a, b := word(x), word(y)
		one, other := fraud.JaroWinkler(a, b), fraud.JaroWinkler(b, a)
		return math.Abs(one-other) < 1e-9 && one >= 0 && one <= 1 && (one < 1) == (a != b)
	}, &quick.Config{MaxCount: 2000}); err != nil {
		t.Error(err)
	}
}

func TestASuspicionHoldsHoweverAddressesAreWritten(t *testing.T) {
	t.Parallel()
	checks := fraud.Checks{FraudChecks: model.FraudChecks{SameEmail: true, SimilarEmail: 100}}
	if err := quick.Check(func(letters []bool, dots []uint8, suffix uint16) bool {
		local := "x"
		for _, l := range letters {
			local += map[bool]string{true: "a", false: "b"}[l]
		}
		varied := local
		for _, at := range dots {
			i := 1 + int(at)%len(varied)
			varied = varied[:i] + "." + varied[i:]
		}
		varied = strings.ToUpper(varied) + "+" + strings.Repeat("z", int(suffix%9)) + "@Example.com"
		got := checks.Suspects(fraud.Party{Emails: []string{varied}}, fraud.Party{Emails: []string{local + "@example.com"}}, false)
		return len(got) == 1 && got[0] == (model.Signal{Reason: fraud.SimilarEmail, Score: 100})
	}, nil); err != nil {
		t.Error(err)
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"a*c", "abbc", true}, {"a*c", "abcd", false}, {"*", "", true}, {"", "", true}, {"", "a", false}, {"**a", "a", true}, {"a*b*c", "axbxbc", true},
		{strings.Repeat("*a", 40) + "b", strings.Repeat("a", 4000), false},
	} {
		if got := fraud.Matches(c.pattern, c.text); got != c.want {
			t.Errorf("%.20q and %.20q: %v", c.pattern, c.text, got)
		}
	}
}
