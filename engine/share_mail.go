package engine

import (
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"grapevine/engine/address"
	"grapevine/model"
)

// ShareMail is what goes to friends when a link is shared by mail.
type ShareMail struct {
	To      []Recipient
	Message string // in the sharer's words; "" is as the account proposes
}

// Recipient is somebody whom a share goes to.
type Recipient struct {
	Email string
	Name  string // as the sharer calls them; may be empty
}

const (
	// mostRecipients is to how many friends a share goes at most, and
	// mostDaily how many mails go out for somebody in a day: anybody can say
	// that they share, and whom they name has not asked for it.
	mostRecipients = 50
	mostDaily      = 200
	mostMessage    = 2000 // characters
	// shareAgain is after how long a friend may get a share of the same
	// person's again.
	shareAgain = 24 * time.Hour
)

func (m *ShareMail) check() error {
	if m == nil {
		return nil
	}
	if len(m.To) == 0 || len(m.To) > mostRecipients {
		return &model.Error{Kind: model.Invalid, Field: "recipients", Msg: "a share by mail has 1 to " + strconv.Itoa(mostRecipients) + " recipients"}
	}
	if utf8.RuneCountInString(m.Message) > mostMessage || !utf8.ValidString(m.Message) {
		return &model.Error{Kind: model.Invalid, Field: "message", Msg: "the message has more than " + strconv.Itoa(mostMessage) + " characters"}
	}
	for i, to := range m.To {
		field := "recipients[" + strconv.Itoa(i) + "]"
		if !address.Valid(to.Email) {
			return &model.Error{Kind: model.Invalid, Field: field, Msg: field + " is no e-mail address"}
		}
		if err := tooLong(field, to.Name); err != nil {
			return err
		}
	}
	return nil
}

// shareByMail leaves the mails of a share, and returns how many there are:
// whoever got one of the same person's within a day is left out. Fails with
// Limited for who shares too much.
func (t *turn) shareByMail(s *ShareMail, event *model.Event, in model.Facet, code *model.Code) (int, error) {
	if in.Channel != mailed {
		return 0, &model.Error{Kind: model.Invalid, Field: "channel", Msg: "only a share by e-mail has recipients"}
	}
	had, err := t.tx.MailedSince(event.Person, t.now.Add(-shareAgain), model.ShareMail)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, to := range s.To {
		hash := t.e.addressHash(to.Email)
		if slices.Contains(had, hash) {
			continue
		}
		if had = append(had, hash); len(had) > mostDaily {
			return 0, &model.Error{Kind: model.Limited, Reason: model.CallsTooOften, Field: "recipients", Msg: "no more than " + strconv.Itoa(mostDaily) + " mails a day go out for one person"}
		}
		n++
		t.leave(&model.Mail{
			Kind: model.ShareMail, Campaign: code.Campaign, Sender: event.Person, Subject: int64(event.ID), Code: code.ID,
			Recipient: to.Email, Address: hash, Body: mailBody{Name: to.Name, Message: s.Message}.text(),
			WidgetID: in.WidgetID, Widget: in.Widget,
		})
	}
	return n, nil
}
