package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
)

// listenersFile has an endpoint for each thing that is told of people; its path
// says which.
const listenersFile = `
account: Acme
campaigns:
  - name: Orbit
    status: launched
    points: {sign_up: 5, referral: 10}
    rewards:
      - {name: Mug, to: advocate, on: sign_up, repeat: true, value: {type: product, amount: 1, unit: mug}}
  - {name: Careful, status: launched, confirm_email: true}
webhooks:
  - {on: prefinery.tester_created, url: "https://shop.example.com/created"}
  - {on: prefinery.tester_applied, url: "https://shop.example.com/applied"}
  - {on: prefinery.tester_updated, url: "https://shop.example.com/updated"}
  - {on: prefinery.tester_imported, url: "https://shop.example.com/imported"}
  - {on: prefinery.tester_deleted, url: "https://shop.example.com/deleted"}
  - {on: prefinery.tester_invited, url: "https://shop.example.com/invited"}
  - {on: prefinery.tester_active, url: "https://shop.example.com/active"}
  - {on: prefinery.tester_rejected, url: "https://shop.example.com/rejected"}
  - {on: prefinery.tester_suspended, url: "https://shop.example.com/suspended"}
  - {on: prefinery.tester_confirmed, url: "https://shop.example.com/confirmed"}
  - {on: prefinery.referral_created, url: "https://shop.example.com/referral"}
  - {on: prefinery.points_earned, url: "https://shop.example.com/points"}
  - {on: prefinery.points_revoked, url: "https://shop.example.com/points-revoked"}
  - {on: prefinery.reward_earned, url: "https://shop.example.com/reward-earned"}
  - {on: prefinery.reward_delivered, url: "https://shop.example.com/reward-delivered"}
  - {on: prefinery.reward_revoked, url: "https://shop.example.com/reward-revoked"}
`

// tidings are what endpoints hear, a line each, in no order.
func (s *stage) tidings() (lines []string) {
	s.t.Helper()
	for url, heard := range s.hear() {
		for _, told := range heard {
			line := strings.TrimPrefix(url, "https://shop.example.com/")
			switch {
			case told.Participant != nil:
				line += " " + told.Participant.Email
				if told.Participant.Referrer != nil {
					line += " of " + told.Participant.Referrer.Email
				}
			case told.Point != nil:
				line += fmt.Sprintf(" %s %v %s", told.Point.Owner.Email, told.Point.Quantity, told.Point.Activity)
			case told.Reward != nil:
				line += fmt.Sprintf(" %s %d %s", told.Reward.Owner.Email, told.Reward.Held.N, told.Reward.Held.State)
			case told.Left != nil:
				line += fmt.Sprint(" ", told.Left.ID, " ", told.Left.UUID)
			}
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}

func (s *stage) hears(what string, want ...string) {
	s.t.Helper()
	slices.Sort(want)
	if diff := cmp.Diff(want, s.tidings()); diff != "" {
		s.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestEndpointsHearWhatBecomesOfPeople(t *testing.T) {
	onBoth(t, listenersFile, func(t *testing.T, s *stage) {
		ann := s.begin("ann@example.com", "", "")
		s.hears("a join", "created ann@example.com", "applied ann@example.com", "points ann@example.com 5 sign_up")

		bob := s.begin("bob@example.com", "", s.link("ann@example.com", 0))
		s.hears("a friend's join", "created bob@example.com of ann@example.com", "applied bob@example.com of ann@example.com",
			"referral bob@example.com of ann@example.com", "points bob@example.com 5 sign_up", "points ann@example.com 10 referral",
			"reward-earned ann@example.com 1 earned")

		name := "Ann"
		change := func(id model.ParticipantID, c engine.Change) {
			t.Helper()
			if err := s.core.ChangeParticipant(t.Context(), s.account, id, c); err != nil {
				t.Fatal(err)
			}
		}
		change(ann, engine.Change{FirstName: &name})
		s.hears("a name", "updated ann@example.com")
		change(ann, engine.Change{FirstName: &name})
		s.hears("the same name")
		none := ""
		change(ann, engine.Change{FirstName: &none})
		s.hears("no name", "updated ann@example.com")
		change(ann, engine.Change{FirstName: &none, LastName: &none, IP: &none, Agent: &none})
		s.hears("no name once more")
		address := "ann@example.org"
		change(ann, engine.Change{Email: &address})
		s.hears("an address", "updated ann@example.org")

		s.come(ann, model.StateInvited, model.StateActive)
		s.hears("two moves", "invited ann@example.org", "active ann@example.org")
		s.come(ann, model.StateSuspended)
		s.hears("a suspension", "suspended ann@example.org")
		change(ann, engine.Change{Restored: true})
		s.hears("its end", "updated ann@example.org")
		s.come(bob, model.StateRejected)
		s.hears("a rejection", "rejected bob@example.com of ann@example.org")

		s.begin("cyd@example.com", model.StateImported, "")
		s.hears("an import", "created cyd@example.com", "imported cyd@example.com", "points cyd@example.com 5 sign_up")

		dan := s.joinAs(engine.Join{Who: server("", "dan@example.com"), Kind: model.SignUp, Campaign: s.project.Campaigns[1].ID})
		s.hears("an address that waits", "created dan@example.com")
		if err := s.core.Confirm(t.Context(), s.core.ConfirmationToken(s.account, dan.Participant)); err != nil {
			t.Fatal(err)
		}
		s.hears("its confirmation", "confirmed dan@example.com", "applied dan@example.com")

		s.hands(ann)
		s.hears("a delivered reward", "reward-delivered ann@example.org 1 delivered")

		uuid := s.part(bob).UUID
		if err := s.core.RemoveParticipant(t.Context(), s.account, bob); err != nil {
			t.Fatal(err)
		}
		s.hears("a removal", fmt.Sprint("deleted ", bob, " ", uuid), "points-revoked ann@example.org -10 referral")
		uuid = s.part(ann).UUID
		s.erase(engine.Whom{Email: "ann@example.org"})
		s.run()
		s.hears("an erasure", fmt.Sprint("deleted ", ann, " ", uuid))
		s.verify()
	})
}

// hands delivers what somebody earned.
func (s *stage) hands(id model.ParticipantID) {
	s.t.Helper()
	listed, err := s.core.ListRewards(context.Background(), s.account, engine.ListQuery{From: time.Unix(0, 0), To: s.clock(), Size: 10, Kind: "advocate"})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, row := range listed.Rows {
		if _, err := s.core.DeliverReward(context.Background(), s.account, row.Reward.ID); err != nil {
			s.t.Fatal(err)
		}
	}
}

// Who is told of somebody, and of those whom they brought, hears nothing of
// them any more once they are erased.
func TestNothingIsToldOfWhoIsErased(t *testing.T) {
	onBoth(t, listenersFile, func(t *testing.T, s *stage) {
		s.begin("ann@example.com", "", "")
		s.begin("bob@example.com", "", s.link("ann@example.com", 0))
		var sent []string
		render := func(d *model.Delivery, to *model.Endpoint, told []engine.Told, _ *engine.Config) ([]byte, error) {
			var text strings.Builder
			for _, one := range told {
				if one.Participant != nil {
					text.WriteString(one.Participant.Email + " ")
					if one.Participant.Referrer != nil {
						text.WriteString(one.Participant.Referrer.Email)
					}
				}
			}
			return []byte("told " + text.String()), nil
		}
		sent = s.send(render, model.Attempt{Status: 500})
		if all := strings.Join(sent, "\n"); !strings.Contains(all, "bob@example.com ann@example.com") {
			t.Fatalf("sent: %s", all)
		}
		s.erase(engine.Whom{Email: "ann@example.com"})
		s.run()
		s.wait(time.Minute)
		sent = s.send(render, model.Attempt{Status: 500})
		if all := strings.Join(sent, "\n"); strings.Contains(all, "ann@") || !strings.Contains(all, "bob@") {
			t.Errorf("sent: %s", all)
		}
	})
}
