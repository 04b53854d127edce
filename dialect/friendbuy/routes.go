// Package friendbuy speaks the Merchant API of Friendbuy. It translates calls
// into use cases and answers into Friendbuy's words, field for field. It
// decides nothing: who earns what for what is the engine's.
package friendbuy

import (
	"net/http"
	"time"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

// Options is what the dialect takes from outside.
type Options struct {
	Now    func() time.Time
	Rates  *web.Rates // nil refuses nothing
	Limits Limits
}

// API answers the Merchant API. Safe for concurrent use.
type API struct {
	core    *engine.Engine
	tokens  *tokens
	pages   pages
	rates   *web.Rates
	calls   *model.RateLimit
	intakes *model.RateLimit
	now     func() time.Time
	routes  *web.Routes
}

// New makes the handler of everything below /v1/ that is Friendbuy's.
func New(core *engine.Engine, o Options) http.Handler {
	a := &API{core: core, tokens: newTokens(core, o.Now), pages: newPages(core), rates: o.Rates, calls: o.Limits.calls(), intakes: o.Limits.intakes(), now: o.Now, routes: web.NewRoutes(fail, unknownURL, wrongMethod)}

	a.open("POST /v1/authorization", a.perNetwork(o.Limits.authorizations(), a.postAuthorization))
	a.call("POST /v1/personal-referral-link", a.postPersonalReferralLink)
	a.call("POST /v1/personal-referral-link-batch", a.postPersonalReferralLinkBatch)
	a.call("POST /v1/event/purchase", a.postPurchaseEvent)
	a.call("POST /v1/event/account-sign-up", a.postSignUpEvent)
	a.call("POST /v1/event/custom", a.postCustomEvent)
	a.call("POST /v1/customer", a.postCustomer)
	a.call("GET /v1/reward/redemption-options", a.getRedemptionOptions)
	a.call("POST /v1/reward/redeem", a.postRedeem)
	a.call("GET /v1/reward/coupons", a.getCoupons)
	a.call("POST /v1/ledger-adjustment", a.postLedgerAdjustment)
	a.call("POST /v1/ledger-adjustment-custom", a.postLedgerAdjustmentCustom)
	a.call("GET /v1/customers/member-tier", a.getMemberTierCustomer)
	a.call("GET /v1/customers", a.getCustomer)
	a.call("GET /v1/user-data", a.getUserData)
	a.call("DELETE /v1/user-data", a.deleteUserData)
	a.call("GET /v1/analytics/widget-views", a.getWidgetViews)
	a.call("GET /v1/analytics/shares", a.getShares)
	a.call("GET /v1/analytics/clicks", a.getClicks)
	a.call("GET /v1/analytics/account-sign-ups", a.getSignups)
	a.call("GET /v1/analytics/purchases", a.getPurchases)
	a.call("GET /v1/analytics/distributed-advocate-rewards", a.getDistributedAdvocateRewards)
	a.call("GET /v1/analytics/distributed-friend-incentives", a.getDistributedFriendIncentives)
	a.call("GET /v1/analytics/rewards/referral", a.getReferralRewards)
	a.call("GET /v1/analytics/email-captures", a.getEmailCaptures)
	a.call("GET /v1/analytics/email-metrics", a.getEmailMetrics)
	a.call("GET /v1/analytics/loyalty/ledger-heads", a.getLedgerHeads)
	a.call("GET /v1/ledger-balance", a.getLedgerBalance)
	a.call("GET /v1/ledger-balance-custom", a.getLedgerBalanceCustom)
	a.call("GET /v1/ledger-entries", a.getLedgerEntries)
	a.call("GET /v1/referral-status", a.getReferralStatus)

	// What browsers send, which is no part of the Merchant API.
	a.open("OPTIONS /v1/intake/{merchantId}", a.optionsIntake)
	a.open("POST /v1/intake/{merchantId}", a.postIntake)

	return a.routes
}

// caller answers a call of an account.
type caller func(w http.ResponseWriter, r *http.Request, account model.AccountID) error

// call routes an endpoint that needs a token.
func (a *API) call(pattern string, c caller) {
	a.open(pattern, func(w http.ResponseWriter, r *http.Request) error {
		account, err := a.tokens.account(r.Context(), r.Header.Get("Authorization"))
		if err != nil {
			return err
		}
		if err := a.rates.Check(w, r, account, web.Use{Limit: a.calls}); err != nil {
			return err
		}
		if _, err := web.ReadQuery(r); err != nil {
			return err
		}
		return c(w, r, account)
	})
}

// perNetwork limits how often the clients of one network may call.
func (a *API) perNetwork(limit *model.RateLimit, h web.HandlerFunc) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := a.rates.Check(w, r, 0, web.Use{Limit: limit, Subject: web.ClientNetwork(r)}); err != nil {
			return err
		}
		return h(w, r)
	}
}

// open routes an endpoint that anybody may call.
func (a *API) open(pattern string, h web.HandlerFunc) { a.routes.Add(pattern, h) }
