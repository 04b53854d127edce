package friendbuy

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
)

// Events that a webhook tells of, in the vendor's words.
const (
	advocateReward  = "advocateReward"
	friendIncentive = "friendIncentive"
	loyaltyReward   = "loyaltyReward"
	emailCapture    = "emailCapture"
	emailOptOut     = "emailOptOut"
)

// together is how much of what happens in quick succession one webhook tells.
const together = 100

// signingSecret is the use of the key that signs webhooks.
const signingSecret = "friendbuy.signing_secret"

// Renderer tells merchants of rewards as Friendbuy does. Safe for concurrent
// use.
type Renderer struct {
	pace Pace
}

// Pace is how a delivery is tried.
type Pace struct {
	RetryEvery time.Duration // documented: 15 minutes
	GiveUp     time.Duration // on a webhook, from the first try; documented: 24 hours
	GiveUpAsk  time.Duration // on a question; documented: 72 hours
}

// NewRenderer makes a renderer.
func NewRenderer(p Pace) Renderer { return Renderer{p} }

type webhookJSON struct {
	ID        string `json:"id"`
	Type      string `json:"type"`
	Data      []any  `json:"data"`
	CreatedOn string `json:"createdOn"`
}

// The items of the three events have their fields in the documented order,
// which differs.

type advocateRewardJSON struct {
	RewardID      string           `json:"rewardId"`
	RewardType    model.ValueType  `json:"rewardType"`
	RewardUnit    string           `json:"rewardUnit"`
	EmailAddress  string           `json:"emailAddress,omitempty"`
	RewardAmount  money.Amount     `json:"rewardAmount"`
	CreatedOn     string           `json:"createdOn"`
	CustomerID    string           `json:"customerId,omitempty"`
	IPAddress     string           `json:"ipAddress,omitempty"`
	CouponCode    *string          `json:"couponCode"`
	RewardInfo    string           `json:"rewardInfo,omitempty"`
	RewardTrigger string           `json:"rewardTrigger"`
	Friends       []toldFriendJSON `json:"friends"`
}

type toldFriendJSON struct {
	EmailAddress     string `json:"friendEmailAddress,omitempty"`
	CustomerID       string `json:"friendCustomerId,omitempty"`
	ConversionNumber int64  `json:"conversionNumber"`
}

// friendRewardJSON names type and amount twice: clients read either.
type friendRewardJSON struct {
	RewardID             string          `json:"rewardId"`
	RewardType           model.ValueType `json:"rewardType"`
	RewardUnit           string          `json:"rewardUnit"`
	EmailAddress         string          `json:"emailAddress,omitempty"`
	RewardAmount         money.Amount    `json:"rewardAmount"`
	IncentiveType        model.ValueType `json:"incentiveType"`
	IncentiveAmount      money.Amount    `json:"incentiveAmount"`
	CreatedOn            string          `json:"createdOn"`
	CustomerID           string          `json:"customerId,omitempty"`
	IPAddress            string          `json:"ipAddress,omitempty"`
	CouponCode           *string         `json:"couponCode"`
	RewardInfo           string          `json:"rewardInfo,omitempty"`
	RewardTrigger        string          `json:"rewardTrigger"`
	AdvocateEmailAddress string          `json:"advocateEmailAddress,omitempty"`
	AdvocateCustomerID   string          `json:"advocateCustomerId,omitempty"`
}

// loyaltyRewardJSON shows a reward without a coupon with an empty code, where
// the others say null.
type loyaltyRewardJSON struct {
	CreatedOn     string          `json:"createdOn"`
	CustomerID    string          `json:"customerId,omitempty"`
	CouponCode    string          `json:"couponCode"`
	EmailAddress  string          `json:"emailAddress,omitempty"`
	IPAddress     string          `json:"ipAddress,omitempty"`
	RewardID      string          `json:"rewardId"`
	RewardType    model.ValueType `json:"rewardType"`
	RewardUnit    string          `json:"rewardUnit"`
	RewardAmount  money.Amount    `json:"rewardAmount"`
	RewardInfo    string          `json:"rewardInfo,omitempty"`
	RewardTrigger string          `json:"rewardTrigger"`
}

type optOutJSON struct {
	EmailAddress string `json:"emailAddress,omitempty"`
	CampaignID   string `json:"campaignId,omitempty"`
	CampaignName string `json:"campaignName,omitempty"`
}

// Fits puts what happens in quick succession into one webhook. A question is
// about one reward.
func (r Renderer) Fits(to *model.Endpoint) int64 {
	if to.Topic == model.RewardQuestioned {
		return 1
	}
	return together
}

// Timeout is how long a receiver may take, as documented.
func (r Renderer) Timeout() time.Duration { return 10 * time.Second }

// Body writes a delivery.
func (r Renderer) Body(d *model.Delivery, to *model.Endpoint, told []engine.Told, _ *engine.Config) ([]byte, error) {
	var body any
	var err error
	if to.Topic == model.RewardQuestioned {
		body, err = question(to.Event, told)
	} else {
		body, err = webhookToJSON(d, to, told)
	}
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // a label such as "20 < 30" reads as it was written
	if err := encoder.Encode(body); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(text.Bytes()), nil
}

func webhookToJSON(d *model.Delivery, to *model.Endpoint, told []engine.Told) (any, error) {
	body := webhookJSON{ID: d.UUID, Type: to.Event, Data: make([]any, len(told)), CreatedOn: shown(d.FirstAt)}
	for i := range told {
		item, err := toldJSON(to.Event, &told[i])
		if err != nil {
			return nil, err
		}
		body.Data[i] = item
	}
	return body, nil
}

func toldJSON(event string, t *engine.Told) (any, error) {
	switch {
	case t.Capture != nil && event == emailCapture:
		return toldCaptureToJSON(t.Capture)
	case t.OptOut != nil && event == emailOptOut:
		o := optOutJSON{EmailAddress: t.OptOut.Email}
		if t.OptOut.In != nil {
			o.CampaignID, o.CampaignName = t.OptOut.In.UUID, t.OptOut.In.Name
		}
		return o, nil
	case t.Recipient != nil:
		return t.Recipient.Email, nil
	case t.Reward != nil:
		return rewardTold(event, t.Reward)
	}
	return nil, fmt.Errorf("no webhook tells of it as %s", event)
}

func rewardTold(event string, t *engine.ToldReward) (any, error) {
	r := t.Reward
	switch event {
	case advocateReward:
		friends := make([]toldFriendJSON, len(t.Friends))
		for i, f := range t.Friends {
			friends[i] = toldFriendJSON{EmailAddress: f.Email, CustomerID: f.CustomerID, ConversionNumber: f.Number}
		}
		return advocateRewardJSON{
			RewardID: r.UUID, RewardType: r.Kind, RewardUnit: r.Unit, EmailAddress: t.Receiver.Email, RewardAmount: r.Amount,
			CreatedOn: shown(r.At), CustomerID: t.Receiver.CustomerID, IPAddress: t.Receiver.IP, CouponCode: ifAny(t.Coupon),
			RewardInfo: t.Info, RewardTrigger: t.Trigger, Friends: friends,
		}, nil
	case friendIncentive:
		return friendRewardJSON{
			RewardID: r.UUID, RewardType: r.Kind, RewardUnit: r.Unit, EmailAddress: t.Receiver.Email, RewardAmount: r.Amount,
			IncentiveType: r.Kind, IncentiveAmount: r.Amount,
			CreatedOn: shown(r.At), CustomerID: t.Receiver.CustomerID, IPAddress: t.Receiver.IP, CouponCode: ifAny(t.Coupon),
			RewardInfo: t.Info, RewardTrigger: t.Trigger,
			AdvocateEmailAddress: t.Advocate.Email, AdvocateCustomerID: t.Advocate.CustomerID,
		}, nil
	case loyaltyReward:
		return loyaltyRewardJSON{
			CreatedOn: shown(r.At), CustomerID: t.Receiver.CustomerID, CouponCode: t.Coupon, EmailAddress: t.Receiver.Email,
			IPAddress: t.Receiver.IP, RewardID: r.UUID, RewardType: r.Kind, RewardUnit: r.Unit, RewardAmount: r.Amount,
			RewardInfo: t.Info, RewardTrigger: t.Trigger,
		}, nil
	}
	return nil, fmt.Errorf("no webhook tells of a reward as %s", event)
}

// ifAny is nil, which bodies show as null, for an empty text.
func ifAny(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// Header signs a delivery. The vendor's documentation tells receivers to
// compare X-Friendbuy-Hmac-SHA256 with their own digest of the raw body.
func (r Renderer) Header(d *model.Delivery, to *model.Endpoint, _ time.Time, secret func(use string) string) http.Header {
	mac := hmac.New(sha256.New, []byte(secret(signingSecret)))
	mac.Write([]byte(d.Body))
	header := http.Header{}
	header.Set("Content-Type", "application/json")
	header.Set("X-Friendbuy-Hmac-SHA256", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	header.Set("X-Friendbuy-Event-Type", to.Event)
	header.Set("X-Friendbuy-Event-Id", d.UUID)
	return header
}

// Judge accepts 200 alone, and takes 400 for the no to a question: any other
// status is tried again.
func (r Renderer) Judge(to *model.Endpoint, status int) model.Verdict {
	switch {
	case status == http.StatusOK:
		return model.Accepted
	case status == http.StatusBadRequest && to.Topic == model.RewardQuestioned:
		return model.Refused
	}
	return model.TryAgain
}

// authorizationWaits are between the tries of a question about recipients.
var authorizationWaits = []time.Duration{10 * time.Minute, 5 * time.Hour, 40 * time.Hour, 7 * 24 * time.Hour, 22 * 24 * time.Hour}

// Allowed reads a list of addresses.
func (r Renderer) Allowed(body []byte) ([]string, error) {
	var list []string
	err := json.Unmarshal(body, &list)
	if err == nil && list == nil {
		err = errors.New("null is no list")
	}
	return list, err
}

// Next keeps to the raster that the first try began, however long tries take.
func (r Renderer) Next(d *model.Delivery, to *model.Endpoint, now time.Time) (time.Time, bool) {
	if to.Topic == model.RecipientsQuestioned {
		if d.Tries > int64(len(authorizationWaits)) {
			return time.Time{}, false
		}
		return now.Add(authorizationWaits[d.Tries-1]), true
	}
	giveUp := r.pace.GiveUp
	if to.Topic == model.RewardQuestioned {
		giveUp = r.pace.GiveUpAsk
	}
	tries := now.Sub(d.Since)/r.pace.RetryEvery + 1
	next := d.Since.Add(tries * r.pace.RetryEvery)
	return next, !next.After(d.Since.Add(giveUp))
}
