package store

import (
	"slices"
	"time"

	"grapevine/model"
)

const mailColumns = `id, kind, state, campaign_id, participant_id, person_id, sender_id, subject_id, code_id, recipient, address, body,
	widget_id, widget, attempts, error, at, slot_at, first_at, ended_at, opened_at, clicked_at, bounced_at, spam_at`

func scanMail(r Row) (*model.Mail, error) {
	m := &model.Mail{}
	var made, slot, first, ended, opened, clicked, bounced, spam int64
	err := r.Scan(&m.ID, &m.Kind, &m.State, &m.Campaign, &m.Participant, &m.Person, &m.Sender, &m.Subject, &m.Code, &m.Recipient, &m.Address, &m.Body,
		&m.WidgetID, &m.Widget, &m.Attempts, &m.Error, &made, &slot, &first, &ended, &opened, &clicked, &bounced, &spam)
	m.At, m.SlotAt, m.FirstAt, m.EndedAt = at(made), at(slot), at(first), at(ended)
	m.OpenedAt, m.ClickedAt, m.BouncedAt, m.SpamAt = at(opened), at(clicked), at(bounced), at(spam)
	return m, err
}

// InsertMails queues new mails.
func (tx *Tx) InsertMails(mails []*model.Mail) {
	rows := make([][]any, len(mails))
	for i, m := range mails {
		rows[i] = []any{m.ID, string(m.Kind), string(m.State), m.Campaign, m.Participant, m.Person, m.Sender, m.Subject, m.Code, m.Recipient, m.Address, m.Body,
			m.WidgetID, m.Widget, m.Attempts, m.Error, ms(m.At), ms(m.SlotAt), ms(m.FirstAt), ms(m.EndedAt), ms(m.OpenedAt), ms(m.ClickedAt), ms(m.BouncedAt), ms(m.SpamAt)}
	}
	tx.insert("mail", mailColumns, rows, "")
}

// Mails finds mails by their ids, in their order. Those that are not there are
// left out.
func (tx *Tx) Mails(ids []model.MailID) ([]*model.Mail, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	listed := few(ids)
	return tx.mailRows(`SELECT `+mailColumns+`
		FROM mail
		WHERE account_id = $1 AND id IN (`+in(2, len(listed))+`)
		ORDER BY id`, listed...)
}

// LockMails is Mails, and keeps others from changing them until the
// transaction ends.
func (tx *Tx) LockMails(ids []model.MailID) ([]*model.Mail, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	listed := few(ids)
	return tx.mailRows(`SELECT `+mailColumns+`
		FROM mail
		WHERE account_id = $1 AND id IN (`+in(2, len(listed))+`)
		ORDER BY id`+tx.engine.ForUpdate(), listed...)
}

// MailsOf lists the mails about a subject, oldest first.
func (tx *Tx) MailsOf(subject int64) ([]*model.Mail, error) {
	return tx.mailRows(`SELECT `+mailColumns+`
		FROM mail
		WHERE account_id = $1 AND subject_id = $2 AND subject_id <> 0
		ORDER BY id`, subject)
}

// LatestMailTo finds the newest mail that was sent to an address; nil where
// there is none.
func (tx *Tx) LatestMailTo(address string) (*model.Mail, error) {
	list, err := tx.mailRows(`SELECT `+mailColumns+`
		FROM mail
		WHERE account_id = $1 AND address = $2 AND address <> '' AND state IN ('sent', 'bounced')
		ORDER BY id DESC
		LIMIT 1`, address)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], nil
}

func (tx *Tx) mailRows(sql string, args ...any) ([]*model.Mail, error) {
	var list []*model.Mail
	err := tx.read(sql, func(r Row) error {
		m, err := scanMail(r)
		list = append(list, m)
		return err
	}, args...)
	return list, err
}

// MailedSince lists the addresses that somebody asked mail to be sent to from
// a time on, with repetitions.
func (tx *Tx) MailedSince(sender model.PersonID, since time.Time, kind model.MailKind) ([]string, error) {
	var list []string
	err := tx.read(`SELECT address
		FROM mail
		WHERE account_id = $1 AND sender_id = $2 AND sender_id <> 0 AND at >= $3 AND kind = $4`,
		func(r Row) error {
			var address string
			err := r.Scan(&address)
			list = append(list, address)
			return err
		}, sender, ms(since), string(kind))
	return list, err
}

// LatestMailOf is when the newest mail of a kind was left to somebody as a
// participant, zero where there is none.
func (tx *Tx) LatestMailOf(person model.PersonID, participant model.ParticipantID, kind model.MailKind) (time.Time, error) {
	var latest int64
	err := tx.read(`SELECT COALESCE(MAX(at), 0)
		FROM mail
		WHERE account_id = $1 AND person_id = $2 AND person_id <> 0 AND participant_id = $3 AND kind = $4`,
		func(r Row) error { return r.Scan(&latest) }, person, participant, string(kind))
	return at(latest), err
}

// SaveMail queues the fields of a locked mail that an attempt and its end
// change.
func (tx *Tx) SaveMail(m *model.Mail) {
	tx.write(`UPDATE mail
		SET state = $3, recipient = $4, address = $5, attempts = $6, error = $7, slot_at = $8, first_at = $9, ended_at = $10, bounced_at = $11, spam_at = $12
		WHERE account_id = $1 AND id = $2`,
		m.ID, string(m.State), m.Recipient, m.Address, m.Attempts, m.Error, ms(m.SlotAt), ms(m.FirstAt), ms(m.EndedAt), ms(m.BouncedAt), ms(m.SpamAt))
}

// ForbidMails queues that the mails which a question asks about are not sent:
// there is nobody left to answer it.
func (tx *Tx) ForbidMails(question model.DeliveryID, now time.Time) {
	tx.write(`UPDATE mail
		SET state = 'forbidden', ended_at = $3
		WHERE account_id = $1 AND state = 'asking' AND id IN (
			SELECT subject_id
			FROM delivery_item
			WHERE account_id = $1 AND delivery_id = $2)`, question, ms(now))
}

// MailOpened marks a mail as opened and reports whether it was not before.
func (tx *Tx) MailOpened(id model.MailID, now time.Time) (bool, error) {
	n, err := tx.change(`UPDATE mail
		SET opened_at = $3
		WHERE account_id = $1 AND id = $2 AND opened_at = 0`, id, ms(now))
	return n == 1, err
}

// MailClicked marks a mail as followed and reports whether it was not before.
func (tx *Tx) MailClicked(id model.MailID, now time.Time) (bool, error) {
	n, err := tx.change(`UPDATE mail
		SET clicked_at = $3
		WHERE account_id = $1 AND id = $2 AND clicked_at = 0`, id, ms(now))
	return n == 1, err
}

// InsertMailMarks queues what happened with mails.
func (tx *Tx) InsertMailMarks(marks []model.MailMark) {
	rows := make([][]any, len(marks))
	for i, m := range marks {
		rows[i] = []any{m.ID, m.Mail, string(m.Mark), m.Facet, ms(m.At)}
	}
	tx.insert("mail_mark", "id, mail_id, mark, facet_id, at", rows, "")
}

// RemarkMail queues that a mark of a facet and a time is another one of
// another facet.
func (tx *Tx) RemarkMail(id model.MailID, facet model.FacetID, made time.Time, as model.Mark, to model.FacetID) {
	tx.write(`UPDATE mail_mark
		SET mark = $5, facet_id = $6
		WHERE account_id = $1 AND facet_id = $2 AND facet_id <> 0 AND at = $3 AND mail_id = $4`,
		facet, ms(made), id, string(as), to)
}

// LockPace tells when the sending rate lets the next mail go, and keeps others
// from sending until the transaction ends.
func (tx *Tx) LockPace() (time.Time, error) {
	tx.write(`INSERT INTO mail_pace (account_id, next_at)
		VALUES ($1, 0)
		ON CONFLICT DO NOTHING`)
	var next int64
	err := tx.read(`SELECT next_at
		FROM mail_pace
		WHERE account_id = $1`+tx.engine.ForUpdate(),
		func(r Row) error { return r.Scan(&next) })
	return at(next), err
}

// SavePace queues when the sending rate lets the next mail go.
func (tx *Tx) SavePace(next time.Time) {
	tx.write(`UPDATE mail_pace
		SET next_at = $2
		WHERE account_id = $1`, ms(next))
}

// VoidMailsOf ends the mails of a person that are not sent yet: those that the
// person was to get, and those that were to go to others at their request.
func (tx *Tx) VoidMailsOf(group []model.PersonID, now time.Time) error {
	for chunk := range slices.Chunk(group, 64) {
		listed := few(chunk)
		err := tx.voidMails(now, `SELECT id
			FROM mail
			WHERE account_id = $1 AND person_id IN (`+in(2, len(listed))+`) AND person_id <> 0 AND state IN ('asking', 'waiting')
			UNION
			SELECT id
			FROM mail
			WHERE account_id = $1 AND sender_id IN (`+in(2, len(listed))+`) AND sender_id <> 0 AND state IN ('asking', 'waiting')`, listed...)
		if err != nil {
			return err
		}
	}
	return nil
}

// VoidMailsTo is VoidMailsOf for an address.
func (tx *Tx) VoidMailsTo(address string, now time.Time) error {
	return tx.voidMails(now, `SELECT id
		FROM mail
		WHERE account_id = $1 AND address = $2 AND address <> '' AND state IN ('asking', 'waiting')`, address)
}

func (tx *Tx) voidMails(now time.Time, sql string, args ...any) error {
	ids, err := as[model.MailID](tx.ids(sql, args...))
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(ids, 64) {
		// Locked in the order in which senders lock them.
		mails, err := tx.LockMails(chunk)
		if err != nil {
			return err
		}
		for _, m := range mails {
			if m.State == model.MailAsking || m.State == model.MailWaiting {
				m.State, m.EndedAt = model.MailVoid, now
				tx.SaveMail(m)
			}
		}
	}
	return nil
}

// EraseMailsOf takes from up to limit mails of a person what they say: those
// that the person got, and those that went to others at their request. What
// was not sent yet will not be. The hash of an address stays, so that its
// owner can still want no more mail. It returns how many there were.
func (tx *Tx) EraseMailsOf(person model.PersonID, limit int, now time.Time) (int, error) {
	return tx.eraseMails(now, `SELECT id
		FROM mail
		WHERE account_id = $1 AND person_id = $2 AND person_id <> 0 AND (recipient <> '' OR body <> '' OR state IN ('asking', 'waiting'))
		UNION
		SELECT id
		FROM mail
		WHERE account_id = $1 AND sender_id = $2 AND sender_id <> 0 AND (recipient <> '' OR body <> '' OR state IN ('asking', 'waiting'))
		LIMIT $3`, person, limit)
}

// EraseMailsTo is EraseMailsOf for an address.
func (tx *Tx) EraseMailsTo(address string, limit int, now time.Time) (int, error) {
	return tx.eraseMails(now, `SELECT id
		FROM mail
		WHERE account_id = $1 AND address = $2 AND address <> '' AND (recipient <> '' OR body <> '' OR state IN ('asking', 'waiting'))
		LIMIT $3`, address, limit)
}

func (tx *Tx) eraseMails(now time.Time, sql string, args ...any) (int, error) {
	ids, err := as[model.MailID](tx.ids(sql, args...))
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	// Locked in the order in which senders lock them.
	mails, err := tx.LockMails(ids)
	if err != nil {
		return 0, err
	}
	for _, m := range mails {
		if m.State == model.MailAsking || m.State == model.MailWaiting {
			m.State, m.EndedAt = model.MailVoid, now
		}
		tx.write(`UPDATE mail
			SET recipient = '', body = '', error = '', state = $3, ended_at = $4
			WHERE account_id = $1 AND id = $2`, m.ID, string(m.State), ms(m.EndedAt))
	}
	return len(ids), Redact(tx, ids)
}

// ListMails lists up to limit mails above an id, oldest first.
func (tx *Tx) ListMails(above model.MailID, limit int) ([]*model.Mail, error) {
	return tx.mailRows(`SELECT `+mailColumns+`
		FROM mail
		WHERE account_id = $1 AND id > $2
		ORDER BY id
		LIMIT $3`, above, limit)
}
