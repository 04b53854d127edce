package engine_test

import (
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/model"
)

// post begins an attempt of every mail that waits and says what became of it.
func (s *stage) post(outcome engine.MailOutcome) (sent []engine.Posting) {
	s.t.Helper()
	q := model.Queue{Account: s.account, Kind: model.JobMail}
	jobs := s.jobs(model.JobMail)
	if len(jobs) == 0 {
		return nil
	}
	postings, err := s.core.StartMails(s.t.Context(), q, jobs)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, p := range postings {
		if _, _, err := s.core.EndMail(s.t.Context(), &p, outcome, "550 5.1.1 no"); err != nil {
			s.t.Fatal(err)
		}
	}
	return postings
}

func TestConfirmationIsSentAgainToWhoAsksAgain(t *testing.T) {
	t.Parallel()
	onBoth(t, "account: Acme\nsite: https://shop.example.com\ncampaigns: [{name: Evergreen, status: launched, confirm_email: true}]\n", func(t *testing.T, s *stage) {
		join := func() model.ParticipantID {
			t.Helper()
			joined, err := s.core.Join(t.Context(), s.account, engine.Join{
				Who: engine.Who{Email: "bob@example.com", Server: true}, Kind: model.SignUp, Campaign: s.project.Campaigns[0].ID,
			})
			if err != nil {
				t.Fatal(err)
			}
			return joined.Participant
		}
		id := join()
		sent := s.post(engine.MailTaken)
		if len(sent) != 1 || sent[0].To != "bob@example.com" || sent[0].Unsubscribe != "" {
			t.Fatalf("sent %+v", sent)
		}
		s.wait(9 * time.Minute)
		join()
		if sent := s.post(engine.MailTaken); len(sent) != 0 {
			t.Errorf("sent again after 9 minutes: %+v", sent)
		}
		s.wait(time.Minute)
		join()
		if sent := s.post(engine.MailTaken); len(sent) != 1 {
			t.Errorf("after 10 minutes: %+v", sent)
		}
		s.wait(10 * time.Minute)
		join()
		if err := s.core.Confirm(t.Context(), s.core.ConfirmationToken(s.account, id)); err != nil {
			t.Fatal(err)
		}
		if sent := s.post(engine.MailTaken); len(sent) != 0 {
			t.Errorf("who has confirmed is asked: %+v", sent)
		}
	})
}

func TestWhoHasNoMailboxIsSuspended(t *testing.T) {
	t.Parallel()
	onBoth(t, states, func(t *testing.T, s *stage) {
		id := s.begin("bob@example.com", model.StateInvited, "")
		s.post(engine.MailUnknown)
		s.run()
		if p := s.part(id); p.State != model.StateSuspended {
			t.Errorf("bob is %s", p.State)
		}
		suppressed, err := s.core.Suppressed(t.Context(), s.account, "bob@example.com")
		if err != nil || suppressed["bob@example.com"].Reason != model.HardBounce {
			t.Errorf("suppressed: %v, %v", suppressed, err)
		}
	})
}

func TestSuppressionsAreListedAndLifted(t *testing.T) {
	t.Parallel()
	onBoth(t, "account: Acme\n", func(t *testing.T, s *stage) {
		ctx := t.Context()
		suppress := func(email string, reason model.SuppressionReason) *model.Suppression {
			t.Helper()
			made, err := s.core.Suppress(ctx, s.account, email, reason)
			if err != nil {
				t.Fatal(err)
			}
			s.wait(time.Second)
			return made
		}
		ann := suppress("Ann@example.com", model.SuppressedManually)
		bob := suppress("bob@example.com", model.Unsubscribed)
		for email, want := range map[string]model.Kind{"ANN@example.com": model.Conflict, "nobody": model.Invalid} {
			if _, err := s.core.Suppress(ctx, s.account, email, model.SuppressedManually); model.KindOf(err) != want {
				t.Errorf("%s: %v", email, err)
			}
		}
		list, total, err := s.core.Suppressions(ctx, s.account, 0, 25)
		if err != nil || total != 2 || len(list) != 2 || list[0].Email != "bob@example.com" || list[1].Email != "Ann@example.com" {
			t.Errorf("%d: %+v, %v", total, list, err)
		}
		if err := s.core.Unsuppress(ctx, s.account, bob.ID); model.ReasonOf(err) != model.TransitionForbidden {
			t.Errorf("an opt-out is lifted: %v", err)
		}
		if err := s.core.Unsuppress(ctx, s.account, ann.ID); err != nil {
			t.Error(err)
		}
		if err := s.core.Unsuppress(ctx, s.account, ann.ID); model.KindOf(err) != model.NotFound {
			t.Errorf("lifted twice: %v", err)
		}
		if _, err := s.core.Suppression(ctx, s.account, ann.ID); model.KindOf(err) != model.NotFound {
			t.Errorf("still there: %v", err)
		}
		// One that is erased holds, in no list, and may be given again.
		if _, err := s.core.SaveCustomer(ctx, s.account, engine.Customer{Who: engine.Who{CustomerID: "bob", Email: "bob@example.com", Server: true}}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.core.Erase(ctx, s.account, engine.Whom{Email: "bob@example.com"}); err != nil {
			t.Fatal(err)
		}
		s.run()
		if _, total, err := s.core.Suppressions(ctx, s.account, 0, 25); err != nil || total != 0 {
			t.Errorf("%d are listed, %v", total, err)
		}
		found, err := s.core.Suppressed(ctx, s.account, "bob@example.com")
		if err != nil || found["bob@example.com"].Reason != model.Unsubscribed || found["bob@example.com"].Email != "" {
			t.Errorf("%+v, %v", found, err)
		}
		if again := suppress("bob@example.com", model.SuppressedManually); again.Reason != model.Unsubscribed || again.Email != "bob@example.com" {
			t.Errorf("given again: %+v", again)
		}
	})
}

func TestSharesByMailAreBounded(t *testing.T) {
	t.Parallel()
	onBoth(t, "account: Acme\nsite: https://shop.example.com\ncampaigns: [{name: Evergreen, status: launched}]\n", func(t *testing.T, s *stage) {
		code := s.link("ann@example.com", 0)
		share := func(channel string, from, n int) (int, error) {
			mail := &engine.ShareMail{}
			for i := range n {
				mail.To = append(mail.To, engine.Recipient{Email: "f" + string(rune('a'+(from+i)/26)) + string(rune('a'+(from+i)%26)) + "@example.org"})
			}
			shared, err := s.core.RecordShare(t.Context(), s.account, engine.Share{
				Who: engine.Who{Email: "ann@example.com", Server: true}, Code: code, Channel: channel, Mail: mail,
			})
			if err != nil {
				return 0, err
			}
			return shared.Mailed, nil
		}
		for name, c := range map[string]struct {
			channel string
			n       int
		}{"to nobody": {"email", 0}, "to too many": {"email", 51}, "by a network": {"facebook", 1}} {
			if _, err := share(c.channel, 0, c.n); model.KindOf(err) != model.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		for i := range 4 {
			if n, err := share("email", 50*i, 50); n != 50 || err != nil {
				t.Fatalf("%d mails, %v", n, err)
			}
		}
		if n, err := share("email", 150, 50); n != 0 || err != nil {
			t.Errorf("to the same friends: %d, %v", n, err)
		}
		if _, err := share("email", 200, 1); model.KindOf(err) != model.Limited {
			t.Errorf("one more: %v", err)
		}
		s.wait(24*time.Hour + time.Millisecond)
		if n, err := share("email", 150, 50); n != 50 || err != nil {
			t.Errorf("the day after: %d, %v", n, err)
		}
	})
}

func TestWhoUnsubscribesIsToldOf(t *testing.T) {
	t.Parallel()
	onBoth(t, "account: Acme\nsite: https://shop.example.com\ncampaigns: [{name: Evergreen, status: launched}]\n"+
		"webhooks: [{on: prefinery.tester_unsubscribed, url: \"https://hooks.example.com\"}]\n", func(t *testing.T, s *stage) {
		s.link("ann@example.com", 0)
		for email, want := range map[string]int{"Ann@example.com": 1, "stranger@example.com": 0} {
			if _, err := s.core.Suppress(t.Context(), s.account, email, model.Unsubscribed); err != nil {
				t.Fatal(err)
			}
			if told := s.told(); told != want {
				t.Errorf("%s: told %d, want %d", email, told, want)
			}
		}
	})
}
