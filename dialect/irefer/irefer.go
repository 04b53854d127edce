// Package irefer speaks the API of iRefer: seven methods, called with GET by a
// license key from a page, or with an API key from a server. It translates
// calls into use cases and answers into iRefer's words, number for number and
// string for string. It decides nothing: who earns what for what is the
// engine's.
package irefer

import (
	"net/http"
	"strings"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

// API answers iRefer's methods. Safe for concurrent use.
type API struct {
	core    *engine.Engine
	methods map[string]method
}

// method answers a call that was let in.
type method func(c *call) (any, error)

// New makes the handler of everything below /v1.0/, and of /v1/{license}.js.
func New(core *engine.Engine) http.Handler {
	a := &API{core: core}
	a.methods = map[string]method{
		"referrerStats":         a.referrerStats,
		"campaignStats":         a.campaignStats,
		"newSignup":             a.newSignup,
		"newSpecificAction":     a.newSpecificAction,
		"referrers":             a.referrers,
		"rewards":               a.rewards,
		"specificActionSignups": a.specificActionSignups,
	}
	return a
}

// ServeHTTP answers /{version}/{license}.js/{method} and, without a method,
// the script for pages.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	file, name, called := strings.Cut(rest, "/")
	license, isScript := strings.CutSuffix(file, ".js")
	m := a.methods[name]
	switch {
	case !isScript, called && m == nil:
		r.Pattern = "/v1.0/"
		http.NotFound(w, r)
	case r.Method == http.MethodOptions && called:
		a.preflight(w, r, license)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		http.Error(w, "iRefer is called with GET", http.StatusMethodNotAllowed)
	case called:
		r.Pattern = "/v1.0/{license}.js/" + name
		web.Handle(a.answer(license, m), failOf(name)).ServeHTTP(w, r)
	default:
		r.Pattern = "/v1.0/{license}.js"
		web.Handle(a.script(license), web.Plain).ServeHTTP(w, r)
	}
}

// call is a call that was let in.
type call struct {
	*http.Request
	admission
}

// param is a parameter of a call, without blanks around it.
func (c *call) param(name string) string { return strings.TrimSpace(c.URL.Query().Get(name)) }

// answer lets a call in and writes what its method returns.
func (a *API) answer(license string, m method) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		in, err := a.admit(w, r, license)
		if err != nil {
			return err
		}
		if err := wellFormed(r); err != nil {
			return err
		}
		body, err := m(&call{Request: r, admission: in})
		if err != nil {
			return err
		}
		return write(w, r, http.StatusOK, body)
	}
}

// campaign is the campaign that a call names: one of the account's, by its
// number.
func (c *call) campaign() (*model.Campaign, error) {
	id, err := numberOf(c.param("campaign_id"))
	if err != nil {
		return nil, err
	}
	campaign, err := c.config.Campaign(model.CampaignID(id))
	if err != nil {
		return nil, err
	}
	if campaign.Archived {
		return nil, &model.Error{Kind: model.NotFound, Reason: model.CampaignUnknown, Field: "campaign_id", Msg: "the campaign has ended"}
	}
	return campaign, nil
}
