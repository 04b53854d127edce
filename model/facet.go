package model

import (
	"crypto/sha256"
	"encoding/binary"
)

// List is what can be listed by page, filter and time.
type List string

// The lists.
const (
	Views     List = "view"     // widgets that were seen
	Shares    List = "share"    // links that were shared
	Clicks    List = "click"    // links that were followed
	SignUps   List = "sign_up"  // sign-ups that count for an advocate
	Purchases List = "purchase" // purchases that count for an advocate
	Rewards   List = "reward"   // rewards of advocates and friends
	Captures  List = "capture"  // addresses that were left
	Joins     List = "join"     // sign-ups, referred or not; the channel is where the participant came from
	Actions   List = "action"   // pages that count for an advocate
	PageViews List = "page"     // pages of a campaign that were seen
	MailMarks List = "mail"     // what happened with mails; the kind is that of the mail and the mark
)

// Lists are all lists.
var Lists = []List{Views, Shares, Clicks, SignUps, Purchases, Rewards, Captures, Joins, Actions, PageViews, MailMarks}

// Facet is one combination of what a list can be filtered by. Each listed row
// carries the id of its facet: rows are found and counted by facet.
type Facet struct {
	List     List
	Campaign CampaignID // 0: none
	Channel  string
	WidgetID string // UUID
	Widget   string // its name
	Kind     string // see the constants below; "" where the list has no kinds
}

// Kinds of facets.
const (
	OwnClick = "self" // of Clicks: by who owns the code

	AdvocateShareView = "advocateShare" // of Views: the type of the widget, as the project file has it
	EmailCaptureView  = "emailCapture"

	CapturedAdvocate = "advocate" // of Captures: in a widget for advocates
	CapturedFriend   = "friend"   // in one for friends, with a referral
	CapturedOther    = "other"    // in one for friends, without

	JoinedReferred = "referred" // of Joins: somebody brought the participant

	// Of MailMarks: see MailFacetKind.
	// Of Rewards: the role of who receives it, and this where it is delivered.
	DeliveredSuffix = "_delivered"
)

// idBits is how many bits of a digest make an id: it is safe in JSON, and two
// of ten thousand facets meet with a chance of one in a hundred million.
const idBits = 53

// ID is the same wherever and whenever it is made, so nobody has to agree on
// it. Only the facet of rows in no list, which is empty, has 0.
func (f Facet) ID() FacetID {
	if f == (Facet{}) {
		return 0
	}
	h := sha256.New()
	for _, part := range []string{string(f.List), f.Channel, f.WidgetID, f.Widget, f.Kind} {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write([]byte(part))
	}
	var campaign [8]byte
	binary.BigEndian.PutUint64(campaign[:], uint64(f.Campaign))
	h.Write(campaign[:])
	return FacetID(binary.BigEndian.Uint64(h.Sum(nil))>>(64-idBits) | 1)
}

// MailFacetKind is the kind of the facet that a mark of a mail is listed under.
func MailFacetKind(k MailKind, m Mark) string { return string(k) + " " + string(m) }
