package prefinery

import (
	"time"

	"grapevine/money"
)

// stamp is a time as it is shown: of UTC, in whole seconds; zero is null.
type stamp struct{ time.Time }

// MarshalJSON writes it.
func (s stamp) MarshalJSON() ([]byte, error) {
	if s.IsZero() {
		return []byte("null"), nil
	}
	const quoted = `"2006-01-02T15:04:05Z"`
	text := append(make([]byte, 0, len(quoted)), '"')
	return append(s.UTC().AppendFormat(text, time.RFC3339), '"'), nil
}

// orNull is a text, or null where it is empty.
func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

type errorJSON struct {
	Error string `json:"error"`
}

type errorsJSON struct {
	Errors []codedJSON `json:"errors"`
}

type codedJSON struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

type paginationJSON struct {
	PreviousPage *int  `json:"previous_page"`
	NextPage     *int  `json:"next_page"`
	CurrentPage  int   `json:"current_page"`
	PerPage      int   `json:"per_page"`
	Count        int   `json:"count"`
	Pages        int   `json:"pages"`
	Total        int64 `json:"total"`
}

type betaJSON struct {
	ID                   int64  `json:"id"`
	Name                 string `json:"name"`
	HomepageURL          string `json:"homepage_url"`
	TestersCount         int64  `json:"testers_count"`
	ImpressionsCount     int64  `json:"impressions_count"`
	ShareClicksCount     int64  `json:"share_clicks_count"`
	ShareSignupsCount    int64  `json:"share_signups_count"`
	ImportedTestersCount int64  `json:"imported_testers_count"`
	AppliedTestersCount  int64  `json:"applied_testers_count"`
	InvitedTestersCount  int64  `json:"invited_testers_count"`
	ActiveTestersCount   int64  `json:"active_testers_count"`
	RejectedTestersCount int64  `json:"rejected_testers_count"`
	CreatedAt            stamp  `json:"created_at"`
	UpdatedAt            stamp  `json:"updated_at"`
}

type testerJSON struct {
	ID                         int64          `json:"id"`
	UUID                       string         `json:"uuid"`
	Email                      *string        `json:"email"`
	Status                     string         `json:"status"`
	InvitationCode             *string        `json:"invitation_code"`
	ImportedAt                 stamp          `json:"imported_at"`
	AppliedAt                  stamp          `json:"applied_at"`
	InvitedAt                  stamp          `json:"invited_at"`
	JoinedAt                   stamp          `json:"joined_at"`
	UnsubscribedAt             stamp          `json:"unsubscribed_at"`
	ShareClicksCount           int64          `json:"share_clicks_count"`
	ShareSignupsCount          int64          `json:"share_signups_count"`
	FriendInvitationsAllowed   int64          `json:"friend_invitations_allowed"`
	FriendInvitationsCount     int64          `json:"friend_invitations_count"`
	FriendInvitationsRemaining int64          `json:"friend_invitations_remaining"`
	ReferralCode               *string        `json:"referral_code"`
	ShareLink                  *string        `json:"share_link"`
	ShareStatusLink            *string        `json:"share_status_link"`
	WaitlistPosition           *int           `json:"waitlist_position"`
	WaitlistAhead              *int           `json:"waitlist_ahead"`
	WaitlistBehind             *int           `json:"waitlist_behind"`
	WaitlistLength             *int           `json:"waitlist_length"`
	ReferredBy                 *string        `json:"referred_by"`
	Groups                     string         `json:"groups"`
	IPAddress                  *string        `json:"ip_address"`
	CreatedAt                  stamp          `json:"created_at"`
	UpdatedAt                  stamp          `json:"updated_at"`
	Profile                    profileJSON    `json:"profile"`
	Responses                  []responseJSON `json:"responses"`
}

type profileJSON struct {
	FirstName      *string `json:"first_name"`
	LastName       *string `json:"last_name"`
	Employer       *string `json:"employer"`
	Jobtitle       *string `json:"jobtitle"`
	AddressLine1   *string `json:"address_line1"`
	AddressLine2   *string `json:"address_line2"`
	City           *string `json:"city"`
	State          *string `json:"state"`
	PostalCode     *string `json:"postal_code"`
	Country        *string `json:"country"`
	Telephone      *string `json:"telephone"`
	HTTPReferrer   *string `json:"http_referrer"`
	CustomVar1     *string `json:"custom_var1"`
	CustomVar2     *string `json:"custom_var2"`
	CustomVar3     *string `json:"custom_var3"`
	IP             *string `json:"ip"`
	UserAgent      *string `json:"user_agent"`
	UTMSource      *string `json:"utm_source"`
	UTMMedium      *string `json:"utm_medium"`
	UTMCampaign    *string `json:"utm_campaign"`
	UTMTerm        *string `json:"utm_term"`
	UTMContent     *string `json:"utm_content"`
	BrowserName    *string `json:"browser_name"`
	BrowserVersion *string `json:"browser_version"`
	OSName         *string `json:"os_name"`
	OSVersion      *string `json:"os_version"`
}

type responseJSON struct {
	QuestionID int64  `json:"question_id"`
	Answer     string `json:"answer"`
}

type rewardJSON struct {
	ID          int64           `json:"id"`
	Descriptor  string          `json:"descriptor"`
	Name        string          `json:"name"`
	Type        string          `json:"type"`
	UserRole    string          `json:"user_role"`
	UserID      *int64          `json:"user_id"`
	Status      string          `json:"status"`
	EarnedAt    stamp           `json:"earned_at"`
	DeliveredAt stamp           `json:"delivered_at"`
	RevokedAt   stamp           `json:"revoked_at"`
	User        *rewardUserJSON `json:"user"`
}

type rewardUserJSON struct {
	ID           int64           `json:"id"`
	Email        *string         `json:"email"`
	ReferralCode *string         `json:"referral_code"`
	Profile      rewardNamesJSON `json:"profile"`
}

type rewardNamesJSON struct {
	FirstName *string `json:"first_name"`
	LastName  *string `json:"last_name"`
}

type pointJSON struct {
	ID        int64        `json:"id"`
	Quantity  money.Amount `json:"quantity"`
	Activity  string       `json:"activity"`
	Reason    *string      `json:"reason"`
	UserID    int64        `json:"user_id"`
	CreatedAt stamp        `json:"created_at"`
}

type suppressionJSON struct {
	ID           int64  `json:"id"`
	Email        string `json:"email"`
	UserID       *int64 `json:"user_id"`
	Reason       string `json:"reason"`
	SuppressedAt stamp  `json:"suppressed_at"`
}

type friendInvitationJSON struct {
	ID        int64      `json:"id"`
	CreatedAt stamp      `json:"created_at"`
	Inviter   testerJSON `json:"inviter"`
	Invitee   testerJSON `json:"invitee"`
	Message   *string    `json:"message"`
}
