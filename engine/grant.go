package engine

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"grapevine/engine/rule"
	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

// scene is an event as the rules are asked about it.
type scene struct {
	event     *model.Event
	happening rule.Happening
	friend    model.PersonID // who acts; 0: nobody is known
	// raises tells in which campaigns the event is raised, and for whom: for
	// advocates and their friends, for whoever acts, and in campaign 0, the
	// account, for earners. nil is in all. What happens once per person and
	// campaign is raised in those that have not seen it.
	raises func(model.CampaignID, model.Role) bool
}

func (s *scene) raisedIn(campaign model.CampaignID, role model.Role) bool {
	return s.raises == nil || s.raises(campaign, role)
}

// convert counts the event for those who referred it and runs the rules: of
// the campaigns that were hit for advocate and friend, of every live campaign
// and of the account for whoever acted.
func (t *turn) convert(s *scene, hits []*hit) error {
	t.suspect(s, hits)
	for _, h := range hits {
		if !s.raisedIn(h.campaign.ID, model.AsAdvocate) {
			continue
		}
		conversion := t.conversion(s, h)
		for i := range h.campaign.Rules {
			r := &h.campaign.Rules[i]
			if !rule.Concerns(r, s.happening) {
				continue
			}
			for _, role := range []model.Role{model.AsAdvocate, model.AsFriend} {
				if rule.Applies(r, role) {
					note(s.event, r)
					if err := t.grant(s, r, role, h, conversion); err != nil {
						return err
					}
				}
			}
		}
	}
	if s.friend == 0 {
		return nil
	}
	for _, campaign := range t.customerCampaigns() {
		if !s.raisedIn(campaign.ID, model.AsCustomer) {
			continue
		}
		s.event.Facts.Campaigns = append(s.event.Facts.Campaigns, model.InForce{Campaign: campaign.ID, Version: campaign.Version})
		for i := range campaign.Rules {
			r := &campaign.Rules[i]
			if rule.Applies(r, model.AsCustomer) && rule.Concerns(r, s.happening) {
				note(s.event, r)
				if err := t.grant(s, r, model.AsCustomer, &hit{campaign: campaign}, nil); err != nil {
					return err
				}
			}
		}
	}
	return t.earnOwn(s)
}

// customerCampaigns are the live campaigns with a rule for whoever acts.
func (t *turn) customerCampaigns() []*model.Campaign {
	return slices.DeleteFunc(t.cfg.Live(t.now), func(c *model.Campaign) bool {
		return !slices.ContainsFunc(c.Rules, func(r model.Rule) bool { return r.To == model.ToCustomer })
	})
}

// note records which of the conditions that only the event could answer it
// has met: its SKUs and its page are erasable, the answers are not.
func note(event *model.Event, r *model.Rule) {
	if len(r.When.SKUs) > 0 && !slices.Contains(event.Facts.SKUs, r.ID) {
		event.Facts.SKUs = append(event.Facts.SKUs, r.ID)
	}
	if event.Kind == model.PageReached && !slices.Contains(event.Facts.Pages, r.ID) {
		event.Facts.Pages = append(event.Facts.Pages, r.ID)
	}
}

func (t *turn) conversion(s *scene, h *hit) *model.Conversion {
	c := &model.Conversion{
		ID: model.ConversionID(t.id()), Event: s.event.ID, Campaign: h.campaign.ID, Version: h.campaign.Version, Kind: s.event.Kind,
		Advocate: h.referrer, Person: h.advocate, Turn: t.turnOf(h.advocate), Friend: s.friend,
		Via: h.via, Code: h.code, CountedFrom: h.from, Facet: t.facet(convertedIn(s.event.Kind, h.campaign.ID, h.channel)), At: t.now,
	}
	t.conversions = append(t.conversions, c)
	return c
}

// caseOf is what a rule is judged on.
func (t *turn) caseOf(s *scene, r *model.Rule, role model.Role, h *hit, recipient model.PersonID) rule.Case {
	c := rule.Case{
		Role: role, Amount: s.event.Amount, Currency: s.event.Currency, AccountCurrency: t.cfg.Settings.Currency,
		NewCustomer: s.event.Facts.NewCustomer != nil && *s.event.Facts.NewCustomer,
	}
	c.Fraud = fraudOf(s.signals(role, h))
	c.Friends, c.Places = t.progressOf(recipient, r.ID, role)
	if role == model.AsAdvocate {
		c.Number = t.numberOf(r.ID, h.advocate, s.friend)
	}
	return c
}

// signals are what speaks against a reward.
func (s *scene) signals(role model.Role, h *hit) []model.Signal {
	return suspicions(s.event, h.campaign.ID, role, h.advocate == s.friend)
}

// grant judges one rule for one recipient, and makes the reward.
func (t *turn) grant(s *scene, r *model.Rule, role model.Role, h *hit, conversion *model.Conversion) error {
	recipient := s.friend
	if role == model.AsAdvocate {
		recipient = h.advocate
	}
	if recipient == 0 {
		return nil
	}
	on := t.caseOf(s, r, role, h, recipient)
	if countsAlready(s.event, role, on) {
		return nil
	}
	verdict := rule.Judge(r, on)
	if verdict.Counts && role != model.AsFriend {
		t.advance(recipient, r.ID, role, 1, 0)
		if role == model.AsAdvocate && s.friend != 0 {
			t.counts(store.Referral{Rule: r.ID, Advocate: recipient, Friend: s.friend, Number: verdict.Number})
		}
	}
	if !verdict.Row {
		return nil
	}
	w := &model.Reward{
		ID: model.RewardID(t.id()), UUID: uuid.NewString(), Event: s.event.ID, Rule: r.ID, Role: role,
		Campaign: h.campaign.ID, Version: h.campaign.Version, Person: recipient, State: verdict.State, Number: verdict.Number,
		Kind: r.Value.Type, Amount: r.Value.Amount, Unit: r.Value.Unit, Batch: r.Value.Batch, At: t.now,
		Why: model.Why{Rule: r.ID, Version: h.campaign.Version, Reason: verdict.Reason},
	}
	if conversion != nil {
		w.Conversion, w.Friend = conversion.ID, s.friend
		w.Why.Via, w.Why.Code, w.Why.Advocate, w.Why.CountedFrom = h.via, h.code, h.advocate, &conversion.CountedFrom
	}
	if signals := s.signals(role, h); verdict.State == model.Rejected && verdict.Reason == fraudOf(signals) {
		w.Why.Fraud = signals
	}
	t.rewards = append(t.rewards, w)
	if verdict.State != model.Earned {
		w.EndedAt = t.now
		return nil
	}
	t.place(w, 1)
	return t.begin(w, r)
}

// countsAlready reports whether an event that counts once of each friend has
// counted before.
func countsAlready(e *model.Event, role model.Role, on rule.Case) bool {
	return e.Facts.Once && (role == model.AsAdvocate && on.Number != 0 || role == model.AsFriend && on.Places > 0)
}

// place takes or frees the place of a reward among those that count.
func (t *turn) place(w *model.Reward, by int64) {
	w.Place = by > 0
	t.advance(w.Person, w.Rule, w.Role, 0, by)
}

// earnOwn runs the account's earning rules: what customers who take part in
// its loyalty programme earn for their own events. Such a reward is delivered
// at once.
func (t *turn) earnOwn(s *scene) error {
	if !s.raisedIn(0, model.AsEarner) || len(t.cfg.Settings.Earning) == 0 || !t.takesPart(s.friend) {
		return nil
	}
	if len(suspicions(s.event, 0, model.AsEarner, false)) > 0 {
		return nil // whoever is blocked earns nothing
	}
	s.event.Facts.Own = true
	for i := range t.cfg.Settings.Earning {
		earning := &t.cfg.Settings.Earning[i]
		r := earningRule(earning)
		if !rule.Concerns(r, s.happening) {
			continue
		}
		amount, err := earned(earning, s.event, t.cfg.Settings.Currency)
		if err != nil {
			return err
		}
		if amount == 0 {
			continue
		}
		w := &model.Reward{
			ID: model.RewardID(t.id()), UUID: uuid.NewString(), Event: s.event.ID, Rule: earning.ID, Role: model.AsEarner,
			Version: t.cfg.Settings.Version, Person: s.friend, Place: true,
			Kind: model.LedgerValue, Amount: amount, Unit: earning.Currency, At: t.now,
			Why: model.Why{Rule: earning.ID, Version: t.cfg.Settings.Version},
		}
		t.rewards = append(t.rewards, w)
		t.advance(s.friend, earning.ID, model.AsEarner, 0, 1)
		r.Auto = true
		if err := t.earn(w, r); err != nil {
			return err
		}
	}
	return nil
}

// earningRule is an earning rule as a rule of a campaign that nobody limits.
func earningRule(earning *model.EarningRule) *model.Rule {
	return &model.Rule{ID: earning.ID, To: model.ToCustomer, On: earning.On, After: 1, Repeat: true}
}

// earned is what an earning rule gives for an event: a fixed amount, or so
// much for each whole unit of a purchase in the account's currency.
func earned(earning *model.EarningRule, event *model.Event, currency string) (money.Amount, error) {
	if earning.PerUnit == 0 {
		return earning.Amount, nil
	}
	if event.Currency != currency {
		return 0, nil
	}
	amount, err := event.Amount.PerUnit(earning.PerUnit)
	if err != nil {
		return 0, &model.Error{Kind: model.Invalid, Field: "amount", Msg: "amount earns too much", Err: err}
	}
	return amount, nil
}

// dueAfter is when a hold that begins now is over.
func (t *turn) dueAfter(hold time.Duration) time.Time {
	if hold == 0 {
		return time.Time{}
	}
	return t.now.Add(hold)
}
