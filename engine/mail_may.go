package engine

import (
	"slices"

	"grapevine/model"
	"grapevine/store"
)

// Whether a mail may go is asked in the transaction that begins an attempt:
// whatever became of its recipient, its sender and its object since it was left
// counts.

// refused is how a mail ends that may not be sent; "" for one that may.
func (d *desk) refused(m *model.Mail) (model.MailState, error) {
	if m.Recipient == "" {
		return model.MailVoid, nil
	}
	if _, suppressed := d.suppressed[m.Address]; suppressed || d.cfg.blockedAddress(m.Recipient) {
		return model.MailSuppressed, nil
	}
	void := !d.stands(m) || !d.sends(m) || !d.holds(m)
	if !void && m.Kind == model.RewardMail {
		w, err := d.tx.Reward(model.RewardID(m.Subject))
		if err != nil {
			return "", err
		}
		void = w.State != model.Earned && w.State != model.Delivered
	}
	if void {
		return model.MailVoid, nil
	}
	return "", nil
}

// stands reports whether who gets a mail is still who it was left for: not
// suspended, and in the state that it tells of.
func (d *desk) stands(m *model.Mail) bool {
	person := m.Person
	if person == 0 {
		person = d.owners[model.FoldEmail(m.Recipient)]
	}
	if d.suspended(person, m.Campaign) {
		return false
	}
	if m.Participant == 0 {
		return true
	}
	seats := d.seats[person]
	at := slices.IndexFunc(seats, func(s store.Seat) bool { return s.Participant == m.Participant })
	if at < 0 {
		return false
	}
	state, told := tellsOf[m.Kind]
	return !told || seats[at].State == state
}

// tellsOf is which state a mail tells of that somebody came to: they are not
// told once they are in another.
var tellsOf = map[model.MailKind]model.State{
	model.ConfirmationMail: model.StateUnconfirmed, model.InvitationMail: model.StateInvited,
	model.RejectionMail: model.StateRejected, model.FriendInvitationMail: model.StateInvited,
}

// sends reports whether the person at whose request a mail goes, if somebody
// asked for it, takes part and may share.
func (d *desk) sends(m *model.Mail) bool {
	if m.Sender == 0 {
		return true
	}
	takesPart := slices.ContainsFunc(d.seats[m.Sender], func(s store.Seat) bool { return s.Campaign == m.Campaign })
	return takesPart && !d.suspended(m.Sender, m.Campaign) && !d.cfg.blockedAddress(d.contacts[m.Sender].Email)
}

func (d *desk) suspended(person model.PersonID, campaign model.CampaignID) bool {
	return slices.ContainsFunc(d.seats[person], func(s store.Seat) bool {
		return s.Campaign == campaign && s.State == model.StateSuspended
	})
}

// holds reports whether a mail still leads to where it was meant to.
func (d *desk) holds(m *model.Mail) bool {
	if m.Kind == model.RewardMail || m.Kind == model.RejectionMail || m.Kind == model.StockMail {
		return true // it tells of what stays as it is
	}
	campaign, err := d.cfg.Campaign(m.Campaign)
	if err != nil || campaign.Archived {
		return false
	}
	switch m.Kind {
	case model.InvitationMail:
		// The merchant's own act, also where nobody else comes in: only one that
		// was in time, and is too late by now, is none any more.
		ends := campaign.EndsAt
		return ends.IsZero() || d.now.Before(ends) || !m.At.Before(ends)
	case model.ShareMail, model.ReminderMail:
		code := d.codes[m.Code]
		return campaign.Live(d.now) && code != "" && !d.cfg.BlockedCode(code)
	}
	return campaign.Live(d.now)
}
