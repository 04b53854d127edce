package engine

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"strings"
	"time"

	"grapevine/model"
)

// mailBody is what only one mail says: the erasable part of it.
type mailBody struct {
	Name    string `json:"name,omitempty"`    // of the recipient, as the sender wrote it
	Message string `json:"message,omitempty"` // in the sender's words
}

func (b mailBody) text() string {
	text, err := json.Marshal(b)
	if err != nil {
		panic(err) // texts always marshal
	}
	if string(text) == "{}" {
		return ""
	}
	return string(text)
}

// mailTo leaves a mail to a participant, who is found when it is sent: it goes
// to the address that is theirs by then.
func (t *turn) mailTo(p *model.Participant, kind model.MailKind) *model.Mail {
	m := &model.Mail{Kind: kind, Campaign: p.Campaign, Participant: p.ID, Person: p.Person, Code: p.Code}
	t.leave(m)
	return m
}

// confirmAgain is after how long a repeated sign-up gets another mail that asks
// whether its address is theirs.
const confirmAgain = 10 * time.Minute

// greet leaves the mail that a join brings beside that of the participant's
// state: the one that was asked for, or once more the one that asks for the
// address to be confirmed.
func (t *turn) greet(p *model.Participant, j Join, created bool) error {
	unconfirmed := p.State == model.StateUnconfirmed
	if created && j.Notify && !unconfirmed {
		t.mailTo(p, model.NotifyMail)
	}
	if created || !unconfirmed || j.Kind != model.SignUp {
		return nil
	}
	last, err := t.tx.LatestMailOf(p.Person, p.ID, model.ConfirmationMail)
	if err == nil && t.now.Sub(last) >= confirmAgain {
		t.mailTo(p, model.ConfirmationMail)
	}
	return err
}

// mailReward tells who earned a reward of it, where the account wants that.
func (t *turn) mailReward(w *model.Reward) {
	if t.cfg.Settings.Email.Rewards && w.Person != 0 {
		t.leave(&model.Mail{Kind: model.RewardMail, Campaign: w.Campaign, Person: w.Person, Subject: int64(w.ID)})
	}
}

// leave leaves a mail to be sent. The caller may go on filling it in until the
// turn is written.
func (t *turn) leave(m *model.Mail) {
	m.ID, m.State, m.At = model.MailID(t.id()), model.MailWaiting, t.now
	t.mails = append(t.mails, m)
	t.mark(m, model.MarkRecipient)
}

// sendLater leaves the job that sends a mail.
func (t *turn) sendLater(m *model.Mail) {
	t.jobs = append(t.jobs, model.Job{ID: model.JobID(t.id()), Kind: model.JobMail, Subject: int64(m.ID), RunAt: t.now})
}

// writeMails queues the mails of the turn, and what sends them.
func (t *turn) writeMails() error {
	if err := t.askRecipients(); err != nil {
		return err
	}
	for _, m := range t.mails {
		if m.State == model.MailWaiting {
			t.sendLater(m)
		}
	}
	t.tx.InsertMails(t.mails)
	t.tx.InsertMailMarks(t.mailMarks)
	return nil
}

// mark says that something happened with a mail: a row that is listed and
// counted.
func (t *turn) mark(m *model.Mail, mark model.Mark) {
	t.mailMarks = append(t.mailMarks, model.MailMark{
		ID: t.id(), Mail: m.ID, Mark: mark, Facet: t.facet(markedIn(m, mark)), At: t.now,
	})
}

// markedIn is what a mark of a mail is listed under.
func markedIn(m *model.Mail, mark model.Mark) model.Facet {
	return model.Facet{
		List: model.MailMarks, Campaign: m.Campaign, Channel: mailed, WidgetID: m.WidgetID, Widget: m.Widget,
		Kind: model.MailFacetKind(m.Kind, mark),
	}
}

// addressHash is what an address is known by where its text may be erased.
func (e *Engine) addressHash(email string) string {
	return e.secret.Digest("address", model.FoldEmail(email))
}

// A mail's token carries its account and id, signed, so that what comes back
// needs no lookup and cannot be made up. It is in the mail's links, its
// Message-ID and the address that bounces go to, some of which lose their case
// on the way.

const mailMAC = 10

var mailTokens = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func (e *Engine) mailToken(account model.AccountID, id model.MailID) string {
	var raw [16 + mailMAC]byte
	binary.BigEndian.PutUint64(raw[:], uint64(account))
	binary.BigEndian.PutUint64(raw[8:], uint64(id))
	copy(raw[16:], e.signMail(raw[:16]))
	return mailTokens.EncodeToString(raw[:])
}

func (e *Engine) signMail(of []byte) []byte {
	mac := hmac.New(sha256.New, e.mailKey)
	mac.Write(of)
	return mac.Sum(nil)[:mailMAC]
}

// mailOf reads a token. It fails with NotFound.
func (e *Engine) mailOf(token string) (model.AccountID, model.MailID, error) {
	raw, err := mailTokens.DecodeString(strings.ToLower(token))
	if err != nil || len(raw) != 16+mailMAC || !hmac.Equal(raw[16:], e.signMail(raw[:16])) {
		return 0, 0, mailUnknown()
	}
	return model.AccountID(binary.BigEndian.Uint64(raw)), model.MailID(binary.BigEndian.Uint64(raw[8:])), nil
}

func mailUnknown() error {
	return &model.Error{Kind: model.NotFound, Field: "token", Msg: "the mail is not known"}
}
