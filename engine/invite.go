package engine

import (
	"context"
	"encoding/json"
	"slices"

	"grapevine/engine/fraud"
	"grapevine/model"
)

// FriendInvitation is a participant's wish that a friend comes in at once.
type FriendInvitation struct {
	Campaign model.CampaignID
	Inviter  string // address of the participant
	Friend   string // address of somebody who takes no part yet
	Message  string // in the inviter's words; may be empty
}

// FriendInvited is an invitation that was made.
type FriendInvited struct {
	Recorded
	Inviter, Friend model.ParticipantID
}

// longestMessage is how many bytes the message of an invitation may have.
const longestMessage = 4000

// inviters are the states of who may invite.
var inviters = []model.State{model.StateInvited, model.StateActive, model.StateIdle}

// InviteFriend makes somebody a participant who is invited, at the wish of
// another one, and leaves the mail that tells them. It is no referral: nobody
// is credited. Each participant may invite as many as the campaign says. Fails
// with ParticipantUnknown for the inviter, InviterUnfit, InvitationsSpent,
// EmailTaken for a friend who takes part, PersonBlocked and CampaignNotLive.
func (e *Engine) InviteFriend(ctx context.Context, account model.AccountID, f FriendInvitation) (*FriendInvited, error) {
	who := Who{Email: f.Friend, Server: true}
	if err := who.check(); err != nil {
		return nil, err
	}
	if len(f.Message) > longestMessage {
		return nil, &model.Error{Kind: model.Invalid, Field: "message", Msg: "message is too long"}
	}
	var answer *FriendInvited
	err := e.inTurn(ctx, account, func(t *turn) error {
		campaign, err := t.offered(f.Campaign)
		if err != nil {
			return err
		}
		if err := t.refuseBlocked(f.Friend, ""); err != nil {
			return err
		}
		id, _, err := named(t.tx, Naming{Campaign: f.Campaign, Email: f.Inviter})
		if err != nil {
			return err
		}
		_, person, err := t.tx.Participant(id)
		if err != nil {
			return err
		}
		found, err := t.tx.Look(t.lookup(occurrence{Who: who}, 0))
		if err != nil {
			return err
		}
		friend := t.identify(found, who)
		if err := t.stand([]model.PersonID{friend.known()}, []model.PersonID{person}, false); err != nil {
			return err
		}
		inviter, err := t.mayInvite(id, campaign)
		if err != nil {
			return err
		}
		if parts, err := t.partsOf(friend); err != nil || partIn(parts, campaign.ID) != nil {
			if err == nil {
				err = &model.Error{Kind: model.Conflict, Reason: model.EmailTaken, Field: "friend", Msg: "the friend takes part already"}
			}
			return err
		}
		if err := t.admit(friend, who); err != nil {
			return err
		}
		answer, err = t.inviteFriend(inviter, person, campaign, friend, f)
		return err
	})
	return answer, err
}

// refuseBlocked fails with PersonBlocked for an address that the account
// blocks, of mail or of the network.
func (t *turn) refuseBlocked(email, ip string) error {
	party := fraud.Party{IP: ip}
	if email != "" {
		party.Emails = []string{model.FoldEmail(email)}
	}
	if len(t.cfg.checks.Blocked(party)) == 0 {
		return nil
	}
	return &model.Error{Kind: model.Denied, Reason: model.PersonBlocked, Field: "email", Msg: "the address is blocked"}
}

// mayInvite reads a participant whose person is locked, and who may invite one
// more.
func (t *turn) mayInvite(id model.ParticipantID, campaign *model.Campaign) (*model.Participant, error) {
	p, _, err := t.tx.Participant(id)
	switch {
	case err != nil:
		return nil, err
	case !slices.Contains(inviters, p.StateAt(t.now, campaign.IdleAfter)):
		return nil, &model.Error{Kind: model.Conflict, Reason: model.InviterUnfit, Field: "inviter", Msg: "only who is invited or active may invite"}
	case p.Invitations >= int64(campaign.FriendInvitations):
		return nil, &model.Error{Kind: model.Conflict, Reason: model.InvitationsSpent, Field: "inviter", Msg: "no invitation is left"}
	}
	return p, nil
}

// inviteFriend makes the friend a participant, all checks passed.
func (t *turn) inviteFriend(inviter *model.Participant, person model.PersonID, campaign *model.Campaign, friend actor, f FriendInvitation) (*FriendInvited, error) {
	p, _, err := t.makeParticipant(campaign, friend.id, SourceInvited, LinkRequest{})
	if err != nil {
		return nil, err
	}
	event := t.happened(model.FriendInvited, person)
	event.Subject, event.Facts.By = int64(p.ID), inviter.ID
	p.InvitedBy, p.ConfirmedAt = event.ID, t.now
	t.come(p, model.StateInvited)
	t.recordState(p, friend.id, "")
	t.addParticipant(p)
	inviter.Invitations++
	t.saveParticipant(inviter)
	mail := t.mailTo(p, model.FriendInvitationMail)
	mail.Sender, mail.Body = person, mailBody{Message: f.Message}.text()
	if f.Message != "" {
		text, err := json.Marshal(f.Message)
		if err != nil {
			return nil, err
		}
		if err := t.keep(event, eventDetail{Sent: text}); err != nil {
			return nil, err
		}
	}
	return &FriendInvited{
		Recorded: Recorded{Event: event.ID, UUID: event.UUID, At: t.now}, Inviter: inviter.ID, Friend: p.ID,
	}, nil
}
