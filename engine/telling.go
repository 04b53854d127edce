package engine

import (
	"slices"
	"time"

	"grapevine/model"
)

// Gather is how long what happens in quick succession is collected before an
// endpoint is told of it.
const Gather = 300 * time.Millisecond

// tell leaves a job for each endpoint that listens to a topic in a campaign,
// and that wants to be told of this; a nil wants is every one. What the subject
// is follows from the topic: see Told. Who is told of it already in this turn is
// not told twice.
func (t *turn) tell(topic model.Topic, campaign model.CampaignID, subject int64, wants func(*model.Endpoint) bool) {
	t.tellWith(topic, campaign, subject, "", wants)
}

// tellWith is tell of something that is gone by the time it is told.
func (t *turn) tellWith(topic model.Topic, campaign model.CampaignID, subject int64, payload string, wants func(*model.Endpoint) bool) {
	if t.silently {
		return
	}
	for _, endpoint := range t.cfg.Endpoints(topic, campaign) {
		told := func(j model.Job) bool {
			return j.Kind == model.JobTell && j.Lane == int64(endpoint.ID) && j.Subject == subject
		}
		if wants != nil && !wants(&endpoint) || slices.ContainsFunc(t.jobs, told) {
			continue
		}
		t.jobs = append(t.jobs, model.Job{
			ID: model.JobID(t.id()), Kind: model.JobTell, Lane: int64(endpoint.ID), Subject: subject, Payload: payload, RunAt: t.now.Add(Gather),
		})
	}
}

// tellReward tells of a reward that reached the state it is in.
func (t *turn) tellReward(w *model.Reward) {
	wants := func(to *model.Endpoint) bool { return to.Rule == 0 || to.Rule == w.Rule }
	for _, topic := range movedTopics(w.Role, w.State) {
		t.tell(topic, w.Campaign, int64(w.ID), wants)
	}
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
