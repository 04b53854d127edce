package model

import (
	"time"

	"grapevine/money"
)

// RewardState is where a reward stands. The moves are the engine's.
type RewardState string

const (
	Pending     RewardState = "pending"
	Earned      RewardState = "earned"
	Delivered   RewardState = "delivered"
	Rejected    RewardState = "rejected"
	NotEligible RewardState = "not_eligible"
	Failed      RewardState = "error"
	Revoked     RewardState = "revoked"
)

// Role is in which role somebody receives a reward.
type Role string

const (
	AsAdvocate Role = "advocate"
	AsFriend   Role = "friend"
	AsCustomer Role = "customer" // a campaign's rule, whoever acted
	AsEarner   Role = "earning"  // an account's earning rule
)

// Reward is one reward of one person for one event under one rule.
type Reward struct {
	ID          RewardID
	UUID        string
	Event       EventID
	Rule        RuleID
	Role        Role
	Campaign    CampaignID // 0: an earning rule
	Version     int64      // of the campaign, or of the settings for an earning rule
	Conversion  ConversionID
	Person      PersonID // who receives it; 0 where nobody is known
	MadeFor     PersonID // who was to receive it when it was made: Person follows merges
	Friend      PersonID // who brought it; 0 where nobody is known
	State       RewardState
	Place       bool  // it counts for limit, after and repeat
	Number      int64 // which of the advocate's friends this was for the rule
	Kind        ValueType
	Amount      money.Amount
	Unit        string
	Batch       BatchID
	Coupon      CouponID // place in the batch; 0: none handed out
	DueAt       time.Time
	Why         Why
	Facet       FacetID
	At          time.Time
	EarnedAt    time.Time
	DeliveredAt time.Time
	EndedAt     time.Time
}

// Why is what decided a reward: the attribution, the rule and its version,
// the fraud signals and the dates.
type Why struct {
	Via         Via          `json:"via,omitempty"`
	Code        CodeID       `json:"code,omitempty"`
	Advocate    PersonID     `json:"advocate,omitempty"`
	Rule        RuleID       `json:"rule"`
	Version     int64        `json:"version"`
	Reason      string       `json:"reason,omitempty"` // why it is rejected, not eligible or waits
	Fraud       []Signal     `json:"fraud,omitempty"`
	CountedFrom *time.Time   `json:"counted_from,omitempty"`
	HoldUntil   *time.Time   `json:"hold_until,omitempty"`
	Promised    money.Amount `json:"promised,omitempty"` // where the cap of the ledger cut it
	Posted      money.Amount `json:"posted,omitempty"`
	Kept        money.Amount `json:"kept,omitempty"` // revoked too late: was spent already
}
