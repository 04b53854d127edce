package model

import (
	"time"

	"grapevine/money"
)

// Ledger is the running total of one holder in one currency.
type Ledger struct {
	Holder     string
	Currency   string
	Balance    money.Amount // with credits that are due to expire and not yet posted
	Entries    int64        // how many; the newest carries this number
	NextExpiry time.Time    // no active credit expires before; zero: none expires
	CreatedAt  time.Time
}

// EntryKind is why a ledger moved.
type EntryKind string

const (
	EntryAdd     EntryKind = "add"
	EntryRemove  EntryKind = "remove"
	EntryRedeem  EntryKind = "redeem"
	EntryExpire  EntryKind = "expire"
	EntryReverse EntryKind = "reverse" // a reward was revoked
	EntryMoveIn  EntryKind = "move_in" // a person was merged
	EntryMoveOut EntryKind = "move_out"
)

// Entry is one movement: append-only.
type Entry struct {
	ID       EntryID
	Holder   string
	Currency string
	Number   int64
	Kind     EntryKind
	Amount   money.Amount // negative takes away
	Balance  money.Amount // after it
	Reward   RewardID
	Event    EventID // of a redemption
	Note     string  // the merchant's own words
	At       time.Time
}

// CreditEnd is how a credit ended.
type CreditEnd string

const (
	CreditRedeemed CreditEnd = "redeemed"
	CreditExpired  CreditEnd = "expired"
	CreditReversed CreditEnd = "reversed"
	CreditMoved    CreditEnd = "moved"
)

// Credit is one addition to a ledger, and what is left of it.
type Credit struct {
	ID        CreditID
	Holder    string
	Currency  string
	Amount    money.Amount
	Remaining money.Amount
	ExpiresAt time.Time // zero: never
	EndedAt   time.Time // zero: active
	Ended     CreditEnd
	Reward    RewardID
	EarnedAt  time.Time
}
