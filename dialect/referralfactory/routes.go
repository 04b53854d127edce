// Package referralfactory speaks the REST API v1 of Referral Factory, its
// inbound webhook, the routes that its n8n node calls, and the addresses by
// which people share. It translates calls into use cases and answers into
// Referral Factory's words, field for field. It decides nothing.
package referralfactory

import (
	"net/http"
	"time"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

// Options is what the dialect takes from outside.
type Options struct {
	Rates     *web.Rates // nil: no limit holds
	PublicURL string     // base of the addresses by which people share, without a slash at its end
}

// API answers Referral Factory's calls. Safe for concurrent use.
type API struct {
	core   *engine.Engine
	rates  *web.Rates
	calls  *model.RateLimit
	public string
	routes *web.Routes
}

// limit is what the documentation says of calls: so many a minute, and who
// overruns that more than three times in a day stays outside for a week.
func limit() *model.RateLimit {
	return &model.RateLimit{
		Name: "referral_factory.call", Calls: 600, Window: time.Minute,
		Overruns: 3, Within: 24 * time.Hour, Block: 7 * 24 * time.Hour,
	}
}

// New makes the handler of everything that Referral Factory answers to
// programs.
func New(core *engine.Engine, o Options) http.Handler {
	a := &API{core: core, rates: o.Rates, calls: limit(), public: o.PublicURL, routes: web.NewRoutes(fail, unknownURL, wrongMethod)}

	a.call("GET /api/v1/campaigns", a.getCampaigns)
	a.call("GET /api/v1/campaigns/{id}", a.getCampaign)
	a.call("GET /api/v1/users", a.getUsers)
	a.call("GET /api/v1/users/{id}", a.getUser)
	a.call("POST /api/v1/users", a.postUser)
	a.call("PUT /api/v1/users/{id}", a.putUser)
	a.call("DELETE /api/v1/users/{id}", a.deleteUser)
	a.call("GET /api/v1/rewards", a.getRewards)
	a.call("GET /api/v1/rewards/due", a.getRewardsDue)
	a.call("GET /api/v1/rewards/issued", a.getRewardsIssued)
	a.call("GET /api/v1/coupons/{name}", a.getCoupon)
	a.call("POST /api/v1/coupons/{name}/qualification", a.postCouponQualification)

	a.open("POST /webhook/{token}/qualify", a.postQualify)

	a.call("GET /api/n8n/test", a.getNodeTest)
	a.call("GET /api/n8n/campaigns", a.getNodeCampaigns)
	a.call("GET /api/n8n/user-sources", a.getNodeSources)
	a.call("GET /api/n8n/rewards", a.getNodeRewards)
	a.call("POST /api/n8n/webhooks", a.postNodeWebhook)
	a.call("DELETE /api/n8n/webhooks/{id}", a.deleteNodeWebhook)
	a.call("PUT /api/n8n/rewards/{id}", a.putNodeReward)
	a.call("DELETE /api/n8n/rewards/{id}", a.deleteNodeReward)
	a.call("POST /api/n8n/users", a.postUser)
	a.call("POST /api/n8n/users/qualify", a.postNodeQualify)

	return a.routes
}

// NewSocials makes the handler of the addresses that people meet, below their
// codes.
func NewSocials(core *engine.Engine) http.Handler {
	a := &API{core: core, routes: web.NewRoutes(fail, unknownURL, wrongMethod)}

	a.open("GET /{code}/socials/{network}", a.getSocial)
	a.open("GET /{code}/qr.png", a.getQR)

	return a.routes
}

// caller answers a call of an account.
type caller func(w http.ResponseWriter, r *http.Request, account model.AccountID) error

// call routes an endpoint that needs the access token.
func (a *API) call(pattern string, c caller) {
	a.open(pattern, func(w http.ResponseWriter, r *http.Request) error {
		if !acceptsJSON(r.Header.Values("Accept")) {
			return refuse(w, http.StatusNotAcceptable, "The answer is JSON, which the Accept header leaves out.")
		}
		account, err := a.account(r)
		if err != nil {
			return err
		}
		if err := a.rates.Check(w, r, account, web.Use{Limit: a.calls}); err != nil {
			return err
		}
		return c(w, r, account)
	})
}

// open routes an endpoint that anybody may call.
func (a *API) open(pattern string, h web.HandlerFunc) { a.routes.Add(pattern, h) }
