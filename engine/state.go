package engine

import (
	"slices"
	"time"

	"grapevine/model"
)

// moves are the states that a participant may be brought to from each. Who is
// idle is active, and was not seen for long; who is suspended only goes back to
// where they were.
var moves = map[model.State][]model.State{
	model.StateImported:    {model.StateApplied, model.StateInvited, model.StateRejected, model.StateActive, model.StateSuspended},
	model.StateUnconfirmed: {model.StateApplied, model.StateSuspended},
	model.StateApplied:     {model.StateInvited, model.StateRejected, model.StateActive, model.StateSuspended},
	model.StateRejected:    {model.StateInvited, model.StateActive, model.StateSuspended},
	model.StateInvited:     {model.StateRejected, model.StateActive, model.StateSuspended},
	model.StateActive:      {model.StateSuspended},
	model.StateIdle:        {model.StateActive, model.StateSuspended},
}

// begins are the states that a participant may begin in.
var begins = []model.State{model.StateImported, model.StateUnconfirmed, model.StateApplied, model.StateInvited, model.StateActive}

// mails are what somebody is sent who comes to a state.
var mails = map[model.State]model.MailKind{
	model.StateUnconfirmed: model.ConfirmationMail, model.StateInvited: model.InvitationMail, model.StateRejected: model.RejectionMail,
}

// beginAs puts a new participant into a state; "" is as the campaign says.
// Whoever is not unconfirmed counts from the start. It fails with Invalid for a
// state that nobody begins in.
func (t *turn) beginAs(p *model.Participant, person model.PersonID, campaign *model.Campaign, state model.State) error {
	said := state != ""
	if !said {
		state = model.StateApplied
		if campaign.ConfirmEmail {
			state = model.StateUnconfirmed
		}
	}
	if !slices.Contains(begins, state) {
		return &model.Error{Kind: model.Invalid, Reason: model.StateInvalid, Field: "state", Msg: "nobody begins as " + string(state)}
	}
	if state != model.StateUnconfirmed {
		p.ConfirmedAt = t.now
	}
	t.come(p, state)
	t.mailState(p, state)
	if said {
		t.recordState(p, person, "")
	}
	return nil
}

// changeState brings a locked participant, who is that person, to a state, and
// reports whether they were not in it. Who applies that was not confirmed is
// confirmed: the caller raises what waited for it. It fails with
// TransitionForbidden.
func (t *turn) changeState(p *model.Participant, person model.PersonID, to model.State) (bool, error) {
	campaign, err := t.cfg.Campaign(p.Campaign)
	if err != nil {
		return false, err
	}
	from := p.StateAt(t.now, campaign.IdleAfter)
	if from == to {
		return false, nil
	}
	if !slices.Contains(moves[from], to) {
		return false, stateForbidden(from, to)
	}
	was := p.State
	t.countState(p, -1)
	if was == model.StateUnconfirmed && to == model.StateApplied {
		t.countConfirmed(p)
		t.tellOf(p, model.PersonConfirmed)
	}
	if to == model.StateSuspended {
		p.StateBefore = was
	}
	t.come(p, to)
	t.mailState(p, to)
	t.recordState(p, person, was)
	if to == model.StateSuspended {
		_, err = t.forgetLinks(p.ID)
	}
	return true, err
}

// restoreState brings a locked participant who is suspended back to where they
// were. It fails with TransitionForbidden for who is not.
func (t *turn) restoreState(p *model.Participant, person model.PersonID) error {
	if p.State != model.StateSuspended {
		return stateForbidden(p.State, "what they were before")
	}
	t.countState(p, -1)
	p.State, p.StateBefore = p.StateBefore, ""
	t.countState(p, 1)
	t.tellOf(p, model.PersonChanged)
	t.recordState(p, person, model.StateSuspended)
	_, err := t.forgetLinks(p.ID)
	return err
}

func stateForbidden(from, to model.State) error {
	return &model.Error{Kind: model.Conflict, Reason: model.TransitionForbidden, Field: "state",
		Msg: "a participant who is " + string(from) + " cannot become " + string(to)}
}

// come puts a participant into a state, with what that brings.
func (t *turn) come(p *model.Participant, state model.State) {
	p.State = state
	t.countState(p, 1)
	if first := reachedAt(p, state); first != nil && first.IsZero() {
		*first = t.now
	}
	if state == model.StateActive {
		p.SeenAt = later(p.SeenAt, t.now)
	}
}

// mailState leaves the mail that somebody is sent who comes to a state.
func (t *turn) mailState(p *model.Participant, state model.State) {
	if mail, ok := mails[state]; ok {
		t.mailTo(p, mail)
	}
	t.tellState(p)
}

// reachedAt is where a participant says when a state was first reached; nil for
// a state of which nobody asks.
func reachedAt(p *model.Participant, state model.State) *time.Time {
	switch state {
	case model.StateImported:
		return &p.ImportedAt
	case model.StateApplied:
		return &p.AppliedAt
	case model.StateInvited:
		return &p.InvitedAt
	case model.StateActive:
		return &p.ActiveAt
	}
	return nil
}

// countState counts a participant among those in its state. Who has applied is
// who is in no other.
func (t *turn) countState(p *model.Participant, by int64) {
	if p.State != model.StateApplied {
		t.tallyIn(p.Campaign, tallyState(p.State), by)
	}
}

// tallyState is the counter of a campaign's participants in a state.
func tallyState(s model.State) string { return "is_" + string(s) }

// recordState adds the event that says that a participant came to a state.
func (t *turn) recordState(p *model.Participant, person model.PersonID, was model.State) *model.Event {
	event := t.happened(model.StateChanged, person)
	event.Subject, event.Facts.State, event.Facts.Was = int64(p.ID), p.State, was
	return event
}

// forgetLinks makes all nodes look again where a participant's codes lead, and
// returns the codes.
func (t *turn) forgetLinks(id model.ParticipantID) ([]model.Code, error) {
	codes, err := t.tx.CodesOf(id)
	for _, c := range codes {
		t.e.links.drop(c.Folded)
	}
	t.tx.Touch()
	return codes, err
}
