package prefinery

import (
	"net/http"

	"grapevine/engine"
	"grapevine/model"
)

func (a *API) checkinTester(w http.ResponseWriter, r *http.Request, in scope) error {
	v, err := a.tester(r, in)
	if err != nil {
		return err
	}
	return a.checkin(w, r, in, v.ID)
}

func (a *API) createCheckin(w http.ResponseWriter, r *http.Request, in scope) error {
	var sent struct {
		Email scalar `json:"email"`
	}
	if err := read(r, "checkin", &sent); err != nil {
		return err
	}
	if sent.Email.trimmed() == "" {
		return &coded{2309, "Email is required"}
	}
	id, err := a.core.FindParticipant(r.Context(), in.account, engine.Naming{Campaign: in.campaign.ID, Email: sent.Email.trimmed()})
	if model.KindOf(err) == model.NotFound {
		return &coded{2311, "Email was not found"}
	}
	if err != nil {
		return err
	}
	return a.checkin(w, r, in, id)
}

func (a *API) checkin(w http.ResponseWriter, r *http.Request, in scope, id model.ParticipantID) error {
	if err := a.core.CheckIn(r.Context(), in.account, id); err != nil {
		return within(testerFamily, err)
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}
