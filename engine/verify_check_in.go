package engine

import (
	"cmp"
	"time"

	"grapevine/model"
)

// cameOn is a day on which a participant checked in.
type cameOn struct {
	id  model.ParticipantID
	day int64
}

// checkIns reads on which days a page of persons is written to have come.
func (v *verifier) checkIns(chunk []model.PersonID, of func(model.PersonID) *life) error {
	days, err := v.tx.CheckInsOf(chunk)
	for _, c := range days {
		of(c.Person).days[cameOn{c.Participant, c.Day}] = c.N
	}
	v.report.Checked["check_in"] += int64(len(days))
	return err
}

// compareCheckIns counts a participant's check-ins again.
func (l *life) compareCheckIns(part *model.Participant) {
	want := map[cameOn]int64{}
	for _, e := range l.came[part.ID] {
		want[cameOn{part.ID, e.Facts.Day}]++
	}
	for on := range l.days {
		if on.id == part.ID {
			want[on] += 0
		}
	}
	for _, on := range sortedBy(want, func(a, b cameOn) int { return cmp.Compare(a.day, b.day) }) {
		if got := l.days[on]; got != want[on] {
			l.v.report.differ("check_in", part.ID, "times on day", got, want[on])
		}
	}
}

// lastSeen is when somebody last checked in, or became active by other means.
func (l *life) lastSeen(id model.ParticipantID) (seen time.Time) {
	for _, e := range l.came[id] {
		seen = later(seen, e.At)
	}
	for _, e := range l.states[id] {
		if e.Facts.State == model.StateActive && e.Facts.Was != model.StateSuspended {
			seen = later(seen, e.At)
		}
	}
	return seen
}
