package friendbuy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
)

// Events that ask whether a reward is to be given: in the documented form, and
// in the one that was documented before September 2021, which knows purchases
// only.
const (
	rewardValidation   = "rewardValidation"
	purchaseValidation = "purchaseValidation"
)

type validationJSON struct {
	EventType     string    `json:"eventType"`
	RecipientType string    `json:"recipientType"`
	CampaignID    string    `json:"campaignId"`
	Event         any       `json:"event"`
	Advocate      partyJSON `json:"advocate"`
	Actor         partyJSON `json:"actor"`
}

type oldValidationJSON struct {
	EventType  string          `json:"eventType"`
	CreatedOn  string          `json:"createdOn"`
	CampaignID string          `json:"campaignId"`
	Purchase   oldPurchaseJSON `json:"purchase"`
	Advocate   partyJSON       `json:"advocate"`
}

type partyJSON struct {
	CustomerID string `json:"customerId,omitempty"`
	Email      string `json:"email,omitempty"`
	IPAddress  string `json:"ipAddress,omitempty"`
}

type askedPurchaseJSON struct {
	CreatedOn     string        `json:"createdOn"`
	ID            string        `json:"id"`
	Amount        money.Amount  `json:"amount"`
	Currency      string        `json:"currency"`
	IsNewCustomer bool          `json:"isNewCustomer"`
	IPAddress     string        `json:"ipAddress,omitempty"`
	Date          string        `json:"date"`
	Products      []productSent `json:"products"`
}

type oldPurchaseJSON struct {
	ID            string        `json:"id"`
	Amount        money.Amount  `json:"amount"`
	Currency      string        `json:"currency"`
	IsNewCustomer bool          `json:"isNewCustomer"`
	IPAddress     string        `json:"ipAddress,omitempty"`
	Date          string        `json:"date"`
	Email         string        `json:"email,omitempty"`
	CustomerID    string        `json:"customerId,omitempty"`
	Products      []productSent `json:"products"`
}

// productSent is a product as it was sent.
type productSent map[string]json.RawMessage

func partyToJSON(c engine.Contact) partyJSON {
	return partyJSON{CustomerID: c.CustomerID, Email: c.Email, IPAddress: c.IP}
}

// question writes what asks about one reward. The old form is kept to where it
// has words for what happened.
func question(event string, told []engine.Told) (any, error) {
	if len(told) != 1 || told[0].Reward == nil || told[0].Reward.Question == nil || told[0].Reward.In == nil {
		return nil, fmt.Errorf("%s asks about one reward of a campaign", event)
	}
	t := told[0].Reward
	q := t.Question
	if event == purchaseValidation && q.Kind == model.Purchase {
		products, err := askedProducts(q)
		return oldValidationJSON{
			EventType: t.Trigger, CreatedOn: shown(q.At), CampaignID: t.In.UUID,
			Purchase: oldPurchaseJSON{
				ID: q.OrderID, Amount: q.Amount, Currency: q.Currency, IsNewCustomer: q.NewCustomer, IPAddress: q.IP, Date: shown(q.At),
				Email: q.Actor.Email, CustomerID: q.Actor.CustomerID, Products: products,
			},
			Advocate: partyToJSON(q.Advocate),
		}, err
	}
	body := validationJSON{
		EventType: t.Trigger, RecipientType: string(t.Role), CampaignID: t.In.UUID,
		Advocate: partyToJSON(q.Advocate), Actor: partyToJSON(q.Actor),
	}
	var err error
	body.Event, err = askedEvent(q)
	return body, err
}

// askedEvent is the event as its kind has it: a purchase with its products,
// whatever the merchant named with what was sent, flat, others with their time.
func askedEvent(q *engine.Question) (any, error) {
	if q.Kind == model.Purchase {
		products, err := askedProducts(q)
		return askedPurchaseJSON{
			CreatedOn: shown(q.At), ID: q.OrderID, Amount: q.Amount, Currency: q.Currency, IsNewCustomer: q.NewCustomer,
			IPAddress: q.IP, Date: shown(q.At), Products: products,
		}, err
	}
	event := map[string]any{}
	if q.Kind == model.Custom && len(q.Sent) > 0 {
		var sent struct {
			Additional map[string]json.RawMessage `json:"additionalProperties"`
		}
		if err := json.Unmarshal(q.Sent, &sent); err != nil {
			return nil, err
		}
		for _, name := range slices.Sorted(maps.Keys(sent.Additional)) {
			event[name] = sent.Additional[name]
		}
	}
	event["createdOn"] = shown(q.At)
	return event, nil
}

// askedProducts are the products of an order, each with the order's currency.
func askedProducts(q *engine.Question) ([]productSent, error) {
	sent := struct {
		Products []productSent `json:"products"`
	}{Products: []productSent{}}
	if len(q.Sent) == 0 {
		return sent.Products, nil
	}
	if err := json.Unmarshal(q.Sent, &sent); err != nil {
		return nil, err
	}
	currency, err := json.Marshal(q.Currency)
	if err != nil {
		return nil, err
	}
	for _, p := range sent.Products {
		p["currency"] = currency
	}
	return sent.Products, nil
}
