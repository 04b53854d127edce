package friendbuy

import (
	"cmp"
	"encoding/json"

	"grapevine/engine"
	"grapevine/money"
)

// toldCaptureJSON is an address that was left, in the documented order. Who did
// not come by a referral has neither referral nor advocate.
type toldCaptureJSON struct {
	EventID          string                     `json:"eventId"`
	EmailAddress     string                     `json:"emailAddress"`
	Name             string                     `json:"name,omitempty"`
	MobileNumber     *string                    `json:"mobileNumber"`
	Campaign         *toldCampaignJSON          `json:"campaign,omitempty"`
	Referral         *toldReferralJSON          `json:"referral,omitempty"`
	Advocate         *toldAdvocateJSON          `json:"advocate,omitempty"`
	AttributionID    string                     `json:"attributionId,omitempty"`
	Incentive        *toldIncentiveJSON         `json:"incentive,omitempty"`
	CustomProperties map[string]json.RawMessage `json:"customProperties,omitempty"`
}

type toldCampaignJSON struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type toldReferralJSON struct {
	Channel string `json:"channel"`
	Code    string `json:"code"`
}

type toldAdvocateJSON struct {
	Email      string `json:"email,omitempty"`
	Name       string `json:"name,omitempty"`
	CustomerID string `json:"customerId,omitempty"`
}

type toldIncentiveJSON struct {
	CouponCode string       `json:"couponCode,omitempty"`
	Amount     money.Amount `json:"amount"`
	Currency   string       `json:"currency"`
}

// toldCaptureToJSON is the item of a capture. A mobile number is one of the
// properties that a page sends; the vendor shows it in both places, and null
// where there is none.
func toldCaptureToJSON(c *engine.ToldCapture) (any, error) {
	item := toldCaptureJSON{EventID: c.Event, EmailAddress: c.Email, Name: c.Name, AttributionID: c.Attribution}
	if c.In != nil {
		item.Campaign = &toldCampaignJSON{ID: c.In.UUID, Name: c.In.Name}
	}
	if c.Code != "" {
		item.Referral = &toldReferralJSON{Channel: cmp.Or(c.Channel, bareLink), Code: c.Code}
	}
	if c.Advocate != (engine.Contact{}) {
		item.Advocate = &toldAdvocateJSON{Email: c.Advocate.Email, Name: c.Advocate.Name(), CustomerID: c.Advocate.CustomerID}
	}
	if w := c.Reward; w != nil {
		item.Incentive = &toldIncentiveJSON{CouponCode: c.Coupon, Amount: w.Amount, Currency: w.Unit}
	}
	if len(c.Sent) > 0 {
		var sent struct {
			Additional map[string]json.RawMessage `json:"additionalProperties"`
		}
		if err := json.Unmarshal(c.Sent, &sent); err != nil {
			return nil, err
		}
		item.CustomProperties = sent.Additional
		if number, given := sent.Additional["mobileNumber"]; given {
			var text string
			if json.Unmarshal(number, &text) == nil {
				item.MobileNumber = &text
			}
		}
	}
	return item, nil
}
