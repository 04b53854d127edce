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
	return web.WriteJSON(w, status, recordedJSON{EventID: got.UUID, CreatedOn: shown(got.At)})
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
	var err error
	who.Extra, err = extra(sent)
	return engine.Customer{Who: who}, err
}
