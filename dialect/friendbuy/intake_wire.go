package friendbuy

import (
	"encoding/json"

	"grapevine/engine"
	"grapevine/web"
)

// What the browser SDK sends and gets: see docs/intake.md. Grapevine made this
// call, so it is in nobody's reference; what stands inside `payload` is what a
// merchant's page pushed, in the vendor's words.

type intakeJSON struct {
	Visitor  string            `json:"visitor"`
	Auth     *intakeAuthJSON   `json:"auth"`
	Customer *actorJSON        `json:"customer"`
	Device   *engine.Device    `json:"device"`
	Metadata metadataJSON      `json:"metadata"`
	Events   []intakeEventJSON `json:"events"`
}

type intakeAuthJSON struct {
	String    string `json:"string"`
	Signature string `json:"signature"`
}

// metadataJSON is the page that an event came from.
type metadataJSON struct {
	URL               string `json:"url"`
	Title             string `json:"title"`
	Name              string `json:"name"`
	WidgetDisplayName string `json:"widgetDisplayName"`
}

// over fills in what m leaves out.
func (m metadataJSON) over(of metadataJSON) metadataJSON {
	if m == (metadataJSON{}) {
		return of
	}
	return m
}

type intakeEventJSON struct {
	ID       string          `json:"id"`
	Type     string          `json:"type"`
	Name     string          `json:"name"` // of what was tracked
	Metadata metadataJSON    `json:"metadata"`
	Payload  json.RawMessage `json:"payload"`
}

// actorJSON is who a page says is there.
type actorJSON struct {
	ID        idJSON `json:"id"`
	Email     string `json:"email"`
	Name      string `json:"name"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
}

// capturedJSON is an address that somebody left.
type capturedJSON struct {
	actorJSON
	referralJSON
	CustomerID      idJSON `json:"customerId"`
	CampaignID      string `json:"campaignId"`
	WidgetID        string `json:"widgetId"`
	NewsletterOptIn *bool  `json:"newsletterOptIn"`
}

// describedJSON is a customer, or one who has just signed up.
type describedJSON struct {
	actorJSON
	referralJSON
	profileJSON
	IsNewCustomer *bool      `json:"isNewCustomer"`
	CustomerSince string     `json:"customerSince"`
	Age           numberJSON `json:"age"`
	CampaignID    string     `json:"campaignId"`
}

// orderJSON is a purchase, with the customer inside.
type orderJSON struct {
	referralJSON
	ID            idJSON        `json:"id"`
	Amount        numberJSON    `json:"amount"`
	Currency      string        `json:"currency"`
	IsNewCustomer *bool         `json:"isNewCustomer"`
	Products      []productJSON `json:"products"`
	GiftCardCodes []string      `json:"giftCardCodes"`
	Customer      struct {
		actorJSON
		IsNewCustomer *bool `json:"isNewCustomer"`
	} `json:"customer"`
}

// ownEventJSON is what means something in an event of the merchant's own; its
// id, for one, is anything.
type ownEventJSON struct {
	referralJSON
	Email           string `json:"email"`
	CustomerID      idJSON `json:"customerId"`
	IsNewCustomer   *bool  `json:"isNewCustomer"`
	DeduplicationID string `json:"deduplicationId"`
}

// inWidgetJSON is what happened in a widget.
type inWidgetJSON struct {
	actorJSON
	CustomerID     idJSON `json:"customerId"`
	CampaignID     string `json:"campaignId"`
	WidgetID       string `json:"widgetId"`
	WidgetConfigID string `json:"widgetConfigId"` // the same, as event listeners are told it
	ActionName     string `json:"actionName"`
	ScreenName     string `json:"screenName"`
	ComponentName  string `json:"componentName"`
	Channel        string `json:"channel"`
	ReferralCode   string `json:"referralCode"`
}

// sentOnJSON is a link that is sent on; with recipients, by us.
type sentOnJSON struct {
	inWidgetJSON
	Recipients []recipientJSON `json:"recipients"`
	Message    string          `json:"message"`
}

// recipientJSON is an address, alone or with a name.
type recipientJSON struct {
	Email string `json:"email"`
	Name  string `json:"name"`
}

func (r *recipientJSON) UnmarshalJSON(text []byte) error {
	if text[0] == '"' {
		return json.Unmarshal(text, &r.Email)
	}
	type named recipientJSON
	return web.UnmarshalJSON(text, (*named)(r))
}

// idJSON is an id, which pages write as a text or a number.
type idJSON string

func (id *idJSON) UnmarshalJSON(text []byte) error {
	if c := text[0]; c == '-' || '0' <= c && c <= '9' {
		*id = idJSON(text)
		return nil
	}
	return json.Unmarshal(text, (*string)(id))
}

// others is what was sent under other names than those that an event has a use
// for.
func (e intakeEventJSON) others(used []string) (scalarsJSON, error) {
	var all map[string]json.RawMessage
	if err := web.UnmarshalJSON(e.Payload, &all); err != nil {
		return nil, err
	}
	for _, name := range used {
		delete(all, name)
	}
	return all, nil
}

// besides is the same, as it is kept with an event.
func (e intakeEventJSON) besides(used []string) (json.RawMessage, error) {
	more, err := e.others(used)
	if err != nil {
		return nil, err
	}
	return detailJSON{Additional: more}.raw()
}

type intakenJSON struct {
	Visitor       string       `json:"visitor"`
	Authenticated bool         `json:"authenticated"`
	Results       []resultJSON `json:"results"`
}

// resultJSON is what became of one event: recorded (201), recorded before
// (200), or refused, with the status and words of an error.
type resultJSON struct {
	ID           string `json:"id"`
	Status       int    `json:"status"`
	EventID      string `json:"eventId,omitempty"`
	CreatedOn    string `json:"createdOn,omitempty"`
	Link         string `json:"link,omitempty"`
	ReferralCode string `json:"referralCode,omitempty"`
	Mailed       *int   `json:"mailed,omitempty"`
	Error        string `json:"error,omitempty"`
	Message      string `json:"message,omitempty"`
}
