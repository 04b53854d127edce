package engine

import (
	"context"
	"slices"
	"time"

	"grapevine/engine/rule"
	"grapevine/model"
)

// Qualify marks a referred participant as qualified, or takes it back, and
// runs the rules on `qualified`. Saying the same again changes nothing. Fails
// with NotFound.
func (e *Engine) Qualify(ctx context.Context, account model.AccountID, id model.ParticipantID, qualified bool) error {
	return e.inTurn(ctx, account, func(t *turn) error {
		p, person, advocate, err := t.lockPart(id)
		if err != nil {
			return err
		}
		_, err = t.setQualified(p, person, advocate, qualified)
		return err
	})
}

// setQualified qualifies a locked participant, or takes it back, and reports
// whether that changed anything.
func (t *turn) setQualified(p *model.Participant, person, advocate model.PersonID, qualified bool) (bool, error) {
	switch {
	case p.QualifiedAt.IsZero() != qualified:
		return false, nil
	case qualified:
		return true, t.qualify(p, person, t.behind(advocate))
	}
	return true, t.unqualify(p, person, advocate)
}

func (t *turn) qualify(p *model.Participant, person, advocate model.PersonID) error {
	p.QualifiedAt = t.now
	t.saveParticipant(p)
	t.tellOf(p, model.PersonChanged)
	t.countQualified(p, 1)
	event := t.happened(model.Qualified, person)
	event.Subject = int64(p.ID)
	fresh := t.persons[person].Purchases == 0
	event.Facts.NewCustomer = &fresh
	if err := t.tellQualified(p, person, event); err != nil {
		return err
	}
	campaign := t.live(p.Campaign)
	if campaign == nil || p.Referrer == 0 {
		return nil
	}
	h := &hit{campaign, p.Referrer, advocate, model.ViaReferrer, 0, "", p.ReferredAt}
	o := occurrence{kind: model.Qualified}
	return t.convert(&scene{
		event: event, happening: o.happening(), friend: person,
		raises: func(id model.CampaignID, _ model.Role) bool { return id == campaign.ID },
	}, []*hit{h})
}

func (t *turn) countQualified(p *model.Participant, by int64) {
	t.tallyIn(p.Campaign, tallyQualified, by)
	if p.Referrer != 0 {
		t.tallyOf(p.Referrer, tallyQualified, by)
	}
}

// unqualify takes back what this friend brought. Pending rewards become
// rejected, earned and delivered ones are revoked, and their places are free.
// Where a rule asks for several referrals, the newest rewards go that the
// remaining friends do not cover.
func (t *turn) unqualify(p *model.Participant, person, advocate model.PersonID) error {
	p.QualifiedAt = time.Time{}
	t.saveParticipant(p)
	t.tellOf(p, model.PersonChanged)
	t.countQualified(p, -1)
	event := t.happened(model.Unqualified, person)
	event.Subject = int64(p.ID)
	if p.Referrer == 0 {
		return nil
	}
	if err := t.takeBackBrought(p, person, advocate); err != nil {
		return err
	}
	campaign, err := t.cfg.Campaign(p.Campaign)
	if err != nil {
		return err
	}
	for _, key := range sortedBy(t.referrals, func(a, b referralKey) int {
		return compare3(int64(a.rule), int64(b.rule), int64(a.advocate), int64(b.advocate), "", "")
	}) {
		r := campaign.Rule(key.rule)
		if r == nil || r.On != string(model.Qualified) {
			continue
		}
		if err := t.uncount(r, key, advocate); err != nil {
			return err
		}
	}
	return nil
}

// takeBackBrought undoes the rewards that are this friend's own doing: the
// friend's, and the advocate's for each single friend.
func (t *turn) takeBackBrought(p *model.Participant, person, advocate model.PersonID) error {
	brought, err := t.tx.RewardsBrought(t.group(person), p.Campaign)
	if err != nil {
		return err
	}
	for _, w := range brought {
		r, err := t.ruleOf(w)
		if err != nil {
			return err
		}
		// Who was merged may have been brought by two: only this one's go.
		if !slices.Contains(t.group(advocate), w.Why.Advocate) {
			continue
		}
		if r.On == string(model.Qualified) && (w.Role == model.AsFriend || r.After <= 1) {
			if err := t.undo(w); err != nil {
				return err
			}
		}
	}
	return nil
}

// uncount makes a friend no referral of the advocate's under a rule, and
// undoes the newest rewards that the remaining friends do not cover.
func (t *turn) uncount(r *model.Rule, key referralKey, advocate model.PersonID) error {
	event := t.happened(model.Uncounted, advocate)
	event.Subject, event.Facts.Rule = int64(key.friend), r.ID
	t.tx.DeleteReferrals([]model.PersonID{key.friend}, []model.PersonID{key.advocate}, []model.RuleID{r.ID})
	t.advance(advocate, r.ID, model.AsAdvocate, -1, 0)
	if r.After <= 1 {
		return nil
	}
	friends, places := t.progressOf(advocate, r.ID, model.AsAdvocate)
	surplus := places - rule.Entitled(r, friends)
	if surplus <= 0 {
		return nil
	}
	rewards, err := t.tx.RewardsFor(t.group(advocate), r.ID, model.AsAdvocate)
	if err != nil {
		return err
	}
	for _, w := range rewards {
		if surplus == 0 {
			break
		}
		if w.Place && w.State != model.Revoked {
			surplus--
			if err := t.undo(w); err != nil {
				return err
			}
		}
	}
	return nil
}

// undo takes a reward back because its friend is no longer qualified: a
// pending one is rejected, an earned or delivered one revoked, and its place
// is free.
func (t *turn) undo(w *model.Reward) error {
	recipient, err := t.tx.Canonical(w.Person)
	if err != nil {
		return err
	}
	w.Person = recipient
	kind := model.RewardTakenBack
	switch w.State {
	case model.Pending:
		kind = model.RewardRejected
		w.State, w.EndedAt, w.Why.Reason = model.Rejected, t.now, "unqualified"
	case model.Earned, model.Delivered:
		if err := t.revoke(w); err != nil {
			return err
		}
	default:
		return nil
	}
	t.moved(kind, w).Facts.Freed = true
	t.place(w, -1)
	return t.saveReward(w)
}
