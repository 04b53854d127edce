package engine_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"grapevine/engine"
	"grapevine/model"
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
