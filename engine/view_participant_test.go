package engine_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
)

// Reads that go together answer each with whom it asked for.
func TestParticipantsThatAreReadTogetherStayApart(t *testing.T) {
	onBoth(t, waitlist, func(t *testing.T, s *stage) {
		ids := s.wave(8)
		ids = append(ids, s.begin("friend@example.com", "", s.codeOf(ids[0])))
		with := engine.Relations{Place: true, BroughtBy: true}
		uuids := make([]string, len(ids))
		for i, id := range ids {
			v, err := s.core.ViewParticipant(t.Context(), s.account, id, with)
			if err != nil {
				t.Fatal(err)
			}
			uuids[i] = v.UUID
		}
		var all sync.WaitGroup
		for i, id := range ids {
			for _, n := range []engine.Naming{{ID: id}, {UUID: uuids[i]}, {UUID: strings.ToUpper(uuids[i])}} {
				all.Go(func() {
					v, err := s.core.ViewNamed(t.Context(), s.account, n, with)
					if err != nil {
						t.Errorf("%+v: %v", n, err)
						return
					}
					place, by := fmt.Sprintf("%d of %d", v.Place.Position, v.Place.Length), ""
					if i == len(ids)-1 {
						by = "p0@example.com"
					}
					if want := fmt.Sprintf("%d of %d", i+1, len(ids)); v.ID != id || place != want || v.BroughtBy != by {
						t.Errorf("%+v: got %d at %s, brought by %q, want %d at %s, by %q", n, v.ID, place, v.BroughtBy, id, want, by)
					}
				})
			}
			all.Go(func() {
				for _, n := range []engine.Naming{{ID: id + 1}, {UUID: "00000000-0000-4000-8000-000000000000"}} {
					if _, err := s.core.ViewNamed(t.Context(), s.account, n, with); model.KindOf(err) != model.NotFound {
						t.Errorf("%+v: got %v", n, err)
					}
				}
			})
		}
		all.Wait()
	})
}

// Whatever is done, the next read of somebody who was read before shows it, as
// a node does that reads them for the first time.
func TestParticipantsThatWereReadShowWhatChanges(t *testing.T) {
	file := strings.Replace(waitlist, "leaderboard: referrals", "leaderboard: points\n    questions: [{id: 7, text: Why}]", 1)
	onBoth(t, file, func(t *testing.T, s *stage) {
		ctx := t.Context()
		ann := s.begin("ann@example.com", "", "")
		ben := s.begin("ben@example.com", "", s.codeOf(ann))
		late := s.begin("late@example.com", "", "")
		text := func(text string) *string { return &text }
		change := func(id model.ParticipantID, c engine.Change) func() error {
			return func() error { return s.core.ChangeParticipant(ctx, s.account, id, c) }
		}
		line := engine.ImportLine{Number: 1, Email: "late@example.com", ReferrerEmail: "anna@example.com"}
		campaign := s.project.Campaigns[0].ID
		nodes := 1
		for _, act := range []struct {
			name string
			do   func() error
		}{
			{"a name", change(ben, engine.Change{FirstName: text("Benjamin")})},
			{"an address", change(ben, engine.Change{Email: text("benjamin@example.com")})},
			{"the referrer's address", change(ann, engine.Change{Email: text("anna@example.com")})},
			{"a card", change(ben, engine.Change{Card: &engine.CardChange{Vars: [3]*string{text("pro")}, Groups: &[]string{"VIP"}, Answers: []model.Answer{{Question: 7, Text: "So"}}}})},
			{"a click", func() error { s.click(s.codeOf(ben)); return nil }},
			{"points", func() error {
				_, err := s.core.GivePoints(ctx, s.account, engine.Bonus{Participant: ben, Quantity: money.Unit})
				return err
			}},
			{"a referral", func() error { s.begin("cleo@example.com", "", s.codeOf(ben)); return nil }},
			{"no more mail", func() error {
				_, err := s.core.Suppress(ctx, s.account, "benjamin@example.com", model.Unsubscribed)
				return err
			}},
			{"an imported referrer", func() error {
				_, err := s.core.ImportReferrers(ctx, s.account, engine.Import{Campaign: campaign, File: "f", Lines: []engine.ImportLine{line}})
				return err
			}},
			{"a check-in", func() error { return s.core.CheckIn(ctx, s.account, ben) }},
			{"being away for long", func() error { s.wait(60 * 24 * time.Hour); return nil }},
			{"a suspension", func() error { s.come(ben, model.StateSuspended); return nil }},
			{"a referrer who is erased", func() error {
				_, err := s.core.Erase(ctx, s.account, engine.Whom{Email: "anna@example.com"})
				return err
			}},
			{"being removed", func() error { return s.core.RemoveParticipant(ctx, s.account, ben) }},
		} {
			with := engine.Relations{BroughtBy: true}
			before := map[model.ParticipantID]*engine.ParticipantView{}
			for _, id := range []model.ParticipantID{ann, ben, late} {
				for range 2 {
					before[id], _ = s.core.ViewParticipant(ctx, s.account, id, with)
				}
				if v := before[id]; v != nil {
					v.Keep(t, digest(t, v))
				}
			}
			s.wait(time.Second)
			if err := act.do(); err != nil {
				t.Fatalf("%s: %v", act.name, err)
			}
			nodes++
			changed := false
			for _, id := range []model.ParticipantID{ann, ben, late} {
				got, err := s.core.ViewParticipant(ctx, s.account, id, with)
				want, wantErr := s.node(nodes).ViewParticipant(ctx, s.account, id, with)
				if model.KindOf(err) != model.KindOf(wantErr) {
					t.Fatalf("%s: %v, want %v", act.name, err, wantErr)
				}
				ignored := cmpopts.IgnoreUnexported(engine.ParticipantView{})
				if diff := gocmp.Diff(want, got, ignored); diff != "" {
					t.Errorf("%s: %s", act.name, diff)
				}
				if got != nil {
					if made := got.Made(t); made != nil && !bytes.Equal(made, digest(t, got)) {
						t.Errorf("%s: what was made of %d before is told to hold", act.name, id)
					}
				}
				changed = changed || !gocmp.Equal(before[id], got, ignored)
			}
			if !changed {
				t.Errorf("%s changed nobody", act.name)
			}
		}
	})
}

// digest stands for an answer that is made of a view.
func digest(t *testing.T, v *engine.ParticipantView) []byte {
	t.Helper()
	shown := *v
	if len(shown.Extra) == 0 {
		shown.Extra = nil // which is null, as no bytes are no JSON
	}
	text, err := json.Marshal(shown)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	return sum[:]
}

// An answer that a facade made is told to hold only as long as all does that it
// was made of, the place too, which moves without a commit.
func TestAnswersAreKeptWithTheirViews(t *testing.T) {
	onBoth(t, waitlist, func(t *testing.T, s *stage) {
		ids, with := s.wave(2), engine.Relations{Place: true, BroughtBy: true}
		read := func() *engine.ParticipantView {
			t.Helper()
			v, err := s.core.ViewParticipant(t.Context(), s.account, ids[1], with)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		holds := func(why string, want bool) {
			t.Helper()
			if got := read().Made("here") != nil; got != want {
				t.Errorf("%s: holds %v, want %v", why, got, want)
			}
		}
		made := func() {
			read()
			v := read()
			v.Keep("here", digest(t, v))
		}
		if read().Keeps() || !read().Keeps() {
			t.Error("an answer is to be kept of who is read again, and of nobody who is read once")
		}
		made()
		holds("nothing", true)
		if read().Made("elsewhere") != nil {
			t.Error("what another facade made is told to hold")
		}
		v := read()
		v.Keep("large", make([]byte, 5<<10))
		if v.Made("large") != nil {
			t.Error("a large answer is kept")
		}
		s.begin("friend@example.com", "", s.codeOf(ids[1]))
		holds("a commit", false)
		made()
		holds("nothing after a commit", true)
		before := *read().Place
		s.wait(time.Second)
		s.keepWaitlists(s.core)
		if after := *read().Place; after == before {
			t.Fatalf("a referral moved nobody: %+v", after)
		}
		holds("another place", false)
		made()
		holds("nothing at another place", true)
	})
}

// Who takes part in a campaign that a node does not know yet is read by nobody
// there for some seconds, and keeps nobody else from being read.
func TestWhoIsNotKnownYetFailsNobodyElse(t *testing.T) {
	onBoth(t, waitlist, func(t *testing.T, s *stage) {
		ids, stale := s.wave(4), s.node(2)
		if _, err := stale.ViewParticipant(t.Context(), s.account, ids[0], engine.Relations{}); err != nil {
			t.Fatal(err)
		}
		s.apply(waitlist + "  - {name: Newer, status: launched}\n")
		campaign := s.project.Campaigns[len(s.project.Campaigns)-1].ID
		joined, err := s.core.Join(t.Context(), s.account, engine.Join{Who: server("", "new@example.com"), Kind: model.SignUp, Campaign: campaign})
		if err != nil {
			t.Fatal(err)
		}
		parallel(t, 60, func(i int) (any, error) {
			if i%5 == 4 {
				_, err := stale.ViewParticipant(t.Context(), s.account, joined.Participant, engine.Relations{})
				if model.KindOf(err) != model.NotFound {
					err = fmt.Errorf("who is not known yet: %v", err)
				} else {
					err = nil
				}
				return nil, err
			}
			_, err := stale.ViewParticipant(t.Context(), s.account, ids[i%4], engine.Relations{})
			return nil, err
		})
	})
}
