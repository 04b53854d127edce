package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"grapevine/model"
	"grapevine/store"
)

// Naming says which participant is meant: by id or UUID, by a code of theirs, by a
// coupon that they hold, or by their address in a campaign.
type Naming struct {
	ID       model.ParticipantID
	UUID     string
	Code     string
	Coupon   string
	Campaign model.CampaignID
	Email    string
}

// FindParticipant finds who is meant. It fails with NotFound, and with Invalid
// where nobody who takes part holds the coupon.
func (e *Engine) FindParticipant(ctx context.Context, account model.AccountID, n Naming) (model.ParticipantID, error) {
	var id model.ParticipantID
	err := e.store.View(ctx, account, func(tx *store.Tx) (err error) {
		id, _, err = named(tx, n)
		return err
	})
	return id, err
}

// ParticipantsAt finds who takes part in a campaign under addresses, by the
// address as it was asked for; those of nobody are left out.
func (e *Engine) ParticipantsAt(ctx context.Context, account model.AccountID, campaign model.CampaignID, emails ...string) (map[string]model.ParticipantID, error) {
	found := map[string]model.ParticipantID{}
	err := e.store.View(ctx, account, func(tx *store.Tx) error {
		for _, email := range emails {
			id, _, err := named(tx, Naming{Campaign: campaign, Email: email})
			switch {
			case err == nil:
				found[email] = id
			case model.KindOf(err) != model.NotFound:
				return err
			}
		}
		return nil
	})
	return found, err
}

func named(tx *store.Tx, n Naming) (model.ParticipantID, *store.HeldCoupon, error) {
	switch {
	case n.Coupon != "":
		c, err := tx.CouponByCode(n.Coupon)
		if err != nil {
			return 0, nil, err
		}
		id, err := holderOf(tx, c)
		if err == nil && id == 0 {
			err = &model.Error{Kind: model.Invalid, Reason: model.CouponFree, Field: "coupon", Msg: "nobody who takes part holds the coupon"}
		}
		return id, c, err
	case n.Code != "":
		owner, err := tx.CodeOwner(model.FoldCode(n.Code))
		if err != nil {
			return 0, nil, err
		}
		if owner.Participant == 0 {
			return 0, nil, participantUnknown()
		}
		return owner.Participant, nil, nil
	case n.Email != "":
		found, err := tx.Look(store.Lookup{Email: model.FoldEmail(n.Email)})
		if err != nil || found.ByEmail == 0 {
			return 0, nil, cmp.Or(err, participantUnknown())
		}
		parts, err := tx.Parts(found.ByEmail)
		if p := partIn(parts, n.Campaign); err == nil && p != nil {
			return p.ID, nil, nil
		}
		return 0, nil, cmp.Or(err, participantUnknown())
	}
	id := n.ID
	if n.UUID != "" {
		var err error
		if id, err = tx.ParticipantByUUID(strings.ToLower(n.UUID)); err != nil {
			return 0, nil, err
		}
	}
	p, _, err := tx.Participant(id)
	if err != nil {
		return 0, nil, err
	}
	return p.ID, nil, nil
}

func participantUnknown() error {
	return &model.Error{Kind: model.NotFound, Reason: model.ParticipantUnknown, Msg: "the participant is not known"}
}

// QualifyNamed is Qualify of whoever is meant; a coupon that names them is
// marked as used, or, when it is taken back, as not used. It reports whether
// the participant was not so already. It fails as FindParticipant does.
func (e *Engine) QualifyNamed(ctx context.Context, account model.AccountID, n Naming, qualified bool) (changed bool, err error) {
	err = e.inTurn(ctx, account, func(t *turn) error {
		id, coupon, err := named(t.tx, n)
		if err != nil {
			return err
		}
		p, person, advocate, err := t.lockPart(id)
		if err != nil {
			return err
		}
		if changed, err = t.setQualified(p, person, advocate, qualified); err != nil || coupon == nil {
			return err
		}
		return t.useCoupon(coupon, id, person, qualified)
	})
	return changed, err
}

// useCoupon marks a coupon of somebody who is locked as used, or not.
func (t *turn) useCoupon(c *store.HeldCoupon, holder model.ParticipantID, person model.PersonID, used bool) error {
	uses, err := t.tx.LockCoupon(c.CouponRef)
	if err != nil || used == (uses > 0) {
		return err
	}
	kind := model.CouponReturned
	if used {
		kind = model.CouponUsed
		t.tx.UseCoupon(c.CouponRef, t.now)
	}
	event := t.happened(kind, person)
	event.Subject, event.Facts.Coupon = int64(holder), &c.CouponRef
	if used {
		return nil
	}
	event.Facts.Uses = uses
	// What the coupon came with may have been revoked while it counted as used.
	c, err = t.tx.CouponByCode(c.Code)
	if err != nil {
		return err
	}
	var void time.Time
	if c.State == model.Revoked {
		void = t.now
	}
	t.tx.ReturnCoupon(c.CouponRef, void)
	return nil
}

// Change is what is to be another way of a participant; nil leaves it.
type Change struct {
	FirstName *string // of the person, as the three below; "" takes it away
	LastName  *string
	IP, Agent *string
	Email     *string // the main address from then on: the old one finds nobody
	Qualified *bool
	State     *model.State
	Restored  bool // from being suspended to what they were before
	// Invitation is an invitation code of the campaign's own, which lets in who
	// becomes active for the first time; "" is none.
	Invitation string
	Card       *CardChange
	// ReferralCode is the code of who brought them. It changes nothing where
	// somebody did already, nor where it counts for nobody.
	ReferralCode string
	// NoBlocked refuses an address that the account blocks.
	NoBlocked bool
}

// ChangeParticipant changes a participant, all of it or nothing. It fails with
// NotFound, with Conflict where somebody else has the address, with
// TransitionForbidden, with TooManyFromIP and InvitationInvalid as a join does,
// and with PersonBlocked where that was asked for.
func (e *Engine) ChangeParticipant(ctx context.Context, account model.AccountID, id model.ParticipantID, c Change) error {
	var who Who
	if c.FirstName != nil {
		who.FirstName = *c.FirstName
	}
	if c.LastName != nil {
		who.LastName = *c.LastName
	}
	if c.IP != nil {
		who.IP = *c.IP
	}
	if c.Agent != nil {
		who.Agent = *c.Agent
	}
	if c.Email != nil {
		who.Email = *c.Email
	}
	if err := cmp.Or(who.check(), c.Card.check()); err != nil {
		return err
	}
	return e.inTurn(ctx, account, func(t *turn) error {
		if c.NoBlocked {
			if err := t.refuseBlocked(who.Email, who.IP); err != nil {
				return err
			}
		}
		said, err := t.saidToBring(c.ReferralCode)
		if err != nil {
			return err
		}
		p, person, advocate, err := t.lockPartOf(id, said)
		if err != nil {
			return err
		}
		comesIn := p.ActiveAt.IsZero() && c.State != nil && *c.State == model.StateActive
		if err := t.useInvitation(p, person, c.Invitation, comesIn); err != nil {
			return err
		}
		if said != nil {
			if advocate, err = t.bringBy(said, p, person, advocate, who.IP); err != nil {
				return err
			}
		}
		if c.Qualified != nil {
			if _, err := t.setQualified(p, person, advocate, *c.Qualified); err != nil {
				return err
			}
		}
		if c.Card != nil {
			if err := t.changeCard(p, c.Card); err != nil {
				return err
			}
			t.tellOf(p, model.PersonChanged)
			t.saveParticipant(p)
		}
		if err := t.changeStanding(p, person, advocate, c); err != nil || c.FirstName == nil && c.LastName == nil && c.Email == nil && c.IP == nil && c.Agent == nil {
			return err
		}
		if err := t.rename(person, who); err != nil {
			return err
		}
		if err := t.takeAway(person, c); err != nil {
			return err
		}
		event := t.happened(model.CustomerKept, person)
		sent, err := json.Marshal(eventDetail{Sent: mustJSON(struct {
			FirstName string `json:"first_name,omitempty"`
			LastName  string `json:"last_name,omitempty"`
			Email     string `json:"email,omitempty"`
		}{who.FirstName, who.LastName, who.Email})})
		if err != nil {
			return err
		}
		t.tx.InsertDetail(event.ID, string(sent))
		return nil
	})
}

// changeStanding brings a locked participant to the state that is asked for.
func (t *turn) changeStanding(p *model.Participant, person, advocate model.PersonID, c Change) error {
	switch {
	case c.Restored:
		if err := t.restoreState(p, person); err != nil {
			return err
		}
	case c.State == nil:
		return nil
	case p.State == model.StateUnconfirmed && *c.State == model.StateApplied:
		return t.confirm(p, person, advocate)
	default:
		if changed, err := t.changeState(p, person, *c.State); err != nil || !changed {
			return err
		}
	}
	t.saveParticipant(p)
	return nil
}

// mustJSON is JSON of a struct of texts, which can always be written.
func mustJSON(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}

// rename gives a person who is locked another name or main address.
func (t *turn) rename(person model.PersonID, who Who) error {
	a := actor{id: person}
	told := Who{FirstName: who.FirstName, LastName: who.LastName, IP: who.IP, Agent: who.Agent, Server: true}
	if who.Email != "" {
		folded := model.FoldEmail(who.Email)
		found, err := t.tx.Look(store.Lookup{Email: folded})
		if err != nil {
			return err
		}
		if found.ByEmail != 0 && found.ByEmail != person {
			return &model.Error{Kind: model.Conflict, Reason: model.EmailTaken, Field: "email", Msg: "somebody else has the address"}
		}
		if found.ByEmail == 0 {
			a.naming = []model.Identity{{Kind: model.Email, Value: folded, Shown: who.Email, Person: person}}
		}
		if err := t.admit(a, told); err != nil {
			return err
		}
		return t.replaceMain(a, folded)
	}
	return t.admit(a, told)
}

// takeAway empties what a change says is nothing of a person who is locked.
func (t *turn) takeAway(person model.PersonID, c Change) error {
	had, err := t.tx.Profile(person)
	has := had
	for _, text := range []struct {
		sent *string
		kept *string
	}{{c.FirstName, &has.FirstName}, {c.LastName, &has.LastName}, {c.IP, &has.IP}, {c.Agent, &has.Agent}} {
		if text.sent != nil && *text.sent == "" {
			*text.kept = ""
		}
	}
	if err != nil || has == had {
		return err
	}
	t.tx.ReplaceProfile(has)
	t.shows(person, inAllLists)
	if has.Name() != had.Name() {
		t.renews(person)
	}
	return nil
}

// RemoveParticipant ends somebody's part in a campaign: their codes lead
// nowhere, what waits to be earned or delivered there is taken back, unless they
// are in it as somebody else whom they were merged with, and what was delivered
// stays theirs. Who took part nowhere else, and was known for
// nothing else, is erased. It fails with NotFound.
func (e *Engine) RemoveParticipant(ctx context.Context, account model.AccountID, id model.ParticipantID) error {
	return e.inTurn(ctx, account, func(t *turn) error {
		p, person, advocate, err := t.lockPart(id)
		if err != nil {
			return err
		}
		parts, err := t.tx.Parts(person)
		if err != nil {
			return err
		}
		others := slices.DeleteFunc(parts, func(other store.Part) bool { return other.ID == p.ID })
		if err := t.undoOpen(p, person, others); err != nil {
			return err
		}
		t.happened(model.Left, person).Subject = int64(p.ID)
		t.tellLeft(p)
		t.uncountParticipant(p)
		if err := t.forgetPoints(p); err != nil {
			return err
		}
		if p.InvitedBy != 0 { // whom the message was about
			store.DeleteDetails(t.tx, []model.EventID{p.InvitedBy})
		}
		codes, err := t.forgetLinks(p.ID)
		if err != nil {
			return err
		}
		for _, c := range codes {
			if c.Named { // the directory would keep what somebody is called
				t.tx.ReleaseCode(c.Folded)
			}
		}
		t.tx.DeleteParticipant(p.ID)
		t.gone = append(t.gone, store.Change{Lists: store.InPeople, Gone: p.ID})
		t.shows(p.Person, store.InHoldings)
		t.shows(advocate, store.InPeople) // who brought one fewer
		only, err := t.isOnly(person, others)
		if err != nil || !only {
			return err
		}
		t.happened(model.Erased, person)
		return t.erase(person, p.ID)
	})
}

// undoOpen takes back what a locked person waits for in a campaign in which
// they take part no longer. Who was merged may still be in it as another.
func (t *turn) undoOpen(p *model.Participant, person model.PersonID, others []store.Part) error {
	if slices.ContainsFunc(others, func(other store.Part) bool { return other.Campaign == p.Campaign }) {
		return nil
	}
	open, err := t.tx.OpenRewards(t.group(person), p.Campaign)
	if err != nil {
		return err
	}
	for _, w := range open {
		if err := t.undo(w); err != nil {
			return err
		}
	}
	return nil
}

// isOnly reports whether nothing is known of a locked person but that they
// were a participant, who is none of the others that they are.
func (t *turn) isOnly(person model.PersonID, others []store.Part) (bool, error) {
	if t.persons[person].Purchases > 0 || len(t.books) > 0 || len(others) > 0 {
		return false, nil
	}
	for _, id := range t.group(person) {
		if known, err := t.tx.HasCustomerID(id); err != nil || known {
			return false, err
		}
	}
	return true, nil
}

// uncountParticipant takes a participant off the counters.
func (t *turn) uncountParticipant(p *model.Participant) {
	t.tallyIn(p.Campaign, tallyJoined, -1)
	t.countState(p, -1)
	if !p.QualifiedAt.IsZero() {
		t.countQualified(p, -1)
	}
	if p.Referrer != 0 && !p.ConfirmedAt.IsZero() {
		t.tallyIn(p.Campaign, tallyReferred, -1)
		t.bring(p.Referrer, -1)
	}
}
