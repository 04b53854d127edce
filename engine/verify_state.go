package engine

import (
	"slices"
	"time"

	"grapevine/model"
)

func (v *verifier) parts(chunk []model.PersonID, of func(model.PersonID) *life) error {
	parts, err := v.tx.ParticipantsOf(chunk)
	for _, p := range parts {
		l := of(p.Person)
		l.parts = append(l.parts, p)
	}
	v.report.Checked["participant"] += int64(len(parts))
	return err
}

// compareState holds the state of a participant against the events that
// changed it, and those against the moves that there are.
func (l *life) compareState(got *model.Participant, changes []*model.Event) {
	report := l.v.report
	want := model.Participant{State: model.StateApplied, AppliedAt: got.ConfirmedAt}
	switch {
	case len(changes) == 0 && got.ConfirmedAt.IsZero():
		want.State = model.StateUnconfirmed
	case len(changes) > 0:
		want = model.Participant{}
		if first := changes[0].Facts.Was; first != "" {
			want.State = first
			if first == model.StateApplied {
				want.AppliedAt = got.JoinedAt
			}
		}
	}
	for _, e := range changes {
		if f := e.Facts; f.Was != want.State || !follows(f.Was, f.State, want.StateBefore) {
			report.differ("event", e.ID, "state", string(f.Was)+" to "+string(f.State), "from "+string(want.State)+" to what may follow")
		}
		want.StateBefore = ""
		if e.Facts.State == model.StateSuspended {
			want.StateBefore = e.Facts.Was
		}
		want.State = e.Facts.State
		if e.Facts.Was == model.StateSuspended {
			continue // restored, and not reached
		}
		if first := reachedAt(&want, e.Facts.State); first != nil && first.IsZero() {
			*first = e.At
		}
	}
	if confirmed := !got.ConfirmedAt.IsZero(); confirmed == (want.State == model.StateUnconfirmed || want.StateBefore == model.StateUnconfirmed) {
		report.differ("participant", got.ID, "confirmed", confirmed, !confirmed)
	}
	for _, c := range []struct {
		what      string
		got, want any
	}{{"state", got.State, want.State}, {"state before", got.StateBefore, want.StateBefore}} {
		if c.got != c.want {
			report.differ("participant", got.ID, c.what, c.got, c.want)
		}
	}
	for _, c := range []struct {
		what      string
		got, want time.Time
	}{
		{"imported", got.ImportedAt, want.ImportedAt}, {"applied", got.AppliedAt, want.AppliedAt},
		{"seen", got.SeenAt, l.lastSeen(got.ID)}, {"invited", got.InvitedAt, want.InvitedAt}, {"active", got.ActiveAt, want.ActiveAt},
	} {
		if !c.got.Equal(c.want) {
			report.differ("participant", got.ID, c.what, c.got, c.want)
		}
	}
}

// follows reports whether a state may come after another. Who was idle by the
// clock was active by the books.
func follows(from, to, before model.State) bool {
	switch from {
	case "":
		return slices.Contains(begins, to)
	case model.StateSuspended:
		return to == before
	case model.StateActive:
		return to == model.StateActive || slices.Contains(moves[from], to)
	}
	return slices.Contains(moves[from], to)
}
