package deliver

import (
	"fmt"
	"net/http"
	"testing"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/store"
)

// What the merchant allows is not sent to who said no while the merchant
// thought about it.
func TestMerchantAllowsNoMoreThanTheOthersDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meanwhile func(t *testing.T, s *stage)
		states    string
	}{
		"nothing": {func(*testing.T, *stage) {}, "sent sent"},
		"Frida opts out": {func(t *testing.T, s *stage) {
			_, err := s.engine.Suppress(t.Context(), s.account, "frida@example.org", model.Unsubscribed)
			must(t, err)
		}, "suppressed sent"},
		"Frida is erased": {func(t *testing.T, s *stage) {
			_, err := s.engine.Erase(t.Context(), s.account, engine.Whom{Email: "frida@example.org"})
			must(t, err)
		}, "void sent"},
		"the sender is suspended": {func(t *testing.T, s *stage) {
			suspended := model.StateSuspended
			must(t, s.engine.ChangeParticipant(t.Context(), s.account, s.advocate(), engine.Change{State: &suspended}))
		}, "void void"},
		"the sender is erased": {func(t *testing.T, s *stage) {
			_, err := s.engine.Erase(t.Context(), s.account, engine.Whom{CustomerID: "ada"})
			must(t, err)
		}, "void void"},
		"the campaign is paused": {func(t *testing.T, s *stage) {
			s.project.Campaigns[0].Status = model.Paused
			_, err := s.engine.Apply(t.Context(), s.project.Clone())
			must(t, err)
		}, "void void"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, open func() store.Engine) {
				thinks := true
				r := newReceiver(t, func(w http.ResponseWriter, _ string) {
					if thinks {
						w.WriteHeader(http.StatusServiceUnavailable)
						return
					}
					fmt.Fprint(w, `["frida@example.org","fritz@example.org"]`)
				})
				to := newMailServer(t, nil, false, "")
				s := mailing(t, open, smtpTo(t, "smtp", "", "", to.address), nil)
				s.project.Endpoints = []model.Endpoint{{Dialect: "plain", Event: "may", Topic: model.RecipientsQuestioned, URL: r.URL}}
				_, err := s.engine.Apply(t.Context(), s.project.Clone())
				must(t, err)
				s.share("frida@example.org", "fritz@example.org")
				next := s.step()
				if got := s.states(); got != "asking asking" {
					t.Fatalf("mails are %s", got)
				}
				c.meanwhile(t, s)
				thinks = false
				s.clock.Set(next)
				s.step()
				if got := s.states(); got != c.states {
					t.Errorf("mails are %s, want %s", got, c.states)
				}
				s.verify()
			})
		})
	}
}

// advocate is the participant who shares.
func (s *stage) advocate() (id model.ParticipantID) {
	s.t.Helper()
	must(s.t, s.store.View(s.t.Context(), s.account, func(tx *store.Tx) error {
		owner, err := tx.CodeOwner(model.FoldCode(s.code))
		if err == nil {
			id = owner.Participant
		}
		return err
	}))
	return id
}
