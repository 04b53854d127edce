package engine

import (
	"context"

	"grapevine/model"
	"grapevine/store"
)

// RewardView is a reward with the rule that it was made under and who receives
// it.
type RewardView struct {
	*model.Reward
	Of       *model.Rule
	Receiver *ParticipantView // nil: they take no part in the campaign any more
}

// RewardsQuery asks for a page of the rewards that advocates and friends have in
// a campaign, newest first.
type RewardsQuery struct {
	Campaign model.CampaignID
	States   []model.RewardState
	Email    string // of who receives them; "" is anybody
	Skip     int
	Size     int
}

// ListCampaignRewards lists a page of rewards, and tells how many there are on all
// pages. An address that nobody has lists nothing.
func (e *Engine) ListCampaignRewards(ctx context.Context, account model.AccountID, q RewardsQuery) (*Listed[RewardView], error) {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return nil, err
	}
	listed := &Listed[RewardView]{}
	err = e.store.View(ctx, account, func(tx *store.Tx) error {
		ask := store.RewardsAsked{Campaign: q.Campaign, States: q.States}
		if q.Email == "" {
			ask.Facets = rewardFacets(q.Campaign)
		} else {
			found, err := tx.Look(store.Lookup{Email: model.FoldEmail(q.Email)})
			if err != nil || found.ByEmail == 0 {
				*listed = Listed[RewardView]{}
				return err
			}
			if ask.Persons, err = tx.GroupOf(found.ByEmail); err != nil {
				return err
			}
		}
		rewards, total, err := tx.PageOfRewards(ask, q.Skip, q.Size)
		if err != nil {
			return err
		}
		views, err := e.viewRewards(tx, cfg, rewards)
		*listed = Listed[RewardView]{Rows: views, Total: total, More: int64(q.Skip+len(rewards)) < total}
		return err
	})
	return listed, err
}

// rewardFacets are all under which the rewards of a campaign are listed.
func rewardFacets(campaign model.CampaignID) (ids []model.FacetID) {
	for _, role := range []model.Role{model.AsAdvocate, model.AsFriend} {
		for _, state := range []model.RewardState{model.Earned, model.Delivered} {
			ids = append(ids, facetOf(rewardedAs(&model.Reward{Campaign: campaign, Role: role, State: state})))
		}
	}
	return ids
}

// ViewReward finds a reward. Fails with NotFound.
func (e *Engine) ViewReward(ctx context.Context, account model.AccountID, id model.RewardID) (*RewardView, error) {
	return one(e.viewsOf(ctx, account, func(tx *store.Tx) ([]*model.Reward, error) {
		w, err := tx.Reward(id)
		return []*model.Reward{w}, err
	}))
}

func one(views []RewardView, err error) (*RewardView, error) {
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

// ViewRewardsOf lists what an event led to.
func (e *Engine) ViewRewardsOf(ctx context.Context, account model.AccountID, event model.EventID) ([]RewardView, error) {
	return e.viewsOf(ctx, account, func(tx *store.Tx) ([]*model.Reward, error) { return tx.RewardsOfEvent(event) })
}

func (e *Engine) viewsOf(ctx context.Context, account model.AccountID, find func(*store.Tx) ([]*model.Reward, error)) ([]RewardView, error) {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return nil, err
	}
	var views []RewardView
	err = e.store.View(ctx, account, func(tx *store.Tx) error {
		rewards, err := find(tx)
		if err != nil {
			return err
		}
		views, err = e.viewRewards(tx, cfg, rewards)
		return err
	})
	return views, err
}

func (e *Engine) viewRewards(tx *store.Tx, cfg *Config, rewards []*model.Reward) ([]RewardView, error) {
	type recipient struct {
		person   model.PersonID
		campaign model.CampaignID
	}
	part := map[recipient]model.ParticipantID{}
	var ids []model.ParticipantID
	for _, w := range rewards {
		key := recipient{w.Person, w.Campaign}
		if _, known := part[key]; known {
			continue
		}
		person, err := tx.Canonical(w.Person)
		if err != nil {
			return nil, err
		}
		parts, err := tx.Parts(person)
		if err != nil {
			return nil, err
		}
		part[key] = 0
		if p := partIn(parts, w.Campaign); p != nil {
			part[key] = p.ID
			ids = append(ids, p.ID)
		}
	}
	receivers, err := e.viewParticipantsByID(tx, cfg, ids, false)
	if err != nil {
		return nil, err
	}
	views := make([]RewardView, len(rewards))
	for i, w := range rewards {
		views[i] = RewardView{Reward: w, Receiver: receivers[part[recipient{w.Person, w.Campaign}]]}
		if w.Role == model.AsEarner {
			continue
		}
		campaign, err := versionIn(e, versionKey{cfg.ID, w.Campaign, w.Version}, func() (*model.Campaign, error) {
			return tx.CampaignVersion(w.Campaign, w.Version)
		})
		if err != nil {
			return nil, err
		}
		views[i].Of = campaign.Rule(w.Rule)
	}
	return views, nil
}
