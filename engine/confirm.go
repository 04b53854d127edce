package engine

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"grapevine/model"
	"grapevine/store"
)

// Confirmation is a participant whose address waits for being confirmed, or
// was.
type Confirmation struct {
	Campaign string // its name
	Email    string // whose address it is; "" where nobody knows it any more
	Landing  string // where to go on to; "" is nowhere
	Done     bool
}

// A confirmation token carries its account and participant, signed, so that
// it needs no lookup and cannot be made up. It goes out by mail and comes back
// from whoever reads the mail.

// ConfirmationToken makes the token that confirms a participant's address.
func (e *Engine) ConfirmationToken(account model.AccountID, participant model.ParticipantID) string {
	var raw [8 + 8 + confirmationMAC]byte
	binary.BigEndian.PutUint64(raw[:], uint64(account))
	binary.BigEndian.PutUint64(raw[8:], uint64(participant))
	copy(raw[16:], e.signConfirmation(raw[:16]))
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

const confirmationMAC = 16

func (e *Engine) signConfirmation(of []byte) []byte {
	mac := hmac.New(sha256.New, e.secret.Key("confirmation"))
	mac.Write(of)
	return mac.Sum(nil)[:confirmationMAC]
}

// confirmationOf reads a token. It fails with NotFound.
func (e *Engine) confirmationOf(token string) (model.AccountID, model.ParticipantID, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != 16+confirmationMAC || !hmac.Equal(raw[16:], e.signConfirmation(raw[:16])) {
		return 0, 0, &model.Error{Kind: model.NotFound, Reason: model.ParticipantUnknown, Field: "token", Msg: "the confirmation is not known"}
	}
	return model.AccountID(binary.BigEndian.Uint64(raw)), model.ParticipantID(binary.BigEndian.Uint64(raw[8:])), nil
}

// Confirmation tells what a token is about, and changes nothing: programs that
// check the links of a mail confirm nobody. It fails with NotFound.
func (e *Engine) Confirmation(ctx context.Context, token string) (*Confirmation, error) {
	account, id, err := e.confirmationOf(token)
	if err != nil {
		return nil, err
	}
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return nil, err
	}
	var c *Confirmation
	err = e.store.View(ctx, account, func(tx *store.Tx) error {
		p, person, err := tx.Participant(id)
		if err != nil {
			return err
		}
		contacts, err := tx.Contacts([]model.PersonID{person})
		if err != nil {
			return err
		}
		campaign, err := cfg.Campaign(p.Campaign)
		if err != nil {
			return err
		}
		c = &Confirmation{Campaign: campaign.Name, Email: contacts[person].Email, Landing: campaign.Landing, Done: !p.ConfirmedAt.IsZero()}
		if c.Landing == "" {
			c.Landing = cfg.Settings.Site
		}
		return nil
	})
	return c, err
}

// Confirm says that a participant's address is theirs. What their joins would
// have raised is raised now, as of now, for whoever brought them. Saying it
// again changes nothing. It fails with NotFound.
func (e *Engine) Confirm(ctx context.Context, token string) error {
	account, id, err := e.confirmationOf(token)
	if err != nil {
		return err
	}
	return e.inTurn(ctx, account, func(t *turn) error {
		p, person, advocate, err := t.lockPart(id)
		if err != nil || !p.ConfirmedAt.IsZero() {
			return err
		}
		if p.State != model.StateUnconfirmed {
			return stateForbidden(p.State, model.StateApplied) // a suspended one waits until that is lifted
		}
		return t.confirm(p, person, advocate)
	})
}

// confirm makes a locked participant whose address waited one whose joins
// count, and raises what waited for it.
func (t *turn) confirm(p *model.Participant, person, advocate model.PersonID) error {
	before := *p
	if _, err := t.changeState(p, person, model.StateApplied); err != nil {
		return err
	}
	t.saveParticipant(p)
	if err := t.scoreJoin(&before, p, person, t.behind(advocate)); err != nil {
		return err
	}
	t.tellOf(p, model.PersonJoined)
	return t.raiseHeld(p, person, t.behind(advocate))
}

// countConfirmed marks a participant as one whose joins count, and counts them
// for who brought them.
func (t *turn) countConfirmed(p *model.Participant) {
	p.ConfirmedAt = t.now
	if p.Referrer != 0 {
		t.countReferred(p)
	}
}

func (t *turn) countReferred(p *model.Participant) {
	t.tallyIn(p.Campaign, tallyReferred, 1)
	t.bring(p.Referrer, 1)
	t.tellOf(p, model.ReferralMade)
}

// raiseHeld raises what the joins of a participant were held back for. The
// window of the referral was open when they joined, and waiting for the mail
// does not close it.
func (t *turn) raiseHeld(p *model.Participant, person, advocate model.PersonID) error {
	campaign := t.live(p.Campaign)
	if campaign == nil {
		return nil
	}
	var hits []*hit
	var brought *hit
	if p.Referrer != 0 {
		brought = &hit{campaign, p.Referrer, advocate, model.ViaReferrer, 0, "", p.ReferredAt}
		hits = append(hits, brought)
	}
	for _, joined := range []struct {
		kind model.EventKind
		held bool
	}{{model.SignUp, !p.SignedUpAt.IsZero()}, {model.EmailCapture, !p.CapturedAt.IsZero()}} {
		if !joined.held {
			continue
		}
		event := t.happened(joined.kind, person)
		event.Subject = int64(p.ID)
		fresh := joined.kind == model.SignUp || t.persons[person].Purchases == 0
		event.Facts.NewCustomer = &fresh
		if err := t.raise(event, occurrence{kind: joined.kind}, actor{id: person}, hits, campaign, p, brought); err != nil {
			return err
		}
		brought = nil // `invited` is raised by the first
	}
	if p.CapturedAt.IsZero() {
		return nil
	}
	return t.tellHeldCaptures(person, campaign)
}
