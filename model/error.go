package model

import "errors"

// Kind says how a use case failed. Anything that is no *Error is Internal.
type Kind string

const (
	Malformed       Kind = "malformed"       // cannot be read: JSON, a missing field, a wrong type
	Invalid         Kind = "invalid"         // can be read, but the value cannot be
	Unauthenticated Kind = "unauthenticated" // who calls is not known
	Denied          Kind = "denied"          // known, but not allowed
	NotFound        Kind = "not_found"
	Conflict        Kind = "conflict"
	Gone            Kind = "gone"
	Limited         Kind = "limited" // too much for now
	Internal        Kind = "internal"
)

// Kinds is the closed list that every dialect's error table covers.
var Kinds = []Kind{Malformed, Invalid, Unauthenticated, Denied, NotFound, Conflict, Gone, Limited, Internal}

// Reason is the rule that refused. The list is closed: a dialect maps each
// reason or says that it falls back to the kind.
type Reason string

const (
	EmailTaken          Reason = "email_taken"
	ReferrerUnknown     Reason = "referrer_unknown"
	CampaignUnknown     Reason = "campaign_unknown"
	CampaignNotLive     Reason = "campaign_not_live"
	CodeUnknown         Reason = "code_unknown"
	CodeBlocked         Reason = "code_blocked"
	CodeTaken           Reason = "code_taken"
	PersonUnknown       Reason = "person_unknown"
	ParticipantUnknown  Reason = "participant_unknown"
	RewardUnknown       Reason = "reward_unknown"
	LedgerUnknown       Reason = "ledger_unknown"
	BalanceShort        Reason = "balance_short"
	BatchEmpty          Reason = "batch_empty"
	LimitReached        Reason = "limit_reached" // as many rewards as the rule gives one person
	RuleUnknown         Reason = "rule_unknown"
	BatchTooLarge       Reason = "batch_too_large"
	CouponUnknown       Reason = "coupon_unknown"
	CouponFree          Reason = "coupon_free" // nobody who takes part holds it
	RedemptionUnknown   Reason = "redemption_unknown"
	NotInLoyalty        Reason = "not_in_loyalty"
	CurrencyUnknown     Reason = "currency_unknown"
	InviterUnfit        Reason = "inviter_unfit"      // their state lets them invite nobody
	InvitationsSpent    Reason = "invitations_spent"  // they invited as many as they may
	InvitationInvalid   Reason = "invitation_invalid" // the campaign has no such invitation code, or it has let in all that it may
	PersonBlocked       Reason = "person_blocked"
	TooManyFromIP       Reason = "too_many_from_ip" // as many as the campaign takes from one network address
	PointsUnused        Reason = "points_unused"    // the campaign does not rank by them
	StateInvalid        Reason = "state_invalid"    // nobody is in it, or begins in it
	TransitionForbidden Reason = "transition_forbidden"
	KeyUnknown          Reason = "key_unknown"
	KeyTaken            Reason = "key_taken"
	BodyTooLarge        Reason = "body_too_large"
	CallsTooOften       Reason = "calls_too_often"
	AddressBlocked      Reason = "address_blocked" // it called too often, too often
)

// Reasons is the closed list.
var Reasons = []Reason{
	EmailTaken, ReferrerUnknown, CampaignUnknown, CampaignNotLive, CodeUnknown, CodeBlocked, CodeTaken,
	PersonUnknown, ParticipantUnknown, RewardUnknown, LedgerUnknown, BalanceShort, BatchEmpty, LimitReached, RuleUnknown, BatchTooLarge, CouponUnknown, CouponFree, RedemptionUnknown, NotInLoyalty,
	CurrencyUnknown, InviterUnfit, InvitationsSpent, InvitationInvalid, PersonBlocked, TooManyFromIP, PointsUnused, StateInvalid, TransitionForbidden, KeyUnknown, KeyTaken, BodyTooLarge, CallsTooOften, AddressBlocked,
}

// Error is how every use case fails. It carries no status code: each dialect
// has one table that says what a reason or a kind is there.
type Error struct {
	Kind   Kind
	Reason Reason // may be empty: the kind says all
	Field  string // the input at fault, in our naming; may be empty
	Msg    string // safe to show to the caller
	Err    error  // the cause, for the log only
}

func (e *Error) Error() string {
	text := string(e.Kind)
	if e.Reason != "" {
		text += " (" + string(e.Reason) + ")"
	}
	if e.Field != "" {
		text += " " + e.Field
	}
	text += ": " + e.Msg
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of err, Internal for what no use case foresaw.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// ReasonOf is the reason of err, or "".
func ReasonOf(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}
