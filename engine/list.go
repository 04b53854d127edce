package engine

import (
	"encoding/json"
	"time"

	"grapevine/model"
	"grapevine/money"
)

// ListQuery asks for a page of a list, newest first.
type ListQuery struct {
	From, To   time.Time // inclusive, whole milliseconds; zero: unbounded
	Size       int       // rows of a page
	After      Cursor    // zero: the first page
	Campaign   string    // UUID; "" is any, an unknown one lists nothing
	Channel    string    // "" is any
	Direct     bool      // no channel: of links that no network shares
	Widget     string    // its name; "" is any
	Kind       string    // see each list; "" is any
	Email      string    // of the person whom the list is filtered by; unknown lists nothing
	CustomerID string    // with both, who has both
}

// Cursor is the last row of a page: the next one begins behind it.
type Cursor struct {
	At time.Time
	ID int64
}

// Listed is a page of a list.
type Listed[T any] struct {
	Rows  []T
	Total int64  // of all pages
	Next  Cursor // where the next page goes on
	More  bool   // there is a next page
}

// Known is how a person is known at the time of the question; empty where nobody is, or who
// was erased.
type Known struct {
	Person     model.PersonID
	Email      string
	CustomerID string
	Name       string
}

// In is the campaign that a row belongs to; empty where it is none.
type In struct {
	CampaignUUID string
	CampaignName string
}

// WidgetView is a widget that somebody saw.
type WidgetView struct {
	In
	Person     Known
	Widget     string
	WidgetType string // model.AdvocateShareView, model.EmailCaptureView
	IP, Agent  string
	At         time.Time
}

// SharedLink is a link that an advocate shared.
type SharedLink struct {
	In
	Advocate      Known
	Channel, Code string
	IP, Agent     string
	At            time.Time
}

// Clicked is a link that somebody other than its owner followed.
type Clicked struct {
	In
	Advocate      Known
	Channel, Code string
	IP, Agent     string
	Destination   string // where the visitor was sent, without what was signed
	At            time.Time
}

// SignedUp is a sign-up that counts for an advocate.
type SignedUp struct {
	In
	Person, Advocate Known
	Code, Channel    string
	IP, Agent        string
	NewCustomer      bool
	At               time.Time
}

// Bought is a purchase that counts for an advocate. One that counts in two
// campaigns is listed in both.
type Bought struct {
	In
	Person, Advocate Known
	OrderID          string
	Code, Coupon     string
	IP               string
	Amount           money.Amount
	Currency         string
	NewCustomer      bool
	Products         []json.RawMessage // as they were sent
	At               time.Time
}

// Acted is a page that somebody reached and that counts for an advocate.
type Acted struct {
	In
	ID               model.EventID
	Person, Advocate Known
	Page, Code, IP   string
	At               time.Time
}

// Rewarded is a reward of an advocate or a friend.
type Rewarded struct {
	In
	Reward           model.Reward
	Coupon           string // its code
	Trigger          string // the kind of event, of a custom one its name
	Advocate, Friend Known
	Code, Channel    string
}

// Captured is an address that somebody left.
type Captured struct {
	In
	Person      Known
	Name, Email string // as they were left
	Widget, IP  string
	Kind        string // model.CapturedAdvocate, CapturedFriend, CapturedOther
	Newsletter  *bool
	At          time.Time
}
