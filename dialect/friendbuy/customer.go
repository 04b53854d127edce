package friendbuy

import (
	"maps"
	"net/http"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

func (a *API) postCustomer(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	var in customerJSON
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	customer, err := in.customer()
	if err != nil {
		return err
	}
	got, err := a.core.SaveCustomer(r.Context(), account, customer)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if got.Created {
		status = http.StatusCreated
	}
	return web.WriteJSON(w, status, recordedJSON{EventID: got.UUID, CreatedOn: shown(got.Since)})
}

func (a *API) getCustomer(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	id := r.URL.Query().Get("id")
	if id == "" {
		return invalid("id", "is required")
	}
	cfg, err := a.core.Config(r.Context(), account)
	if err != nil {
		return err
	}
	got, err := a.core.Customer(r.Context(), account, id)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, memberToJSON(got, cfg.Secret(useMerchantID)))
}

func (a *API) getMemberTierCustomer(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	id := r.URL.Query().Get("id")
	if id == "" {
		return invalid("id", "is required")
	}
	cfg, err := a.core.Config(r.Context(), account)
	if err != nil {
		return err
	}
	got, err := a.core.Membership(r.Context(), account, id)
	if err != nil {
		return err
	}
	out := memberTierJSON{
		MerchantID: cfg.Secret(useMerchantID), CustomerID: id, MemberTierPrecedenceCached: got.Precedence, PointsCurrency: got.Currency,
		MemberTierPoints: tierPointsJSON{ExpirationDetails: []expirationJSON{}, UpdatedOn: shownIfAny(got.ChangedAt), Points: got.Points},
	}
	if got.Tier != nil {
		out.MemberTierID, out.MemberTierNameCached = got.Tier.ID, got.Tier.Name
	}
	for i, c := range got.Expiring {
		if i == 0 {
			out.MemberTierPoints.ExpiresOn = shown(c.ExpiresAt)
		}
		out.MemberTierPoints.ExpirationDetails = append(out.MemberTierPoints.ExpirationDetails, expirationJSON{ExpiresOn: shown(c.ExpiresAt), Points: c.Remaining})
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

func memberToJSON(m *engine.Member, merchant string) memberJSON {
	out := memberJSON{
		MerchantID: merchant, ID: m.CustomerID, Email: m.Email, Name: m.Name,
		LoyaltyInfo: loyaltyJSON{
			Logs:        []string{},
			EverOptedIn: m.Loyalty.EverIn,
			OptedInOn:   shownIfAny(m.Loyalty.InSince),
			Status:      string(m.Loyalty.Status),
		},
	}
	for _, action := range m.Loyalty.Log {
		out.LoyaltyInfo.Logs = append(out.LoyaltyInfo.Logs, loyaltyActions[action.Status]+autoOptIn(action)+" on: "+shown(action.At))
	}
	return out
}

// loyaltyActions are the words in which the log tells of a status.
var loyaltyActions = map[model.LoyaltyStatus]string{
	model.LoyaltyIn: "opted in", model.LoyaltyOut: "opted out", model.LoyaltyBlocked: "blocked",
}

func autoOptIn(action engine.LoyaltyAction) string {
	if action.Auto {
		return " through auto opt in"
	}
	return ""
}

func (in customerJSON) customer() (engine.Customer, error) {
	_, ageErr := in.Age.integer("age")
	if err := first(
		required("email", in.Email),
		required("customerId", in.CustomerID),
		validEmail("email", in.Email),
		ageErr,
		in.profileJSON.check(),
	); err != nil {
		return engine.Customer{}, err
	}
	sent := in.sent()
	maps.Copy(sent, map[string]any{
		"isNewCustomer":        in.IsNewCustomer,
		"gender":               in.Gender,
		"zipCode":              in.ZipCode,
		"state":                in.State,
		"city":                 in.City,
		"category":             in.Category,
		"country":              in.Country,
		"language":             in.Language,
		"additionalProperties": in.Additional,
	})
	if in.Age != "" {
		sent["age"] = in.Age
	}
	who := in.who()
	who.Loyalty = model.LoyaltyStatus(in.LoyaltyStatus)
	var err error
	who.Extra, err = extra(sent)
	return engine.Customer{Who: who}, err
}
