package engine_test

import (
	"testing"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/store"
)

const thanked = `
account: Acme
site: https://shop.example.com
campaigns:
  - name: First
    status: launched
    rewards:
      - {name: Thanks, to: advocate, on: sign_up, repeat: true, value: {type: cash, amount: 1, unit: USD}}
`

// earned counts what a call that names somebody by their address is shown, and
// what they still have.
func (s *stage) earned(email string) (shown, have int) {
	s.t.Helper()
	p, err := s.core.Participation(s.t.Context(), s.account, s.project.Campaigns[0].ID, email)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, w := range s.rewardsFor(email) {
		if w.State == model.Earned {
			have++
		}
	}
	return len(p.Earned), have
}

// Two who took part in one campaign become one person. When one of the two
// leaves, the person is still in it, and keeps what both earned.
func TestWhoLeavesAsOneOfTwoKeepsWhatBothEarned(t *testing.T) {
	onBoth(t, thanked, func(t *testing.T, s *stage) {
		ann, bea := s.linkOf(server("", "ann@example.com"), 0), s.linkOf(server("c-1", "bea@example.com"), 0)
		s.signUp(server("", "f1@example.com"), ann)
		s.signUp(server("", "f2@example.com"), bea)
		var left model.ParticipantID
		s.view(func(tx *store.Tx) error {
			parts, err := tx.Parts(s.personOf("ann@example.com"))
			left = parts[0].ID
			return err
		})
		s.know("c-1", "ann@example.com")
		if err := s.core.RemoveParticipant(t.Context(), s.account, left); err != nil {
			t.Fatal(err)
		}
		if shown, have := s.earned("ann@example.com"); shown != 2 || have != 2 {
			t.Errorf("they have %d rewards and are shown %d, want both", have, shown)
		}
	})
}

// What is earned after a merge is that of who they became.
func TestWhoWasMergedIsShownWhatTheyEarnedAfterwards(t *testing.T) {
	onBoth(t, thanked, func(t *testing.T, s *stage) {
		ann := s.linkOf(server("", "ann@example.com"), 0)
		s.signUp(server("", "f1@example.com"), ann)
		s.purchase(engine.Purchase{Who: server("c-1", "bea@example.com"), OrderID: "o-1", Amount: 1, Currency: "USD"})
		s.know("c-1", "ann@example.com")
		s.signUp(server("", "f2@example.com"), ann)
		if shown, have := s.earned("ann@example.com"); shown != 2 || have != 2 {
			t.Errorf("they have %d rewards and are shown %d, want both", have, shown)
		}
	})
}
