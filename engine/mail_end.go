package engine

import (
	"context"
	"time"

	"grapevine/model"
)

// MailOutcome is what the next server said to a mail.
type MailOutcome int

const (
	MailDeferred MailOutcome = iota // not now: it is tried again
	MailTaken
	MailUnknown // there is no such recipient: the address gets no more mail
	MailRefused // this mail is not wanted, whoever gets it
)

const (
	mailGiveUp    = 5 * 24 * time.Hour // as other senders do
	mailFirstWait = 30 * time.Second
	mailLongest   = time.Hour // between two attempts
	mostSaid      = 512       // bytes that are kept of what a server says
)

// nextAttempt is when a mail is tried again after so many attempts; false gives
// it up.
func nextAttempt(attempts int64, first, now time.Time) (time.Time, bool) {
	wait := mailLongest
	if attempts < 8 {
		wait = min(wait, mailFirstWait<<(attempts-1))
	}
	next := now.Add(wait)
	return next, !next.After(first.Add(mailGiveUp))
}

// EndMail records what came of an attempt, and what the next server said to
// it. It returns how the mail stands, and when it is tried again if that is
// to be. It fails with ErrLeaseLost.
func (e *Engine) EndMail(ctx context.Context, p *Posting, outcome MailOutcome, said string) (state model.MailState, next time.Time, err error) {
	err = e.inTurn(ctx, p.Job.Account, func(t *turn) error {
		// Held first: whoever begins an attempt locks the job before the mail.
		held, err := t.tx.HoldJobs([]model.Job{p.Job})
		if err != nil {
			return err
		}
		if len(held) == 0 {
			return ErrLeaseLost
		}
		mails, err := t.tx.LockMails([]model.MailID{p.Mail})
		if err != nil {
			return err
		}
		if len(mails) == 0 || mails[0].Attempts != p.Attempt {
			return ErrLeaseLost
		}
		m := mails[0]
		next, err = t.endMail(m, outcome, said)
		if err != nil {
			return err
		}
		state = m.State
		if m.State == model.MailWaiting {
			_, err = t.tx.RetryJob(&p.Job, next, "")
		} else {
			_, err = t.tx.FinishJob(&p.Job)
		}
		return err
	})
	return state, next, err
}

// endMail ends an attempt of a locked mail. One that was erased while it was on
// its way keeps nothing of what was said of its recipient.
func (t *turn) endMail(m *model.Mail, outcome MailOutcome, said string) (next time.Time, err error) {
	if m.State == model.MailBounced { // that news was faster than who took it
		return next, nil
	}
	m.Error = ""
	if outcome != MailTaken && m.Recipient != "" {
		m.Error = cut(said, mostSaid)
	}
	again := false
	if outcome == MailDeferred && m.State == model.MailWaiting {
		next, again = nextAttempt(m.Attempts, m.FirstAt, t.now)
	}
	switch {
	case again, outcome == MailDeferred && m.State == model.MailVoid: // the latter ended meanwhile
		t.tx.SaveMail(m)
		return next, nil
	case outcome == MailTaken:
		m.State = model.MailSent
		t.mark(m, model.MarkDelivered)
		t.remindLater(m)
	case outcome == MailUnknown:
		m.State, m.BouncedAt = model.MailBounced, t.now
		t.mark(m, model.MarkBounced)
		if err := t.noMailbox(m); err != nil {
			return next, err
		}
	default:
		m.State, m.BouncedAt = model.MailFailed, t.now
		t.mark(m, model.MarkBounced)
	}
	m.EndedAt = t.now
	t.tx.SaveMail(m)
	return next, nil
}

// remindLater leaves a job that follows a share up.
func (t *turn) remindLater(m *model.Mail) {
	after := t.cfg.Settings.Email.RemindersAfter
	if m.Kind != model.ShareMail || after == 0 {
		return
	}
	t.jobs = append(t.jobs, model.Job{ID: model.JobID(t.id()), Kind: model.JobRemind, Subject: int64(m.ID), RunAt: t.now.Add(after)})
}

// remind follows up a mail of a share that nobody followed: once, and to whom
// it arrived.
func (e *Engine) remind(ctx context.Context, account model.AccountID, id model.MailID) error {
	return e.inTurn(ctx, account, func(t *turn) error {
		found, err := t.tx.Mails([]model.MailID{id})
		if err != nil || len(found) == 0 || t.cfg.Settings.Email.RemindersAfter == 0 {
			return err
		}
		// All mails of the share, those of reminders too: which is the first to
		// be followed up is counted.
		about, err := t.tx.MailsOf(found[0].Subject)
		if err != nil {
			return err
		}
		ids := make([]model.MailID, len(about))
		for i, m := range about {
			ids[i] = m.ID
		}
		if _, err = t.tx.LockMails(ids); err != nil {
			return err
		}
		// Read again: who held the locks before may have left a reminder.
		if about, err = t.tx.MailsOf(found[0].Subject); err != nil {
			return err
		}
		var share *model.Mail
		first := true
		for _, m := range about {
			switch {
			case m.ID == id:
				share = m
			case m.Kind == model.ReminderMail && m.Address == found[0].Address:
				return nil
			case m.Kind == model.ReminderMail:
				first = false
			}
		}
		if share == nil || share.State != model.MailSent || share.Recipient == "" || !share.ClickedAt.IsZero() || !share.SpamAt.IsZero() {
			return nil
		}
		reminder := *share
		reminder.Kind, reminder.Attempts = model.ReminderMail, 0
		reminder.SlotAt, reminder.FirstAt, reminder.EndedAt, reminder.OpenedAt = time.Time{}, time.Time{}, time.Time{}, time.Time{}
		if t.leave(&reminder); first {
			t.mark(&reminder, model.MarkShare)
		}
		return nil
	})
}
