package model

import (
	"cmp"
	"strings"
	"time"

	"grapevine/money"
)

// IdentityKind tells the strong identity from the weak one.
type IdentityKind int

const (
	CustomerID IdentityKind = 1 // given by the merchant's shop: strong
	Email      IdentityKind = 2 // weak: it follows a customer id, never leads it
)

// Identity is one name of a person. A person has many.
type Identity struct {
	Kind   IdentityKind
	Value  string // an e-mail is folded
	Shown  string // as it was sent
	Person PersonID
	Main   bool
}

// FoldEmail is the form in which e-mail addresses are compared.
func FoldEmail(address string) string { return strings.ToLower(strings.TrimSpace(address)) }

// FoldCode is the form under which a code is unique on a server.
func FoldCode(code string) string { return strings.ToLower(code) }

// Person is one customer of one account.
type Person struct {
	ID        PersonID
	AliasOf   PersonID // the person this one was merged into; 0 is none
	Aliases   int64    // how many were merged into this one
	Purchases int64
	Turns     int64 // raised under the person's lock: the order of decisions
	Loyalty   LoyaltyStatus
	CreatedAt time.Time
	Erased    bool // nobody is behind this person any more
}

// Profile is what was sent of a person, and what erasing removes.
type Profile struct {
	Person    PersonID
	FirstName string
	LastName  string
	IP        string // last sent in a body about the person
	Agent     string
	Body      string // JSON: everything else
}

// Name is first and last name joined by a blank, without the one that is
// missing.
func (p Profile) Name() string { return strings.TrimSpace(p.FirstName + " " + p.LastName) }

// Over is p, with the fields that it leaves empty as they are in under.
func (p Profile) Over(under Profile) Profile {
	return Profile{
		Person: p.Person, FirstName: cmp.Or(p.FirstName, under.FirstName), LastName: cmp.Or(p.LastName, under.LastName),
		IP: cmp.Or(p.IP, under.IP), Agent: cmp.Or(p.Agent, under.Agent), Body: cmp.Or(p.Body, under.Body),
	}
}

// Participant is a person in a campaign.
type Participant struct {
	ID          ParticipantID
	UUID        string
	Campaign    CampaignID
	Person      PersonID
	Code        CodeID        // the main one
	Referrer    ParticipantID // who brought this one; 0 is none
	ReferredAt  time.Time     // the window counts from here
	SignedUpAt  time.Time     // zero: not yet
	CapturedAt  time.Time
	ConfirmedAt time.Time // zero: the campaign waits for it, and until then a join counts for nobody
	QualifiedAt time.Time
	Source      string
	JoinedAt    time.Time

	State       State     // never StateIdle: see StateAt
	StateBefore State     // what a suspended one goes back to
	ImportedAt  time.Time // when a state was first reached; zero: not yet
	AppliedAt   time.Time
	InvitedAt   time.Time
	ActiveAt    time.Time
	SeenAt      time.Time    // the last check-in; zero: none
	Points      money.Amount // the sum of their points
	Referrals   int64        // whom they brought, confirmed
	InvitedBy   EventID      // by which another participant invited this one; 0: nobody did
	Invitations int64        // how many friends they invited
	ChangedAt   time.Time
}

// State is how far a participant has come.
type State string

const (
	StateImported    State = "imported"    // added by the merchant
	StateUnconfirmed State = "unconfirmed" // the address waits to be confirmed, and until then the join counts for nobody
	StateApplied     State = "applied"     // on the waitlist
	StateRejected    State = "rejected"
	StateInvited     State = "invited"
	StateActive      State = "active"
	StateIdle        State = "idle"      // active, and not seen for long
	StateSuspended   State = "suspended" // gets no mail, and what they share brings nobody
)

// States is the closed list.
var States = []State{
	StateImported, StateUnconfirmed, StateApplied, StateRejected, StateInvited, StateActive, StateIdle, StateSuspended,
}

// StateAt is the state at a time, in a campaign whose participants are idle
// when they were not seen for so long.
func (p *Participant) StateAt(now time.Time, idleAfter time.Duration) State {
	if p.State == StateActive && !now.Before(p.SeenAt.Add(idleAfter)) {
		return StateIdle
	}
	return p.State
}

// Code is a code somebody shares, or a campaign's join link.
type Code struct {
	ID          CodeID // what everything else calls it: the text may be a name, and goes with its person
	Folded      string
	Shown       string
	Campaign    CampaignID
	Participant ParticipantID // 0: the campaign's own
	Person      PersonID
	Seed        string // digest of what was asked for
	Place       string // channel, widget and parameters: one link each, unless a seed asks for another
	Channel     string
	Params      string // query that the landing address gets
	Named       bool   // made of what somebody is called: it ends when they are erased
	MadeAt      time.Time
}

// Click is a visit that a link brought.
type Click struct {
	ID          ClickID
	Code        CodeID
	Campaign    CampaignID
	Participant ParticipantID
	Visitor     VisitorID
	Self        bool // the visitor owns the code
	Facet       FacetID
	At          time.Time
	Detail      string // JSON: address and agent; "" is none
}
