package engine_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
)

const returning = `
account: Acme
site: https://shop.example.com
timezone: America/Los_Angeles
campaigns:
  - {name: First, status: launched, idle_after: 48h}
`

func (s *stage) checkIn(id model.ParticipantID) {
	s.t.Helper()
	if err := s.core.CheckIn(context.Background(), s.account, id); err != nil {
		s.t.Fatal(err)
	}
}

// retention is who came to the first campaign, as "day check-ins participants".
func (s *stage) retention() (list []string) {
	s.t.Helper()
	days, err := s.core.Retention(context.Background(), s.account, s.project.Campaigns[0].ID, noon.AddDate(0, 0, -10), noon.AddDate(0, 0, 10))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, d := range days {
		list = append(list, fmt.Sprint(d.Day.Format(time.DateOnly), " ", d.CheckIns, " ", d.Came))
	}
	return list
}

func TestWhoChecksInIsActive(t *testing.T) {
	onBoth(t, returning, func(t *testing.T, s *stage) {
		for _, from := range []model.State{
			model.StateImported, model.StateApplied, model.StateRejected, model.StateInvited, model.StateActive, model.StateIdle,
		} {
			id := s.into(string(from)+"@example.com", from)
			s.checkIn(id)
			p := s.part(id)
			if got := p.StateAt(s.clock(), 48*time.Hour); got != model.StateActive || p.ActiveAt.IsZero() || !p.SeenAt.Equal(s.clock()) {
				t.Errorf("%s came back as %s, active since %v, seen %v", from, got, p.ActiveAt, p.SeenAt)
			}
			first := p.ActiveAt
			s.wait(47 * time.Hour)
			s.checkIn(id)
			s.wait(47 * time.Hour)
			if p := s.part(id); p.StateAt(s.clock(), 48*time.Hour) != model.StateActive || !p.ActiveAt.Equal(first) {
				t.Errorf("%s is %+v after they came again", from, p)
			}
		}
		for _, from := range []model.State{model.StateUnconfirmed, model.StateSuspended} {
			id := s.into(string(from)+"@example.com", from)
			if err := s.core.CheckIn(t.Context(), s.account, id); model.ReasonOf(err) != model.TransitionForbidden {
				t.Errorf("%s checks in: %v", from, err)
			}
		}
		if err := s.core.CheckIn(t.Context(), s.account, 7); model.ReasonOf(err) != model.ParticipantUnknown {
			t.Errorf("nobody checks in: %v", err)
		}
	})
}

// Days are those of the account's zone: at noon of the first stage it is four
// in the morning in California.
func TestRetentionCountsDaysOfTheAccountsZone(t *testing.T) {
	onBoth(t, returning, func(t *testing.T, s *stage) {
		ann, bob := s.begin("ann@example.com", "", ""), s.begin("bob@example.com", "", "")
		s.checkIn(ann)
		s.checkIn(ann)
		s.checkIn(bob)
		s.wait(19*time.Hour + 59*time.Minute) // 23:59 there
		s.checkIn(ann)
		s.wait(time.Minute)
		s.checkIn(ann)
		want := []string{"2026-03-01 4 2", "2026-03-02 1 1"}
		if diff := cmp.Diff(want, s.retention()); diff != "" {
			t.Error(diff)
		}
		if err := s.core.RemoveParticipant(t.Context(), s.account, bob); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, s.retention()); diff != "" {
			t.Errorf("after somebody left: %s", diff)
		}
	})
}

func TestEachCheckInCounts(t *testing.T) {
	onBoth(t, returning, func(t *testing.T, s *stage) {
		ann := s.begin("ann@example.com", "", "")
		nodes := []*engine.Engine{s.core, s.node(2)}
		parallel(t, 24, func(i int) (any, error) {
			return nil, nodes[i%2].CheckIn(context.Background(), s.account, ann)
		})
		if diff := cmp.Diff([]string{"2026-03-01 24 1"}, s.retention()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestVerifyNamesDamagedCheckIns(t *testing.T) {
	onBoth(t, returning, func(t *testing.T, s *stage) {
		s.damaged = true
		s.checkIn(s.begin("ann@example.com", "", ""))
		for _, tt := range []struct{ damage, undo, want string }{
			{"UPDATE check_in SET n = n + 1", "UPDATE check_in SET n = n - 1", "check_in times on day"},
			{"UPDATE check_in SET day = day + 1", "UPDATE check_in SET day = day - 1", "check_in times on day"},
			{"UPDATE participant SET seen_at = seen_at + 1", "UPDATE participant SET seen_at = seen_at - 1", "participant seen"},
			{"DELETE FROM check_in", "", "check_in times on day"},
		} {
			s.raw(tt.damage)
			if report := s.verify(); !names(report, tt.want) {
				t.Errorf("%s: verify says %v, want it to name %s", tt.damage, report.Differences, tt.want)
			}
			if tt.undo != "" {
				s.raw(tt.undo)
			}
		}
	})
}

func TestRetentionIsExportedByDay(t *testing.T) {
	onBoth(t, returning, func(t *testing.T, s *stage) {
		ann, bob := s.begin("ann@example.com", "", ""), s.begin("bob@example.com", "", "")
		s.checkIn(ann)
		s.checkIn(ann)
		s.checkIn(bob)
		s.wait(24 * time.Hour)
		s.checkIn(bob)
		var rows []string
		err := s.core.Export(t.Context(), s.account, engine.ExportRetention, func(row []engine.Field) error {
			text := ""
			for _, f := range row[1:] {
				text += " " + f.Text()
			}
			rows = append(rows, text)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{" First 2026-03-01 3 2", " First 2026-03-02 1 1"}, rows); diff != "" {
			t.Error(diff)
		}
	})
}
