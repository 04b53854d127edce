package engine_test

import (
	"slices"
	"testing"

	"grapevine/engine"
	"grapevine/model"
)

const sayingStanding = `
account: Acme
site: https://shop.example.com
link_url: https://go.example.com
email:
  rewards: true
  wording:
    notify: {subject: "notify {{.Position}} {{.Referrals}} {{.Var2}}", text: "{{.StandingLink}}"}
    invitation: {subject: "invitation {{.Position}} {{.Referrals}} {{.Var2}}", text: "{{.StandingLink}}"}
    reward: {subject: "reward {{.Position}} {{.Referrals}} {{.Var2}}", text: "{{.StandingLink}}"}
campaigns:
  - name: First
    status: launched
    rewards: [{name: Joined, to: advocate, on: sign_up, repeat: true, value: {type: cash, amount: 1, unit: USD}}]
`

func TestMailSaysHowItsRecipientStands(t *testing.T) {
	t.Parallel()
	onBoth(t, sayingStanding, func(t *testing.T, s *stage) {
		pro := "pro"
		s.begin("ann@example.com", "", "")
		bob := s.joinAs(engine.Join{
			Who: server("", "bob@example.com"), Kind: model.SignUp, Campaign: s.project.Campaigns[0].ID, Notify: true,
			Card: &engine.CardChange{Vars: [3]*string{1: &pro}},
		}).Participant
		says := func(what string, want ...string) {
			t.Helper()
			var got []string
			for _, p := range s.post(engine.MailTaken) {
				got = append(got, p.Letter.Subject)
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", what, got, want)
			}
		}
		says("who joined last", "notify 2 0 pro")
		s.begin("carl@example.com", "", s.link("bob@example.com", 0))
		says("who brought a friend", "reward 1 1 pro")
		s.come(bob, model.StateInvited)
		says("who waits no more", "invitation 1 pro")

		v, err := s.core.ViewParticipant(t.Context(), s.account, bob, engine.Relations{})
		if err != nil {
			t.Fatal(err)
		}
		if want := "https://go.example.com/" + v.Shown + "?check=" + v.UUID; v.StandingURL() != want {
			t.Errorf("the link is %s, want %s", v.StandingURL(), want)
		}
	})
}
