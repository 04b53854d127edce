package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/store"
)

const inviting = `
account: Acme
site: https://shop.example.com
blocked: {emails: ["*@mailinator.com"]}
campaigns:
  - name: First
    status: launched
    friend_invitations: 3
    idle_after: 48h
    rewards:
      - {name: Signed, to: both, on: sign_up, repeat: true, value: {type: cash, amount: 1, unit: USD}}
  - {name: Paused, status: paused}
`

func (s *stage) invite(inviter, friend string) (*engine.FriendInvited, error) {
	return s.core.InviteFriend(context.Background(), s.account, engine.FriendInvitation{
		Campaign: s.project.Campaigns[0].ID, Inviter: inviter, Friend: friend, Message: "Have a look, " + friend,
	})
}

func TestFriendWhoIsInvitedComesInAtOnce(t *testing.T) {
	onBoth(t, inviting, func(t *testing.T, s *stage) {
		ann := s.begin("ann@example.com", model.StateActive, "")
		s.mailed()
		made, err := s.invite("Ann@example.com", "bob@example.com")
		if err != nil {
			t.Fatal(err)
		}
		bob := s.part(made.Friend)
		if made.Inviter != ann || bob.State != model.StateInvited || bob.InvitedBy != made.Event || bob.ConfirmedAt.IsZero() || bob.Referrer != 0 || bob.InvitedAt.IsZero() {
			t.Errorf("%+v made %+v", made, bob)
		}
		if mails := s.mailed(); len(mails) != 1 || !strings.Contains(mails[0], "friend_invitation") {
			t.Errorf("mails %q", mails)
		}
		if n := s.part(ann).Invitations; n != 1 {
			t.Errorf("%d invitations", n)
		}
		if list := s.rewardsFor("ann@example.com"); len(list) != 0 {
			t.Errorf("rewarded for an invitation: %+v", list)
		}
		// What they do themselves comes later, and is theirs.
		s.begin("bob@example.com", "", s.link("ann@example.com", 0))
		if n := s.part(ann).Referrals; n != 1 || s.part(made.Friend).State != model.StateInvited {
			t.Errorf("%d referrals, friend %+v", n, s.part(made.Friend))
		}
	})
}

// However many ask at once, on whatever node, each has as many invitations as
// the campaign says.
func TestEachMayInviteAsManyAsTheCampaignSays(t *testing.T) {
	onBoth(t, inviting, func(t *testing.T, s *stage) {
		ann := s.begin("ann@example.com", model.StateInvited, "")
		bob := s.begin("bob@example.com", model.StateActive, "")
		nodes := []*engine.Engine{s.core, s.node(2)}
		var made, refused atomic.Int64
		parallel(t, 24, func(i int) (any, error) {
			_, err := nodes[i%2].InviteFriend(context.Background(), s.account, engine.FriendInvitation{
				Campaign: s.project.Campaigns[0].ID, Inviter: []string{"ann@example.com", "bob@example.com"}[i/12], Friend: fmt.Sprint("friend", i, "@example.com"),
			})
			switch model.ReasonOf(err) {
			case model.InvitationsSpent:
				refused.Add(1)
				return nil, nil
			case "":
				made.Add(1)
			}
			return nil, err
		})
		if made.Load() != 6 || refused.Load() != 18 || s.part(ann).Invitations != 3 || s.part(bob).Invitations != 3 {
			t.Errorf("%d made, %d refused, %d and %d counted", made.Load(), refused.Load(), s.part(ann).Invitations, s.part(bob).Invitations)
		}
		s.ask(`SELECT COUNT(*) FROM participant WHERE account_id = $1`, func(r store.Row) error {
			var n int
			if err := r.Scan(&n); err != nil || n != 8 {
				t.Errorf("%d participants, %v", n, err)
			}
			return nil
		})
	})
}

// Two who invite the same friend at once: one does.
func TestFriendIsInvitedOnce(t *testing.T) {
	onBoth(t, inviting, func(t *testing.T, s *stage) {
		for i := range 4 {
			s.begin(fmt.Sprint("ann", i, "@example.com"), model.StateActive, "")
		}
		var made atomic.Int64
		parallel(t, 8, func(i int) (any, error) {
			_, err := s.invite(fmt.Sprint("ann", i%4, "@example.com"), "bob@example.com")
			if model.ReasonOf(err) == model.EmailTaken {
				return nil, nil
			}
			made.Add(1)
			return nil, err
		})
		if made.Load() != 1 {
			t.Errorf("invited %d times", made.Load())
		}
	})
}

func TestInvitationsAreRefused(t *testing.T) {
	onBoth(t, inviting, func(t *testing.T, s *stage) {
		s.begin("ann@example.com", model.StateActive, "")
		for _, state := range []model.State{model.StateImported, model.StateUnconfirmed, model.StateApplied, model.StateRejected, model.StateSuspended} {
			s.into(string(state)+"@example.com", state)
			_, err := s.invite(string(state)+"@example.com", "bob@example.com")
			fails(t, err, model.Conflict, model.InviterUnfit)
		}
		for _, tt := range []struct {
			inviter, friend string
			kind            model.Kind
			reason          model.Reason
		}{
			{"nobody@example.com", "bob@example.com", model.NotFound, model.ParticipantUnknown},
			{"ann@example.com", "applied@example.com", model.Conflict, model.EmailTaken},
			{"ann@example.com", "ANN@example.com", model.Conflict, model.EmailTaken},
			{"ann@example.com", "bob@mailinator.com", model.Denied, model.PersonBlocked},
		} {
			_, err := s.invite(tt.inviter, tt.friend)
			fails(t, err, tt.kind, tt.reason)
		}
		_, err := s.core.InviteFriend(t.Context(), s.account, engine.FriendInvitation{
			Campaign: s.project.Campaigns[1].ID, Inviter: "ann@example.com", Friend: "bob@example.com",
		})
		fails(t, err, model.NotFound, model.CampaignNotLive)
		_, err = s.core.InviteFriend(t.Context(), s.account, engine.FriendInvitation{
			Campaign: s.project.Campaigns[0].ID, Inviter: "ann@example.com", Friend: "bob@example.com", Message: strings.Repeat("x", 5000),
		})
		fails(t, err, model.Invalid, "")
		if s.personOf("bob@example.com") != 0 || s.personOf("bob@mailinator.com") != 0 {
			t.Error("left somebody behind")
		}
		s.wait(48 * time.Hour) // who is idle may
		if _, err := s.invite("ann@example.com", "bob@example.com"); err != nil {
			t.Error(err)
		}
	})
}

// A message may name either of the two: it goes with whoever goes first.
func TestErasureTakesTheMessageOfAnInvitation(t *testing.T) {
	for _, who := range []string{"ann@example.com", "bob@example.com"} {
		onBoth(t, inviting, func(t *testing.T, s *stage) {
			s.begin("ann@example.com", model.StateActive, "")
			made, err := s.invite("ann@example.com", "bob@example.com")
			if err != nil {
				t.Fatal(err)
			}
			if s.detail(made.Event) == "" {
				t.Error("the message was not kept")
			}
			s.erase(engine.Whom{Email: who})
			s.run()
			if got := s.detail(made.Event); got != "" {
				t.Errorf("left %s", got)
			}
		})
	}
	onBoth(t, inviting, func(t *testing.T, s *stage) {
		s.begin("ann@example.com", model.StateActive, "")
		made, err := s.invite("ann@example.com", "bob@example.com")
		if err == nil {
			err = s.core.RemoveParticipant(t.Context(), s.account, made.Friend)
		}
		if err != nil || s.detail(made.Event) != "" {
			t.Errorf("who left is told of: %v", errors.Join(err))
		}
	})
}

// detail is what is kept of an event that can be erased.
func (s *stage) detail(id model.EventID) (body string) {
	s.t.Helper()
	s.view(func(tx *store.Tx) (err error) {
		_, body, err = tx.EventWithDetail(id)
		return err
	})
	return body
}
