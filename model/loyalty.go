package model

// LoyaltyStatus says whether a person takes part in the account's loyalty
// programme.
type LoyaltyStatus string

const (
	LoyaltyUnsaid  LoyaltyStatus = "" // nobody has said: what the account takes for its default
	LoyaltyIn      LoyaltyStatus = "in"
	LoyaltyOut     LoyaltyStatus = "out"
	LoyaltyBlocked LoyaltyStatus = "blocked"
)

// Stricter is the status of somebody who was two persons: who was blocked, or
// had left, as either of them does not come back by being merged.
func (s LoyaltyStatus) Stricter(other LoyaltyStatus) LoyaltyStatus {
	for _, status := range []LoyaltyStatus{LoyaltyBlocked, LoyaltyOut, LoyaltyIn} {
		if s == status || other == status {
			return status
		}
	}
	return LoyaltyUnsaid
}
