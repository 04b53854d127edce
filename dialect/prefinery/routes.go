// Package prefinery speaks Prefinery's REST API v2. It translates calls into
// use cases and answers into Prefinery's words, field for field. It decides
// nothing: who may become what, and who earns what for what, is the engine's.
package prefinery

import (
	"net/http"
	"slices"
	"strings"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

// Options is what the dialect takes from outside.
type Options struct {
	Rates *web.Rates // nil: no limit holds
}

// API answers the REST API. Safe for concurrent use.
type API struct {
	core   *engine.Engine
	rates  *web.Rates
	routes *web.Routes
}

// New makes the handler of everything below /api/v2/.
func New(core *engine.Engine, o Options) http.Handler {
	a := &API{core: core, rates: o.Rates, routes: web.NewRoutes(fail, unknownURL, wrongMethod)}

	a.call("GET /api/v2/betas", projectsRead, a.listBetas, betaLimit)
	a.inBeta("GET /api/v2/betas/{beta}", projectsRead, a.showBeta, betaLimit)
	a.inBeta("DELETE /api/v2/betas/{beta}", projectsDelete, a.deleteBeta)
	a.inBeta("GET /api/v2/betas/{beta}/testers", usersRead, a.listTesters, testersLimit, companyLimit)
	a.inBeta("POST /api/v2/betas/{beta}/testers", usersCreate, a.createTester)
	a.inBeta("GET /api/v2/betas/{beta}/testers/{id}", usersRead, a.showTester)
	a.inBeta("PUT /api/v2/betas/{beta}/testers/{id}", usersUpdate, a.updateTester)
	a.inBeta("DELETE /api/v2/betas/{beta}/testers/{id}", usersDelete, a.deleteTester)
	a.inBeta("GET /api/v2/betas/{beta}/testers/{id}/verify", usersRead, a.verifyTester)
	a.inBeta("POST /api/v2/betas/{beta}/testers/{id}/checkin", usersUpdate, a.checkinTester)
	a.inBeta("POST /api/v2/betas/{beta}/checkins", usersUpdate, a.createCheckin)
	a.inBeta("GET /api/v2/betas/{beta}/rewards", rewardsRead, a.listRewards, rewardsLimit)
	a.inBeta("POST /api/v2/betas/{beta}/rewards", rewardsCreate, a.createReward)
	a.inBeta("POST /api/v2/betas/{beta}/rewards/trigger", rewardsCreate, a.triggerRewards)
	a.inBeta("GET /api/v2/betas/{beta}/rewards/{id}", rewardsRead, a.showReward)
	a.inBeta("PATCH /api/v2/betas/{beta}/rewards/{id}", rewardsUpdate, a.updateReward)
	a.inBeta("PUT /api/v2/betas/{beta}/rewards/{id}", rewardsUpdate, a.updateReward)
	a.inBeta("GET /api/v2/betas/{beta}/suppressions", suppressionsRead, a.listSuppressions)
	a.inBeta("POST /api/v2/betas/{beta}/suppressions", suppressionsCreate, a.createSuppression)
	a.inBeta("GET /api/v2/betas/{beta}/suppressions/{id}", suppressionsRead, a.showSuppression)
	a.inBeta("DELETE /api/v2/betas/{beta}/suppressions/{id}", suppressionsDelete, a.deleteSuppression)
	a.inBeta("POST /api/v2/betas/{beta}/friend_invitations", friendInvitationsCreate, a.createFriendInvitation)
	a.inBeta("GET /api/v2/betas/{beta}/points", pointsRead, a.listPoints, pointsLimit)
	a.inBeta("POST /api/v2/betas/{beta}/points", pointsCreate, a.createPoint)

	return a
}

// ServeHTTP answers a request. A suffix .json changes nothing, and a POST may
// say that it stands for another method.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bare, suffixed := strings.CutSuffix(r.URL.Path, ".json")
	override := strings.ToUpper(r.Header.Get("X-HTTP-Method-Override"))
	overrides := r.Method == http.MethodPost && slices.Contains([]string{http.MethodPut, http.MethodPatch, http.MethodDelete}, override)
	if suffixed || overrides {
		r = r.Clone(r.Context())
		r.URL.Path, r.URL.RawPath = bare, ""
		if overrides {
			r.Method = override
		}
	}
	a.routes.ServeHTTP(w, r)
}

// caller answers a call of an account.
type caller func(w http.ResponseWriter, r *http.Request, account model.AccountID) error

// betaCaller answers a call about a beta of an account.
type betaCaller func(w http.ResponseWriter, r *http.Request, in scope) error

// scope is the beta that a call is about.
type scope struct {
	account  model.AccountID
	campaign *model.Campaign
	cfg      *engine.Config
}

// call routes an endpoint that needs a key with a permission.
func (a *API) call(pattern, permission string, c caller, limits ...limit) {
	a.open(pattern, func(w http.ResponseWriter, r *http.Request) error {
		account, err := a.authenticate(r, permission)
		if err != nil {
			return err
		}
		if err := a.rates.Check(w, r, account, uses(limits, r)...); err != nil {
			return err
		}
		if _, err := web.ReadQuery(r); err != nil {
			return err
		}
		return c(w, r, account)
	})
}

// inBeta routes an endpoint that is about a beta, which is not found where it
// is unknown, another account's or deleted.
func (a *API) inBeta(pattern, permission string, c betaCaller, limits ...limit) {
	a.call(pattern, permission, func(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
		cfg, err := a.core.Config(r.Context(), account)
		if err != nil {
			return err
		}
		campaign, err := cfg.Campaign(model.CampaignID(number(r.PathValue("beta"))))
		if err != nil || campaign.Archived {
			return notFound("There is no such beta.")
		}
		return c(w, r, scope{account, campaign, cfg})
	}, limits...)
}

// open routes an endpoint.
func (a *API) open(pattern string, h web.HandlerFunc) { a.routes.Add(pattern, h) }
