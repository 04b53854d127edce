package prefinery

import (
	"net/http"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

func (a *API) listBetas(w http.ResponseWriter, r *http.Request, account model.AccountID) error {
	cfg, err := a.core.Config(r.Context(), account)
	if err != nil {
		return err
	}
	var ids []model.CampaignID
	for _, c := range cfg.Campaigns() {
		ids = append(ids, c.ID)
	}
	counted, err := a.core.CountCampaigns(r.Context(), account, ids...)
	if err != nil {
		return err
	}
	betas := make([]betaJSON, len(counted))
	for i := range counted {
		betas[i] = betaToJSON(&counted[i], cfg)
	}
	return web.WriteJSON(w, http.StatusOK, betas)
}

func (a *API) showBeta(w http.ResponseWriter, r *http.Request, in scope) error {
	counted, err := a.core.CountCampaigns(r.Context(), in.account, in.campaign.ID)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, betaToJSON(&counted[0], in.cfg))
}

func (a *API) deleteBeta(w http.ResponseWriter, r *http.Request, in scope) error {
	if err := a.core.ArchiveCampaign(r.Context(), in.account, in.campaign.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

func betaToJSON(c *engine.CampaignCounts, cfg *engine.Config) betaJSON {
	homepage := cfg.Settings.Site
	if homepage == "" {
		homepage = c.Landing
	}
	return betaJSON{
		ID: int64(c.ID), Name: c.Name, HomepageURL: homepage,
		TestersCount: c.Joined, ImpressionsCount: c.Impressions, ShareClicksCount: c.Reach, ShareSignupsCount: c.Referrals,
		ImportedTestersCount: c.InState[model.StateImported], AppliedTestersCount: c.InState[model.StateApplied],
		InvitedTestersCount: c.InState[model.StateInvited], ActiveTestersCount: c.InState[model.StateActive],
		RejectedTestersCount: c.InState[model.StateRejected],
		CreatedAt:            stamp{c.CreatedAt}, UpdatedAt: stamp{c.ChangedAt},
	}
}
