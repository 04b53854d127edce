package engine

import (
	"context"
	"time"

	"grapevine/model"
	"grapevine/store"
)

// Told is one thing that an endpoint is told of: what its topic is about is
// set, the rest is nil. It is as things are when the message is written.
type Told struct {
	Reward      *ToldReward
	Capture     *ToldCapture
	OptOut      *ToldOptOut
	Participant *ParticipantView // with who brought them, and what they hold
	Left        *ToldLeaver
	Point       *ToldPoint
	Recipient   *ToldRecipient
	Stock       *ToldStock
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
	items := make([]store.Item, len(subjects))
	for i, id := range subjects {
		items[i].Subject = id
	}
	began := e.now()
	var told map[int64]Told
	err = e.store.View(ctx, account, func(tx *store.Tx) (err error) {
		told, err = e.told(tx, began, cfg, topic, items)
		return err
	})
	return told, err
}

// told is what endpoints are told of a topic, by subject. The snapshot of tx
// was taken after began.
func (e *Engine) told(tx *store.Tx, began time.Time, cfg *Config, topic model.Topic, items []store.Item) (map[int64]Told, error) {
	told := make(map[int64]Told, len(items))
	switch topic {
	case model.AdvocateRewardEarned, model.FriendRewardEarned, model.LoyaltyRewardEarned,
		model.RewardEarned, model.RewardDelivered, model.RewardRevoked, model.RewardQuestioned:
		rewards, err := e.toldRewards(tx, cfg.ID, subjects[model.RewardID](items))
		switch {
		case err != nil:
			return nil, err
		case topic == model.RewardQuestioned:
			err = e.questioned(tx, rewards)
		case topic == model.RewardEarned, topic == model.RewardDelivered, topic == model.RewardRevoked:
			err = e.withOwners(tx, cfg, rewards)
		}
		for i := range rewards {
			told[int64(rewards[i].ID)] = Told{Reward: &rewards[i]}
		}
		return told, err
	case model.EmailCaptured:
		captures, err := e.toldCaptures(tx, cfg, subjects[model.EventID](items))
		for id, c := range captures {
			told[int64(id)] = Told{Capture: c}
		}
		return told, err
	case model.RecipientsQuestioned:
		recipients, err := toldRecipients(tx, subjects[model.MailID](items))
		for id, r := range recipients {
			told[int64(id)] = Told{Recipient: r}
		}
		return told, err
	case model.EmailOptedOut:
		optOuts, err := e.toldOptOuts(tx, cfg, subjects[model.MailID](items))
		for id, o := range optOuts {
			told[int64(id)] = Told{OptOut: o}
		}
		return told, err
	case model.PointsEarned, model.PointsRevoked:
		points, err := e.toldPoints(tx, cfg, subjects[model.PointID](items))
		for i := range points {
			told[int64(points[i].ID)] = Told{Point: &points[i]}
		}
		return told, err
	case model.CouponsLow:
		for _, item := range items {
			stock, err := toldStock(tx, item.Payload)
			if err != nil {
				return nil, err
			}
			told[item.Subject] = Told{Stock: stock}
		}
		return told, nil
	case model.PersonDeleted:
		for _, item := range items {
			left := &ToldLeaver{ID: model.ParticipantID(item.Subject)}
			if err := left.read(item.Payload); err != nil {
				return nil, err
			}
			told[item.Subject] = Told{Left: left}
		}
		return told, nil
	}
	views, err := e.viewParticipants(tx, cfg, subjects[model.ParticipantID](items), Relations{Referrer: true, BroughtBy: true, Due: true, Issued: true})
	if err == nil {
		err = e.withPlaces(tx, began, cfg, views)
	}
	for _, v := range views {
		told[int64(v.ID)] = Told{Participant: v}
	}
	return told, err
}

// subjects says what the items of a delivery are.
func subjects[T ~int64](items []store.Item) []T {
	list := make([]T, len(items))
	for i, item := range items {
		list[i] = T(item.Subject)
	}
	return list
}
