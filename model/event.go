package model

import (
	"time"

	"grapevine/money"
)

// EventKind is what happened. The first group raises rules; the second
// changed an outcome, so that verify can replay it.
type EventKind string

const (
	SignUp       EventKind = "sign_up"
	EmailCapture EventKind = "email_capture"
	Invited      EventKind = "invited"
	Purchase     EventKind = "purchase"
	Custom       EventKind = "custom"
	PageReached  EventKind = "page"
	Qualified    EventKind = "qualified"
	CustomerKept EventKind = "customer"      // raises nothing
	LinkMade     EventKind = "link"          // raises nothing
	WidgetViewed EventKind = "widget_viewed" // raises nothing
	FormViewed   EventKind = "form_viewed"   // raises nothing: a sign-up form of the merchant's own was seen
	WidgetActed  EventKind = "widget_acted"  // raises nothing: what a visitor did in a widget
	PageViewed   EventKind = "page_viewed"   // raises nothing: a page that no rule waits for
	Shared       EventKind = "shared"        // raises nothing

	Unqualified      EventKind = "unqualified"       // subject: participant
	Uncounted        EventKind = "uncounted"         // person: the advocate; subject: the friend who no longer counts
	HoldOver         EventKind = "hold_over"         // subject: reward
	CouponHandedOut  EventKind = "coupon_handed"     // subject: a reward that waited for it
	CouponUsed       EventKind = "coupon_used"       // subject: participant who holds it
	CouponReturned   EventKind = "coupon_returned"   // subject: participant who holds it
	Brought          EventKind = "brought"           // subject: participant who was there, and of whom a call says who brought them
	Left             EventKind = "left"              // subject: participant who is no more
	StateChanged     EventKind = "state"             // subject: participant; who begins as applied, or unconfirmed where that is asked for, leaves none
	RewardApproved   EventKind = "reward_approved"   // subject: reward
	RewardRejected   EventKind = "reward_rejected"   // subject: reward
	RewardValidated  EventKind = "reward_validated"  // subject: reward; the merchant said yes
	RewardRefused    EventKind = "reward_refused"    // subject: reward; the merchant said no
	RewardUnanswered EventKind = "reward_unanswered" // subject: reward; the merchant never answered
	RewardIssued     EventKind = "reward_delivered"  // subject: reward; by a person or a call
	RewardGranted    EventKind = "reward_granted"    // a person or a call gave a reward that no rule made
	RewardTakenBack  EventKind = "reward_revoked"    // subject: reward
	Merged           EventKind = "merged"            // person: who stays; subject: who became an alias
	Erased           EventKind = "erased"            // person: who was erased; 0: nobody was known
	Adjusted         EventKind = "adjusted"          // subject: ledger entry
	Redeemed         EventKind = "redeemed"          // points bought something
	CheckedIn        EventKind = "checked_in"        // subject: participant, who came back
	FriendInvited    EventKind = "friend_invited"    // person: who invited; subject: the participant who was
	InvitationUsed   EventKind = "invitation_used"   // subject: participant whom a code of the campaign's own let in
	PointsMoved      EventKind = "points"            // subject: participant, who has so many more by the amount
	LoyaltyChanged   EventKind = "loyalty"           // the person takes part in the loyalty programme, or no longer
)

// Event is something that happened: append-only, and without any text from
// outside but the currency.
type Event struct {
	ID       EventID
	UUID     string
	Kind     EventKind
	Name     int64 // of a custom event: an id in the account's table of names
	Person   PersonID
	Turn     int64 // of the person: the order in which decisions were made
	Subject  int64
	Amount   money.Amount
	Currency string
	Version  int64 // of the account's settings
	Facts    Facts
	Facet    FacetID
	At       time.Time
}

// Facts are the answers that an event gave to the conditions which rules
// asked. Replaying the rules needs nothing else.
type Facts struct {
	NewCustomer *bool      `json:"new,omitempty"`
	SKUs        []RuleID   `json:"skus,omitempty"`   // rules one of whose SKUs was in the order
	Pages       []RuleID   `json:"pages,omitempty"`  // rules whose page was reached
	Named       []RuleID   `json:"named,omitempty"`  // rules whose custom event this was
	Campaigns   []InForce  `json:"in,omitempty"`     // live campaigns that saw the event
	Own         bool       `json:"own,omitempty"`    // the account's earning rules saw it: the person took part in loyalty
	Coupon      *CouponRef `json:"coupon,omitempty"` // handed out to a reward that waited or for points, or used
	Uses        int64      `json:"uses,omitempty"`   // that returning a coupon took back
	Handed      []Handed   `json:"handed,omitempty"` // coupons of the rewards that the event earned at once
	Freed       bool       `json:"free,omitempty"`   // un-qualifying freed the place of the reward
	Rule        RuleID     `json:"rule,omitempty"`   // under which a friend no longer counts, or a reward was granted
	Once        bool       `json:"once,omitempty"`   // no rule counts it of a friend who counts already
	Forced      bool       `json:"force,omitempty"`  // granted, whatever the rule's limit is
	Reason      string     `json:"reason,omitempty"` // of a rejection: ours, never a text from outside

	Fraud []Suspicion `json:"fraud,omitempty"`

	State State `json:"state,omitempty"` // that a participant came to
	Was   State `json:"was,omitempty"`   // and from which; "" for one who began in it

	Day int64         `json:"day,omitempty"` // of a check-in, in the account's zone: days since 1970
	By  ParticipantID `json:"by,omitempty"`  // who invited

	Activity Activity `json:"act,omitempty"` // what points are for
	For      int64    `json:"for,omitempty"` // and what brought them
	Channel  string   `json:"via,omitempty"` // of the share that did

	IP *IPUse `json:"ip,omitempty"` // that the campaign's limits counted

	Invitation *InvitationUse `json:"inv,omitempty"` // that let somebody in

	Redemption string `json:"redemption,omitempty"` // the id of what was bought, as the settings have it

	Loyalty LoyaltyStatus `json:"loyalty,omitempty"` // which status was taken on
	Auto    bool          `json:"auto,omitempty"`    // by the account's default: nobody said so
}

// IPUse is what a join used up of what a campaign allows from one network
// address, which it does not tell.
type IPUse struct {
	ID       int64 `json:"id"`
	SignUp   bool  `json:"s,omitempty"`
	Referral bool  `json:"r,omitempty"`
}

// InvitationUse names the invitation code, of a campaign's own, that was used.
type InvitationUse struct {
	Campaign CampaignID `json:"c"`
	Code     string     `json:"code"` // folded
}

// Suspicion is what speaks against rewarding an event in a campaign, the
// strongest signal first; campaign 0 is for whoever acts without being referred.
type Suspicion struct {
	Campaign CampaignID `json:"c,omitempty"`
	Signals  []Signal   `json:"s"`
}

// Signal is one thing that a fraud check found. It says nothing of who it was
// found in.
type Signal struct {
	Reason string `json:"reason"`
	Score  int    `json:"score,omitempty"` // out of 100, of what may hold in part
}

// InForce names a version that a decision was made under.
type InForce struct {
	Campaign CampaignID `json:"c"`
	Version  int64      `json:"v"`
}

// Handed is a coupon that a reward got.
type Handed struct {
	Reward RewardID `json:"r"`
	CouponRef
}

// CouponRef names a coupon: a batch, and the place in it.
type CouponRef struct {
	Batch BatchID  `json:"b"`
	ID    CouponID `json:"n"`
}

// Via is what an attribution rests on.
type Via string

const (
	ViaCoupon      Via = "coupon"
	ViaAttribution Via = "attribution"
	ViaCode        Via = "code"
	ViaClick       Via = "click"
	ViaReferrer    Via = "referrer" // the person's existing referrer
)

// Conversion is an event that counts for an advocate in a campaign.
type Conversion struct {
	ID          ConversionID
	Event       EventID
	Campaign    CampaignID
	Version     int64
	Kind        EventKind
	Advocate    ParticipantID
	Person      PersonID // the advocate, whose turn it took
	Turn        int64
	Friend      PersonID // 0: nobody is known
	Via         Via
	Code        CodeID    // 0: it came by none
	CountedFrom time.Time // when the window opened
	Facet       FacetID
	At          time.Time
}
