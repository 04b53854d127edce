package engine_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/store"
)

// coded is a campaign with codes that let in a few each, and one beside it that
// gives the same code to others.
const coded = `
account: Acme
campaigns:
  - name: First
    status: launched
    idle_after: 48h
    invitation_codes: [{code: PRESS, uses: 5}, {code: friends-of-ours, uses: 1}]
    rewards:
      - {name: Signed, to: both, on: sign_up, repeat: true, value: {type: cash, amount: 1, unit: USD}}
  - {name: Second, status: launched, invitation_codes: [{code: press, uses: 1}]}
`

// letIn makes somebody active in the first campaign by an invitation code.
func (s *stage) letIn(core *engine.Engine, email, code string) (*engine.Joined, error) {
	return core.Join(context.Background(), s.account, engine.Join{
		Who: engine.Who{Email: email, Server: true}, Kind: model.SignUp, Campaign: s.project.Campaigns[0].ID,
		State: model.StateActive, Invitation: code, OnlyNew: true,
	})
}

// becomes brings somebody to a state by an invitation code.
func (s *stage) becomes(core *engine.Engine, id model.ParticipantID, state model.State, code string) error {
	return core.ChangeParticipant(context.Background(), s.account, id, engine.Change{State: &state, Invitation: code})
}

// uses is how often the first campaign's invitation code was used.
func (s *stage) uses(code string) (n int64) {
	s.t.Helper()
	s.view(func(tx *store.Tx) error {
		return tx.InvitationUses(func(use model.InvitationUse, uses int64) {
			if use.Campaign == s.project.Campaigns[0].ID && use.Code == code {
				n = uses
			}
		})
	})
	return n
}

// However many come at once, on whatever node, new or known before, each code
// lets in as many as the campaign says, and who is refused leaves nothing.
func TestInvitationCodesLetInAsManyAsTheCampaignSays(t *testing.T) {
	onBoth(t, coded, func(t *testing.T, s *stage) {
		var waiting [32]model.ParticipantID
		for i := range waiting {
			waiting[i] = s.begin(fmt.Sprint("waits", i, "@example.com"), "", "")
		}
		nodes := []*engine.Engine{s.core, s.node(2)}
		rush := func(come func(i int, core *engine.Engine, code string) error) int64 {
			var came atomic.Int64
			parallel(t, 64, func(i int) (any, error) {
				err := come(i, nodes[i%2], []string{"PRESS", "Press"}[i/2%2])
				switch model.ReasonOf(err) {
				case model.InvitationInvalid:
					return nil, nil
				case "":
					came.Add(1)
				}
				return nil, err
			})
			return came.Load()
		}
		join := func(name string) func(int, *engine.Engine, string) error {
			return func(i int, core *engine.Engine, code string) error {
				_, err := s.letIn(core, fmt.Sprint(name, i, "@example.com"), code)
				return err
			}
		}
		came := rush(func(i int, core *engine.Engine, code string) error {
			if i < len(waiting) {
				return s.becomes(core, waiting[i], model.StateActive, code)
			}
			return join("new")(i, core, code)
		})
		if came != 5 || s.uses("press") != 5 {
			t.Errorf("%d came in, %d are counted", came, s.uses("press"))
		}
		active := func() (n int64) {
			s.ask(`SELECT COUNT(*) FROM participant WHERE account_id = $1 AND state = 'active'`, func(r store.Row) error { return r.Scan(&n) })
			return n
		}
		if n := active(); n != 5 {
			t.Errorf("%d are active", n)
		}
		s.apply(coded) // the same again changes nothing
		if came := rush(join("again")); came != 0 {
			t.Errorf("%d came in by a code that is used up", came)
		}
		s.apply(strings.Replace(coded, "uses: 5", "uses: 8", 1))
		for _, core := range nodes {
			if err := core.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if came := rush(join("more")); came != 3 || active() != 8 {
			t.Errorf("%d more came in, %d are active", came, active())
		}
		if s.personOf("again0@example.com") != 0 {
			t.Error("who was refused is somebody")
		}
	})
}

// A code is used by who comes in by it for the first time, and by nobody else.
func TestInvitationCodeIsUsedByWhoComesIn(t *testing.T) {
	onBoth(t, coded, func(t *testing.T, s *stage) {
		refused := func(err error) {
			t.Helper()
			if model.ReasonOf(err) != model.InvitationInvalid {
				t.Errorf("%v, want that it is refused", err)
			}
		}
		const once = "Friends-Of-Ours"
		_, err := s.letIn(s.core, "ann@example.com", "elsewhere")
		refused(err)
		ann := s.begin("ann@example.com", "", "")
		// It does not let them in: it only has to be one.
		refused(s.becomes(s.core, ann, model.StateInvited, "elsewhere"))
		for _, state := range []model.State{model.StateInvited, model.StateSuspended} {
			if err := s.becomes(s.core, ann, state, once); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.becomes(s.core, ann, model.StateActive, once); model.ReasonOf(err) != model.TransitionForbidden || s.uses("friends-of-ours") != 0 {
			t.Errorf("%v, and the code was used %d times", err, s.uses("friends-of-ours"))
		}
		if err := s.core.ChangeParticipant(t.Context(), s.account, ann, engine.Change{Restored: true}); err != nil {
			t.Fatal(err)
		}
		// It lets them in once: who is in stays in, and comes back without.
		for range 2 {
			if err := s.becomes(s.core, ann, model.StateActive, once); err != nil {
				t.Fatal(err)
			}
			s.wait(72 * time.Hour)
		}
		_, err = s.letIn(s.core, "bob@example.com", once)
		refused(err)
		if joined, err := s.letIn(s.core, "ann@example.com", once); err != nil || joined.Created {
			t.Errorf("who takes part already: %+v, %v", joined, err)
		}
		if n := s.uses("friends-of-ours"); n != 1 {
			t.Errorf("used %d times", n)
		}
		// It stays used when its user leaves, and where the file leaves it out for a while.
		if err := s.core.RemoveParticipant(t.Context(), s.account, ann); err != nil {
			t.Fatal(err)
		}
		s.apply(strings.Replace(coded, ", {code: friends-of-ours, uses: 1}", "", 1))
		_, err = s.letIn(s.core, "bob@example.com", once)
		refused(err)
		s.apply(coded)
		_, err = s.letIn(s.core, "bob@example.com", once)
		refused(err)
		// Another campaign's code of the same name is another.
		if _, err := s.letIn(s.core, "bob@example.com", "press"); err != nil {
			t.Fatal(err)
		}
		s.joinAs(engine.Join{
			Who: engine.Who{Email: "bob@example.com", Server: true}, Kind: model.SignUp, Campaign: s.project.Campaigns[1].ID,
			State: model.StateActive, Invitation: "PRESS",
		})
		if n := s.uses("press"); n != 1 {
			t.Errorf("used %d times", n)
		}
	})
}
