package engine

import (
	"context"
	"strconv"

	"grapevine/engine/letter"
	"grapevine/model"
	"grapevine/store"
)

// recipients are the participants whom the mails of jobs go to, where the
// wording says how they stand. It is looked at before the attempts begin: a
// waitlist may have to be built, which no writer is to wait for.
func (e *Engine) recipients(ctx context.Context, account model.AccountID, jobs []model.Job) (map[model.MailID]*ParticipantView, error) {
	cfg, err := e.Config(ctx, account)
	if err != nil || !cfg.mailsSayStanding() {
		return nil, err
	}
	ids := make([]model.MailID, len(jobs))
	for i, j := range jobs {
		ids[i] = model.MailID(j.Subject)
	}
	known := make(map[model.MailID]*ParticipantView, len(ids))
	began := e.now()
	err = e.store.View(ctx, account, func(tx *store.Tx) error {
		mails, err := tx.Mails(ids)
		if err != nil {
			return err
		}
		to := map[model.ParticipantID][]model.MailID{}
		for _, m := range mails {
			id, err := recipientOf(tx, m)
			if err != nil {
				return err
			}
			if id != 0 {
				to[id] = append(to[id], m.ID)
			}
		}
		among := make([]model.ParticipantID, 0, len(to))
		for id := range to {
			among = append(among, id)
		}
		views, err := e.viewParticipants(tx, cfg, among, Relations{})
		if err != nil {
			return err
		}
		for _, v := range views {
			for _, id := range to[v.ID] {
				known[id] = v
			}
		}
		// What brought a mail has often just moved its recipient.
		if err := e.waiting.of(account).follow(tx, began); err != nil {
			return err
		}
		return e.withPlaces(tx, began, cfg, views)
	})
	return known, err
}

// recipientOf is who gets a mail, as a participant of the campaign that it is
// about; 0: nobody.
func recipientOf(tx *store.Tx, m *model.Mail) (model.ParticipantID, error) {
	if m.Participant != 0 || m.Person == 0 || m.Campaign == 0 {
		return m.Participant, nil
	}
	parts, err := tx.EnrolledAs(m.Campaign, []model.PersonID{m.Person})
	return parts[m.Person].ID, err
}

// mailsSayStanding tells whether the wording of any mail says how its recipient
// stands. What a campaign words, its shares, goes to who takes no part.
func (c *Config) mailsSayStanding() bool {
	for _, own := range c.Settings.Email.Wording {
		if (letter.Wording{Subject: own.Subject, Text: own.Text}).SaysStanding() {
			return true
		}
	}
	return false
}

// standingOf is what a mail says of a participant; nil is nobody.
func standingOf(v *ParticipantView) letter.Standing {
	if v == nil {
		return letter.Standing{}
	}
	s := letter.Standing{Referrals: strconv.FormatInt(v.Referrals, 10), StandingLink: v.StandingURL()}
	if v.Place != nil {
		s.Position = strconv.Itoa(v.Place.Position)
	}
	if v.Card != nil {
		s.Vars = v.Card.Vars
	}
	return s
}
