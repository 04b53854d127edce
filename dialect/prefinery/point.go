package prefinery

import (
	"net/http"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
	"grapevine/web"
)

func (a *API) listPoints(w http.ResponseWriter, r *http.Request, in scope) error {
	at, err := page(r)
	if err != nil {
		return err
	}
	log, err := a.core.Points(r.Context(), in.account, in.campaign.ID, r.URL.Query().Get("email"), (at-1)*perPage, perPage)
	if err != nil {
		return err
	}
	rows := make([]pointJSON, len(log.Points))
	for i := range log.Points {
		rows[i] = pointToJSON(&log.Points[i])
	}
	return writePage(w, at, rows, log.Total)
}

func (a *API) createPoint(w http.ResponseWriter, r *http.Request, in scope) error {
	var sent struct {
		Email    scalar `json:"email"`
		Quantity scalar `json:"quantity"`
		Reason   scalar `json:"reason"`
	}
	if err := read(r, "point", &sent); err != nil {
		return err
	}
	if sent.Email.trimmed() == "" {
		return &coded{2802, "Email is required"}
	}
	if sent.Quantity.trimmed() == "" {
		return &coded{2804, "Quantity is required"}
	}
	quantity, err := money.Parse(sent.Quantity.trimmed())
	if err != nil {
		return &coded{2801, "Quantity must be a number"}
	}
	id, err := a.core.FindParticipant(r.Context(), in.account, engine.Naming{Campaign: in.campaign.ID, Email: sent.Email.trimmed()})
	if err != nil {
		return within(pointFamily, err)
	}
	given, err := a.core.GivePoints(r.Context(), in.account, engine.Bonus{Participant: id, Quantity: quantity, Reason: sent.Reason.trimmed()})
	if err != nil {
		return within(pointFamily, err)
	}
	return web.WriteJSON(w, http.StatusCreated, pointToJSON(given))
}

func pointToJSON(p *model.Point) pointJSON {
	activity := string(p.Activity)
	if p.Activity == model.PointsForSignUp {
		activity = "signup"
	}
	return pointJSON{
		ID: int64(p.ID), Quantity: p.Quantity, Activity: activity, Reason: orNull(p.Note), UserID: int64(p.Participant), CreatedAt: stamp{p.At},
	}
}
