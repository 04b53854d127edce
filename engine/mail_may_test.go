package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/store"
)

// mailing is an account whose campaign sends a kind of mail.
func mailing(name string, kind model.MailKind, settings, campaign string) string {
	return fmt.Sprintf(`
account: %s
site: https://shop.example.com
email: {rewards: true, reminders: {after: 72h}}
%s
campaigns:
  - name: First
    confirm_email: %v
    rewards:
      - {name: Bought, to: advocate, on: purchase, repeat: true, value: {type: cash, amount: 1, unit: USD}}
    %s
`, name, settings, kind == model.ConfirmationMail, campaign)
}

// leaveMail leaves a mail of a kind to Bob; who asks for it, if somebody does,
// is Ann.
var leaveMail = map[model.MailKind]func(s *stage){
	model.ShareMail: (*stage).shareWithBob,
	model.ReminderMail: func(s *stage) {
		s.shareWithBob()
		s.post(engine.MailTaken)
		s.wait(72 * time.Hour)
		s.run()
	},
	model.NotifyMail: func(s *stage) {
		s.joinAs(engine.Join{Who: server("", "bob@example.org"), Kind: model.SignUp, Campaign: s.project.Campaigns[0].ID, Notify: true})
	},
	model.ConfirmationMail: func(s *stage) { s.begin("bob@example.org", "", "") },
	model.InvitationMail:   func(s *stage) { s.begin("bob@example.org", model.StateInvited, "") },
	model.RejectionMail: func(s *stage) {
		s.come(s.begin("bob@example.org", model.StateApplied, ""), model.StateRejected)
	},
	model.FriendInvitationMail: func(s *stage) {
		s.begin("ann@example.com", model.StateActive, "")
		if _, err := s.invite("ann@example.com", "bob@example.org"); err != nil {
			s.t.Fatal(err)
		}
	},
	model.RewardMail: func(s *stage) { s.buy("1", "carl", s.link("bob@example.org", 0), "20") },
}

func (s *stage) shareWithBob() {
	s.t.Helper()
	_, err := s.core.RecordShare(context.Background(), s.account, engine.Share{
		Who: server("", "ann@example.com"), Campaign: s.project.Campaigns[0].UUID, Channel: "email",
		Mail: &engine.ShareMail{To: []engine.Recipient{{Email: "bob@example.org", Name: "Bob"}}},
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// partNamed is who somebody is in the first campaign, and makes them take part
// if they do not.
func (s *stage) partNamed(email string) model.ParticipantID {
	s.t.Helper()
	var id model.ParticipantID
	person := s.personOf(email)
	s.view(func(tx *store.Tx) error {
		parts, err := tx.Parts(person)
		for _, p := range parts {
			id = p.ID
		}
		return err
	})
	if id == 0 {
		id = s.begin(email, model.StateActive, "")
	}
	return id
}

func (s *stage) mail(id model.MailID) (m *model.Mail) {
	s.t.Helper()
	s.view(func(tx *store.Tx) error {
		found, err := tx.Mails([]model.MailID{id})
		if err == nil {
			m = found[0]
		}
		return err
	})
	return m
}

func (s *stage) latestMail() *model.Mail {
	s.t.Helper()
	var last *model.Mail
	s.view(func(tx *store.Tx) error {
		all, err := tx.ListMails(0, 1000)
		if len(all) > 0 {
			last = all[len(all)-1]
		}
		return err
	})
	if last == nil {
		s.t.Fatal("no mail was left")
	}
	return last
}

// Whatever becomes of a mail's recipient, its sender or its object after it was
// left decides whether it goes.
func TestMailGoesOnlyToWhoMayGetItByThen(t *testing.T) {
	t.Parallel()
	must := func(s *stage, err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
	}
	returned := func(news engine.MailNews) func(*stage, model.MailKind) {
		return func(s *stage, _ model.MailKind) {
			must(s, s.core.MailReturned(context.Background(), s.account, engine.MailReturn{News: news, Address: "Bob@Example.org"}))
		}
	}
	suppress := func(reason model.SuppressionReason) func(*stage, model.MailKind) {
		return func(s *stage, _ model.MailKind) {
			_, err := s.core.Suppress(context.Background(), s.account, "Bob@Example.org", reason)
			must(s, err)
		}
	}
	erase := func(email string) func(*stage, model.MailKind) {
		return func(s *stage, _ model.MailKind) { // the job that erases the rest has not run
			_, err := s.core.Erase(context.Background(), s.account, engine.Whom{Email: email})
			must(s, err)
		}
	}
	suspend := func(email string) func(*stage, model.MailKind) {
		return func(s *stage, _ model.MailKind) { s.come(s.partNamed(email), model.StateSuspended) }
	}
	remove := func(email string) func(*stage, model.MailKind) {
		return func(s *stage, _ model.MailKind) {
			must(s, s.core.RemoveParticipant(context.Background(), s.account, s.partNamed(email)))
		}
	}
	apply := func(settings, campaign string) func(*stage, model.MailKind) {
		return func(s *stage, kind model.MailKind) {
			s.apply(mailing(s.project.Settings.Name, kind, settings, campaign))
		}
	}
	moved := func(of model.MailKind, to model.State) func(*stage, model.MailKind) {
		return func(s *stage, kind model.MailKind) {
			if kind == of {
				s.come(s.partNamed("bob@example.org"), to)
			}
		}
	}
	all := slices.DeleteFunc(slices.Clone(model.MailKinds), func(k model.MailKind) bool {
		return k == model.StockMail // the merchant's own: it is about nobody
	})
	toFriends := []model.MailKind{model.ShareMail, model.ReminderMail, model.FriendInvitationMail}
	comingIn := append([]model.MailKind{model.NotifyMail, model.ConfirmationMail}, toFriends...)
	changes := map[string]struct {
		change     func(*stage, model.MailKind)
		void       []model.MailKind
		suppressed []model.MailKind
	}{
		"nothing":                     {change: func(*stage, model.MailKind) {}},
		"the recipient is suppressed": {change: suppress(model.SuppressedManually), suppressed: all},
		"the recipient opts out":      {change: suppress(model.Unsubscribed), suppressed: all},
		"other mail has no mailbox":   {change: returned(engine.MailHasNoMailbox), suppressed: all},
		"other mail is spam":          {change: returned(engine.MailIsSpam), suppressed: all},
		"other mail is unwanted":      {change: returned(engine.MailIsUnwanted), suppressed: all},
		"the recipient is blocked":    {change: apply(`blocked: {emails: ["*@example.org"]}`, "status: launched"), suppressed: all},
		"the recipient is erased":     {change: erase("bob@example.org"), void: all},
		"the recipient is suspended":  {change: suspend("bob@example.org"), void: all},
		"the recipient leaves":        {change: remove("bob@example.org"), void: all},
		"the sender is suspended":     {change: suspend("ann@example.com"), void: toFriends},
		"the sender is erased":        {change: erase("ann@example.com"), void: toFriends},
		"the sender leaves":           {change: remove("ann@example.com"), void: toFriends},
		"the sender is blocked":       {change: apply(`blocked: {emails: [ann@example.com]}`, "status: launched"), void: toFriends},
		"the campaign is paused":      {change: apply("", "status: paused"), void: comingIn},
		"the campaign was taken away": {change: func(s *stage, _ model.MailKind) {
			s.apply("account: " + s.project.Settings.Name + "\nemail: {rewards: true}\n")
		}, void: append([]model.MailKind{model.InvitationMail}, comingIn...)},
		"who confirmed":                 {change: moved(model.ConfirmationMail, model.StateApplied), void: []model.MailKind{model.ConfirmationMail}},
		"who was invited came in":       {change: moved(model.InvitationMail, model.StateActive), void: []model.MailKind{model.InvitationMail}},
		"who was invited is rejected":   {change: moved(model.InvitationMail, model.StateRejected), void: []model.MailKind{model.InvitationMail}},
		"who was rejected is invited":   {change: moved(model.RejectionMail, model.StateInvited), void: []model.MailKind{model.RejectionMail}},
		"a friend who was invited came": {change: moved(model.FriendInvitationMail, model.StateActive), void: []model.MailKind{model.FriendInvitationMail}},
		"the campaign ends": {change: func(s *stage, kind model.MailKind) {
			apply("", "status: launched\n    ends_at: "+s.clock().Add(time.Hour).Format(time.RFC3339))(s, kind)
			s.wait(time.Hour)
		}, void: append([]model.MailKind{model.InvitationMail}, comingIn...)},
		"the link is blocked": {change: apply(`blocked: {codes: ["*"]}`, "status: launched"), void: []model.MailKind{model.ShareMail, model.ReminderMail}},
		"the reward is taken back": {change: func(s *stage, kind model.MailKind) {
			if kind == model.RewardMail {
				_, err := s.core.RevokeReward(context.Background(), s.account, s.rewardsFor("bob@example.org")[0].ID)
				must(s, err)
			}
		}, void: []model.MailKind{model.RewardMail}},
	}
	for _, kind := range all {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			onBoth(t, mailing("First", kind, "", "status: launched"), func(t *testing.T, s *stage) {
				for name, c := range changes {
					s.apply(mailing(name, kind, "", "status: launched")) // an account for each
					leaveMail[kind](s)
					left := s.latestMail()
					c.change(s, kind)
					sent := s.post(engine.MailTaken)
					want := model.MailSent
					switch {
					case slices.Contains(c.void, kind):
						want = model.MailVoid
					case slices.Contains(c.suppressed, kind):
						want = model.MailSuppressed
					}
					went := slices.ContainsFunc(sent, func(p engine.Posting) bool { return p.Mail == left.ID })
					if got := s.mail(left.ID); left.Kind != kind || got.State != want || went != (want == model.MailSent) {
						t.Errorf("%s: a mail of kind %s is %s, want %s; sent: %v", name, left.Kind, got.State, want, went)
					}
					if report := s.verify(); len(report.Differences) > 0 {
						t.Errorf("%s: verify: %v", name, report.Differences[0])
					}
				}
			})
		})
	}
}

// Mail to somebody known goes to the address and the name that are theirs at
// each attempt.
func TestMailFollowsWhoMoves(t *testing.T) {
	t.Parallel()
	onBoth(t, mailing("Acme", model.NotifyMail, "", "status: launched"), func(t *testing.T, s *stage) {
		change := func(email, name string) {
			t.Helper()
			err := s.core.ChangeParticipant(t.Context(), s.account, s.partNamed(email), engine.Change{Email: new("new." + email), FirstName: new(name)})
			if err != nil {
				t.Fatal(err)
			}
		}
		said := func(p engine.Posting, to, name string) {
			t.Helper()
			if p.To != to || !strings.Contains(p.Letter.Text, "Hello "+name+",") {
				t.Errorf("to %s:\n%s\nwant it to go to %s, %s", p.To, p.Letter.Text, to, name)
			}
		}
		s.joinAs(engine.Join{Who: engine.Who{Email: "bob@example.org", FirstName: "Bob", Server: true}, Kind: model.SignUp, Campaign: s.project.Campaigns[0].ID, Notify: true})
		change("bob@example.org", "Robert")
		said(s.post(engine.MailDeferred)[0], "new.bob@example.org", "Robert")

		// The next attempt, after they moved once more.
		change("new.bob@example.org", "Rob")
		if _, err := s.core.Suppress(t.Context(), s.account, "new.bob@example.org", model.SuppressedManually); err != nil {
			t.Fatal(err)
		}
		s.wait(time.Minute)
		sent := s.post(engine.MailTaken)
		said(sent[0], "new.new.bob@example.org", "Rob")
		if err := s.core.Unsubscribe(t.Context(), sent[0].Token); err != nil {
			t.Fatal(err)
		}
		found, err := s.core.Suppressed(t.Context(), s.account, "new.new.bob@example.org")
		if err != nil || found["new.new.bob@example.org"].Reason != model.Unsubscribed {
			t.Errorf("suppressed: %v, %v", found, err)
		}
	})
}

// A share says who sends it as they are called when it goes.
func TestShareNamesItsSenderAsTheyAreCalledByThen(t *testing.T) {
	t.Parallel()
	onBoth(t, mailing("Acme", model.ShareMail, "", "status: launched"), func(t *testing.T, s *stage) {
		s.shareWithBob()
		err := s.core.ChangeParticipant(t.Context(), s.account, s.partNamed("ann@example.com"), engine.Change{FirstName: new("Anna"), Email: new("anna@example.net")})
		if err != nil {
			t.Fatal(err)
		}
		sent := s.post(engine.MailTaken)
		if len(sent) != 1 || sent[0].From.Name != "Anna via Acme" || sent[0].Letter.Subject != "Anna thought of you" {
			t.Errorf("%+v", sent)
		}
	})
}

// What comes back by the address alone is of a mail that was sent.
func TestNewsAreOfMailThatWasSent(t *testing.T) {
	t.Parallel()
	onBoth(t, mailing("Acme", model.ShareMail, "", "status: launched"), func(t *testing.T, s *stage) {
		s.shareWithBob()
		if err := s.core.MailReturned(t.Context(), s.account, engine.MailReturn{News: engine.MailDidNotArrive, Address: "bob@example.org"}); err != nil {
			t.Fatal(err)
		}
		if sent := s.post(engine.MailTaken); len(sent) != 1 {
			t.Errorf("sent %+v", sent)
		}
	})
}

// A bounce may come before whoever sent the mail has written down that it was
// taken.
func TestBounceOvertakesItsMail(t *testing.T) {
	t.Parallel()
	onBoth(t, mailing("Acme", model.ShareMail, "", "status: launched"), func(t *testing.T, s *stage) {
		s.shareWithBob()
		postings, err := s.core.StartMails(t.Context(), model.Queue{Account: s.account, Kind: model.JobMail}, s.jobs(model.JobMail))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.core.MailReturned(t.Context(), s.account, engine.MailReturn{News: engine.MailDidNotArrive, Token: postings[0].Token, Said: "452 full"}); err != nil {
			t.Fatal(err)
		}
		if state, _, err := s.core.EndMail(t.Context(), &postings[0], engine.MailTaken, ""); state != model.MailBounced || err != nil {
			t.Errorf("the mail is %s, %v", state, err)
		}
		day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		m, err := s.core.EmailMetrics(t.Context(), s.account, engine.MetricsQuery{From: day, To: day, Zone: time.UTC})
		if err != nil || m.Shares.Delivered != 0 || m.Shares.Bounced != 1 {
			t.Errorf("%+v, %v", m, err)
		}
		if left := s.jobs(model.JobMail); len(left) != 0 {
			t.Errorf("left: %+v", left)
		}
	})
}

// Whoever only ever got mail has a right to be forgotten too.
func TestStrangerWhoGotMailIsErased(t *testing.T) {
	t.Parallel()
	onBoth(t, mailing("Acme", model.ShareMail, "", "status: launched"), func(t *testing.T, s *stage) {
		s.shareWithBob()
		sent := s.post(engine.MailTaken)[0]
		if err := s.core.Unsubscribe(t.Context(), sent.Token); err != nil {
			t.Fatal(err)
		}
		erased, err := s.core.Erase(t.Context(), s.account, engine.Whom{Email: "Bob@example.org"})
		if err != nil || erased.Known {
			t.Fatalf("%+v, %v", erased, err)
		}
		s.run()
		if m := s.mail(sent.Mail); m.Recipient != "" || m.Body != "" || m.Address == "" {
			t.Errorf("the mail says %+v", m)
		}
		if list, _, err := s.core.Suppressions(t.Context(), s.account, 0, 10); err != nil || len(list) != 0 {
			t.Errorf("listed: %v, %v", list, err)
		}
		found, err := s.core.Suppressed(t.Context(), s.account, "bob@example.org")
		if err != nil || found["bob@example.org"].Reason != model.Unsubscribed {
			t.Errorf("the opt-out is gone: %v, %v", found, err)
		}
	})
}
