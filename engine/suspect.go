package engine

import (
	"slices"

	"grapevine/engine/fraud"
	"grapevine/engine/rule"
	"grapevine/model"
	"grapevine/store"
)

// asks is how persons stand, and what the account's fraud checks want to know of
// them: names, addresses, browsers. sent is what the call says of who acts; nil
// where it is not their own call, which leaves what they sent last.
func (t *turn) asks(sent *Who, friends, advocates []model.PersonID, ledgers bool) store.Ask {
	checks := t.cfg.checks
	ask := store.Ask{Friends: friends, Advocates: advocates, Ledgers: ledgers}
	referred := slices.ContainsFunc(advocates, func(id model.PersonID) bool { return id != 0 && !slices.Contains(friends, id) })
	ask.Names = referred && checks.NeedsNames() || checks.BlocksEmails()
	if t.sent = sent; sent == nil {
		ask.Addresses = checks.NeedsAddresses(anyIP)
	} else if referred {
		ask.Addresses = checks.NeedsAddresses(sent.IP)
		ask.Visitor = sent.Visitor
	}
	ask.Browsers = referred && checks.SameCookie
	return ask
}

// anyIP stands for an address that is not yet read.
const anyIP = "0.0.0.0"

// party is what fraud checks know of a person.
func (t *turn) party(id model.PersonID) fraud.Party {
	p := fraud.Party{}
	group := t.group(id)
	for _, name := range t.names {
		if !slices.Contains(group, name.Person) {
			continue
		}
		switch name.Kind {
		case model.Email:
			p.Emails = append(p.Emails, model.FoldEmail(name.Shown))
		case model.CustomerID:
			p.CustomerIDs = append(p.CustomerIDs, name.Shown)
		}
	}
	for _, member := range slices.Backward(group) { // who stays comes first, and wins
		if was := t.addresses[member]; was.IP != "" {
			p.IP, p.Agent = was.IP, was.Agent
		}
	}
	return p
}

// actingParty is what fraud checks know of who acts: where their own call
// comes from, it says where they are.
func (t *turn) actingParty(id model.PersonID) fraud.Party {
	p := fraud.Party{}
	if id != 0 {
		p = t.party(id)
	}
	if t.sent == nil {
		return p
	}
	p.IP, p.Agent = t.sent.IP, clip(t.sent.Agent)
	if t.sent.Email != "" {
		p.Emails = append(p.Emails, model.FoldEmail(t.sent.Email))
	}
	if t.sent.CustomerID != "" {
		p.CustomerIDs = append(p.CustomerIDs, t.sent.CustomerID)
	}
	return p
}

// suspect records in an event what speaks against rewarding it: campaign by
// campaign for who referred it and who acts, and under campaign 0 for whoever
// acts without being referred.
func (t *turn) suspect(s *scene, hits []*hit) {
	friend := t.actingParty(s.friend)
	keep := func(campaign model.CampaignID, signals []model.Signal) {
		if len(signals) > 0 {
			s.event.Facts.Fraud = append(s.event.Facts.Fraud, model.Suspicion{Campaign: campaign, Signals: signals})
		}
	}
	keep(0, t.cfg.checks.Blocked(friend))
	for _, h := range hits {
		if h.advocate != s.friend {
			keep(h.campaign.ID, t.cfg.checks.Suspects(friend, t.party(h.advocate), t.sharesBrowser(h.advocate)))
		}
	}
}

// sharesBrowser reports whether a browser of who acts was known as somebody.
func (t *turn) sharesBrowser(id model.PersonID) bool {
	return slices.ContainsFunc(t.group(id), func(member model.PersonID) bool { return slices.Contains(t.browsers, member) })
}

// suspicions are what an event says against a reward: self reports that who
// acted is who referred them.
func suspicions(e *model.Event, campaign model.CampaignID, role model.Role, self bool) []model.Signal {
	if role == model.AsCustomer || role == model.AsEarner {
		campaign, self = 0, false
	}
	if self {
		return []model.Signal{{Reason: rule.SelfReferral}}
	}
	for _, s := range e.Facts.Fraud {
		if s.Campaign == campaign {
			return s.Signals
		}
	}
	return nil
}

// fraudOf is the reason that rejects a reward, "" for none.
func fraudOf(signals []model.Signal) string {
	if len(signals) == 0 {
		return ""
	}
	return signals[0].Reason
}
