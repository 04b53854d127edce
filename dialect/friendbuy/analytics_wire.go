package friendbuy

import (
	"cmp"
	"encoding/json"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
)

// pageJSON is a page of a list. The last one has no token: clients loop while
// there is one.
type pageJSON[J any] struct {
	NextPageToken string `json:"nextPageToken,omitempty"`
	TotalResults  int64  `json:"totalResults"`
	Results       []J    `json:"results"`
}

// The rows, their fields in the order of the vendor's samples. What is not
// known is left out.

type campaignJSON struct {
	CampaignID   string `json:"campaignId,omitempty"`
	CampaignName string `json:"campaignName,omitempty"`
}

type widgetViewJSON struct {
	CustomerID string `json:"customerId,omitempty"`
	Email      string `json:"email,omitempty"`
	WidgetName string `json:"widgetName,omitempty"`
	campaignJSON
	CreatedOn  string `json:"createdOn"`
	UserAgent  string `json:"userAgent,omitempty"`
	IPAddress  string `json:"ipAddress,omitempty"`
	WidgetType string `json:"widgetType,omitempty"`
}

type shareJSON struct {
	AdvocateCustomerID string `json:"advocateCustomerId,omitempty"`
	AdvocateEmail      string `json:"advocateEmail,omitempty"`
	AdvocateName       string `json:"advocateName,omitempty"`
	Channel            string `json:"channel,omitempty"`
	ReferralCode       string `json:"referralCode,omitempty"`
	campaignJSON
	CreatedOn string `json:"createdOn"`
	UserAgent string `json:"userAgent,omitempty"`
	IPAddress string `json:"ipAddress,omitempty"`
}

type clickJSON struct {
	shareJSON
	DestinationURL string `json:"destinationUrl,omitempty"`
}

type signedUpJSON struct {
	CustomerID string `json:"customerId,omitempty"`
	Email      string `json:"email,omitempty"`
	Name       string `json:"name,omitempty"`
	campaignJSON
	CreatedOn          string `json:"createdOn"`
	UserAgent          string `json:"userAgent,omitempty"`
	IPAddress          string `json:"ipAddress,omitempty"`
	AdvocateName       string `json:"advocateName,omitempty"`
	AdvocateEmail      string `json:"advocateEmail,omitempty"`
	AdvocateCustomerID string `json:"advocateCustomerId,omitempty"`
	NewCustomer        bool   `json:"newCustomer"`
	ReferralCode       string `json:"referralCode,omitempty"`
	Channel            string `json:"channel,omitempty"`
}

type boughtJSON struct {
	OrderID    string `json:"orderId,omitempty"`
	CustomerID string `json:"customerId,omitempty"`
	Email      string `json:"email,omitempty"`
	Name       string `json:"name,omitempty"`
	campaignJSON
	CreatedOn          string              `json:"createdOn"`
	IPAddress          string              `json:"ipAddress,omitempty"`
	AdvocateName       string              `json:"advocateName,omitempty"`
	AdvocateEmail      string              `json:"advocateEmail,omitempty"`
	AdvocateCustomerID string              `json:"advocateCustomerId,omitempty"`
	NewCustomer        bool                `json:"newCustomer"`
	ReferralCode       string              `json:"referralCode,omitempty"`
	Amount             money.Amount        `json:"amount"`
	CouponCode         string              `json:"couponCode,omitempty"`
	Products           []boughtProductJSON `json:"products"`
}

// boughtProductJSON is what lists show of a product; its numbers are as they
// were sent.
type boughtProductJSON struct {
	SKU      string     `json:"sku"`
	Name     string     `json:"name,omitempty"`
	Quantity numberJSON `json:"quantity,omitempty"`
	Price    numberJSON `json:"price,omitempty"`
}

type rewardJSON struct {
	CreatedOn    string       `json:"createdOn"`
	RewardType   string       `json:"rewardType"`
	RewardAmount money.Amount `json:"rewardAmount"`
	rewardedJSON
}

// incentiveJSON names type and amount twice: the guide has one pair of names,
// the reference the other.
type incentiveJSON struct {
	CreatedOn       string       `json:"createdOn"`
	IncentiveType   string       `json:"incentiveType"`
	IncentiveAmount money.Amount `json:"incentiveAmount"`
	RewardType      string       `json:"rewardType"`
	RewardAmount    money.Amount `json:"rewardAmount"`
	rewardedJSON
}

type referralRewardJSON struct {
	ID string `json:"id"`
	rewardJSON
	RecipientType string `json:"recipientType"`
	Status        string `json:"status"`
}

// rewardedJSON is what all lists of rewards say.
type rewardedJSON struct {
	CouponCode         string `json:"couponCode,omitempty"`
	Trigger            string `json:"trigger"`
	AdvocateEmail      string `json:"advocateEmail,omitempty"`
	AdvocateName       string `json:"advocateName,omitempty"`
	AdvocateCustomerID string `json:"advocateCustomerId,omitempty"`
	ReferralCode       string `json:"referralCode,omitempty"`
	Channel            string `json:"channel,omitempty"`
	FriendEmail        string `json:"friendEmail,omitempty"`
	FriendName         string `json:"friendName,omitempty"`
	FriendCustomerID   string `json:"friendCustomerId,omitempty"`
	campaignJSON
}

type captureJSON struct {
	Name       string `json:"name,omitempty"`
	Email      string `json:"email,omitempty"`
	WidgetName string `json:"widgetName,omitempty"`
	campaignJSON
	CreatedOn        string `json:"createdOn"`
	IPAddress        string `json:"ipAddress,omitempty"`
	EmailCaptureType string `json:"emailCaptureType"`
	NewsletterOptIn  *bool  `json:"newsletterOptIn,omitempty"`
}

type headJSON struct {
	CustomerID     string       `json:"customerId,omitempty"`
	Currency       string       `json:"currency"`
	CurrentBalance money.Amount `json:"currentBalance"`
	LastUpdatedOn  string       `json:"lastUpdatedOn"`
}

func campaignToJSON(in engine.In) campaignJSON {
	return campaignJSON{CampaignID: in.CampaignUUID, CampaignName: in.CampaignName}
}

// channelOf is where the code behind a referral was shared: nowhere, where the
// referral came by no code.
func channelOf(code, channel string) string {
	if code == "" {
		return channel
	}
	return cmp.Or(channel, bareLink)
}

func widgetViewToJSON(v *engine.WidgetView) widgetViewJSON {
	return widgetViewJSON{
		CustomerID: v.Person.CustomerID, Email: v.Person.Email, WidgetName: v.Widget, campaignJSON: campaignToJSON(v.In),
		CreatedOn: shown(v.At), UserAgent: v.Agent, IPAddress: v.IP, WidgetType: said(widgetTypes, v.WidgetType),
	}
}

func shareToJSON(s *engine.SharedLink) shareJSON {
	return shareJSON{
		AdvocateCustomerID: s.Advocate.CustomerID, AdvocateEmail: s.Advocate.Email, AdvocateName: s.Advocate.Name,
		Channel: cmp.Or(s.Channel, bareLink), ReferralCode: s.Code, campaignJSON: campaignToJSON(s.In),
		CreatedOn: shown(s.At), UserAgent: s.Agent, IPAddress: s.IP,
	}
}

func clickToJSON(c *engine.Clicked) clickJSON {
	return clickJSON{
		shareJSON: shareJSON{
			AdvocateCustomerID: c.Advocate.CustomerID, AdvocateEmail: c.Advocate.Email, AdvocateName: c.Advocate.Name,
			Channel: cmp.Or(c.Channel, bareLink), ReferralCode: c.Code, campaignJSON: campaignToJSON(c.In),
			CreatedOn: shown(c.At), UserAgent: c.Agent, IPAddress: c.IP,
		},
		DestinationURL: c.Destination,
	}
}

func signedUpToJSON(s *engine.SignedUp) signedUpJSON {
	return signedUpJSON{
		CustomerID: s.Person.CustomerID, Email: s.Person.Email, Name: s.Person.Name, campaignJSON: campaignToJSON(s.In),
		CreatedOn: shown(s.At), UserAgent: s.Agent, IPAddress: s.IP,
		AdvocateName: s.Advocate.Name, AdvocateEmail: s.Advocate.Email, AdvocateCustomerID: s.Advocate.CustomerID,
		NewCustomer: s.NewCustomer, ReferralCode: s.Code, Channel: channelOf(s.Code, s.Channel),
	}
}

func boughtToJSON(b *engine.Bought) boughtJSON {
	return boughtJSON{
		OrderID: b.OrderID, CustomerID: b.Person.CustomerID, Email: b.Person.Email, Name: b.Person.Name,
		campaignJSON: campaignToJSON(b.In), CreatedOn: shown(b.At), IPAddress: b.IP,
		AdvocateName: b.Advocate.Name, AdvocateEmail: b.Advocate.Email, AdvocateCustomerID: b.Advocate.CustomerID,
		NewCustomer: b.NewCustomer, ReferralCode: b.Code, Amount: b.Amount, CouponCode: b.Coupon,
		Products: productsToJSON(b.Products),
	}
}

// productsToJSON shows what was sent by this API or its browser script; what
// another API keeps of a product is not in these words.
func productsToJSON(sent []json.RawMessage) []boughtProductJSON {
	products := []boughtProductJSON{}
	for _, raw := range sent {
		var p boughtProductJSON
		if json.Unmarshal(raw, &p) == nil && p.SKU != "" {
			products = append(products, p)
		}
	}
	return products
}

func rewardToJSON(r *engine.Rewarded) rewardJSON {
	return rewardJSON{
		CreatedOn: shown(r.Reward.At), RewardType: rewardType(r), RewardAmount: r.Reward.Amount, rewardedJSON: rewardedToJSON(r),
	}
}

func incentiveToJSON(r *engine.Rewarded) incentiveJSON {
	kind := rewardType(r)
	return incentiveJSON{
		CreatedOn: shown(r.Reward.At), IncentiveType: kind, IncentiveAmount: r.Reward.Amount,
		RewardType: kind, RewardAmount: r.Reward.Amount, rewardedJSON: rewardedToJSON(r),
	}
}

func referralRewardToJSON(r *engine.Rewarded) referralRewardJSON {
	return referralRewardJSON{
		ID: r.Reward.UUID, rewardJSON: rewardToJSON(r), RecipientType: string(r.Reward.Role), Status: rewardStatuses[r.Reward.State],
	}
}

func rewardedToJSON(r *engine.Rewarded) rewardedJSON {
	return rewardedJSON{
		CouponCode: r.Coupon, Trigger: r.Trigger,
		AdvocateEmail: r.Advocate.Email, AdvocateName: r.Advocate.Name, AdvocateCustomerID: r.Advocate.CustomerID,
		ReferralCode: r.Code, Channel: channelOf(r.Code, r.Channel),
		FriendEmail: r.Friend.Email, FriendName: r.Friend.Name, FriendCustomerID: r.Friend.CustomerID,
		campaignJSON: campaignToJSON(r.In),
	}
}

// rewardType is the vendor's word for what a reward is. One that is paid with
// a coupon is a coupon, whatever that is worth.
func rewardType(r *engine.Rewarded) string {
	if r.Reward.Batch != 0 {
		return "Coupon Code"
	}
	return rewardTypes[r.Reward.Kind]
}

var rewardTypes = map[model.ValueType]string{
	model.Discount:    "Custom",
	model.CreditValue: "Account Credit",
	model.LedgerValue: "Ledger",
	model.GiftCard:    "Gift Card",
	model.Cash:        "Custom",
	model.Product:     "Custom",
	model.Integration: "Custom",
	model.OtherValue:  "Other",
}

var rewardStatuses = map[model.RewardState]string{
	model.Pending:     "Pending",
	model.Earned:      "Rewarded",
	model.Delivered:   "Distributed",
	model.Rejected:    "Rejected",
	model.NotEligible: "Not Eligible",
	model.Failed:      "Error",
	model.Revoked:     "Rejected",
}

func captureToJSON(c *engine.Captured) captureJSON {
	return captureJSON{
		Name: c.Name, Email: c.Email, WidgetName: c.Widget, campaignJSON: campaignToJSON(c.In),
		CreatedOn: shown(c.At), IPAddress: c.IP, EmailCaptureType: c.Kind, NewsletterOptIn: c.Newsletter,
	}
}

func headToJSON(h *engine.LedgerHead) headJSON {
	return headJSON{CustomerID: h.Customer.CustomerID, Currency: h.Currency, CurrentBalance: h.Balance, LastUpdatedOn: shown(h.At)}
}

type emailMetricsJSON struct {
	FromDate string `json:"fromDate"`
	ToDate   string `json:"toDate"`
	Zone     string `json:"zone"`
	emailsJSON
	Series []emailDayJSON `json:"series,omitempty"`
}

type emailDayJSON struct {
	Date string `json:"date"`
	emailsJSON
}

type emailsJSON struct {
	ShareEmails    emailCountsJSON `json:"shareEmails"`
	ReminderEmails emailCountsJSON `json:"reminderEmails"`
}

type emailCountsJSON struct {
	TotalOpens   int64 `json:"totalOpens"`
	UniqueOpens  int64 `json:"uniqueOpens"`
	UniqueClicks int64 `json:"uniqueClicks"`
	TotalClicks  int64 `json:"totalClicks"`
	Shares       int64 `json:"shares"`
	Recipients   int64 `json:"recipients"`
	Delivered    int64 `json:"delivered"`
	Bounced      int64 `json:"bounced"`
	Spam         int64 `json:"spam"`
}
