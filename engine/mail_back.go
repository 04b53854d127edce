package engine

import (
	"cmp"
	"context"
	"slices"
	"time"

	"grapevine/model"
	"grapevine/store"
)

// What comes back from whoever got a mail.

// MailOpened counts that a mail was opened. A machine is a program that looks
// at mail for others: it is counted apart. Fails with NotFound.
func (e *Engine) MailOpened(ctx context.Context, token string, machine bool) error {
	_, err := e.mailMarked(ctx, token, machine, (*store.Tx).MailOpened, model.MarkOpen, model.MarkOpenAgain, model.MarkOpenMachine)
	return err
}

// MailFollowed counts that the link of a mail was followed, and tells where it
// leads. Fails with NotFound, also where it leads nowhere any more.
func (e *Engine) MailFollowed(ctx context.Context, token string, machine bool) (string, error) {
	return e.mailMarked(ctx, token, machine, (*store.Tx).MailClicked, model.MarkClick, model.MarkClickAgain, model.MarkClickMachine)
}

func (e *Engine) mailMarked(ctx context.Context, token string, machine bool, first func(*store.Tx, model.MailID, time.Time) (bool, error), once, again, byMachine model.Mark) (link string, err error) {
	account, id, err := e.mailOf(token)
	if err != nil {
		return "", err
	}
	err = e.inTurn(ctx, account, func(t *turn) error {
		m, err := t.mailByID(id)
		if err != nil {
			return err
		}
		if link, err = t.leads(m); err != nil {
			return err
		}
		mark := byMachine
		if !machine {
			fresh, err := first(t.tx, m.ID, t.now)
			if err != nil {
				return err
			}
			if mark = again; fresh {
				mark = once
			}
		}
		t.mark(m, mark)
		return nil
	})
	if err == nil && link == "" && once == model.MarkClick {
		err = mailUnknown()
	}
	return link, err
}

func (t *turn) mailByID(id model.MailID) (*model.Mail, error) {
	found, err := t.tx.Mails([]model.MailID{id})
	if err == nil && len(found) == 0 {
		err = mailUnknown()
	}
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// leads is where the link of a mail leads now; "" is nowhere.
func (t *turn) leads(m *model.Mail) (string, error) {
	campaign := &model.Campaign{}
	if m.Campaign != 0 {
		var err error
		if campaign, err = t.cfg.Campaign(m.Campaign); err != nil {
			return "", nil
		}
	}
	var code string
	if m.Code != 0 {
		codes, err := t.tx.CodesShown([]model.CodeID{m.Code})
		if err != nil {
			return "", err
		}
		code = codes[m.Code]
	}
	return t.e.mailLink(t.cfg, campaign, m, code), nil
}

// Subscription is whether whoever got a mail gets more.
type Subscription struct {
	Account string // its name
	Email   string // "" where nobody knows it any more
	Ended   bool
}

// Subscription tells what a mail's token is about, and changes nothing:
// programs that check the links of a mail order nothing off. It fails with
// NotFound.
func (e *Engine) Subscription(ctx context.Context, token string) (*Subscription, error) {
	account, id, err := e.mailOf(token)
	if err != nil {
		return nil, err
	}
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return nil, err
	}
	s := &Subscription{Account: cfg.Settings.Name}
	err = e.store.View(ctx, account, func(tx *store.Tx) error {
		found, err := tx.Mails([]model.MailID{id})
		if err != nil || len(found) == 0 {
			return cmp.Or(err, mailUnknown())
		}
		s.Email = found[0].Recipient
		suppressed, err := tx.Suppressed([]string{found[0].Address})
		s.Ended = suppressed[found[0].Address].Reason == model.Unsubscribed || suppressed[found[0].Address].Reason == model.SpamComplaint
		return err
	})
	return s, err
}

// Unsubscribe keeps mail of the account from whoever got a mail, and tells the
// merchant. Saying it again changes nothing. It fails with NotFound.
func (e *Engine) Unsubscribe(ctx context.Context, token string) error {
	account, id, err := e.mailOf(token)
	if err != nil {
		return err
	}
	return e.inTurn(ctx, account, func(t *turn) error {
		m, err := t.mailByID(id)
		if err != nil {
			return err
		}
		return t.optOut(m, model.Unsubscribed)
	})
}

// optOut keeps mail from whoever got a mail and wants no more, and tells the
// merchant where that is new.
func (t *turn) optOut(m *model.Mail, reason model.SuppressionReason) error {
	known, err := t.tx.Suppressed([]string{m.Address})
	if err != nil {
		return err
	}
	if own := []model.SuppressionReason{model.Unsubscribed, model.SpamComplaint}; slices.Contains(own, known[m.Address].Reason) {
		return nil
	}
	if _, err := t.suppress(m.Address, m.Recipient, reason); err != nil {
		return err
	}
	if reason != model.Unsubscribed {
		return nil
	}
	t.tell(model.EmailOptedOut, m.Campaign, int64(m.ID), nil)
	return t.tellUnsubscribed(m.Recipient)
}

// tellUnsubscribed tells that whoever takes part under an address wants no more
// mail.
func (t *turn) tellUnsubscribed(email string) error {
	folded := model.FoldEmail(email)
	persons, err := t.tx.PersonsNamed(model.Email, []string{folded})
	if err != nil || persons[folded] == 0 {
		return err
	}
	parts, err := t.tx.Parts(persons[folded])
	for i := range parts {
		t.tellOf(&parts[i].Participant, model.PersonUnsubscribed)
	}
	return err
}
