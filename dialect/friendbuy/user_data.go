package friendbuy

import (
	"cmp"
	"net/http"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

// getUserData shows a person whom nobody knows as one of whom nothing is
// known: clients try their connection with it.
func (a *API) getUserData(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	whom, err := userDataOf(r)
	if err != nil {
		return err
	}
	got, err := a.core.PersonData(r.Context(), account, whom)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, userDataToJSON(got))
}

func (a *API) deleteUserData(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	whom, err := userDataOf(r)
	if err != nil {
		return err
	}
	got, err := a.core.Erase(r.Context(), account, whom)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, userDataDeletedJSON{TaskID: got.ID, JobID: got.ID})
}

// userDataOf is whom a call is about.
func userDataOf(r *http.Request) (engine.Whom, error) {
	query := r.URL.Query()
	whom := engine.Whom{Email: query.Get("email"), CustomerID: query.Get("customerId")}
	if whom == (engine.Whom{}) {
		return whom, invalid("email or customerId", "is required")
	}
	return whom, validEmail("email", whom.Email)
}

func userDataToJSON(d *engine.PersonData) userDataJSON {
	out := userDataJSON{
		Emails: listed(d.Emails), Names: listed(d.Names), CustomerIDs: listed(d.CustomerIDs),
		IPAddresses: listed(d.IPs), Languages: listed(d.Languages), UserAgents: listed(d.Agents),
		ColorDepths: listed(d.ColorDepths), Platforms: listed(d.Platforms), ScreenSizes: listed(d.ScreenSizes),
		TrackedEvents: make([]trackedEventJSON, len(d.Tracked)),
		Shares:        channelsToJSON(d.Shares), Conversions: channelsToJSON(d.Conversions),
	}
	for i, e := range d.Tracked {
		out.TrackedEvents[i] = trackedEventJSON{Type: cmp.Or(e.Name, trackedTypes[e.Kind]), URL: e.URL}
	}
	return out
}

// trackedTypes are the types of events that have no name of the merchant's.
var trackedTypes = map[model.EventKind]string{
	model.SignUp:       "sign_up",
	model.EmailCapture: "email_capture",
	model.Purchase:     "purchase",
	model.PageReached:  "page",
	model.PageViewed:   "page",
	model.WidgetViewed: "widget_view",
	model.WidgetActed:  "widget_action",
	model.Shared:       "share",
	model.CustomerKept: "customer",
}

// channelsToJSON counts what came by no channel as a personal link's, which stands
// for all that no network is named for.
func channelsToJSON(n map[string]int64) channelsJSON {
	return channelsJSON{
		Email: n["email"], Facebook: n["facebook"], Messenger: n["messenger"], SMS: n["sms"], Twitter: n["twitter"],
		PURL: n["purl"] + n[""],
	}
}

// listed shows [] for none.
func listed[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
