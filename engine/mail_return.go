package engine

import (
	"context"
	"strings"

	"grapevine/model"
)

// MailNews is what is told of a mail that was sent.
type MailNews int

const (
	MailDidNotArrive MailNews = iota // for whatever reason
	MailHasNoMailbox                 // there is no such recipient, and will not be
	MailIsSpam                       // the recipient says
	MailIsUnwanted                   // the recipient wants no more
)

// MailReturn is news of a mail, from who brought it on.
type MailReturn struct {
	News    MailNews
	Token   string // that the mail carried; "" where it got lost
	Address string // of the recipient, as who tells it knows it; may be empty
	Said    string // in the words of the recipient's server; may be empty
}

// NoMailbox reports whether an enhanced status code (RFC 3463) says that a
// mailbox is not there, and will not be.
func NoMailbox(code string) bool {
	return strings.HasPrefix(code, "5.1.") && code != "5.1.7" && code != "5.1.8" || code == "5.2.1"
}

// MailReturned takes news of a mail. News of none that we know is only about
// its address. Saying it again changes nothing.
func (e *Engine) MailReturned(ctx context.Context, account model.AccountID, r MailReturn) error {
	return e.inTurn(ctx, account, func(t *turn) error {
		m, err := t.returned(r)
		if err != nil {
			return err
		}
		if m == nil {
			reason := r.News.reason()
			if reason == "" || r.Address == "" {
				return nil
			}
			_, err := t.suppress(t.e.addressHash(r.Address), r.Address, reason)
			return err
		}
		switch r.News {
		case MailIsUnwanted:
			return t.optOut(m, model.Unsubscribed)
		case MailIsSpam:
			if m.SpamAt.IsZero() {
				m.SpamAt = t.now
				t.mark(m, model.MarkSpam)
				t.tx.SaveMail(m)
			}
			return t.optOut(m, model.SpamComplaint)
		}
		return t.bounced(m, r.News, r.Said)
	})
}

// reason is why an address gets no more mail of which something is told; "" is
// none.
func (n MailNews) reason() model.SuppressionReason {
	switch n {
	case MailHasNoMailbox:
		return model.HardBounce
	case MailIsSpam:
		return model.SpamComplaint
	case MailIsUnwanted:
		return model.Unsubscribed
	}
	return ""
}

// returned finds and locks the mail that news are of: by its token, else the
// latest to the address; nil where there is none.
func (t *turn) returned(r MailReturn) (*model.Mail, error) {
	account, id, err := t.e.mailOf(r.Token)
	if err != nil || account != t.cfg.ID {
		if r.Address == "" {
			return nil, nil
		}
		latest, err := t.tx.LatestMailTo(t.e.addressHash(r.Address))
		if err != nil || latest == nil {
			return nil, err
		}
		id = latest.ID
	}
	found, err := t.tx.LockMails([]model.MailID{id})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// bounced takes note that a locked mail, which a server had taken, did not
// arrive.
func (t *turn) bounced(m *model.Mail, news MailNews, said string) error {
	if m.BouncedAt.IsZero() {
		if m.State == model.MailSent {
			t.undeliver(m)
		}
		m.State, m.BouncedAt = model.MailBounced, t.now
		if m.Recipient != "" {
			m.Error = cut(said, mostSaid)
		}
		t.mark(m, model.MarkBounced)
		t.tx.SaveMail(m)
	}
	if news != MailHasNoMailbox {
		return nil
	}
	return t.noMailbox(m)
}

// undeliver takes back that a mail arrived: it is counted as bounced instead.
func (t *turn) undeliver(m *model.Mail) {
	was, is := facetOf(markedIn(m, model.MarkDelivered)), t.facet(markedIn(m, model.MarkUndelivered))
	t.touch(was, m.EndedAt)
	t.touch(is, m.EndedAt)
	t.tx.RemarkMail(m.ID, was, m.EndedAt, model.MarkUndelivered, is)
}

// noMailbox keeps further mail from an address that there is not. A participant
// who has it is suspended.
func (t *turn) noMailbox(m *model.Mail) error {
	fresh, err := t.suppress(m.Address, m.Recipient, model.HardBounce)
	if err != nil || !fresh || m.Participant == 0 {
		return err
	}
	// Later, in a turn of its own: persons are locked before mails.
	t.jobs = append(t.jobs, model.Job{ID: model.JobID(t.id()), Kind: model.JobSuspend, Subject: int64(m.Participant), RunAt: t.now})
	return nil
}

// suspendUnreachable suspends a participant whose address there is not; one who
// is no more, or is suspended, stays as they are.
func (e *Engine) suspendUnreachable(ctx context.Context, account model.AccountID, id model.ParticipantID) error {
	suspended := model.StateSuspended
	err := e.ChangeParticipant(ctx, account, id, Change{State: &suspended})
	if model.KindOf(err) == model.NotFound || model.ReasonOf(err) == model.TransitionForbidden {
		return nil
	}
	return err
}
