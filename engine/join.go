package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"github.com/google/uuid"

	"grapevine/model"
	"grapevine/store"
)

// Join is a person who signs up, or leaves an e-mail address.
type Join struct {
	Who
	Referral
	Kind     model.EventKind  // SignUp or EmailCapture
	Campaign model.CampaignID // 0: the campaign of the referral, if there is one
	Source   string           // where the participant comes from, in the dialect's words
	// OnlyNew leaves a person alone who takes part in the campaign already: the
	// answer names the participant, and nothing is recorded or changed.
	OnlyNew bool
	// NoBlocked refuses whom the account blocks, who otherwise takes part and
	// earns nothing for anybody.
	NoBlocked bool
	State     model.State // of a new participant; "" is as the campaign says
	// Invitation is an invitation code of the campaign's own, which lets in who
	// begins as active; "" is none.
	Invitation string
	Card       *CardChange     // what is told of the participant; nil is nothing
	Detail     json.RawMessage // kept as sent, until the person is erased
	// Of an e-mail capture: the widget that it was left in, by id or name, and
	// whether newsletters are welcome.
	Widget     string
	Newsletter *bool
	// Notify tells a new participant by mail that they take part, and by which
	// link.
	Notify bool
}

// Joined is the answer to a Join.
type Joined struct {
	Recorded                        // without an event where OnlyNew left the person alone
	Participant model.ParticipantID // 0: the sign-up named no campaign
	Created     bool                // made a participant by this call
}

// Join makes a person a participant of a campaign and raises the sign-up or
// capture, once per person and campaign. The first join that names a referrer
// fixes who referred the person, and raises `invited`. A sign-up that names no
// campaign is recorded all the same, and is raised where the person takes
// part. Where a campaign wants addresses confirmed, a join raises nothing
// until the participant's is. Fails with NotFound for a campaign that is
// unknown or not live, with TooManyFromIP where the campaign takes no more from
// the person's network address, with InvitationInvalid, and with PersonBlocked
// where that was asked for.
func (e *Engine) Join(ctx context.Context, account model.AccountID, j Join) (*Joined, error) {
	if err := cmp.Or(j.Who.check(), j.Card.check()); err != nil {
		return nil, err
	}
	var answer *Joined
	err := e.inTurn(ctx, account, func(t *turn) error {
		if j.NoBlocked {
			if err := t.refuseBlocked(j.Email, j.IP); err != nil {
				return err
			}
		}
		o := occurrence{Who: j.Who, Referral: j.Referral, kind: j.Kind, detail: j.detail()}
		event := t.happened(j.Kind, 0)
		found, err := t.tx.Look(t.lookup(o, event.ID))
		if err != nil {
			return err
		}
		if first := found.First; first != nil {
			answer = &Joined{Recorded: Recorded{Event: first.ID, UUID: first.UUID, At: first.At, Repeated: true}}
			t.events = nil
			return nil
		}
		actor := t.identify(found, j.Who)
		parts, err := t.partsOf(actor)
		if err != nil {
			return err
		}
		sent, ended := t.attribute(found, j.Referral)
		campaign, err := t.campaignOf(j, sent, found)
		if err != nil {
			return err
		}
		if p := partOf(parts, campaign); p != nil && j.OnlyNew {
			answer, t.events = &Joined{Participant: p.ID}, nil
			return nil
		}
		hits := []*hit{sent}
		if sent == nil {
			hits = nil
			if !ended {
				hits = t.byReferrers(parts)
			}
		}
		if j.Campaign != 0 || j.Widget != "" && campaign != nil { // a referral to another campaign is none to this one
			hits = slices.DeleteFunc(hits, func(h *hit) bool { return h.campaign != campaign })
		}
		if err := t.enter(actor, j.Who, hits); err != nil {
			return err
		}
		if j.Kind == model.EmailCapture {
			t.list(event, t.capturedIn(campaign, j.Widget, len(hits) > 0))
		}
		if err := t.note(event, o, found, actor); err != nil {
			return err
		}
		answer = &Joined{Recorded: Recorded{Event: event.ID, UUID: event.UUID, At: t.now}}
		var p *model.Participant
		var brought *hit
		if campaign != nil && actor.id != 0 {
			if p, brought, err = t.takePart(answer, event, j, campaign, sent, parts, actor); err != nil {
				return err
			}
			if p.ConfirmedAt.IsZero() {
				return nil
			}
			if answer.Created || brought != nil {
				t.tellOf(p, model.PersonJoined)
			}
		}
		if j.Kind == model.EmailCapture {
			t.tellCapture(event.ID, campaign, j.Newsletter)
		}
		return t.raise(event, o, actor, hits, campaign, p, brought)
	})
	return answer, err
}

// partsOf is where somebody takes part, oldest first, with who is about to be
// merged into them.
func (t *turn) partsOf(a actor) ([]store.Part, error) {
	if a.known() == 0 {
		return nil, nil
	}
	if a.merge == 0 {
		return t.tx.Parts(a.id)
	}
	both, err := t.tx.PartsOfEach([]model.PersonID{a.id, a.merge})
	return oldestFirst(slices.Concat(both...)), err
}

// oldestFirst sorts where somebody takes part, oldest first.
func oldestFirst(parts []store.Part) []store.Part {
	slices.SortFunc(parts, func(a, b store.Part) int { return cmp.Compare(a.ID, b.ID) })
	return parts
}

// campaignOf is the campaign that a join is for: the one it names, or that of
// the referral or join link it followed.
func (t *turn) campaignOf(j Join, sent *hit, found *store.Found) (*model.Campaign, error) {
	switch {
	case j.Campaign != 0:
		return t.offered(j.Campaign)
	case j.Widget != "":
		if campaign, _, err := t.cfg.Widget("", j.Widget); err == nil && campaign.Live(t.now) {
			return campaign, nil
		}
	}
	switch {
	case sent != nil:
		return sent.campaign, nil
	case found.Code != nil && !t.cfg.BlockedCode(found.Code.Folded):
		return t.live(found.Code.Campaign), nil
	}
	return nil, nil
}

// offered is a live campaign. Fails with NotFound.
func (t *turn) offered(id model.CampaignID) (*model.Campaign, error) {
	campaign, err := t.cfg.Campaign(id)
	if err != nil {
		return nil, err
	}
	if !campaign.Live(t.now) {
		return nil, &model.Error{Kind: model.NotFound, Reason: model.CampaignNotLive, Field: "campaign", Msg: "the campaign is not live"}
	}
	return campaign, nil
}

// takePart makes the person a participant, or finds that they are, and fixes
// who brought them. It returns the referral when this call brought it.
func (t *turn) takePart(answer *Joined, event *model.Event, j Join, campaign *model.Campaign, sent *hit, parts []store.Part, a actor) (p *model.Participant, brought *hit, err error) {
	if partIn(parts, campaign.ID) != nil {
		// Read again: who held the lock before may have fixed who brought them.
		if parts, err = t.tx.Parts(a.id); err != nil {
			return nil, nil, err
		}
	}
	if p = partIn(parts, campaign.ID); p == nil {
		if p, _, err = t.newParticipant(campaign, a.id, j.Source, j.State, LinkRequest{Who: j.Who}); err != nil {
			return nil, nil, err
		}
		answer.Created = true
	}
	answer.Participant = p.ID
	before := *p
	if answer.Created {
		before = model.Participant{}
	}
	// Who was added by the merchant joins by this, and an address that the
	// campaign no longer asks for is confirmed.
	if !answer.Created && (p.State == model.StateImported || p.State == model.StateUnconfirmed && !campaign.ConfirmEmail) {
		if _, err := t.changeState(p, a.id, model.StateApplied); err != nil {
			return nil, nil, err
		}
	}
	if !broughtTo(campaign, parts) && sent != nil && sent.campaign == campaign && sent.advocate != a.id {
		p.Referrer, p.ReferredAt = sent.referrer, sent.from
		brought = sent
		if !p.ConfirmedAt.IsZero() {
			t.countReferred(p)
		}
		if !p.QualifiedAt.IsZero() {
			t.tallyOf(sent.referrer, tallyQualified, 1)
		}
	}
	if err := t.useInvitation(p, a.id, j.Invitation, answer.Created && p.State == model.StateActive); err != nil {
		return nil, nil, err
	}
	signsUp := j.Kind == model.SignUp && p.SignedUpAt.IsZero()
	if err := t.useIP(event, campaign, j.IP, signsUp, brought != nil); err != nil {
		return nil, nil, err
	}
	if signsUp {
		p.SignedUpAt = t.now
	}
	if j.Kind == model.EmailCapture && p.CapturedAt.IsZero() {
		p.CapturedAt = t.now
	}
	switch {
	case answer.Created:
		t.addParticipant(p)
	case *p != before || j.Card != nil:
		t.saveParticipant(p)
		t.tellOf(p, model.PersonChanged)
	}
	if err := t.scoreJoin(&before, p, a.id, advocateIn(parts, p, brought)); err != nil {
		return nil, nil, err
	}
	if j.Card != nil {
		if err := t.changeCard(p, j.Card); err != nil {
			return nil, nil, err
		}
	}
	return p, brought, t.greet(p, j, answer.Created)
}

// What is counted of participants and clicks.
const (
	tallyClick     = "click"
	tallyJoined    = "joined"
	tallyReferred  = "referred"
	tallyQualified = "qualified_now"
)

func partOf(parts []store.Part, campaign *model.Campaign) *model.Participant {
	if campaign == nil {
		return nil
	}
	return partIn(parts, campaign.ID)
}

// newParticipant makes a participant in a state, "" for the one that the
// campaign asks for, whose main code is the link asked for; the caller writes
// the participant.
func (t *turn) newParticipant(campaign *model.Campaign, person model.PersonID, source string, state model.State, r LinkRequest) (*model.Participant, *model.Code, error) {
	p, c, err := t.makeParticipant(campaign, person, source, r)
	if err != nil {
		return nil, nil, err
	}
	return p, c, t.beginAs(p, person, campaign, state)
}

// makeParticipant is newParticipant of one who is in no state yet.
func (t *turn) makeParticipant(campaign *model.Campaign, person model.PersonID, source string, r LinkRequest) (*model.Participant, *model.Code, error) {
	p := &model.Participant{
		ID: model.ParticipantID(t.id()), UUID: uuid.NewString(), Campaign: campaign.ID, Person: person, Source: source, JoinedAt: t.now,
	}
	c, err := t.makeLink(campaign, p, r)
	if err != nil {
		return nil, nil, err
	}
	p.Code = c.ID
	t.tallyIn(campaign.ID, tallyJoined, 1)
	return p, c, nil
}

// raise runs the rules for what happens once per person and campaign: the
// sign-up or capture where it was not seen before, and `invited` where this
// call brought the referrer.
func (t *turn) raise(event *model.Event, o occurrence, a actor, hits []*hit, joined *model.Campaign, p *model.Participant, brought *hit) error {
	if a.id == 0 {
		return nil
	}
	s, err := t.once(event, o, a, hits, joined)
	if err != nil {
		return err
	}
	if event.Kind == model.SignUp && p != nil && s.raisedIn(p.Campaign, model.AsAdvocate) {
		t.list(event, joinedAs(p))
	}
	if err := t.convert(s, hits); err != nil {
		return err
	}
	if brought == nil {
		return nil
	}
	invited := t.happened(model.Invited, a.id)
	yes := true
	invited.Facts.NewCustomer = &yes
	i := o
	i.kind = model.Invited
	s, err = t.once(invited, i, a, []*hit{brought}, joined)
	if err != nil {
		return err
	}
	return t.convert(s, []*hit{brought})
}

// once is the scene of an event that each campaign sees once of a person. The
// rules for whoever acts see what happens in other campaigns, too, which is
// not yet the campaign's own.
func (t *turn) once(event *model.Event, o occurrence, a actor, hits []*hit, joined *model.Campaign) (*scene, error) {
	var asked []store.Raising
	if t.takesPart(a.id) { // who does not may still earn it once they do
		asked = append(asked, store.Raising{Campaign: 0, Role: model.AsEarner})
	}
	if joined != nil {
		asked = append(asked, store.Raising{Campaign: joined.ID, Role: model.AsAdvocate})
	}
	for _, h := range hits {
		asked = append(asked, store.Raising{Campaign: h.campaign.ID, Role: model.AsAdvocate})
	}
	for _, campaign := range t.customerCampaigns() {
		asked = append(asked, store.Raising{Campaign: campaign.ID, Role: model.AsCustomer})
	}
	seen := map[store.Raising]bool{}
	if a.known() != 0 {
		var err error
		if seen, err = t.tx.Raised(t.group(a.id), event.Kind); err != nil {
			return nil, err
		}
	}
	fresh := map[store.Raising]bool{}
	for _, r := range asked {
		if !seen[r] {
			fresh[r] = true
		}
	}
	t.tx.InsertRaised(a.id, event.Kind, event.ID, fresh)
	return &scene{
		event: event, happening: o.happening(), friend: a.id,
		raises: func(id model.CampaignID, role model.Role) bool { return fresh[store.Raising{Campaign: id, Role: role}] },
	}, nil
}
