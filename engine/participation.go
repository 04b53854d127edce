package engine

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"grapevine/model"
	"grapevine/store"
)

// Participation is how somebody does in a campaign.
type Participation struct {
	Participant model.Participant
	Campaign    *model.Campaign
	Code        string // the main code, as it is shown
	Landing     string // the page that the main link leads to, with the code; "" where it leads nowhere
	Person      Known
	Referrer    Known         // who brought them; empty where nobody did
	Referrals   int64         // whom they brought and who counts
	Earned      []RewardShown // earned and not taken back, oldest first
	Next        *RewardAhead  // nil: there is nothing more to earn
}

// RewardShown is a reward with the rule it was made under.
type RewardShown struct {
	*model.Reward
	Rule *model.Rule
}

// RewardAhead is what further referrals earn next.
type RewardAhead struct {
	Rule      *model.Rule
	Referrals int64 // still needed
}

// Participation tells how the person with an e-mail address does in a
// campaign. It fails with NotFound.
func (e *Engine) Participation(ctx context.Context, account model.AccountID, campaign model.CampaignID, email string) (*Participation, error) {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return nil, err
	}
	c, err := cfg.Campaign(campaign)
	if err != nil {
		return nil, err
	}
	p := &Participation{Campaign: c}
	err = e.store.View(ctx, account, func(tx *store.Tx) error {
		found, err := tx.Look(store.Lookup{Email: model.FoldEmail(email)})
		if err != nil {
			return err
		}
		parts, err := tx.Parts(found.ByEmail)
		if err != nil {
			return err
		}
		part := partIn(parts, campaign)
		if found.ByEmail == 0 || part == nil {
			return &model.Error{Kind: model.NotFound, Reason: model.ParticipantUnknown, Field: "email", Msg: "nobody with that address takes part in the campaign"}
		}
		p.Participant = *part
		return e.participation(tx, cfg, p, found.ByEmail, parts)
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// participation fills in what the database knows.
func (e *Engine) participation(tx *store.Tx, cfg *Config, p *Participation, person model.PersonID, parts []store.Part) error {
	codes, err := tx.CodesOf(p.Participant.ID)
	if err != nil {
		return err
	}
	for _, code := range codes {
		if code.ID == p.Participant.Code {
			p.Code = code.Shown
		}
	}
	l := link{Owner: store.Owner{Code: model.Code{Shown: p.Code}}, cfg: cfg, campaign: p.Campaign}
	if l.lead(); l.broken == nil {
		p.Landing = l.before + l.after
	}
	var referrer model.PersonID
	for _, part := range parts {
		if part.Campaign != p.Campaign.ID {
			continue
		}
		if part.ID == p.Participant.ID {
			referrer = part.Advocate
		}
		p.Referrals += part.Referrals
	}
	contacts, err := tx.Contacts([]model.PersonID{person, referrer})
	if err != nil {
		return err
	}
	p.Person, p.Referrer = knownAs(contacts[person]), knownAs(contacts[referrer])
	group, err := tx.GroupOf(person)
	if err != nil {
		return err
	}
	rewards, err := tx.RewardsIn(group, p.Campaign.ID)
	if err != nil {
		return err
	}
	for _, w := range rewards {
		shown := RewardShown{Reward: w}
		if shown.Rule, err = e.ruleOf(tx, cfg.ID, w); err != nil {
			return err
		}
		p.Earned = append(p.Earned, shown)
	}
	p.Next = ahead(p.Campaign, p.Referrals)
	return nil
}

// ruleOf is the rule of a campaign that a reward was made under.
func (e *Engine) ruleOf(tx *store.Tx, account model.AccountID, w *model.Reward) (*model.Rule, error) {
	told := ToldReward{Reward: w}
	if _, err := e.describe(tx, account, &told); err != nil {
		return nil, err
	}
	return told.In.Rule(w.Rule), nil
}

// Offered lists the rules of a campaign by which referrals earn, by the
// number that they ask for.
func Offered(c *model.Campaign) []*model.Rule {
	var offered []*model.Rule
	for i := range c.Rules {
		if r := &c.Rules[i]; r.To == model.ToAdvocate || r.To == model.ToBoth {
			offered = append(offered, r)
		}
	}
	slices.SortStableFunc(offered, func(a, b *model.Rule) int { return cmp.Compare(a.After, b.After) })
	return offered
}

// knownAs is a contact as lists show it.
func knownAs(c *store.Contact) Known {
	return Known{Person: c.Person, Email: c.Email, CustomerID: c.CustomerID, Name: c.Profile.Name()}
}

// OnPage reports whether a rule waits for a page.
func OnPage(r *model.Rule) bool { return strings.HasPrefix(r.On, "/") }

// ahead is what an advocate with so many referrals earns next: the rule whose
// next goal is the nearest.
func ahead(c *model.Campaign, referrals int64) *RewardAhead {
	var next *RewardAhead
	for _, r := range Offered(c) {
		after := max(r.After, 1)
		goal := after
		if r.Repeat {
			goal = (referrals/after + 1) * after
		}
		if goal <= referrals || (r.Limit > 0 && goal/after > r.Limit) {
			continue
		}
		if next == nil || goal-referrals < next.Referrals {
			next = &RewardAhead{Rule: r, Referrals: goal - referrals}
		}
	}
	return next
}
