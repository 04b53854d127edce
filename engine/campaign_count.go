package engine

import (
	"context"
	"time"

	"grapevine/model"
	"grapevine/store"
)

// CampaignCounts is a campaign with what is counted of its participants.
type CampaignCounts struct {
	CampaignView
	CreatedAt time.Time
	ChangedAt time.Time // when its version came in force
	Joined    int64
	Referrals int64
	// Impressions is how many saw a form of the campaign, each once.
	Impressions int64
	InState     map[model.State]int64
}

// CountCampaigns counts campaigns, in the order given. Fails with NotFound
// where one is not known, or archived.
func (e *Engine) CountCampaigns(ctx context.Context, account model.AccountID, ids ...model.CampaignID) ([]CampaignCounts, error) {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return nil, err
	}
	campaigns := make([]*model.Campaign, len(ids))
	for i, id := range ids {
		if campaigns[i], err = cfg.Campaign(id); err == nil && campaigns[i].Archived {
			err = campaignUnknown(id)
		}
		if err != nil {
			return nil, err
		}
	}
	var counted []CampaignCounts
	err = e.store.View(ctx, account, func(tx *store.Tx) error {
		views, err := e.viewCampaigns(tx, cfg, campaigns)
		if err != nil {
			return err
		}
		counted = make([]CampaignCounts, len(views))
		for i, v := range views {
			counted[i].CampaignView = v
			if err := e.count(tx, &counted[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return counted, err
}

func (e *Engine) count(tx *store.Tx, f *CampaignCounts) (err error) {
	subject := store.OfCampaign(f.ID)
	counts, err := tx.CountsOf([]int64{subject})
	if err != nil {
		return err
	}
	f.Joined = counts[store.Counted{Subject: subject, What: tallyJoined}]
	f.Referrals = counts[store.Counted{Subject: subject, What: tallyReferred}]
	f.Impressions = counts[store.Counted{Subject: subject, What: tallyImpression}]
	f.InState = map[model.State]int64{model.StateApplied: f.Joined}
	for _, s := range model.States {
		if s == model.StateApplied || s == model.StateIdle {
			continue
		}
		f.InState[s] = counts[store.Counted{Subject: subject, What: tallyState(s)}]
		f.InState[model.StateApplied] -= f.InState[s]
	}
	idle, err := tx.CountIdle(f.ID, e.now().Add(-f.IdleAfter))
	if err != nil {
		return err
	}
	f.InState[model.StateIdle] = idle
	f.InState[model.StateActive] -= idle
	f.CreatedAt, f.ChangedAt, err = tx.CampaignDates(f.ID)
	return err
}

// ArchiveCampaign ends a campaign: it attributes and rewards nothing more, and
// what takes part in it stays. Applying a project file that has it opens it
// again. Fails with NotFound where it is not known, or archived.
func (e *Engine) ArchiveCampaign(ctx context.Context, account model.AccountID, id model.CampaignID) error {
	err := e.store.InTx(ctx, account, func(tx *store.Tx) error {
		tx.Touch() // locks the account: nobody applies a version meanwhile
		campaigns, err := tx.Campaigns()
		if err != nil {
			return err
		}
		for i := range campaigns {
			if c := &campaigns[i]; c.ID == id && !c.Archived {
				c.Archived = true
				tx.SetCampaign(c)
				return nil
			}
		}
		return campaignUnknown(id)
	})
	if err != nil {
		return err
	}
	return e.Refresh(ctx)
}
