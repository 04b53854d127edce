package engine_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

const waitlist = `
account: Acme
site: https://shop.example.com
campaigns:
  - name: First
    status: launched
    leaderboard: referrals
  - {name: Second, status: launched}
`

// place is where a node says that somebody stands, as "position of length"; ""
// is nowhere.
func (s *stage) place(core *engine.Engine, id model.ParticipantID) string {
	s.t.Helper()
	v, err := core.ViewParticipant(context.Background(), s.account, id, engine.Relations{Place: true})
	if err != nil {
		s.t.Fatal(err)
	}
	if v.Place == nil {
		return ""
	}
	return fmt.Sprintf("%d of %d", v.Place.Position, v.Place.Length)
}

func (s *stage) places(core *engine.Engine, ids ...model.ParticipantID) (list []string) {
	for _, id := range ids {
		list = append(list, s.place(core, id))
	}
	return list
}

func (s *stage) keepWaitlists(core *engine.Engine) {
	s.t.Helper()
	if err := core.KeepWaitlists(context.Background()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) codeOf(id model.ParticipantID) string {
	s.t.Helper()
	v, err := s.core.ViewParticipant(context.Background(), s.account, id, engine.Relations{})
	if err != nil {
		s.t.Fatal(err)
	}
	return v.Shown
}

// wave makes n participants apply, a minute apart.
func (s *stage) wave(n int) []model.ParticipantID {
	var ids []model.ParticipantID
	for i := range n {
		s.wait(time.Minute)
		ids = append(ids, s.begin(fmt.Sprintf("p%d@example.com", i), "", ""))
	}
	return ids
}

func TestWaitlistsRankInFourOrders(t *testing.T) {
	for _, c := range []struct {
		order string
		want  []string // of the first, who brought nobody; the second, who brought two; the third, who has points
	}{
		{"leaderboard: referrals", []string{"2 of 5", "1 of 5", "3 of 5"}},
		{"leaderboard: joined", []string{"1 of 5", "2 of 5", "3 of 5"}},
		{"leaderboard: points", []string{"2 of 5", "3 of 5", "1 of 5"}},
		{"leaderboard: skip_ahead, skip_ahead: 1", []string{"2 of 5", "1 of 5", "3 of 5"}},
	} {
		t.Run(c.order, func(t *testing.T) {
			file := strings.Replace(waitlist, "leaderboard: referrals", strings.ReplaceAll(c.order, ", ", "\n    "), 1)
			onBoth(t, file, func(t *testing.T, s *stage) {
				ids := s.wave(3)
				s.places(s.core, ids...) // held from here on
				s.begin("friend1@example.com", "", s.codeOf(ids[1]))
				s.begin("friend2@example.com", "", s.codeOf(ids[1]))
				if strings.Contains(c.order, "points") {
					if _, err := s.core.GivePoints(t.Context(), s.account, engine.Bonus{Participant: ids[2], Quantity: 5 * money.Unit}); err != nil {
						t.Fatal(err)
					}
				}
				s.keepWaitlists(s.core)
				if diff := gocmp.Diff(c.want, s.places(s.core, ids...)); diff != "" {
					t.Errorf("followed: %s", diff)
				}
				if diff := gocmp.Diff(c.want, s.places(s.node(2), ids...)); diff != "" {
					t.Errorf("built anew: %s", diff)
				}
			})
		})
	}
}

// Only who has applied is on the list; a node knows at once who has just come,
// and others within a second.
func TestWaitlistsRankWhoHasApplied(t *testing.T) {
	onBoth(t, waitlist, func(t *testing.T, s *stage) {
		other := s.node(2)
		ids := s.wave(4)
		if got := s.place(other, ids[3]); got != "4 of 4" {
			t.Errorf("the last is %q", got)
		}
		s.come(ids[0], model.StateInvited)
		s.come(ids[1], model.StateSuspended)
		if err := s.core.RemoveParticipant(t.Context(), s.account, ids[2]); err != nil {
			t.Fatal(err)
		}
		unconfirmed := s.begin("wait@example.com", model.StateUnconfirmed, "")
		late := s.begin("late@example.com", "", "")
		s.keepWaitlists(other)
		want := []string{"", "", "", "1 of 2", "2 of 2"}
		if diff := gocmp.Diff(want, s.places(other, ids[0], ids[1], unconfirmed, ids[3], late)); diff != "" {
			t.Error(diff)
		}
		if err := s.core.ChangeParticipant(t.Context(), s.account, ids[1], engine.Change{Restored: true}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.core.Erase(t.Context(), s.account, engine.Whom{Email: "p3@example.com"}); err != nil {
			t.Fatal(err)
		}
		s.keepWaitlists(other)
		want = []string{"1 of 2", "2 of 2"}
		for n, core := range []*engine.Engine{other, s.node(3)} {
			if diff := gocmp.Diff(want, s.places(core, ids[1], late)); diff != "" {
				t.Errorf("node %d: %s", n, diff)
			}
		}
	})
}

// Who asks for somebody who applied a moment ago waits for the list to know.
func TestWaitlistsKnowWhoHasJustApplied(t *testing.T) {
	onBoth(t, waitlist, func(t *testing.T, s *stage) {
		for i, id := range s.wave(3) {
			if got, want := s.place(s.core, id), fmt.Sprintf("%d of %d", i+1, i+1); i == 0 && got != "1 of 3" || i > 0 && got == "" {
				t.Errorf("got %q, want %q", got, want)
			}
			fresh := s.begin(fmt.Sprintf("new%d@example.com", i), "", "")
			if got, want := s.place(s.core, fresh), fmt.Sprintf("%d of %d", 4+i, 4+i); got != want {
				t.Errorf("who just came is %q, want %q", got, want)
			}
		}
	})
}

func TestWaitlistsAreForgottenWhenNobodyAsks(t *testing.T) {
	onBoth(t, waitlist, func(t *testing.T, s *stage) {
		ids := s.wave(1)
		s.place(s.core, ids[0])
		s.wait(4 * time.Second)
		if behind := s.core.WaitlistsBehind(); behind != 0 {
			t.Errorf("behind by %s already", behind)
		}
		s.wait(3 * time.Second)
		if behind := s.core.WaitlistsBehind(); behind != 7*time.Second {
			t.Errorf("behind by %s, want 7s", behind)
		}
		s.keepWaitlists(s.core)
		if behind := s.core.WaitlistsBehind(); behind != 0 {
			t.Errorf("still behind by %s", behind)
		}
		s.wait(2 * time.Hour)
		s.keepWaitlists(s.core)
		if behind := s.core.WaitlistsBehind(); behind != 0 {
			t.Errorf("behind by %s with what nobody asks for", behind)
		}
		if got := s.place(s.core, ids[0]); got != "1 of 1" {
			t.Errorf("built anew: %q", got)
		}
	})
}

// A node that could not follow for longer than changes are kept begins anew.
func TestWaitlistsThatFellBehindAreBuiltAnew(t *testing.T) {
	onBoth(t, waitlist, func(t *testing.T, s *stage) {
		ids := s.wave(2)
		s.place(s.core, ids[0])
		s.wait(20 * time.Minute)
		s.begin("friend@example.com", "", s.codeOf(ids[1]))
		s.wait(20 * time.Minute)
		if err := s.core.KeepLists(t.Context()); err != nil { // prunes changes
			t.Fatal(err)
		}
		s.keepWaitlists(s.core)
		if got := s.place(s.core, ids[1]); got != "1 of 3" {
			t.Errorf("got %q", got)
		}
	})
}

// Whatever happens, a list that followed and one that is built anew say the
// same, and the same as sorting who is there.
func TestWaitlistsFollowWhateverHappens(t *testing.T) {
	onBoth(t, strings.Replace(waitlist, "leaderboard: referrals", "leaderboard: skip_ahead\n    skip_ahead: 2", 1), func(t *testing.T, s *stage) {
		chance := rand.New(rand.NewPCG(5, 5))
		ids := s.wave(12)
		gone := map[model.ParticipantID]bool{}
		s.place(s.core, ids[0])
		for round := range 40 {
			s.wait(time.Second)
			id := ids[chance.IntN(len(ids))]
			switch n := chance.IntN(10); {
			case gone[id]:
			case n < 4:
				ids = append(ids, s.begin(fmt.Sprintf("r%d@example.com", round), "", s.codeOf(id)))
			case n < 6:
				_ = s.comes(id, model.States[chance.IntN(len(model.States))]) // refused: it changes nothing
			case n < 8:
				_ = s.core.ChangeParticipant(t.Context(), s.account, id, engine.Change{Restored: true})
			default:
				if err := s.core.RemoveParticipant(t.Context(), s.account, id); err != nil {
					t.Fatal(err)
				}
				gone[id] = true
			}
			s.keepWaitlists(s.core)
		}
		var there []model.ParticipantID
		for _, id := range ids {
			if !gone[id] {
				there = append(there, id)
			}
		}
		want := s.sorted(there, 2)
		for what, core := range map[string]*engine.Engine{"followed": s.core, "built": s.node(2)} {
			if diff := gocmp.Diff(want, s.places(core, there...)); diff != "" {
				t.Errorf("%s: %s", what, diff)
			}
		}
	})
}

// sorted ranks participants with nothing but a sort.
func (s *stage) sorted(ids []model.ParticipantID, skip int) []string {
	s.t.Helper()
	var list []*model.Participant
	s.view(func(tx *store.Tx) error {
		for _, id := range ids {
			p, _, err := tx.Participant(id)
			if err != nil {
				return err
			}
			if p.State == model.StateApplied {
				list = append(list, p)
			}
		}
		return nil
	})
	slices.SortFunc(list, func(a, b *model.Participant) int {
		return cmp.Or(a.AppliedAt.Compare(b.AppliedAt), cmp.Compare(a.ID, b.ID))
	})
	out := map[*model.Participant]int{}
	for i, p := range list {
		out[p] = i + 1 - skip*int(p.Referrals)
	}
	slices.SortStableFunc(list, func(a, b *model.Participant) int {
		return cmp.Or(cmp.Compare(out[a], out[b]), cmp.Compare(b.Referrals, a.Referrals))
	})
	places := make([]string, len(ids))
	for i, id := range ids {
		if at := slices.IndexFunc(list, func(p *model.Participant) bool { return p.ID == id }); at >= 0 {
			places[i] = fmt.Sprintf("%d of %d", at+1, len(list))
		}
	}
	return places
}
