package engine

import (
	"slices"

	"grapevine/engine/fraud"
	"grapevine/engine/rule"
	"grapevine/model"
	"grapevine/store"
)

// encounter is who acts in an event, with whoever may be about to be merged into
// them, and who brought them.
type encounter struct {
	sent      *Who // what the call says of who acts; nil: it is not theirs, which leaves what they sent last
	friends   []model.PersonID
	advocates []model.PersonID
	referrers []model.ParticipantID // of the advocates, who were found to count
	ledgers   bool                  // it may post to their ledgers
	erased    bool                  // some of them may have been erased, which does not end it
}

// judge locks everyone in some encounters and reads, with how they stand, what
// the account's fraud checks ask of them: names, addresses, browsers. The first
// encounter is the one that goes on: see attend.
func (t *turn) judge(all ...encounter) error {
	checks := t.cfg.checks
	var ask store.Ask
	for _, c := range all {
		ask.Friends, ask.Advocates = append(ask.Friends, c.friends...), append(ask.Advocates, c.advocates...)
		ask.Referrers = append(ask.Referrers, c.referrers...)
		ask.Ledgers, ask.Erased = ask.Ledgers || c.ledgers, ask.Erased || c.erased
		referred := slices.ContainsFunc(c.advocates, func(id model.PersonID) bool { return id != 0 && !slices.Contains(c.friends, id) })
		ask.Names = ask.Names || referred && checks.NeedsNames() || checks.BlocksEmails()
		ip, visitor := anyIP, model.VisitorID(0)
		if c.sent != nil {
			ip, visitor = c.sent.IP, c.sent.Visitor
		}
		ask.Addresses = ask.Addresses || (referred || c.sent == nil) && checks.NeedsAddresses(ip)
		meeting := store.Meeting{}
		if referred && checks.SameCookie {
			meeting = store.Meeting{Friends: c.friends, Advocates: c.advocates, Visitor: visitor}
		}
		ask.Meetings = append(ask.Meetings, meeting)
	}
	if err := t.take(ask); err != nil {
		return err
	}
	t.attend(all, 0)
	return nil
}

// attend makes one of the encounters that were judged the one that goes on.
func (t *turn) attend(all []encounter, i int) {
	t.sent, t.browsers = all[i].sent, t.meetings[i]
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
