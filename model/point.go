package model

import (
	"time"

	"grapevine/money"
)

// Activity is what a participant has points for.
type Activity string

// The activities.
const (
	PointsForSignUp       Activity = "sign_up"
	PointsForShare        Activity = "share"
	PointsForReferral     Activity = "referral"
	PointsForReward       Activity = "reward"
	PointsForFriendReward Activity = "friend_reward"
	PointsByHand          Activity = "bonus" // somebody gave them, or took some
)

// Point is an entry in a campaign's log of points. What a participant has is
// the sum of theirs, and may be below zero.
type Point struct {
	ID          PointID // that of the event which says so
	Campaign    CampaignID
	Participant ParticipantID
	Activity    Activity
	Subject     int64 // what brought it: a friend, who is a participant, or a reward; 0: neither
	Quantity    money.Amount
	Note        string // why, in somebody's own words
	At          time.Time
}
