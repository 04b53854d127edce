package engine

import (
	"context"
	"fmt"

	"grapevine/model"
	"grapevine/store"
)

// Told is one thing that an endpoint is told of: what its topic is about is
// set, the rest is nil. It is as things are when the message is written.
type Told struct {
	Reward  *ToldReward
	Capture *ToldCapture
	OptOut  *ToldOptOut
}

// Contact is how a person is known to the merchant. Each field may be empty:
// it was never sent, or the person was erased.
type Contact struct {
	Email, CustomerID   string
	FirstName, LastName string
	IP                  string // last sent in a body about the person
}

// Name is first and last name joined, without the one that is missing.
func (c Contact) Name() string {
	return model.Profile{FirstName: c.FirstName, LastName: c.LastName}.Name()
}

func contact(c *store.Contact) Contact {
	return Contact{Email: c.Email, CustomerID: c.CustomerID, FirstName: c.Profile.FirstName, LastName: c.Profile.LastName, IP: c.Profile.IP}
}

// Told finds what endpoints are told of subjects of a topic. Those of which
// nothing is left to tell are left out.
func (e *Engine) Told(ctx context.Context, account model.AccountID, topic model.Topic, subjects []int64) (map[int64]Told, error) {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return nil, err
	}
	var told map[int64]Told
	err = e.store.View(ctx, account, func(tx *store.Tx) (err error) {
		told, err = e.told(tx, cfg, topic, subjects)
		return err
	})
	return told, err
}

func (e *Engine) told(tx *store.Tx, cfg *Config, topic model.Topic, subjects []int64) (map[int64]Told, error) {
	told := make(map[int64]Told, len(subjects))
	switch topic {
	case model.AdvocateRewardEarned, model.FriendRewardEarned, model.LoyaltyRewardEarned,
		model.RewardEarned, model.RewardDelivered, model.RewardRevoked, model.RewardQuestioned:
		rewards, err := e.toldRewards(tx, cfg.ID, idsOf[model.RewardID](subjects))
		if err == nil && topic == model.RewardQuestioned {
			err = e.questioned(tx, rewards)
		}
		for i := range rewards {
			told[int64(rewards[i].ID)] = Told{Reward: &rewards[i]}
		}
		return told, err
	case model.EmailCaptured:
		captures, err := e.toldCaptures(tx, cfg, idsOf[model.EventID](subjects))
		for id, c := range captures {
			told[int64(id)] = Told{Capture: c}
		}
		return told, err
	case model.EmailOptedOut:
		optOuts, err := e.toldOptOuts(tx, cfg, idsOf[model.MailID](subjects))
		for id, o := range optOuts {
			told[int64(id)] = Told{OptOut: o}
		}
		return told, err
	}
	return nil, fmt.Errorf("nobody knows what %s is about", topic)
}

// idsOf says what numbers are ids of.
func idsOf[T ~int64](numbers []int64) []T {
	list := make([]T, len(numbers))
	for i, n := range numbers {
		list[i] = T(n)
	}
	return list
}
