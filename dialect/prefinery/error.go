package prefinery

import (
	"cmp"
	"errors"
	"net/http"

	"grapevine/model"
	"grapevine/web"
)

// kinds is the status of each kind of error.
var kinds = map[model.Kind]int{
	model.Malformed:       http.StatusBadRequest,
	model.Invalid:         http.StatusUnprocessableEntity,
	model.Unauthenticated: http.StatusUnauthorized,
	model.Denied:          http.StatusForbidden,
	model.NotFound:        http.StatusNotFound,
	model.Conflict:        http.StatusUnprocessableEntity,
	model.Gone:            http.StatusNotFound,
	model.Limited:         http.StatusTooManyRequests,
	model.Internal:        http.StatusInternalServerError,
}

// Families of codes. What a family has no code of its own for is its first.
const (
	testerFamily      = 2300
	invitationFamily  = 2400
	rewardFamily      = 2600
	suppressionFamily = 2700
	pointFamily       = 2800
)

// byKind tells that a reason has the status of its kind, and the family's
// first code.
var byKind = refusal{}

// refusal is what a reason is: the code in each family, 0 for the first, and
// the text, "" for the engine's own. A refusal with a code is 422, whatever the
// kind.
type refusal struct {
	tester, invitation, reward, suppression, point int

	text string
}

// in is the code in a family.
func (r refusal) in(family int) int {
	return map[int]int{
		testerFamily: r.tester, invitationFamily: r.invitation, rewardFamily: r.reward, suppressionFamily: r.suppression, pointFamily: r.point,
	}[family]
}

// reasons is what each reason is here.
var reasons = map[model.Reason]refusal{
	model.EmailTaken:          {tester: 2310, invitation: 2406, suppression: 2702, text: "Email has already been taken"},
	model.ReferrerUnknown:     {tester: 2306, text: "Referrer was not found"},
	model.CampaignUnknown:     byKind,
	model.CampaignNotLive:     {tester: 2301, invitation: 2401, reward: 2601, text: "The project is not live"},
	model.CodeUnknown:         byKind,
	model.CodeBlocked:         byKind,
	model.CodeTaken:           byKind,
	model.PersonUnknown:       byKind,
	model.ParticipantUnknown:  {invitation: 2403, point: 2803, text: "Email was not found"},
	model.RewardUnknown:       byKind,
	model.LedgerUnknown:       byKind,
	model.BalanceShort:        byKind,
	model.BatchEmpty:          {reward: 2601, text: "No coupon is left for this reward"},
	model.LimitReached:        {reward: 2606, text: "Maximum quantity has been reached"},
	model.RuleUnknown:         {reward: 2605, text: "Descriptor was not found"},
	model.CouponUnknown:       byKind,
	model.CouponFree:          byKind,
	model.BatchTooLarge:       byKind,
	model.RedemptionUnknown:   byKind,
	model.NotInLoyalty:        byKind,
	model.CurrencyUnknown:     byKind,
	model.InviterUnfit:        {invitation: 2404, text: "Sender must be invited, active or idle"},
	model.InvitationsSpent:    {invitation: 2407, text: "No invitations are remaining"},
	model.InvitationInvalid:   {tester: 2305, text: "Invitation code is invalid"},
	model.PersonBlocked:       {tester: 2307, invitation: 2401, text: "Email is blocked"},
	model.TooManyFromIP:       {tester: 2307, text: "Too many came from this IP address"},
	model.PointsUnused:        {point: 2801, text: "The project is not ordered by points"},
	model.StateInvalid:        {tester: 2304, text: "Status is invalid"},
	model.TransitionForbidden: {tester: 2308, reward: 2608, text: "Status cannot be changed like this"},
	model.KeyUnknown:          byKind,
	model.KeyTaken:            byKind,
	model.BodyTooLarge:        byKind,
	model.CallsTooOften:       byKind,
	model.AddressBlocked:      byKind,
}

// fields is what is wrong where the engine says it of a field, in its words.
var fields = map[string]string{
	"answers": "Question was not found", "quantity": "Quantity must be other than 0, and at most a billion",
	"reason": "Reason is too long", "message": "Message is too long", "name": "Event is too long",
}

// coded is an error with a code of its own.
type coded struct {
	code int
	text string
}

func (c *coded) Error() string { return c.text }

// Unwrap makes it known for a value that cannot be, and no fault of ours.
func (c *coded) Unwrap() error { return &model.Error{Kind: model.Invalid, Msg: c.text} }

// within gives what goes wrong in a call of a family the code that it has
// there. Who or what a path does not find stays not found.
func within(family int, err error) error {
	if err == nil {
		return nil
	}
	var known *model.Error
	var has *coded
	if errors.As(err, &has) || !errors.As(err, &known) {
		return err
	}
	refused := reasons[known.Reason]
	code := refused.in(family)
	text := cmp.Or(refused.text, fields[known.Field], known.Msg)
	switch {
	case code != 0:
		return &coded{code, text}
	case kinds[known.Kind] == http.StatusUnprocessableEntity:
		return &coded{family + 1, text}
	}
	return err
}

// fail answers an error. What refuses a value has a code; all else is one
// text.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	var refused *coded
	if errors.As(err, &refused) {
		// Where the answer cannot be sent, there is nobody left to tell.
		_ = web.WriteJSON(w, http.StatusUnprocessableEntity, errorsJSON{Errors: []codedJSON{{Code: refused.code, Message: refused.text}}})
		return
	}
	status := kinds[model.KindOf(err)]
	text := "Something went wrong. The log says what, under the reference " + web.RequestID(r.Context()) + "."
	var known *model.Error
	if errors.As(err, &known) && known.Kind != model.Internal {
		text = known.Msg
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="API key"`)
	}
	_ = web.WriteJSON(w, status, errorJSON{Error: text})
}

func notFound(text string) error { return &model.Error{Kind: model.NotFound, Msg: text} }

// unknownURL answers paths that the API does not have.
func unknownURL(w http.ResponseWriter, r *http.Request) error {
	return web.WriteJSON(w, http.StatusNotFound, errorJSON{Error: "There is nothing at this address."})
}

// wrongMethod answers paths that the API has under other methods.
func wrongMethod(allow string) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Allow", allow)
		return web.WriteJSON(w, http.StatusMethodNotAllowed, errorJSON{Error: r.Method + " is not allowed here, only " + allow + "."})
	}
}
