package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"grapevine/engine"
	"grapevine/model"
)

const bringing = `
account: Acme
currencies: [{code: Points}]
blocked: {emails: ["*@spam.example.org"], ips: [198.51.100.66], codes: [GONE]}
campaigns:
  - name: First
    status: launched
    leaderboard: points
    points: {sign_up: 1, referral: 10}
    limits: {referrals_per_ip: 2}
    rewards:
      - {name: Joined, descriptor: joined, id: 1, to: both, on: sign_up, repeat: true, value: {type: ledger, amount: 5, unit: Points}}
      - {name: Invited, descriptor: invited, id: 2, to: advocate, on: invited, repeat: true}
      - {name: Own, descriptor: own, id: 3, to: customer, on: sign_up}
  - {name: Checked, status: launched, confirm_email: true, points: {referral: 10}, rewards: [{name: Once, descriptor: once, id: 4, to: advocate, on: sign_up, repeat: true}]}
`

// changed changes a participant.
func (s *stage) changed(id model.ParticipantID, c engine.Change) error {
	return s.core.ChangeParticipant(context.Background(), s.account, id, c)
}

func TestWhoBroughtSomebodyIsSaidAfterwards(t *testing.T) {
	t.Parallel()
	onBoth(t, bringing, func(t *testing.T, s *stage) {
		ann, cid := s.link("ann@example.com", 0), s.link("cid@example.com", 0)
		bob := s.begin("bob@example.com", "", "")
		if err := s.changed(bob, engine.Change{ReferralCode: ann}); err != nil {
			t.Fatal(err)
		}
		want := []string{"sign_up", "  customer own earned", "points", "brought", "sign_up, First by code of ann", "  advocate joined delivered", "  friend joined delivered", "invited, First by code of ann", "  advocate invited earned"}
		for i, line := range s.story("bob@example.com") {
			if i >= len(want) || line != want[i] {
				t.Fatalf("got %s", strings.Join(s.story("bob@example.com"), "\n"))
			}
		}
		// The first referrer stays, and whoever is sent again changes nothing.
		for _, code := range []string{cid, ann} {
			if err := s.changed(bob, engine.Change{ReferralCode: code}); err != nil {
				t.Fatal(err)
			}
		}
		owner, err := s.core.FindParticipant(t.Context(), s.account, engine.Naming{Code: ann})
		if err != nil {
			t.Fatal(err)
		}
		p := s.participant(owner)
		if p.Referrals != 1 || p.Points != amountOf(t, "10") || s.participant(bob).Referrer != owner {
			t.Errorf("ann has %d referrals and %v points, and bob was brought by %d", p.Referrals, p.Points, s.participant(bob).Referrer)
		}
		if got := len(s.story("bob@example.com")); got != len(want) {
			t.Errorf("saying it again left %d lines of his story", got)
		}
	})
}

func TestWhoCannotHaveBroughtSomebodyDidNot(t *testing.T) {
	t.Parallel()
	onBoth(t, bringing, func(t *testing.T, s *stage) {
		other := s.link("ann@example.com", 1)
		silent := s.link("dee@example.com", 0)
		dee, err := s.core.FindParticipant(t.Context(), s.account, engine.Naming{Code: silent})
		if err != nil {
			t.Fatal(err)
		}
		suspended := model.StateSuspended
		if err := s.changed(dee, engine.Change{State: &suspended}); err != nil {
			t.Fatal(err)
		}
		bob := s.begin("bob@example.com", "", "")
		self := s.link("bob@example.com", 0)
		for name, code := range map[string]string{"of another campaign": other, "suspended": silent, "himself": self, "nobody": "nobody-has-it", "blocked": "GONE"} {
			if err := s.changed(bob, engine.Change{ReferralCode: code}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if by := s.participant(bob).Referrer; by != 0 {
				t.Errorf("%s: he was brought by %d", name, by)
			}
		}
	})
}

func TestWhoIsBroughtUnconfirmedCountsOnceConfirmed(t *testing.T) {
	t.Parallel()
	onBoth(t, bringing, func(t *testing.T, s *stage) {
		code := s.link("ann@example.com", 1)
		joined := s.joinAs(engine.Join{Who: server("", "bob@example.com"), Kind: model.SignUp, Campaign: s.project.Campaigns[1].ID})
		owner, err := s.core.FindParticipant(t.Context(), s.account, engine.Naming{Code: code})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.changed(joined.Participant, engine.Change{ReferralCode: code}); err != nil {
			t.Fatal(err)
		}
		if n := s.participant(owner).Referrals; n != 0 {
			t.Errorf("ann has %d referrals before bob confirms", n)
		}
		applied := model.StateApplied
		if err := s.changed(joined.Participant, engine.Change{State: &applied}); err != nil {
			t.Fatal(err)
		}
		if p := s.participant(owner); p.Referrals != 1 || p.Points != amountOf(t, "10") {
			t.Errorf("ann has %d referrals and %v points", p.Referrals, p.Points)
		}
		if story := strings.Join(s.story("bob@example.com"), "; "); strings.Count(story, "advocate once earned") != 1 {
			t.Errorf("got %s", story)
		}
	})
}

func TestWhatIsSaidOfSomebodyKeepsToLimitsAndBlocks(t *testing.T) {
	t.Parallel()
	onBoth(t, bringing, func(t *testing.T, s *stage) {
		code := s.link("ann@example.com", 0)
		ids := make([]model.ParticipantID, 8)
		for i := range ids {
			ids[i] = s.begin(fmt.Sprintf("bob%d@example.com", i), "", "")
		}
		ip := "198.51.100.1"
		brought := 0
		for _, ok := range parallel(t, len(ids), func(i int) (bool, error) {
			err := s.changed(ids[i], engine.Change{ReferralCode: code, IP: &ip})
			if model.ReasonOf(err) == model.TooManyFromIP {
				return false, nil
			}
			return true, err
		}) {
			if ok {
				brought++
			}
		}
		if brought != 2 {
			t.Errorf("%d were brought from one address", brought)
		}
		email, from, name := "x@spam.example.org", "198.51.100.66", "Bob"
		for what, c := range map[string]engine.Change{"e-mail": {Email: &email, NoBlocked: true}, "network": {IP: &from, NoBlocked: true}} {
			c.FirstName = &name
			if err := s.changed(ids[0], c); model.ReasonOf(err) != model.PersonBlocked {
				t.Errorf("%s: %v", what, err)
			}
		}
		if v, err := s.core.ViewParticipant(t.Context(), s.account, ids[0], engine.Relations{}); err != nil || v.FirstName != "" {
			t.Errorf("a change that was refused left the name %q: %v", v.FirstName, err)
		}
	})
}
