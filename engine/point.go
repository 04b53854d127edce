package engine

import (
	"cmp"
	"context"
	"strconv"

	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

// scored is an entry of a campaign's log of points on its way.
type scored struct {
	model.Point
	person model.PersonID // whose participant it is
}

// score gives a participant of a person points, or takes some, and returns the
// event that says so. What is worth nothing leaves nothing.
func (t *turn) score(campaign *model.Campaign, person model.PersonID, p model.Point) *model.Event {
	if p.Quantity == 0 || p.Participant == 0 {
		return nil
	}
	event := t.happened(model.PointsMoved, person)
	event.Subject, event.Amount = int64(p.Participant), p.Quantity
	event.Facts.Activity, event.Facts.For = p.Activity, p.Subject
	event.Facts.Campaigns = []model.InForce{{Campaign: campaign.ID, Version: campaign.Version}}
	p.ID, p.Campaign, p.At = model.PointID(event.ID), campaign.ID, t.now
	t.points = append(t.points, scored{p, person})
	return event
}

// scoreJoin gives the points of a join that counts, as it did not before: to
// who joined for the sign-up, and to who brought them for the referral.
// Advocate 0 is nobody.
func (t *turn) scoreJoin(before, after *model.Participant, person, advocate model.PersonID) error {
	campaign := t.live(after.Campaign)
	if campaign == nil {
		return nil
	}
	if signedUp(after) && !signedUp(before) {
		t.score(campaign, person, model.Point{
			Participant: after.ID, Activity: model.PointsForSignUp, Quantity: campaign.Points.SignUp,
		})
	}
	if referred(after) && !referred(before) && advocate != 0 && campaign.Points.Referral != 0 {
		plays, err := t.plays(after.Referrer)
		if err != nil || !plays {
			return err
		}
		t.score(campaign, advocate, model.Point{
			Participant: after.Referrer, Activity: model.PointsForReferral, Subject: int64(after.ID), Quantity: campaign.Points.Referral,
		})
	}
	return nil
}

// plays reports whether somebody whose person is locked takes part and is not
// suspended: who held the lock before may have ended either.
func (t *turn) plays(id model.ParticipantID) (bool, error) {
	p, _, err := t.tx.Participant(id)
	if model.ReasonOf(err) == model.ParticipantUnknown {
		return false, nil
	}
	return err == nil && p.State != model.StateSuspended, err
}

func signedUp(p *model.Participant) bool { return !p.SignedUpAt.IsZero() && !p.ConfirmedAt.IsZero() }

func referred(p *model.Participant) bool { return p.Referrer != 0 && !p.ConfirmedAt.IsZero() }

// advocateIn is who gets the points for having brought a participant, by this
// call or before; 0: nobody, or somebody who is suspended.
func advocateIn(parts []store.Part, p *model.Participant, brought *hit) model.PersonID {
	if brought != nil {
		return brought.advocate
	}
	for _, part := range parts {
		if part.ID == p.ID && !part.Silent {
			return part.Advocate
		}
	}
	return 0
}

// scoreShare gives the points of a share: once on each channel, to an owner of
// a link who is locked and not suspended. Person 0 is nobody: the owner was
// erased.
func (t *turn) scoreShare(shared *model.Event, campaign *model.Campaign, owner model.ParticipantID, person model.PersonID, channel string) error {
	if channel == "" || owner == 0 || person == 0 || campaign.Points.Share == 0 {
		return nil
	}
	plays, err := t.plays(owner)
	if err != nil || !plays {
		return err
	}
	key := t.e.secret.Digest("share scored", strconv.FormatInt(int64(owner), 10), channel)
	firsts, err := t.tx.TakeKeys(map[string]*model.Event{key: shared})
	if err != nil || firsts[key] != nil {
		return err
	}
	t.score(campaign, person, model.Point{
		Participant: owner, Activity: model.PointsForShare, Quantity: campaign.Points.Share,
	}).Facts.Channel = channel
	return nil
}

// scoreReward gives the points that come with a reward which is earned, to who
// receives it and takes part in its campaign.
func (t *turn) scoreReward(w *model.Reward, r *model.Rule) error {
	activity, quantity := sidePoints(r, w.Role)
	if quantity == 0 {
		return nil
	}
	parts, err := t.tx.Parts(w.Person)
	if err != nil {
		return err
	}
	if p := partIn(parts, w.Campaign); p != nil {
		t.score(&model.Campaign{ID: w.Campaign, Version: w.Version}, w.Person, model.Point{
			Participant: p.ID, Activity: activity, Subject: int64(w.ID), Quantity: quantity,
		})
	}
	return nil
}

// sidePoints are the points that come with a rule's reward for a role.
func sidePoints(r *model.Rule, role model.Role) (model.Activity, money.Amount) {
	switch role {
	case model.AsAdvocate:
		return model.PointsForReward, r.Points.Referrer
	case model.AsFriend:
		return model.PointsForFriendReward, r.Points.Friend
	}
	return "", 0
}

// unscore takes back what a friend or reward brought in points, from everybody
// who still takes part.
func (t *turn) unscore(subject int64) error {
	given, err := t.tx.PointsOf(subject)
	if err != nil {
		return err
	}
	left := map[model.ParticipantID]money.Amount{}
	for _, p := range given {
		left[p.Participant] += p.Quantity
	}
	for _, p := range given {
		back := left[p.Participant]
		delete(left, p.Participant)
		if back == 0 {
			continue
		}
		_, person, err := t.tx.Participant(p.Participant)
		if err != nil {
			return err
		}
		campaign, err := t.cfg.Campaign(p.Campaign)
		if err != nil {
			return err
		}
		t.score(campaign, person, model.Point{
			Participant: p.Participant, Activity: p.Activity, Subject: subject, Quantity: -back,
		})
	}
	return nil
}

// forgetPoints takes a participant who leaves out of the log of points, and
// takes back what they brought to others.
func (t *turn) forgetPoints(p *model.Participant) error {
	if p.Referrer != 0 {
		if err := t.unscore(int64(p.ID)); err != nil {
			return err
		}
	}
	kept := t.points[:0]
	for _, s := range t.points {
		if s.Participant != p.ID {
			kept = append(kept, s)
		}
	}
	t.points = kept
	n, err := t.tx.DeletePoints(p.ID)
	t.tallyIn(p.Campaign, tallyPoints, -n)
	return err
}

const tallyPoints = "points"

// writePoints queues the points of the turn, and tells of them.
func (t *turn) writePoints() {
	if len(t.points) == 0 {
		return
	}
	list := make([]model.Point, len(t.points))
	sums := map[model.ParticipantID]money.Amount{}
	for i, s := range t.points {
		list[i] = s.Point
		sums[s.Participant] += s.Quantity
		t.tallyIn(s.Campaign, tallyPoints, 1)
		t.shows(s.person, store.InPeople)
		topic := model.PointsEarned
		if s.Quantity < 0 {
			topic = model.PointsRevoked
		}
		t.tell(topic, s.Campaign, int64(s.ID), nil)
	}
	t.tx.InsertPoints(list)
	for _, id := range sortedBy(sums, func(a, b model.ParticipantID) int { return cmp.Compare(a, b) }) {
		t.tx.AddPoints(id, sums[id], t.now)
	}
}

// Bonus is points that somebody gives by hand, or takes.
type Bonus struct {
	Participant model.ParticipantID
	Quantity    money.Amount
	Reason      string // in the giver's words; may be empty
}

const (
	mostPoints    = money.Amount(1_000_000_000_0000) // that are given at once: no sum of them overflows
	longestReason = 1000                             // bytes
)

// GivePoints gives a participant points, or takes some where the quantity is
// negative: a sum may go below zero. Fails with NotFound, and with Invalid for
// a quantity of nothing or too much, and in a campaign whose participants are
// not ranked by points.
func (e *Engine) GivePoints(ctx context.Context, account model.AccountID, b Bonus) (*model.Point, error) {
	switch {
	case b.Quantity == 0 || b.Quantity > mostPoints || b.Quantity < -mostPoints:
		return nil, &model.Error{Kind: model.Invalid, Field: "quantity", Msg: "quantity must be other than 0, and at most a billion"}
	case len(b.Reason) > longestReason:
		return nil, &model.Error{Kind: model.Invalid, Field: "reason", Msg: "reason is too long"}
	}
	var given *model.Point
	err := e.inTurn(ctx, account, func(t *turn) error {
		p, person, _, err := t.lockPart(b.Participant)
		if err != nil {
			return err
		}
		campaign, err := t.cfg.Campaign(p.Campaign)
		if err != nil {
			return err
		}
		if campaign.Leaderboard != rankedByPoints {
			return &model.Error{Kind: model.Invalid, Reason: model.PointsUnused, Field: "campaign", Msg: "the campaign does not rank by points"}
		}
		t.score(campaign, person, model.Point{
			Participant: p.ID, Activity: model.PointsByHand, Quantity: b.Quantity, Note: b.Reason,
		})
		given = &t.points[len(t.points)-1].Point
		return nil
	})
	return given, err
}

// rankedByPoints is the order of campaigns whose participants points rank.
const rankedByPoints = "points"

// PointLog is a page of a campaign's log of points.
type PointLog struct {
	Points []model.Point
	Total  int64 // of all pages
}

// Points reads a page of a campaign's log of points, newest first, after
// skipping some: of all participants, or of the one whose address is given.
// Nobody has no points.
func (e *Engine) Points(ctx context.Context, account model.AccountID, campaign model.CampaignID, email string, skip, limit int) (*PointLog, error) {
	log := &PointLog{}
	err := e.store.View(ctx, account, func(tx *store.Tx) error {
		*log = PointLog{}
		if email == "" {
			counts, err := tx.CountedOf([]int64{store.OfCampaign(campaign)}, tallyPoints)
			if err != nil {
				return err
			}
			log.Total = counts[store.OfCampaign(campaign)]
			log.Points, err = tx.PointLog(campaign, skip, limit)
			return err
		}
		id, _, err := named(tx, Naming{Campaign: campaign, Email: email})
		if model.KindOf(err) == model.NotFound {
			return nil
		}
		if err == nil {
			log.Points, log.Total, err = tx.PointLogOf(id, skip, limit)
		}
		return err
	})
	return log, err
}
