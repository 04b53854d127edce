package engine

import (
	"context"

	"grapevine/model"
	"grapevine/store"
)

// ToldRecipient is somebody of whom the merchant is asked whether they may get
// a mail that somebody else wants to be sent to them.
type ToldRecipient struct{ Email string }

// asksAbout reports whether the merchant is asked about the recipients of a kind of
// mail in a campaign, and where.
func (t *turn) asksAbout(kind model.MailKind, campaign model.CampaignID) (model.Endpoint, bool) {
	if !kind.ToFriends() {
		return model.Endpoint{}, false
	}
	endpoints := t.cfg.Endpoints(model.RecipientsQuestioned, campaign)
	if len(endpoints) == 0 {
		return model.Endpoint{}, false
	}
	return endpoints[0], true
}

// askRecipients asks the merchant about the mails of the turn that go to
// friends, but for those whom we would send none: a question is a delivery of
// its own.
func (t *turn) askRecipients() error {
	var asking []*model.Mail
	var endpoint model.EndpointID
	var addresses []string
	for _, m := range t.mails {
		if to, asks := t.asksAbout(m.Kind, m.Campaign); asks {
			m.State, endpoint = model.MailAsking, to.ID
			asking, addresses = append(asking, m), append(addresses, m.Address)
		}
	}
	if len(asking) == 0 {
		return nil
	}
	suppressed, err := t.tx.Suppressed(addresses)
	if err != nil {
		return err
	}
	d, job, err := t.e.newDelivery(endpoint, t.now)
	if err != nil {
		return err
	}
	var items []store.Item
	for _, m := range asking {
		if _, is := suppressed[m.Address]; is || t.cfg.blockedAddress(m.Recipient) {
			m.State, m.EndedAt = model.MailSuppressed, t.now
			continue
		}
		items = append(items, store.Item{Delivery: d.ID, Subject: int64(m.ID)})
	}
	if len(items) == 0 {
		return nil
	}
	d.Items = int64(len(items))
	t.tx.InsertDeliveries([]model.Delivery{d})
	t.tx.InsertItems(items)
	t.jobs = append(t.jobs, job)
	return nil
}

// toldRecipients reads the recipients of mails that the merchant is asked
// about.
func toldRecipients(tx *store.Tx, ids []model.MailID) (map[model.MailID]*ToldRecipient, error) {
	mails, err := tx.Mails(ids)
	told := make(map[model.MailID]*ToldRecipient, len(mails))
	for _, m := range mails {
		if m.State == model.MailAsking && m.Recipient != "" {
			told[m.ID] = &ToldRecipient{m.Recipient}
		}
	}
	return told, err
}

// endAuthorization records how a question about recipients ended, and lets the
// mails go that are allowed. Without an answer none is.
func (e *Engine) endAuthorization(ctx context.Context, s *Sending, o Outcome) error {
	allowed := map[string]bool{}
	for _, email := range o.Allowed {
		allowed[model.FoldEmail(email)] = o.State == model.DeliveryDelivered
	}
	return e.inTurn(ctx, s.Job.Account, func(t *turn) error {
		held, err := t.tx.FinishJob(&s.Job)
		if err != nil {
			return err
		}
		if !held {
			return ErrLeaseLost
		}
		if err := endHeld(t.tx, []*Ended{{s, Outcome{Attempt: o.Attempt, State: o.State}}}, t.now); err != nil {
			return err
		}
		items, err := t.tx.Items([]model.DeliveryID{s.Delivery.ID})
		if err != nil {
			return err
		}
		ids := make([]model.MailID, len(items))
		for i, item := range items {
			ids[i] = model.MailID(item.Subject)
		}
		mails, err := t.tx.LockMails(ids)
		if err != nil {
			return err
		}
		for _, m := range mails {
			if m.State != model.MailAsking {
				continue
			}
			if allowed[model.FoldEmail(m.Recipient)] {
				m.State = model.MailWaiting
				t.sendLater(m)
			} else {
				m.State, m.EndedAt = model.MailForbidden, t.now
			}
			t.tx.SaveMail(m)
		}
		return nil
	})
}
