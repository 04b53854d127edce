package friendbuy

import (
	"cmp"
	"time"

	"grapevine/model"
)

// Friendbuy documents that calls may be refused for their number, and tells no
// number. These stop what has run wild, and nobody else.
const (
	defaultCalls          = 600_000
	defaultAuthorizations = 6_000
	defaultIntakes        = 60_000
)

// Limits is how many calls a minute are answered; 0 is the default.
type Limits struct {
	Calls          int64 // of a key pair, of which an account has one
	Authorizations int64 // of a client network: whose key it is shows only when the secret is right
	Intakes        int64 // of a client network, in an account: what browsers send
}

func (l Limits) calls() *model.RateLimit {
	return &model.RateLimit{Name: "friendbuy.call", Calls: cmp.Or(l.Calls, defaultCalls), Window: time.Minute}
}

func (l Limits) authorizations() *model.RateLimit {
	return &model.RateLimit{Name: "friendbuy.authorization", Calls: cmp.Or(l.Authorizations, defaultAuthorizations), Window: time.Minute}
}

func (l Limits) intakes() *model.RateLimit {
	return &model.RateLimit{Name: "friendbuy.intake", Calls: cmp.Or(l.Intakes, defaultIntakes), Window: time.Minute}
}
