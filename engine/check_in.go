package engine

import (
	"context"
	"time"

	"grapevine/model"
	"grapevine/store"
)

// CheckIn says that a participant was here. Whoever can be active is from then
// on, also who was idle; each time counts on its day. It fails with NotFound,
// and with TransitionForbidden for who cannot become active.
func (e *Engine) CheckIn(ctx context.Context, account model.AccountID, id model.ParticipantID) error {
	return e.inTurn(ctx, account, func(t *turn) error {
		p, person, _, err := t.lockPart(id)
		if err != nil {
			return err
		}
		if _, err := t.changeState(p, person, model.StateActive); err != nil {
			return err
		}
		today, err := t.cfg.midnight(t.now)
		if err != nil {
			return err
		}
		p.SeenAt = later(p.SeenAt, t.now)
		t.saveParticipant(p)
		event := t.happened(model.CheckedIn, person)
		event.Subject, event.Facts.Day = int64(p.ID), dayOf(today)
		t.tx.CheckIn(p.ID, p.Campaign, event.Facts.Day)
		return nil
	})
}

// later is the later one of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Retention is who came to a campaign on a day.
type Retention struct {
	Day      time.Time // its date, at midnight UTC
	CheckIns int64
	Came     int64 // participants
}

const secondsOfDay = 24 * 60 * 60

// dayOf counts the days from 1970 to the date that a time shows.
func dayOf(shown time.Time) int64 {
	year, month, day := shown.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / secondsOfDay
}

// Retention counts who checked in to a campaign, day by day of the account's
// zone, from one date to another, both included; days on which nobody came are
// left out. Who has left since is counted.
func (e *Engine) Retention(ctx context.Context, account model.AccountID, campaign model.CampaignID, from, to time.Time) ([]Retention, error) {
	var list []Retention
	err := e.store.View(ctx, account, func(tx *store.Tx) error {
		counts, err := tx.CheckInsByDay(campaign, dayOf(from), dayOf(to))
		list = retentionOf(counts)
		return err
	})
	return list, err
}

func retentionOf(counts []store.DayCount) []Retention {
	list := make([]Retention, len(counts))
	for i, c := range counts {
		list[i] = Retention{Day: time.Unix(c.Day*secondsOfDay, 0).UTC(), CheckIns: c.CheckIns, Came: c.Came}
	}
	return list
}
