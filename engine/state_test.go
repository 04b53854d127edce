package engine_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/store"
)

const states = `
account: Acme
site: https://shop.example.com
campaigns:
  - name: First
    status: launched
    idle_after: 48h
    rewards:
      - {name: Signed, to: advocate, on: sign_up, repeat: true, value: {type: cash, amount: 1, unit: USD}}
      - {name: Bought, to: advocate, on: purchase, repeat: true, value: {type: cash, amount: 1, unit: USD}}
      - {name: Qualified, to: both, on: qualified, repeat: true, value: {type: cash, amount: 1, unit: USD}}
`

// begin makes somebody a participant of the first campaign in a state.
func (s *stage) begin(email string, state model.State, code string) model.ParticipantID {
	s.t.Helper()
	joined, err := s.core.Join(context.Background(), s.account, engine.Join{
		Who: engine.Who{Email: email, Server: true}, Referral: engine.Referral{ReferralCode: code},
		Kind: model.SignUp, Campaign: s.project.Campaigns[0].ID, State: state,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return joined.Participant
}

func (s *stage) part(id model.ParticipantID) *model.Participant {
	s.t.Helper()
	var found *model.Participant
	err := s.store.View(context.Background(), s.account, func(tx *store.Tx) (err error) {
		found, _, err = tx.Participant(id)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

func (s *stage) comes(id model.ParticipantID, to model.State) error {
	return s.core.ChangeParticipant(context.Background(), s.account, id, engine.Change{State: &to})
}

func (s *stage) come(id model.ParticipantID, to ...model.State) {
	s.t.Helper()
	for _, state := range to {
		if err := s.comes(id, state); err != nil {
			s.t.Fatal(err)
		}
	}
}

// mailed lists the mails that wait to be sent.
func (s *stage) mailed() (list []string) {
	s.t.Helper()
	err := s.store.View(context.Background(), s.account, func(tx *store.Tx) error {
		var ids []model.MailID
		for _, j := range s.jobs(model.JobMail) {
			ids = append(ids, model.MailID(j.Subject))
		}
		mails, err := tx.Mails(ids)
		for _, m := range mails {
			list = append(list, string(m.Kind))
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

func (s *stage) jobs(kind string) []model.Job {
	s.t.Helper()
	jobs, err := s.core.ClaimJobs(context.Background(), model.Queue{Account: s.account, Kind: kind}, 1000)
	if err != nil {
		s.t.Fatal(err)
	}
	return jobs
}

func TestStatesFollowEachOtherOnlyAsTheyMay(t *testing.T) {
	may := map[model.State][]model.State{
		model.StateImported:    {model.StateApplied, model.StateInvited, model.StateRejected, model.StateActive, model.StateSuspended},
		model.StateUnconfirmed: {model.StateApplied, model.StateSuspended},
		model.StateApplied:     {model.StateInvited, model.StateRejected, model.StateActive, model.StateSuspended},
		model.StateRejected:    {model.StateInvited, model.StateActive, model.StateSuspended},
		model.StateInvited:     {model.StateRejected, model.StateActive, model.StateSuspended},
		model.StateActive:      {model.StateSuspended},
		model.StateIdle:        {model.StateActive, model.StateSuspended},
		model.StateSuspended:   {},
	}
	onBoth(t, states, func(t *testing.T, s *stage) {
		for _, from := range model.States {
			for _, to := range model.States {
				email := string(from) + "." + string(to) + "@example.com"
				id := s.into(email, from)
				err := s.comes(id, to)
				switch {
				case from == to || slices.Contains(may[from], to):
					if got := s.part(id).StateAt(s.clock(), 48*time.Hour); err != nil || got != to {
						t.Errorf("%s to %s: is %s, %v", from, to, got, err)
					}
				case model.ReasonOf(err) != model.TransitionForbidden:
					t.Errorf("%s to %s: %v, want transition_forbidden", from, to, err)
				}
			}
		}
	})
}

// into makes somebody who is in a state.
func (s *stage) into(email string, state model.State) model.ParticipantID {
	s.t.Helper()
	switch state {
	case model.StateRejected, model.StateSuspended:
		id := s.begin(email, "", "")
		s.come(id, state)
		return id
	case model.StateIdle:
		id := s.begin(email, model.StateActive, "")
		s.wait(48 * time.Hour)
		return id
	}
	return s.begin(email, state, "")
}

func TestNobodyBeginsRejectedSuspendedOrIdle(t *testing.T) {
	onBoth(t, states, func(t *testing.T, s *stage) {
		for _, state := range []model.State{model.StateRejected, model.StateSuspended, model.StateIdle, "new"} {
			_, err := s.core.Join(context.Background(), s.account, engine.Join{
				Who: engine.Who{Email: "ann@example.com", Server: true}, Kind: model.SignUp, Campaign: s.project.Campaigns[0].ID, State: state,
			})
			if model.ReasonOf(err) != model.StateInvalid {
				t.Errorf("began as %s: %v", state, err)
			}
		}
		if id, err := s.core.FindParticipant(context.Background(), s.account, engine.Naming{Campaign: s.project.Campaigns[0].ID, Email: "ann@example.com"}); err == nil {
			t.Errorf("left participant %d behind", id)
		}
	})
}

// The times of states are of the first time that each was reached, and coming
// to some sends a mail.
func TestStatesAreDatedAndMailed(t *testing.T) {
	onBoth(t, states, func(t *testing.T, s *stage) {
		id := s.begin("ann@example.com", model.StateImported, "")
		for _, state := range []model.State{model.StateApplied, model.StateInvited, model.StateRejected, model.StateInvited, model.StateActive, model.StateSuspended} {
			s.wait(time.Hour)
			s.come(id, state)
		}
		s.wait(time.Hour)
		if err := s.core.ChangeParticipant(t.Context(), s.account, id, engine.Change{Restored: true}); err != nil {
			t.Fatal(err)
		}
		p := s.part(id)
		got := []time.Time{p.ImportedAt, p.AppliedAt, p.InvitedAt, p.ActiveAt, p.SeenAt, p.ChangedAt}
		var want []time.Time
		for _, hours := range []time.Duration{0, 1, 2, 5, 5, 7} {
			want = append(want, noon.Add(hours*time.Hour))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if p.State != model.StateActive || p.StateBefore != "" {
			t.Errorf("restored to %s, before %q", p.State, p.StateBefore)
		}
		if diff := cmp.Diff([]string{"invitation", "rejection", "invitation"}, s.mailed()); diff != "" {
			t.Error(diff)
		}
		if err := s.core.ChangeParticipant(t.Context(), s.account, id, engine.Change{Restored: true}); model.ReasonOf(err) != model.TransitionForbidden {
			t.Errorf("restored who is not suspended: %v", err)
		}
	})
}

// What a suspended participant shares brings nobody: visits and friends are not
// counted, and what friends from before do earns nothing, until they are restored.
func TestWhoIsSuspendedBringsNobody(t *testing.T) {
	onBoth(t, states, func(t *testing.T, s *stage) {
		code := s.link("ann@example.com", 0)
		ann, err := s.core.FindParticipant(t.Context(), s.account, engine.Naming{Code: code})
		if err != nil {
			t.Fatal(err)
		}
		old := s.begin("old@example.com", "", code)
		if _, err := s.core.Click(t.Context(), engine.Visit{Code: code}); err != nil {
			t.Fatal(err)
		}
		s.come(ann, model.StateSuspended)
		if landing, err := s.core.Click(t.Context(), engine.Visit{Code: code}); err != nil || landing.Cookie != "" {
			t.Errorf("click: %+v, %v", landing, err)
		}
		friend := s.begin("new@example.com", "", code)
		if p := s.part(friend); p.Referrer != 0 {
			t.Errorf("a friend was brought by who is suspended: %+v", p)
		}
		if got := s.rewards(s.purchase(engine.Purchase{Who: engine.Who{Email: "old@example.com", Server: true}, OrderID: "o-1", Currency: "USD"}).Event); len(got) > 0 {
			t.Errorf("an old friend's purchase earned %v", got)
		}
		if got := s.rewards(s.buy("o-2", "c-2", code, "1").Event); len(got) > 0 {
			t.Errorf("a purchase by the code earned %v", got)
		}
		if err := s.core.Qualify(t.Context(), s.account, old, true); err != nil {
			t.Fatal(err)
		}
		views, err := s.core.ViewParticipant(t.Context(), s.account, ann, engine.Relations{})
		if err != nil || views.Reach != 1 || views.Referrals != 1 {
			t.Errorf("reach %d, referrals %d, %v; want what there was before", views.Reach, views.Referrals, err)
		}
		if err := s.core.ChangeParticipant(t.Context(), s.account, ann, engine.Change{Restored: true}); err != nil {
			t.Fatal(err)
		}
		if landing, err := s.core.Click(t.Context(), engine.Visit{Code: code}); err != nil || landing.Cookie == "" {
			t.Errorf("click once restored: %+v, %v", landing, err)
		}
		if got := s.rewards(s.buy("o-3", "c-3", code, "1").Event); !slices.Equal(got, []string{"advocate bought earned"}) {
			t.Errorf("once restored, a purchase earned %v", got)
		}
	})
}

// Who waits for being confirmed counts once they apply, however they come to.
func TestApplyingConfirms(t *testing.T) {
	onBoth(t, states, func(t *testing.T, s *stage) {
		code := s.link("ann@example.com", 0)
		ann, err := s.core.FindParticipant(t.Context(), s.account, engine.Naming{Code: code})
		if err != nil {
			t.Fatal(err)
		}
		referrals := func() int64 {
			v, err := s.core.ViewParticipant(t.Context(), s.account, ann, engine.Relations{})
			if err != nil {
				t.Fatal(err)
			}
			return v.Referrals
		}
		bea := s.begin("bea@example.com", model.StateUnconfirmed, code)
		if got := referrals(); got != 0 {
			t.Errorf("%d referrals before it is confirmed", got)
		}
		s.come(bea, model.StateSuspended)
		token := s.core.ConfirmationToken(s.account, bea)
		if err := s.core.Confirm(t.Context(), token); model.ReasonOf(err) != model.TransitionForbidden {
			t.Errorf("confirmed while suspended: %v", err)
		}
		if err := s.core.ChangeParticipant(t.Context(), s.account, bea, engine.Change{Restored: true}); err != nil {
			t.Fatal(err)
		}
		s.wait(time.Minute)
		s.come(bea, model.StateApplied)
		if p := s.part(bea); referrals() != 1 || !p.AppliedAt.Equal(s.clock()) {
			t.Errorf("%d referrals, applied at %s", referrals(), p.AppliedAt)
		}
		var want = []string{"sign_up", "state", "state", "state", "state", "sign_up, First by referrer of ann", "  advocate signed earned", "invited, First by referrer of ann"}
		if diff := cmp.Diff(want, s.story("bea@example.com")); diff != "" {
			t.Error(diff)
		}
	})
}

// Who the merchant added is on the waitlist once they join themselves.
func TestWhoWasImportedAppliesByJoining(t *testing.T) {
	onBoth(t, states, func(t *testing.T, s *stage) {
		id := s.begin("ann@example.com", model.StateImported, "")
		s.wait(time.Hour)
		s.begin("ann@example.com", "", "")
		if p := s.part(id); p.State != model.StateApplied || !p.AppliedAt.Equal(s.clock()) {
			t.Errorf("is %s since %s", p.State, p.AppliedAt)
		}
		if err := s.core.RemoveParticipant(t.Context(), s.account, id); err != nil {
			t.Fatal(err)
		}
	})
}

func TestVerifySeesAStateThatNoEventExplains(t *testing.T) {
	onBoth(t, states, func(t *testing.T, s *stage) {
		s.damaged = true
		id := s.begin("ann@example.com", "", "")
		s.come(id, model.StateInvited)
		p := s.part(id)
		p.State, p.InvitedAt = model.StateActive, p.InvitedAt.Add(time.Second)
		err := s.store.InTx(t.Context(), s.account, func(tx *store.Tx) error { tx.UpdateParticipant(p); return nil })
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range s.verify().Differences {
			got = append(got, d.Table+" "+d.What)
		}
		want := []string{"tally sum", "tally sum", "participant state", "participant invited"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}
