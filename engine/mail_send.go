package engine

import (
	"cmp"
	"context"
	"maps"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"

	"grapevine/engine/letter"
	"grapevine/model"
	"grapevine/store"
)

// Posting is an attempt of a mail that has begun: all that it takes to send it.
type Posting struct {
	Job         model.Job
	Mail        model.MailID
	Attempt     int64
	At          time.Time // of the mail: the same at all attempts
	From        mail.Address
	To          string
	Bounces     string // where bounces go to: an address of this mail alone
	MessageID   string // without brackets; the same at all attempts
	Token       string // names the mail where services tell what became of it
	Unsubscribe string // address for one click; "" for mail that cannot be ordered off
	Letter      letter.Letter
}

// StartMails begins an attempt of each mail that claimed jobs of one queue are
// for, and returns those that are to be sent. Whether somebody may get mail is
// asked here, in the transaction that begins the attempt: what was said before
// it holds. A job whose mail has ended is finished here, one that the sending
// rate holds back is due when that lets it go, and one whose lease was lost is
// left out.
func (e *Engine) StartMails(ctx context.Context, q model.Queue, jobs []model.Job) ([]Posting, error) {
	var postings []Posting
	recipients, err := e.recipients(ctx, q.Account, jobs)
	if err != nil {
		return nil, err
	}
	err = e.inTurn(ctx, q.Account, func(t *turn) error {
		postings = nil
		held, err := t.tx.HoldJobs(jobs)
		if err != nil || len(held) == 0 {
			return err
		}
		desk, err := t.openDesk(held)
		if err != nil {
			return err
		}
		desk.recipients = recipients
		for _, job := range held {
			m := desk.mails[model.MailID(job.Subject)]
			if m == nil || m.State != model.MailWaiting {
				if _, err := t.tx.FinishJob(&job); err != nil {
					return err
				}
				continue
			}
			p, err := desk.start(m, job)
			if err != nil {
				return err
			}
			if p != nil {
				postings = append(postings, *p)
			}
		}
		desk.close()
		return nil
	})
	return postings, err
}

// desk is where mails of an account are looked at together before they are
// sent.
type desk struct {
	*turn
	mails      map[model.MailID]*model.Mail // locked
	contacts   map[model.PersonID]*store.Contact
	suppressed map[string]model.Suppression
	codes      map[model.CodeID]string
	recipients map[model.MailID]*ParticipantView // where the wording says how they stand
	owners     map[string]model.PersonID         // who has an address that a mail to a friend goes to
	seats      map[model.PersonID][]store.Seat
	interval   time.Duration // between two mails; 0: no limit
	next       time.Time     // when the sending rate lets the next mail go
}

func (t *turn) openDesk(jobs []model.Job) (*desk, error) {
	d := &desk{turn: t, mails: map[model.MailID]*model.Mail{}}
	ids := make([]model.MailID, len(jobs))
	for i, j := range jobs {
		ids[i] = model.MailID(j.Subject)
	}
	mails, err := t.tx.LockMails(ids)
	if err != nil {
		return nil, err
	}
	var persons []model.PersonID
	var codes []model.CodeID
	var friends []string
	for _, m := range mails {
		d.mails[m.ID] = m
		persons = append(persons, m.Person, m.Sender)
		if m.Code != 0 {
			codes = append(codes, m.Code)
		}
		if m.Person == 0 && m.Recipient != "" {
			friends = append(friends, model.FoldEmail(m.Recipient))
		}
	}
	if d.contacts, err = t.tx.Contacts(persons); err != nil {
		return nil, err
	}
	if d.codes, err = t.tx.CodesShown(codes); err != nil {
		return nil, err
	}
	if d.owners, err = t.tx.PersonsNamed(model.Email, friends); err != nil {
		return nil, err
	}
	if d.seats, err = t.tx.Seats(append(persons, slices.Collect(maps.Values(d.owners))...)); err != nil {
		return nil, err
	}
	var addresses []string
	for _, m := range mails {
		if m.Person != 0 { // who may have another address than at the last attempt
			m.Recipient = d.contacts[m.Person].Email
		}
		if m.Recipient != "" {
			m.Address = t.e.addressHash(m.Recipient)
			addresses = append(addresses, m.Address)
		}
	}
	if d.suppressed, err = t.tx.Suppressed(addresses); err != nil {
		return nil, err
	}
	if n := t.cfg.Settings.Email.PerMinute; n > 0 {
		d.interval = time.Minute / time.Duration(n)
		d.next, err = t.tx.LockPace()
	}
	return d, err
}

// slotLate is how late a mail may use the time that it was given: those that
// waited for a server that was down do not come all at once.
const slotLate = 10 * time.Second

// waits reports whether the sending rate holds a mail back, and until when.
func (d *desk) waits(m *model.Mail) bool {
	if d.interval == 0 || !m.SlotAt.IsZero() && d.now.Sub(m.SlotAt) <= slotLate {
		return false
	}
	m.SlotAt = d.next
	if m.SlotAt.Before(d.now) {
		m.SlotAt = d.now
	}
	d.next = m.SlotAt.Add(d.interval)
	return m.SlotAt.After(d.now)
}

func (d *desk) close() {
	if d.interval > 0 {
		d.tx.SavePace(d.next)
	}
}

// unanswered is what a try says that nobody lived to complete.
const unanswered = "no answer was recorded"

// start begins an attempt of a mail, unless it waits or is not to be sent; then
// it returns nil.
func (d *desk) start(m *model.Mail, job model.Job) (*Posting, error) {
	state, err := d.refused(m)
	if err != nil {
		return nil, err
	}
	if state != "" {
		m.State, m.EndedAt = state, d.now
		if m.Attempts == 0 {
			m.Recipient, m.Address = "", ""
		}
		d.tx.SaveMail(m)
		_, err := d.tx.FinishJob(&job)
		return nil, err
	}
	if d.waits(m) {
		d.tx.SaveMail(m)
		_, err := d.tx.RetryJob(&job, m.SlotAt, "")
		return nil, err
	}
	m.Attempts++
	if m.FirstAt.IsZero() {
		m.FirstAt = d.now
	}
	m.Error = unanswered
	d.tx.SaveMail(m)
	return d.posting(m, job)
}

// posting writes a mail.
func (d *desk) posting(m *model.Mail, job model.Job) (*Posting, error) {
	p := &Posting{
		Job: job, Mail: m.ID, Attempt: m.Attempts, At: m.At, To: m.Recipient, Token: d.e.mailToken(job.Account, m.ID),
	}
	campaign := d.cfg.campaignOf(m)
	fill, err := d.filling(m, campaign)
	if err != nil {
		return nil, err
	}
	return p, d.e.write(p, d.cfg, campaign, m.Kind, fill)
}

// write says what a posting says, and who it comes from, by its token.
func (e *Engine) write(p *Posting, cfg *Config, campaign *model.Campaign, kind model.MailKind, fill letter.Filling) error {
	p.From = e.sender(cfg)
	_, host := splitAddress(p.From.Address)
	p.MessageID = p.Token + "@" + host
	p.Bounces = returnTo(cmp.Or(cfg.Settings.Email.Bounces, p.From.Address), p.Token)
	frame := letter.FrameOf(kind, campaign.Lang, fill)
	if pages := e.publicURL + "/mail/"; kind != model.ConfirmationMail {
		p.Unsubscribe = pages + "unsubscribe/" + p.Token
		frame.Unsubscribe, frame.Pixel = p.Unsubscribe, pages+"open/"+p.Token+".gif"
		if fill.Link != "" {
			fill.Link = pages + "click/" + p.Token
		}
	}
	if fill.Sender != "" {
		p.From.Name = fill.Sender + " via " + cmp.Or(p.From.Name, fill.Account)
	}
	written, err := letter.Write(wordingOf(cfg, campaign, kind, fill.Message != ""), fill, frame)
	if err == nil {
		p.Letter = *written
	}
	return err
}

// sender is who mail of an account comes from.
func (e *Engine) sender(cfg *Config) mail.Address {
	if from, err := mail.ParseAddress(cfg.Settings.Email.From); err == nil {
		if from.Name == "" {
			from.Name = cfg.Settings.Name
		}
		return *from
	}
	host := "localhost"
	if u, err := url.Parse(e.publicURL); err == nil && u.Hostname() != "" {
		host = u.Hostname()
	}
	return mail.Address{Name: cfg.Settings.Name, Address: "no-reply@" + host}
}

// mostLocal is how many bytes may stand before the @ of an address (RFC 5321).
const mostLocal = 64

// returnTo is where bounces of one mail go to: an address of its own, where one
// fits. Else the mail is told by its Message-ID, which a bounce quotes.
func returnTo(address, token string) string {
	local, host := splitAddress(address)
	if len(local)+1+len(token) > mostLocal {
		return address
	}
	return local + "+" + token + "@" + host
}

func splitAddress(address string) (local, host string) {
	at := strings.LastIndexByte(address, '@')
	return address[:max(at, 0)], address[at+1:]
}
