package engine

import (
	"fmt"
	"time"

	"grapevine/engine/rule"
	"grapevine/model"
)

// expect says what reward a verdict makes, and begins its life. friend is who
// brought it; 0 is nobody.
func (l *life) expect(e *model.Event, r *model.Rule, role model.Role, recipient, friend model.PersonID, campaign *model.Campaign, verdict rule.Verdict) {
	if !verdict.Row {
		return
	}
	key := rewardKey{e.ID, r.ID, role}
	got := l.rewards[key]
	if got == nil {
		l.v.report.differ("reward", fmt.Sprintf("of event %d, rule %d, %s", e.ID, r.ID, role), "state", "missing", verdict.State)
		return
	}
	want := &model.Reward{
		ID: got.ID, Person: recipient, Friend: friend, Campaign: campaign.ID, Version: campaign.Version, Number: verdict.Number,
		Kind: r.Value.Type, Amount: r.Value.Amount, Unit: r.Value.Unit, Batch: r.Value.Batch, Rule: r.ID, Role: role, At: e.At,
	}
	state := verdict.State
	if verdict.State == model.Earned {
		want.Place = true
		l.advance(recipient, r.ID, role, 0, 1)
		for _, h := range e.Facts.Handed {
			if h.Reward == want.ID {
				want.Coupon = h.ID
			}
		}
		state = l.begun(want, r)
	}
	become(want, state, e.At)
	l.expected[got.ID] = want
}

// become moves a reward to a state, at a time.
func become(w *model.Reward, state model.RewardState, at time.Time) {
	switch state {
	case model.Pending:
		w.EndedAt = time.Time{}
	case model.Earned:
		w.EarnedAt, w.EndedAt = at, time.Time{}
	case model.Delivered:
		if w.State != model.Earned {
			w.EarnedAt, w.EndedAt = at, time.Time{}
		}
		w.DeliveredAt = at
	default:
		w.EndedAt = at
	}
	w.State = state
}

// begun is how far a reward goes by itself: the events say when its hold was
// over and whether there was a coupon.
func (l *life) begun(w *model.Reward, r *model.Rule) model.RewardState {
	if r.Hold > 0 {
		return model.Pending
	}
	return afterHold(w, r)
}

func afterHold(w *model.Reward, r *model.Rule) model.RewardState {
	if r.ValidateURL != "" {
		return model.Pending
	}
	return afterChecks(w, r)
}

func afterChecks(w *model.Reward, r *model.Rule) model.RewardState {
	switch {
	case w.Batch != 0 && w.Coupon == 0:
		return model.Pending
	case r.Auto:
		return model.Delivered
	}
	return model.Earned
}

// moved repeats what an event changed of a reward.
func (l *life) moved(e *model.Event) error {
	w := l.expected[model.RewardID(e.Subject)]
	if w == nil {
		l.v.report.differ("event", e.ID, "reward", e.Subject, "one that the rules made")
		return nil
	}
	r := &model.Rule{ID: w.Rule, Auto: true}
	if w.Role != model.AsEarner {
		campaign, err := l.v.past.campaign(w.Campaign, w.Version)
		if err != nil {
			return err
		}
		r = campaign.Rule(w.Rule)
	}
	switch e.Kind {
	case model.HoldOver:
		become(w, afterHold(w, r), e.At)
	case model.RewardApproved:
		if !w.Place {
			w.Place = true
			l.advance(e.Person, w.Rule, w.Role, 0, 1)
		}
		become(w, afterChecks(w, r), e.At)
	case model.CouponHandedOut:
		w.Coupon = e.Facts.Coupon.ID
		become(w, afterChecks(w, r), e.At)
	case model.RewardValidated:
		become(w, afterChecks(w, r), e.At)
	case model.RewardRejected, model.RewardRefused:
		become(w, model.Rejected, e.At)
		w.Place = false
		l.advance(e.Person, w.Rule, w.Role, 0, -1)
	case model.RewardUnanswered:
		become(w, model.Failed, e.At)
		w.Place = false
		l.advance(e.Person, w.Rule, w.Role, 0, -1)
	case model.RewardIssued:
		become(w, model.Delivered, e.At)
	case model.RewardTakenBack:
		become(w, model.Revoked, e.At)
		if e.Facts.Freed {
			w.Place = false
			l.advance(e.Person, w.Rule, w.Role, 0, -1)
		}
	}
	return nil
}

func (l *life) uncounted(e *model.Event) {
	for _, a := range l.joined[e.Person] {
		key := referralKey{e.Facts.Rule, a, model.PersonID(e.Subject)}
		if _, counts := l.counted[key]; counts {
			delete(l.counted, key)
			break
		}
	}
	l.advance(e.Person, e.Facts.Rule, model.AsAdvocate, -1, 0)
}
