package model

import "time"

// MailKind is what a mail is for.
type MailKind string

// The kinds of mail.
const (
	ShareMail            MailKind = "share"             // an advocate's, to a friend
	ReminderMail         MailKind = "reminder"          // what follows a share that was not followed
	NotifyMail           MailKind = "notify"            // tells somebody that they take part, and by which link
	ConfirmationMail     MailKind = "confirmation"      // asks whether an address is theirs
	InvitationMail       MailKind = "invitation"        // off the waitlist
	RejectionMail        MailKind = "rejection"         // not off the waitlist
	FriendInvitationMail MailKind = "friend_invitation" // a participant's, to somebody who may come in at once
	RewardMail           MailKind = "reward"            // tells what somebody earned
	StockMail            MailKind = "stock"             // tells the merchant that coupons run low
)

// MailKinds is the closed list.
var MailKinds = []MailKind{
	ShareMail, ReminderMail, NotifyMail, ConfirmationMail, InvitationMail, RejectionMail, FriendInvitationMail, RewardMail, StockMail,
}

// ToFriends reports whether somebody asked for the mail to go to somebody else:
// the merchant may be asked about its recipients, and it is followed up.
func (k MailKind) ToFriends() bool { return k == ShareMail || k == ReminderMail }

// MailState is where a mail stands.
type MailState string

const (
	MailAsking     MailState = "asking"     // the merchant is asked whether it may go
	MailWaiting    MailState = "waiting"    // a job sends it
	MailSent       MailState = "sent"       // the next server took it
	MailBounced    MailState = "bounced"    // it did not arrive
	MailFailed     MailState = "failed"     // given up, for no fault of the recipient's
	MailSuppressed MailState = "suppressed" // not sent: the recipient is suppressed
	MailForbidden  MailState = "forbidden"  // not sent: the merchant did not allow it
	MailVoid       MailState = "void"       // not sent: nobody is there to get it, or it has no object any more
)

// Mail is a mail to one recipient.
type Mail struct {
	ID          MailID
	Kind        MailKind
	State       MailState
	Campaign    CampaignID    // 0: none
	Participant ParticipantID // who gets it, as whom; 0: somebody who may be nobody here
	Person      PersonID      // who that is; 0 likewise
	Sender      PersonID      // at whose request it goes; 0: the account's
	Subject     int64         // the event of a share, or the reward
	Code        CodeID        // whose link it carries; 0: the recipient's own, or none
	Recipient   string        // the address; of a participant's mail "" until its first attempt
	Address     string        // keyed hash of it
	Body        string        // JSON: what only this mail says
	WidgetID    string        // that it was shared in
	Widget      string
	Attempts    int64
	Error       string // of the last attempt
	At          time.Time
	SlotAt      time.Time // when the account's sending rate lets it go; zero: not yet held to it
	FirstAt     time.Time // of the first attempt
	EndedAt     time.Time
	OpenedAt    time.Time // for the first time
	ClickedAt   time.Time // likewise
	BouncedAt   time.Time
	SpamAt      time.Time // of a complaint
}

// Mark is something that happened with a mail, and is counted.
type Mark string

// The marks. Those that end in "_again" are of mails that have one already,
// those of machines are of programs that check mails and links.
const (
	MarkShare        Mark = "share"     // of a reminder: a share that is followed up
	MarkRecipient    Mark = "recipient" // somebody was to get it
	MarkDelivered    Mark = "delivered"
	MarkBounced      Mark = "bounced"
	MarkSpam         Mark = "spam"
	MarkOpen         Mark = "open"
	MarkOpenAgain    Mark = "open_again"
	MarkOpenMachine  Mark = "open_machine"
	MarkClick        Mark = "click"
	MarkClickAgain   Mark = "click_again"
	MarkClickMachine Mark = "click_machine"
	MarkUndelivered  Mark = "undelivered" // was taken by a server, and bounced after that
)

// MailMark is a mark of a mail: a listed row.
type MailMark struct {
	ID    int64
	Mail  MailID
	Mark  Mark
	Facet FacetID
	At    time.Time
}

// SuppressionReason is why an address gets no mail.
type SuppressionReason string

// The reasons. Only the first two can be lifted: the others are the recipient's
// own will.
const (
	SuppressedManually SuppressionReason = "manual"
	HardBounce         SuppressionReason = "hard_bounce"
	Unsubscribed       SuppressionReason = "unsubscribed"
	SpamComplaint      SuppressionReason = "spam_complaint"
)

// Suppression is an address that gets no mail of the account.
type Suppression struct {
	ID      SuppressionID
	Address string // keyed hash of the folded address
	Email   string // as it was sent; "" once whose it is was erased
	Reason  SuppressionReason
	At      time.Time
}
