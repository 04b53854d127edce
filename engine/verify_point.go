package engine

import (
	"fmt"

	"grapevine/model"
	"grapevine/money"
)

// points reads what is written of the points of a page of persons.
func (v *verifier) points(chunk []model.PersonID, of func(model.PersonID) *life) error {
	points, err := v.tx.PointsOfPersons(chunk)
	for _, p := range points {
		l := of(p.Person)
		l.points = append(l.points, p.Point)
	}
	v.report.Checked["point"] += int64(len(points))
	return err
}

// comparePoints holds the points of each participant of a person, and the log
// of them, against the events, and those against what they are for.
func (l *life) comparePoints() error {
	report := l.v.report
	written := map[model.PointID]model.Point{}
	for _, p := range l.points {
		written[p.ID] = p
	}
	for _, part := range l.parts {
		var sum money.Amount
		forReward := map[int64]money.Amount{}
		once := map[string]bool{}
		for _, e := range l.scored[part.ID] {
			sum += e.Amount
			got, ok := written[model.PointID(e.ID)]
			delete(written, model.PointID(e.ID))
			want := model.Point{
				ID: model.PointID(e.ID), Campaign: part.Campaign, Participant: part.ID,
				Activity: e.Facts.Activity, Subject: e.Facts.For, Quantity: e.Amount, Note: got.Note, At: e.At,
			}
			if !ok || got != want {
				report.differ("point", e.ID, "entry", got, want)
			}
			if name := l.onlyOnce(e); name != "" && once[name] {
				report.differ("event", e.ID, "points", name, "none: they were given before")
			} else if name != "" {
				once[name] = true
			}
			if a := e.Facts.Activity; a == model.PointsForReward || a == model.PointsForFriendReward {
				forReward[e.Facts.For] += e.Amount
			}
			if err := l.compareQuantity(e); err != nil {
				return err
			}
		}
		if part.Points != sum {
			report.differ("participant", part.ID, "points", part.Points, sum)
		}
		l.compareRewardPoints(forReward)
	}
	for id, p := range written {
		report.differ("point", id, "quantity", p.Quantity, "none: no event gave it")
	}
	return nil
}

// onlyOnce names what a participant gets points for once; "" is what may come
// again, or takes back.
func (l *life) onlyOnce(e *model.Event) string {
	f := e.Facts
	switch {
	case e.Amount < 0 || f.Activity == model.PointsByHand:
		return ""
	case f.Activity == model.PointsForShare:
		return fmt.Sprint(f.Activity, " ", f.Channel)
	}
	return fmt.Sprint(f.Activity, " ", f.For)
}

// compareQuantity holds points that were given against what the campaign
// promised then.
func (l *life) compareQuantity(e *model.Event) error {
	activity := e.Facts.Activity
	if e.Amount < 0 || activity == model.PointsByHand {
		return nil
	}
	for _, in := range e.Facts.Campaigns {
		campaign, err := l.v.past.campaign(in.Campaign, in.Version)
		if err != nil {
			return err
		}
		var want money.Amount
		switch activity {
		case model.PointsForSignUp:
			want = campaign.Points.SignUp
		case model.PointsForShare:
			want = campaign.Points.Share
		case model.PointsForReferral:
			want = campaign.Points.Referral
		default:
			if w := l.expected[model.RewardID(e.Facts.For)]; w != nil {
				if r := campaign.Rule(w.Rule); r != nil {
					_, want = sidePoints(r, w.Role)
				}
			}
		}
		if e.Amount != want {
			l.v.report.differ("event", e.ID, "points", e.Amount, want)
		}
	}
	return nil
}

// compareRewardPoints expects nothing to be left of the points that came with
// rewards which were taken back.
func (l *life) compareRewardPoints(left map[int64]money.Amount) {
	for id, quantity := range left {
		w := l.expected[model.RewardID(id)]
		stands := w != nil && (w.State == model.Earned || w.State == model.Delivered)
		if stands != (quantity > 0) {
			l.v.report.differ("reward", id, "points", quantity, map[bool]string{true: "some", false: "none"}[stands])
		}
	}
}
