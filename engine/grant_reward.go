package engine

import (
	"context"

	"github.com/google/uuid"

	"grapevine/engine/rule"
	"grapevine/model"
)

// Grant is a reward that somebody gives, whatever the rules would say.
type Grant struct {
	Participant model.ParticipantID
	Descriptor  string // of a rule of the participant's campaign
	Force       bool   // past the rule's limit
}

// GrantReward gives a participant a reward of their campaign, earned at once:
// neither fraud checks nor conditions, hold or validation stand before it. It
// takes a place under the rule. It fails with NotFound for who or what is not
// known, with LimitReached, and with BatchEmpty where a coupon is missing.
func (e *Engine) GrantReward(ctx context.Context, account model.AccountID, g Grant) (*model.Reward, error) {
	var given *model.Reward
	err := e.inTurn(ctx, account, func(t *turn) error {
		p, person, _, err := t.lockPart(g.Participant)
		if err != nil {
			return err
		}
		campaign, err := t.cfg.Campaign(p.Campaign)
		if err != nil {
			return err
		}
		r := ruleBy(campaign, g.Descriptor)
		if r == nil {
			return &model.Error{Kind: model.NotFound, Reason: model.RuleUnknown, Field: "descriptor", Msg: "the campaign has no such reward"}
		}
		role := grantedAs(r)
		if _, places := t.progressOf(person, r.ID, role); r.Limit > 0 && places >= r.Limit && !g.Force {
			return &model.Error{Kind: model.Conflict, Reason: model.LimitReached, Field: "descriptor", Msg: "nobody gets more of this reward"}
		}
		event := t.happened(model.RewardGranted, person)
		event.Subject = int64(p.ID)
		event.Facts.Rule, event.Facts.Forced = r.ID, g.Force
		event.Facts.Campaigns = []model.InForce{{Campaign: campaign.ID, Version: campaign.Version}}
		given = &model.Reward{
			ID: model.RewardID(t.id()), UUID: uuid.NewString(), Event: event.ID, Rule: r.ID, Role: role,
			Campaign: campaign.ID, Version: campaign.Version, Person: person, State: model.Earned,
			Kind: r.Value.Type, Amount: r.Value.Amount, Unit: r.Value.Unit, Batch: r.Value.Batch, At: t.now,
			Why: model.Why{Rule: r.ID, Version: campaign.Version},
		}
		t.rewards = append(t.rewards, given)
		t.place(given, 1)
		if err := t.earn(given, r); err != nil {
			return err
		}
		if given.State == model.Pending {
			return &model.Error{Kind: model.Conflict, Reason: model.BatchEmpty, Field: "descriptor", Msg: "no coupon is left for this reward"}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return given, nil
}

// ruleBy is the rule of a descriptor that rewards advocates or friends; nil:
// there is none.
func ruleBy(campaign *model.Campaign, descriptor string) *model.Rule {
	for i := range campaign.Rules {
		if r := &campaign.Rules[i]; r.Descriptor == descriptor && r.To != model.ToCustomer {
			return r
		}
	}
	return nil
}

// grantedAs is the role in which a rule's reward is granted.
func grantedAs(r *model.Rule) model.Role {
	if r.To == model.ToFriend {
		return model.AsFriend
	}
	return model.AsAdvocate
}

// granted expects the reward that an event says was given.
func (l *life) granted(e *model.Event) error {
	for _, in := range e.Facts.Campaigns {
		campaign, err := l.v.past.campaign(in.Campaign, in.Version)
		if err != nil {
			return err
		}
		r := campaign.Rule(e.Facts.Rule)
		if r == nil {
			l.v.report.differ("event", e.ID, "rule", e.Facts.Rule, "one of the campaign's")
			continue
		}
		on, err := l.caseOf(e, r, grantedAs(r), e.Person)
		if err != nil {
			return err
		}
		if r.Limit > 0 && on.Places >= r.Limit && !e.Facts.Forced {
			l.v.report.differ("event", e.ID, "rewards under the rule", on.Places+1, r.Limit)
		}
		asGranted := *r
		asGranted.Hold, asGranted.ValidateURL = 0, ""
		l.expect(e, &asGranted, grantedAs(r), e.Person, 0, campaign, rule.Verdict{Row: true, State: model.Earned})
	}
	return nil
}
