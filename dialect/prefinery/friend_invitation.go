package prefinery

import (
	"net/http"

	"grapevine/engine"
	"grapevine/engine/address"
	"grapevine/model"
	"grapevine/web"
)

func (a *API) createFriendInvitation(w http.ResponseWriter, r *http.Request, in scope) error {
	var sent struct {
		SenderEmail    scalar `json:"sender_email"`
		RecipientEmail scalar `json:"recipient_email"`
		Message        scalar `json:"message"`
	}
	if err := read(r, "friend_invitation", &sent); err != nil {
		return err
	}
	recipient := sent.RecipientEmail.trimmed()
	switch {
	case sent.SenderEmail.trimmed() == "":
		return &coded{2402, "Sender email is required"}
	case recipient == "":
		return &coded{2405, "Recipient email is required"}
	case !address.Valid(recipient):
		return &coded{2401, "Recipient email is invalid"}
	}
	made, err := a.core.InviteFriend(r.Context(), in.account, engine.FriendInvitation{
		Campaign: in.campaign.ID, Inviter: sent.SenderEmail.trimmed(), Friend: recipient, Message: sent.Message.text,
	})
	if err != nil {
		return within(invitationFamily, err)
	}
	var views []engine.ParticipantView
	for _, id := range []model.ParticipantID{made.Inviter, made.Friend} {
		v, err := a.core.ViewParticipant(r.Context(), in.account, id, shownWith)
		if err != nil {
			return err
		}
		views = append(views, *v)
	}
	testers := testersToJSON(in, views)
	return web.WriteJSON(w, http.StatusCreated, friendInvitationJSON{
		ID: int64(made.Event), CreatedAt: stamp{made.At}, Inviter: testers[0], Invitee: testers[1], Message: orNull(sent.Message.text),
	})
}
