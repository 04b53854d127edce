package friendbuy

import (
	"encoding/json"
	"fmt"
	"reflect"

	"grapevine/money"
)

// What callers send. An empty text counts as one that is missing, as shops
// send "" for a guest without a customer id.

type authorizationJSON struct {
	Key    string `json:"key"`
	Secret string `json:"secret"`
}

// personJSON is what every body may say of a person.
type personJSON struct {
	Email      string `json:"email"`
	CustomerID string `json:"customerId"`
	FirstName  string `json:"firstName"`
	LastName   string `json:"lastName"`
	IPAddress  string `json:"ipAddress"`
	UserAgent  string `json:"userAgent"`
}

// referralJSON is what an event may say of who referred the person.
type referralJSON struct {
	CouponCode    string `json:"couponCode"`
	AttributionID string `json:"attributionId"`
	ReferralCode  string `json:"referralCode"`
}

// profileJSON is what sign-ups and customers add to a person.
type profileJSON struct {
	Timezone      *string       `json:"timezone"` // one that is empty is none that there is
	LoyaltyStatus string        `json:"loyaltyStatus"`
	Birthday      *birthdayJSON `json:"birthday"`
}

type birthdayJSON struct {
	Day   numberJSON `json:"day"`
	Month numberJSON `json:"month"`
	Year  numberJSON `json:"year,omitempty"`
}

type linkJSON struct {
	personJSON
	CampaignID  string      `json:"campaignId"`
	WidgetID    string      `json:"widgetId"`
	Destination scalarsJSON `json:"destinationUrlQueryParams"`
	Seed        string      `json:"seed"`
	Prefix      *string     `json:"prefix"`
	Short       bool        `json:"short"`
	Channel     string      `json:"channel"`
	EventURL    string      `json:"eventUrl"`
	EventPage   string      `json:"eventPage"`
}

type linkBatchJSON struct {
	Requests []linkJSON `json:"requests"`
}

type purchaseJSON struct {
	personJSON
	referralJSON
	OrderID       string        `json:"orderId"`
	Amount        numberJSON    `json:"amount"`
	Currency      string        `json:"currency"`
	IsNewCustomer *bool         `json:"isNewCustomer"`
	Products      []productJSON `json:"products"`
	GiftCardCodes []string      `json:"giftCardCodes"`
	Additional    scalarsJSON   `json:"additionalProperties"`
}

type productJSON struct {
	SKU         string     `json:"sku"`
	Name        string     `json:"name,omitempty"`
	Quantity    numberJSON `json:"quantity,omitempty"`
	Price       numberJSON `json:"price,omitempty"`
	Currency    string     `json:"currency,omitempty"`
	Description string     `json:"description,omitempty"`
	Category    string     `json:"category,omitempty"`
	URL         string     `json:"url,omitempty"`
	ImageURL    string     `json:"imageUrl,omitempty"`
}

type signUpJSON struct {
	personJSON
	referralJSON
	profileJSON
	Additional scalarsJSON `json:"additionalProperties"`
}

type customEventJSON struct {
	personJSON
	referralJSON
	EventType       string      `json:"eventType"`
	IsNewCustomer   *bool       `json:"isNewCustomer"`
	DeduplicationID string      `json:"deduplicationId"`
	Additional      scalarsJSON `json:"additionalProperties"`
}

type customerJSON struct {
	personJSON
	profileJSON
	IsNewCustomer *bool       `json:"isNewCustomer"`
	Age           numberJSON  `json:"age"`
	Gender        string      `json:"gender"`
	ZipCode       string      `json:"zipCode"`
	State         string      `json:"state"`
	City          string      `json:"city"`
	Category      string      `json:"category"`
	Country       string      `json:"country"`
	Language      string      `json:"language"`
	Additional    scalarsJSON `json:"additionalProperties"`
}

type adjustmentJSON struct {
	CustomerID       string     `json:"customerId"`
	CustomCustomerID string     `json:"customCustomerId"`
	Currency         string     `json:"currency"`
	Value            numberJSON `json:"value"`
	AdjustmentType   string     `json:"adjustmentType"`
	Description      string     `json:"description"`
	ExpirationDate   string     `json:"expirationDate"`
}

type redeemJSON struct {
	RedemptionOptionID string `json:"redemptionOptionId"`
	CustomerID         string `json:"customerId"`
}

// detailJSON is what is kept of an event as it was sent. Erasing its person
// removes it.
type detailJSON struct {
	Products      []productJSON `json:"products,omitempty"`
	GiftCardCodes []string      `json:"giftCardCodes,omitempty"`
	EventURL      string        `json:"eventUrl,omitempty"`
	EventPage     string        `json:"eventPage,omitempty"`
	Additional    scalarsJSON   `json:"additionalProperties,omitempty"`
}

// numberJSON is a JSON number as it was written, so that no amount passes
// through a float; "" is none. A number in quotes is a text.
type numberJSON string

func (n *numberJSON) UnmarshalJSON(text []byte) error {
	switch c := text[0]; {
	case c == 'n':
		return nil
	case c == '-' || '0' <= c && c <= '9':
		*n = numberJSON(text)
		return nil
	default:
		return &json.UnmarshalTypeError{Value: jsonKind(c), Type: reflect.TypeFor[float64]()}
	}
}

func (n numberJSON) MarshalJSON() ([]byte, error) { return []byte(n), nil }

// scalarsJSON is an object of texts, numbers, booleans and nulls, each kept
// as it was written.
type scalarsJSON map[string]json.RawMessage

func (s *scalarsJSON) UnmarshalJSON(text []byte) error {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(text, &values); err != nil {
		return err
	}
	for name, value := range values {
		if c := value[0]; c == '{' || c == '[' {
			return &json.UnmarshalTypeError{Value: jsonKind(c), Type: reflect.TypeFor[string](), Field: name}
		}
	}
	*s = values
	return nil
}

// jsonKind names what begins with c, in encoding/json's words.
func jsonKind(c byte) string {
	switch c {
	case '{':
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case 't', 'f':
		return "bool"
	default:
		return fmt.Sprintf("%q", c)
	}
}

// What callers get.

type tokenJSON struct {
	TokenType string `json:"tokenType"`
	Token     string `json:"token"`
	Expires   string `json:"expires"`
}

type linkMadeJSON struct {
	Link         string `json:"link"`
	ReferralCode string `json:"referralCode"`
	CreatedOn    string `json:"createdOn"`
}

type linkBatchMadeJSON struct {
	Purls []batchedLinkJSON `json:"purls"`
}

type batchedLinkJSON struct {
	linkMadeJSON
	Email      string `json:"email"`
	CampaignID string `json:"campaignId"`
	CustomerID string `json:"customerId,omitempty"`
}

type recordedJSON struct {
	EventID   string `json:"eventId"`
	CreatedOn string `json:"createdOn"`
}

type referralStatusJSON struct {
	ReferralCode    referralCodeJSON    `json:"referralCode"`
	CampaignID      string              `json:"campaignId"`
	Advocate        advocateJSON        `json:"advocate"`
	FriendIncentive friendIncentiveJSON `json:"friendIncentive"`
}

type referralCodeJSON struct {
	Code   string `json:"code"`
	Status string `json:"status"`
}

type advocateJSON struct {
	Email         string    `json:"email,omitempty"`
	CustomerID    string    `json:"customerId,omitempty"`
	Name          string    `json:"name,omitempty"`
	RewardDetails valueJSON `json:"rewardDetails"`
}

type friendIncentiveJSON struct {
	valueJSON
	Description string `json:"description,omitempty"`
}

// valueJSON shows what a reward is worth; "value" is its unit.
type valueJSON struct {
	Amount *money.Amount `json:"amount,omitempty"`
	Value  string        `json:"value,omitempty"`
}

type memberJSON struct {
	MerchantID  string      `json:"merchantId"`
	ID          string      `json:"id"`
	Email       string      `json:"email"`
	Name        string      `json:"name,omitempty"`
	LoyaltyInfo loyaltyJSON `json:"loyaltyInfo"`
}

type loyaltyJSON struct {
	Logs        []string `json:"logs"`
	EverOptedIn bool     `json:"everOptedIn"`
	OptedInOn   string   `json:"optedInOn,omitempty"`
	Status      string   `json:"status"`
}

type redemptionOptionsJSON struct {
	Records []redemptionOptionJSON `json:"records"`
}

type redemptionOptionJSON struct {
	ID             string       `json:"id"`
	Name           string       `json:"name"`
	LedgerAmount   money.Amount `json:"ledgerAmount"`
	LedgerCurrency string       `json:"ledgerCurrency"`
}

type redeemedJSON struct {
	CouponCode     string       `json:"couponCode,omitempty"`
	NewLedgerTotal money.Amount `json:"newLedgerTotal"`
}

type couponsJSON struct {
	Records []couponJSON `json:"records"`
}

type couponJSON struct {
	Code                 string `json:"code"`
	Status               string `json:"status"`
	DistributedOn        string `json:"distributedOn"`
	RedeemedOn           string `json:"redeemedOn,omitempty"`
	RedemptionOptionName string `json:"redemptionOptionName,omitempty"`
}

type adjustedJSON struct {
	Currency       string        `json:"currency"`
	Value          money.Amount  `json:"value"`
	Total          money.Amount  `json:"total"`
	Description    string        `json:"description"`
	CreatedOn      string        `json:"createdOn"`
	LedgerCap      *money.Amount `json:"ledgerCap"`
	ExpirationDate string        `json:"expirationDate,omitempty"`
	CreditDetails  []creditJSON  `json:"creditDetails"`
}

type balanceJSON struct {
	Currency       string       `json:"currency"`
	Total          money.Amount `json:"total"`
	CreatedOn      string       `json:"createdOn"`
	ExpirationDate string       `json:"expirationDate,omitempty"`
	CreditDetails  []creditJSON `json:"creditDetails"`
}

type entryJSON struct {
	CustomerID  string       `json:"customerId"`
	Currency    string       `json:"currency"`
	CreatedOn   string       `json:"createdOn"`
	Total       money.Amount `json:"total"`
	Value       money.Amount `json:"value"`
	Description string       `json:"description"`
	SourceName  string       `json:"sourceName,omitempty"`
}

type noLedgerJSON struct {
	Error   string `json:"error"`
	Message string `json:"message"`
}

type memberTierJSON struct {
	MerchantID                 string         `json:"merchantId"`
	CustomerID                 string         `json:"customerId"`
	MemberTierID               string         `json:"memberTierId,omitempty"`
	MemberTierNameCached       string         `json:"memberTierNameCached,omitempty"`
	MemberTierPrecedenceCached int            `json:"memberTierPrecedenceCached"`
	MemberTierPoints           tierPointsJSON `json:"memberTierPoints"`
	PointsCurrency             string         `json:"pointsCurrency,omitempty"`
}

type tierPointsJSON struct {
	ExpirationDetails []expirationJSON `json:"expirationDetails"`
	ExpiresOn         string           `json:"expiresOn,omitempty"`
	UpdatedOn         string           `json:"updatedOn,omitempty"`
	Points            money.Amount     `json:"points"`
}

type expirationJSON struct {
	ExpiresOn string       `json:"expiresOn"`
	Points    money.Amount `json:"points"`
}

type creditJSON struct {
	EarnedOn   string       `json:"earnedOn"`
	Status     string       `json:"status"`
	Amount     money.Amount `json:"amount"`
	ExpireOn   string       `json:"expireOn,omitempty"`
	RedeemedOn string       `json:"redeemedOn,omitempty"`
}

type userDataJSON struct {
	Emails        []string           `json:"emails"`
	Names         []string           `json:"names"`
	CustomerIDs   []string           `json:"customerIds"`
	IPAddresses   []string           `json:"ipAddresses"`
	Languages     []string           `json:"languages"`
	UserAgents    []string           `json:"userAgents"`
	ColorDepths   []int              `json:"colorDepths"`
	Platforms     []string           `json:"platforms"`
	ScreenSizes   []string           `json:"screenSizes"`
	TrackedEvents []trackedEventJSON `json:"trackedEvents"`
	Shares        channelsJSON       `json:"shares"`
	Conversions   channelsJSON       `json:"conversions"`
}

type trackedEventJSON struct {
	Type string `json:"type"`
	URL  string `json:"url,omitempty"`
}

type channelsJSON struct {
	Email     int64 `json:"email"`
	Facebook  int64 `json:"facebook"`
	Messenger int64 `json:"messenger"`
	SMS       int64 `json:"sms"`
	Twitter   int64 `json:"twitter"`
	PURL      int64 `json:"purl"`
}

// userDataDeletedJSON names the job twice: the guide and the reference differ.
type userDataDeletedJSON struct {
	TaskID string `json:"task_id"`
	JobID  string `json:"jobId"`
}

type errorJSON struct {
	Error     string `json:"error"`
	Message   string `json:"message"`
	Code      int    `json:"code"`
	Reference string `json:"reference"`
}
