package friendbuy

import (
	"context"
	"net/http"

	"grapevine/engine"
	"grapevine/model"
)

func (a *API) getWidgetViews(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	return answerPage(a, w, r, account, widgetViewTerms, a.core.ListWidgetViews, widgetViewToJSON)
}

func (a *API) getShares(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	return answerPage(a, w, r, account, shareTerms, a.core.ListShares, shareToJSON)
}

func (a *API) getClicks(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	return answerPage(a, w, r, account, clickTerms, a.core.ListClicks, clickToJSON)
}

func (a *API) getSignups(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	return answerPage(a, w, r, account, customerTerms, a.core.ListSignUps, signedUpToJSON)
}

func (a *API) getPurchases(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	return answerPage(a, w, r, account, customerTerms, a.core.ListPurchases, boughtToJSON)
}

func (a *API) getDistributedAdvocateRewards(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	return answerPage(a, w, r, account, advocateTerms, a.delivered(model.AsAdvocate), rewardToJSON)
}

func (a *API) getDistributedFriendIncentives(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	return answerPage(a, w, r, account, friendTerms, a.delivered(model.AsFriend), incentiveToJSON)
}

func (a *API) getReferralRewards(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	return answerPage(a, w, r, account, rewardTerms, a.core.ListRewards, referralRewardToJSON)
}

func (a *API) getEmailCaptures(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	return answerPage(a, w, r, account, captureTerms, a.core.ListCaptures, captureToJSON)
}

func (a *API) getLedgerHeads(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	return answerPage(a, w, r, account, headTerms, a.ledgerHeads, headToJSON)
}

func (a *API) ledgerHeads(ctx context.Context, account model.AccountID, q engine.ListQuery) (*engine.Listed[engine.LedgerHead], error) {
	return a.core.LedgerHeads(ctx, account, q.Kind, q)
}

// delivered lists what somebody in a role was given.
func (a *API) delivered(role model.Role) func(context.Context, model.AccountID, engine.ListQuery) (*engine.Listed[engine.Rewarded], error) {
	return func(ctx context.Context, account model.AccountID, q engine.ListQuery) (*engine.Listed[engine.Rewarded], error) {
		return a.core.ListDelivered(ctx, account, role, q)
	}
}
