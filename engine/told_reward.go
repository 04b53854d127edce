package engine

import (
	"fmt"
	"slices"

	"grapevine/model"
	"grapevine/store"
)

// ToldReward is a reward with all that an endpoint may be told of it.
type ToldReward struct {
	*model.Reward
	In       *model.Campaign // in the version it was made under; nil: an earning rule's
	Trigger  string          // what the rule is on
	Info     string          // what the reward is, in the account's words; may be empty
	Coupon   string          // may be empty
	Receiver Contact
	Advocate Contact   // who brought the receiver of a friend's reward
	Friends  []Friend  // who brought the receiver an advocate's reward, by number
	Question *Question // what is asked about it; nil where it is only told of

	// Where it is told whoever receives it: as whom they do, and all that they
	// hold under the rule in this state. Nil where they take no part in the
	// campaign, or hold nothing.
	Owner *ParticipantView
	Held  *HoldingView
}

// Friend is a friend who counts for an advocate's reward.
type Friend struct {
	Contact
	Number int64 // first, second … friend of the advocate under the rule
}

// toldRewards reads rewards, in the order of their ids.
func (e *Engine) toldRewards(tx *store.Tx, account model.AccountID, ids []model.RewardID) ([]ToldReward, error) {
	rewards, coupons, err := tx.Rewards(ids)
	if err != nil {
		return nil, err
	}
	told := make([]ToldReward, len(rewards))
	brought := make([][]store.Referral, len(rewards))
	var persons []model.PersonID
	for i, r := range rewards {
		told[i] = ToldReward{Reward: r, Coupon: coupons[r.ID]}
		after, err := e.describe(tx, account, &told[i])
		if err != nil {
			return nil, err
		}
		persons = append(persons, r.Person)
		switch r.Role {
		case model.AsFriend:
			persons = append(persons, r.Why.Advocate)
		case model.AsAdvocate:
			if brought[i], err = broughtBy(tx, r, after); err != nil {
				return nil, err
			}
			for _, f := range brought[i] {
				persons = append(persons, f.Friend)
			}
		}
	}
	known, err := tx.Contacts(persons)
	if err != nil {
		return nil, err
	}
	for i, r := range rewards {
		told[i].Receiver = contact(known[r.Person])
		if r.Role == model.AsFriend {
			told[i].Advocate = contact(known[r.Why.Advocate])
		}
		for _, f := range brought[i] {
			told[i].Friends = append(told[i].Friends, Friend{Contact: contact(known[f.Friend]), Number: f.Number})
		}
	}
	return told, nil
}

// describe says what t's reward was for, in the version it was made under,
// and returns how many friends its rule asks for.
func (e *Engine) describe(tx *store.Tx, account model.AccountID, t *ToldReward) (after int64, err error) {
	r := t.Reward
	if r.Role == model.AsEarner {
		settings, err := e.settingsIn(tx, account, r.Version)
		if err != nil {
			return 0, err
		}
		rule := slices.IndexFunc(settings.Earning, func(rule model.EarningRule) bool { return rule.ID == r.Rule })
		if rule < 0 {
			return 0, fmt.Errorf("earning rule %d is not in version %d of the settings", r.Rule, r.Version)
		}
		t.Trigger, t.Info = settings.Earning[rule].On, settings.Earning[rule].Name
		return 0, nil
	}
	t.In, err = versionIn(e, versionKey{account, r.Campaign, r.Version}, func() (*model.Campaign, error) {
		return tx.CampaignVersion(r.Campaign, r.Version)
	})
	if err != nil {
		return 0, err
	}
	rule := t.In.Rule(r.Rule)
	if rule == nil {
		return 0, fmt.Errorf("rule %d is not in version %d of campaign %d", r.Rule, r.Version, r.Campaign)
	}
	t.Trigger, t.Info = rule.On, rule.Value.Label
	if t.Info == "" {
		t.Info = rule.Description
	}
	return rule.After, nil
}

// broughtBy lists the friends that an advocate's reward is for: the last of
// them, and where the rule asks for several, those that count before.
func broughtBy(tx *store.Tx, r *model.Reward, after int64) ([]store.Referral, error) {
	last := store.Referral{Rule: r.Rule, Advocate: r.Person, Friend: r.Friend, Number: r.Number}
	if after <= 1 {
		return []store.Referral{last}, nil
	}
	counted, err := tx.FriendsCounted(r.Person, r.Rule, r.Number-after, r.Number)
	return append(counted, last), err
}

// settingsIn is SettingsVersion for one who is in a transaction.
func (e *Engine) settingsIn(tx *store.Tx, account model.AccountID, version int64) (*model.Settings, error) {
	return versionIn(e, versionKey{account, 0, version}, func() (*model.Settings, error) { return tx.SettingsVersion(version) })
}

// versionIn is versionOf for one who is in a transaction.
func versionIn[T any](e *Engine, key versionKey, read func() (*T, error)) (*T, error) {
	if known, ok := e.configs.versions.Load(key); ok {
		return known.(*T), nil
	}
	found, err := read()
	if err == nil {
		e.configs.versions.Store(key, found)
	}
	return found, err
}
