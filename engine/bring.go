package engine

import (
	"time"

	"grapevine/model"
	"grapevine/store"
)

// saidToBring is the referral that a code names; nil where it counts for
// nobody.
func (t *turn) saidToBring(code string) (*hit, error) {
	if code == "" {
		return nil, nil
	}
	found, err := t.tx.Look(store.Lookup{Code: model.FoldCode(code)})
	if err != nil {
		return nil, err
	}
	return t.byOwner(found.Code, model.ViaCode, time.Time{}), nil
}

// bringBy fixes who brought a locked participant who joined without, and raises
// for who did what the joins raised for nobody; of one who is not confirmed, the
// confirmation raises it. Where somebody brought them before, that stands. It
// returns who brought them by now. ip is where they are, if that was sent.
func (t *turn) bringBy(said *hit, p *model.Participant, person, advocate model.PersonID, ip string) (model.PersonID, error) {
	parts, err := t.tx.Parts(person)
	nobody := said.campaign.ID != p.Campaign || said.advocate == person || t.behind(said.advocate) == 0
	if err != nil || nobody || broughtTo(said.campaign, parts) {
		return advocate, err
	}
	if ip == "" {
		known, err := t.tx.Profile(person)
		if err != nil {
			return 0, err
		}
		ip = known.IP
	}
	event := t.happened(model.Brought, person)
	event.Subject = int64(p.ID)
	if err := t.useIP(event, said.campaign, ip, false, true); err != nil {
		return 0, err
	}
	before := *p
	p.Referrer, p.ReferredAt = said.referrer, said.from
	if !p.ConfirmedAt.IsZero() {
		t.countReferred(p)
	}
	if !p.QualifiedAt.IsZero() {
		t.tallyOf(p.Referrer, tallyQualified, 1)
	}
	t.saveParticipant(p)
	t.tellOf(p, model.PersonChanged)
	if err := t.scoreJoin(&before, p, person, said.advocate); err != nil || p.ConfirmedAt.IsZero() {
		return said.advocate, err
	}
	t.tellOf(p, model.PersonJoined)
	return said.advocate, t.raiseBrought(said, p, person)
}

// raiseBrought runs the rules for who brought a participant whose joins were
// raised before, when nobody had.
func (t *turn) raiseBrought(by *hit, p *model.Participant, person model.PersonID) error {
	for _, raised := range []struct {
		kind model.EventKind
		is   bool
	}{{model.SignUp, !p.SignedUpAt.IsZero()}, {model.EmailCapture, !p.CapturedAt.IsZero()}, {model.Invited, true}} {
		if !raised.is {
			continue
		}
		event := t.happened(raised.kind, person)
		event.Subject = int64(p.ID)
		fresh := raised.kind != model.EmailCapture || t.persons[person].Purchases == 0
		event.Facts.NewCustomer = &fresh
		o := occurrence{kind: raised.kind}
		err := t.convert(&scene{
			event: event, happening: o.happening(), friend: person,
			raises: func(id model.CampaignID, role model.Role) bool {
				return id == by.campaign.ID && role == model.AsAdvocate
			},
		}, []*hit{by})
		if err != nil {
			return err
		}
	}
	return nil
}
