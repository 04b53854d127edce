package referralfactory

import (
	"net/http"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

// postQualify is the inbound webhook: it qualifies who is named by a code or a
// coupon.
func (a *API) postQualify(w http.ResponseWriter, r *http.Request) error {
	account, err := a.inbound(r)
	if err != nil {
		return err
	}
	if err := a.rates.Check(w, r, account, web.Use{Limit: a.calls, Subject: "inbound"}); err != nil {
		return err
	}
	in, err := readInput(r)
	if err != nil {
		return err
	}
	return a.qualifyNamed(w, r, account, in)
}

// qualifyNamed qualifies whom a body names.
func (a *API) qualifyNamed(w http.ResponseWriter, r *http.Request, account model.AccountID, in *input) error {
	name := engine.Naming{
		Code: in.text("code"), Coupon: in.text("coupon"),
		Email: in.email("email"), Campaign: model.CampaignID(in.id("campaign_id")),
	}
	if name.Coupon == "" && name.Code == "" && name.Email == "" {
		in.need("code")
	}
	if name.Code != "" {
		name.Coupon = ""
	}
	if name.Code == "" && name.Coupon == "" && name.Email != "" {
		in.need("campaign_id")
	}
	if err := in.err(); err != nil {
		return err
	}
	qualified, err := a.core.QualifyNamed(r.Context(), account, name, true)
	if err != nil {
		return err
	}
	if !qualified {
		return web.WriteJSON(w, http.StatusOK, object(closing(http.StatusOK, "User is already qualified.")))
	}
	return web.WriteJSON(w, http.StatusCreated, object(closing(http.StatusCreated, "User has now been qualified.")))
}
