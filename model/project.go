package model

import (
	"slices"
	"strings"
	"time"

	"grapevine/money"
)

// Project is what one project file says of one account. Ids, codes and keys
// that the file leaves out are zero until Apply fills them in; what names
// another entry of the file by its name has that name beside the id.
type Project struct {
	Settings  Settings
	Keys      []Key
	Batches   []Batch
	Campaigns []Campaign
	Endpoints []Endpoint
}

// Settings is what holds for a whole account. It is versioned: a decision
// names the version it was made under.
type Settings struct {
	Version    int64         `json:"-"`
	Name       string        `json:"name"`
	Slug       string        `json:"slug"`
	Site       string        `json:"site"`
	Origins    []string      `json:"origins"`
	LinkURL    string        `json:"link_url"` // "" is the server's public URL and /r
	Currency   string        `json:"currency"`
	Timezone   string        `json:"timezone"`
	AutoOptIn  bool          `json:"auto_opt_in"`
	Currencies []PointRules  `json:"currencies"`
	Redemption []Redemption  `json:"redemptions"`
	Tiers      []Tier        `json:"tiers"`
	Earning    []EarningRule `json:"earning"`
	Blocked    Blocked       `json:"blocked"`
	Fraud      FraudChecks   `json:"fraud"`
	Email      EmailSettings `json:"email"`
	// EmailAuthorization is asked before mail goes to a recipient; "" is no one.
	EmailAuthorization string `json:"email_authorization"`
}

// PointRules caps a currency and lets its credits expire.
type PointRules struct {
	Code         string        `json:"code"`
	Cap          money.Amount  `json:"cap"` // 0 is no cap
	ExpiresAfter time.Duration `json:"expires_after"`
}

// Redemption is something that points buy.
type Redemption struct {
	ID       string       `json:"id"`
	Name     string       `json:"name"`
	Cost     money.Amount `json:"cost"`
	Currency string       `json:"currency"`
	Batch    BatchID      `json:"batch"`
	Coupons  string       `json:"-"` // the batch's name in the file
}

// RedemptionByID finds what points buy by its id, in any case.
func (s *Settings) RedemptionByID(id string) (Redemption, bool) {
	at := slices.IndexFunc(s.Redemption, func(r Redemption) bool { return strings.EqualFold(r.ID, id) })
	if at < 0 {
		return Redemption{}, false
	}
	return s.Redemption[at], true
}

// Tier is a loyalty tier, reached at a balance.
type Tier struct {
	ID       string       `json:"id"`
	Name     string       `json:"name"`
	Points   money.Amount `json:"points"`
	Currency string       `json:"currency"`
}

// EarningRule is what a customer earns for their own events.
type EarningRule struct {
	ID       RuleID       `json:"id"`
	Name     string       `json:"name"`
	On       string       `json:"on"`
	Amount   money.Amount `json:"amount"`
	PerUnit  money.Amount `json:"per_unit"` // per whole unit of the purchase, instead of Amount
	Currency string       `json:"currency"`
}

// Blocked lists who takes no part.
type Blocked struct {
	Emails []string `json:"emails"` // "*" stands for any run of characters
	IPs    []string `json:"ips"`
	Codes  []string `json:"codes"`
}

// FraudChecks say by what a friend is taken for the advocate who referred
// them.
type FraudChecks struct {
	SameCookie     bool `json:"same_cookie"`
	SameIPAndAgent bool `json:"same_ip_and_agent"`
	SameIP         bool `json:"same_ip"`
	SameEmail      bool `json:"same_email"`
	SimilarEmail   int  `json:"similar_email"` // from this score on, out of 100; 0 is off
	SameCustomerID bool `json:"same_customer_id"`
}

// EmailSettings say who mail comes from, and how it is worded.
type EmailSettings struct {
	From           string             `json:"from"`            // "" is an address at the server's own name
	Bounces        string             `json:"bounces"`         // where bounces go to; "" is From
	RemindersAfter time.Duration      `json:"reminders_after"` // 0 is off
	PerMinute      int                `json:"per_minute"`      // most mails; 0 is no limit
	Rewards        bool               `json:"rewards"`         // who earns a reward is told by mail
	Alerts         string             `json:"alerts"`          // who of the merchant's is told that coupons run low; "" is nobody
	Wording        map[MailKind]Share `json:"wording"`         // of kinds that have no wording of their own elsewhere
}

// Key is one credential or name by which the outside addresses an account.
// Use is opaque here: the dialect that reads it names it.
type Key struct {
	Use         string
	Value       string // "" in a project asks for the stored one, else for a new one
	Form        KeyForm
	Name        string   // of a narrower key; may be empty
	Permissions []string // of a narrower key; empty is all
	Secret      bool     // never looked up by, only read: a signing secret
	Path        string   // where the project file has it
}

// KeyForm says how a key is made that the project file leaves out.
type KeyForm struct {
	UUID   bool   // a random UUID; the rest is not used
	Prefix string // what it begins with
	Hex    int    // how many random hexadecimal digits follow
}

// AccountKey is the use of the key that signs in an account's name. Apply
// makes it with the account; its public half is shown.
const AccountKey = "account.private_key"

// ProjectToken is the use by which a campaign's project token is looked up.
const ProjectToken = "project_token"

// Batch is a batch of coupon codes as the project file lists it.
type Batch struct {
	ID       BatchID
	Name     string
	Campaign CampaignID // 0 is any
	In       string     // the campaign's name in the file
	Codes    []string
	Generate int64 // the size that made codes top the batch up to
	Prefix   string
	Size     int64 // how many codes it holds, used ones included

	CreatedAt time.Time
}

// Status is whether a campaign is offered.
type Status string

const (
	Draft    Status = "draft"
	Launched Status = "launched"
	Paused   Status = "paused"
)

// Campaign is one version of a campaign.
type Campaign struct {
	ID                CampaignID       `json:"id"`
	Version           int64            `json:"-"`
	Archived          bool             `json:"-"`
	UUID              string           `json:"uuid"`
	Code              string           `json:"code"`
	ProjectToken      string           `json:"project_token"`
	Name              string           `json:"name"`
	Status            Status           `json:"status"`
	Lang              string           `json:"lang"`
	StartsAt          time.Time        `json:"starts_at,omitzero"`
	EndsAt            time.Time        `json:"ends_at,omitzero"`
	Landing           string           `json:"landing"`
	LinkParam         string           `json:"link_param"`
	SignedLinks       bool             `json:"signed_links"` // a signed attribution rides on the landing address
	AttributionWindow time.Duration    `json:"attribution_window"`
	ConfirmEmail      bool             `json:"confirm_email"`
	Leaderboard       string           `json:"leaderboard"`
	SkipAhead         int              `json:"skip_ahead"`
	Points            ActionPoints     `json:"points"`
	IdleAfter         time.Duration    `json:"idle_after"`
	FriendInvitations int              `json:"friend_invitations"`
	InvitationCodes   []InvitationCode `json:"invitation_codes"`
	Questions         []Question       `json:"questions"`
	Limits            Limits           `json:"limits"`
	CodeStyle         CodeStyle        `json:"code_style"`
	Channels          []string         `json:"channels"`
	Share             Share            `json:"share"`
	Rules             []Rule           `json:"rules"`
	Widgets           []Widget         `json:"widgets"`
}

// ActionPoints are the waitlist points an action brings.
type ActionPoints struct {
	SignUp   money.Amount `json:"sign_up"`
	Share    money.Amount `json:"share"`
	Referral money.Amount `json:"referral"`
}

// InvitationCode lets people in, whoever has it.
type InvitationCode struct {
	Code string `json:"code"` // folded
	Uses int64  `json:"uses"` // most whom it lets in
}

// Question is asked at sign-up.
type Question struct {
	ID   int64  `json:"id"`
	Text string `json:"text"`
}

// Limits bound what one address can bring; 0 is no limit.
type Limits struct {
	SignupsPerIP   int      `json:"signups_per_ip"`
	ReferralsPerIP int      `json:"referrals_per_ip"`
	IPSafelist     []string `json:"ip_safelist"`
}

// CodeStyle says how codes are made.
type CodeStyle struct {
	Seed   string `json:"seed"` // "random" or "first_name"
	Prefix string `json:"prefix"`
}

// Share is the wording of a share.
type Share struct {
	Subject string `json:"subject"`
	Text    string `json:"text"`
}

// Channels are the networks by which links are shared. A link that is shared by
// none has channel "".
var Channels = []string{"email", "facebook", "generic", "linkedin", "messenger", "sms", "snap", "twitter", "whatsapp"}

// Widget is a place on the merchant's pages.
type Widget struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"`
}

// Live reports whether the campaign attributes and rewards at t.
func (c *Campaign) Live(t time.Time) bool {
	return !c.Archived && c.Status == Launched &&
		(c.StartsAt.IsZero() || !t.Before(c.StartsAt)) &&
		(c.EndsAt.IsZero() || t.Before(c.EndsAt))
}

// Rule returns the rule of that id, or nil.
func (c *Campaign) Rule(id RuleID) *Rule {
	for i := range c.Rules {
		if c.Rules[i].ID == id {
			return &c.Rules[i]
		}
	}
	return nil
}

// Recipient is whom a rule rewards.
type Recipient string

const (
	ToAdvocate Recipient = "advocate"
	ToFriend   Recipient = "friend"
	ToBoth     Recipient = "both"
	ToCustomer Recipient = "customer" // whoever acted, referred or not
)

// Rule is a reward as the project file describes it: who earns what for what.
type Rule struct {
	ID          RuleID        `json:"id"`
	Name        string        `json:"name"`
	Descriptor  string        `json:"descriptor"`
	Description string        `json:"description"`
	To          Recipient     `json:"to"`
	On          string        `json:"on"`
	After       int64         `json:"after"`
	Repeat      bool          `json:"repeat"`
	Limit       int64         `json:"limit"` // 0 is no limit
	When        Condition     `json:"when"`
	Hold        time.Duration `json:"hold"`
	ValidateURL string        `json:"validate_url"`
	Auto        bool          `json:"auto"` // delivered in the transaction that earns it
	Points      SidePoints    `json:"points"`
	Value       Value         `json:"value"`
}

// Condition is what an event must meet.
type Condition struct {
	MinAmount   money.Amount `json:"min_amount"`
	NewCustomer bool         `json:"new_customer"`
	SKUs        []string     `json:"skus"` // one of them in the order is enough
}

// SidePoints are waitlist points that come with a reward.
type SidePoints struct {
	Referrer money.Amount `json:"referrer"`
	Friend   money.Amount `json:"friend"`
}

// ValueType is the sort of thing a reward is.
type ValueType string

const (
	Discount    ValueType = "discount"
	CreditValue ValueType = "credit"
	LedgerValue ValueType = "ledger"
	GiftCard    ValueType = "giftCard"
	Cash        ValueType = "cash"
	Product     ValueType = "product"
	Integration ValueType = "integration"
	OtherValue  ValueType = "other"
)

// Value is what a reward is worth.
type Value struct {
	Type    ValueType    `json:"type"`
	Amount  money.Amount `json:"amount"`
	Unit    string       `json:"unit"`
	Label   string       `json:"label"`
	Batch   BatchID      `json:"batch"` // coupons come from here; 0 is none
	Coupons string       `json:"-"`     // the batch's name in the file
}

// Endpoint is an address of the merchant's that is told of one topic.
type Endpoint struct {
	ID       EndpointID
	Dialect  string // whose wording the body has
	Event    string // the dialect's name of what it tells
	Topic    Topic
	URL      string
	Campaign CampaignID // 0 is any
	In       string     // the campaign's name in the file
	Origins  int64      // a set of where people that it is told of came from; 0 is anywhere
	Rule     RuleID     // whose rewards it is told of; 0 is any
	FromFile bool       // it ends when the project file names it no longer
	Paused   bool       // what it is told waits
	Circuit  Circuit
}

// Circuit is how an endpoint has taken what it was told of late.
type Circuit struct {
	Failures int64     // tries in a row that failed
	ProbeAt  time.Time // open: when the next request may go; zero where it is closed
	Next     JobID     // of the delivery that waits to be that request; 0: none does
}

// Open reports whether an endpoint gets no more than single requests.
func (c Circuit) Open() bool { return !c.ProbeAt.IsZero() }

// Topic is something that a merchant can be told.
type Topic string

// The topics. A dialect has its own names for those that it tells of.
const (
	AdvocateRewardEarned Topic = "advocate_reward_earned"
	FriendRewardEarned   Topic = "friend_reward_earned"
	LoyaltyRewardEarned  Topic = "loyalty_reward_earned"
	RewardEarned         Topic = "reward_earned" // advocate's or friend's
	RewardDelivered      Topic = "reward_delivered"
	RewardRevoked        Topic = "reward_revoked"
	RewardQuestioned     Topic = "reward_questioned"     // asks whether a reward is to be given; the answer decides
	RecipientsQuestioned Topic = "recipients_questioned" // asks which recipients may get mail; the answer decides
	ReferralMade         Topic = "referral_made"
	PointsEarned         Topic = "points_earned"
	PointsRevoked        Topic = "points_revoked"
	EmailCaptured        Topic = "email_captured"
	EmailOptedOut        Topic = "email_opted_out"
	PersonAdded          Topic = "person_added"  // in whatever state
	PersonJoined         Topic = "person_joined" // confirmed where that is asked for; again where somebody brought them after it
	PersonApplied        Topic = "person_applied"
	PersonImported       Topic = "person_imported"
	PersonInvited        Topic = "person_invited"
	PersonActivated      Topic = "person_activated"
	PersonConfirmed      Topic = "person_confirmed"
	PersonQualified      Topic = "person_qualified"
	PersonChanged        Topic = "person_changed"
	PersonRejected       Topic = "person_rejected"
	PersonSuspended      Topic = "person_suspended"
	PersonUnsubscribed   Topic = "person_unsubscribed"
	PersonDeleted        Topic = "person_deleted"
	CouponsLow           Topic = "coupons_low" // a batch is nearly used up, or quite
)
