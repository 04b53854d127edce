package engine

import (
	"time"

	"grapevine/model"
)

// Gather is how long what happens in quick succession is collected before an
// endpoint is told of it.
const Gather = 300 * time.Millisecond

// tellReward makes the jobs that tell of a reward: one for each endpoint that
// listens to one of the topics. They go into the transaction that moved it.
func (e *Engine) tellReward(cfg *Config, r *model.Reward, topics ...model.Topic) ([]model.Job, error) {
	var jobs []model.Job
	for _, topic := range topics {
		for _, endpoint := range cfg.Endpoints(topic, r.Campaign) {
			id, err := e.newID()
			if err != nil {
				return nil, err
			}
			jobs = append(jobs, model.Job{
				ID:      model.JobID(id),
				Kind:    model.JobTell,
				Lane:    int64(endpoint.ID),
				Subject: int64(r.ID),
				RunAt:   e.now().Add(Gather),
			})
		}
	}
	return jobs, nil
}

// movedTopics are what endpoints are told when a reward reaches a state, by
// who receives it.
func movedTopics(role model.Role, state model.RewardState) []model.Topic {
	referral := role == model.AsAdvocate || role == model.AsFriend
	switch {
	case state == model.Earned && role == model.AsAdvocate:
		return []model.Topic{model.AdvocateRewardEarned, model.RewardEarned}
	case state == model.Earned && role == model.AsFriend:
		return []model.Topic{model.FriendRewardEarned, model.RewardEarned}
	case state == model.Earned:
		return []model.Topic{model.LoyaltyRewardEarned}
	case state == model.Delivered && referral:
		return []model.Topic{model.RewardDelivered}
	case state == model.Revoked && referral:
		return []model.Topic{model.RewardRevoked}
	}
	return nil
}
