package referralfactory

import (
	"cmp"
	"context"
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
	model.Gone:            http.StatusGone,
	model.Limited:         http.StatusTooManyRequests,
	model.Internal:        http.StatusInternalServerError,
}

// byKind tells that a reason has the status of its kind.
const byKind = 0

// reasons is the status of each reason that the documentation singles out.
var reasons = map[model.Reason]int{
	model.EmailTaken:          http.StatusUnprocessableEntity,
	model.ReferrerUnknown:     http.StatusUnprocessableEntity,
	model.CampaignUnknown:     byKind, // 422 where somebody is to join it
	model.CampaignNotLive:     http.StatusUnprocessableEntity,
	model.CodeUnknown:         byKind,
	model.CodeBlocked:         byKind,
	model.CodeTaken:           byKind,
	model.PersonUnknown:       byKind,
	model.ParticipantUnknown:  byKind,
	model.RewardUnknown:       byKind,
	model.LedgerUnknown:       byKind,
	model.BalanceShort:        byKind,
	model.BatchEmpty:          byKind,
	model.BatchTooLarge:       byKind,
	model.LimitReached:        byKind,
	model.RuleUnknown:         byKind,
	model.CouponUnknown:       byKind,
	model.CouponFree:          byKind,
	model.RedemptionUnknown:   byKind,
	model.NotInLoyalty:        byKind,
	model.CurrencyUnknown:     byKind,
	model.InviterUnfit:        byKind,
	model.InvitationsSpent:    byKind,
	model.InvitationInvalid:   byKind,
	model.PersonBlocked:       byKind,
	model.TooManyFromIP:       byKind,
	model.PointsUnused:        byKind,
	model.StateInvalid:        byKind,
	model.TransitionForbidden: byKind,
	model.KeyUnknown:          byKind,
	model.KeyTaken:            byKind,
	model.BodyTooLarge:        byKind,
	model.CallsTooOften:       byKind,
	model.AddressBlocked:      http.StatusForbidden,
}

// messages say in the vendor's words what the engine says in ours.
var messages = map[model.Reason]string{
	model.EmailTaken:         "The email already exists.",
	model.CampaignUnknown:    "The campaign is not known.",
	model.CampaignNotLive:    "The campaign is not live.",
	model.CodeUnknown:        "Nobody has this code.",
	model.ParticipantUnknown: "The user is not known.",
	model.CouponUnknown:      "The coupon is not known.",
	model.CouponFree:         "Nobody who takes part holds the coupon.",
	model.RewardUnknown:      "The reward is not known.",
}

// fields is what the engine's fields are called here.
var fields = map[string]string{"campaign": "campaign_id", "code": "referrer_code"}

// statusOf is what err is here. A database that cannot be reached in time is
// the one trouble that passes by itself.
func statusOf(err error) int {
	if status := reasons[model.ReasonOf(err)]; status != byKind {
		return status
	}
	status := kinds[model.KindOf(err)]
	if status == http.StatusInternalServerError && errors.Is(err, context.DeadlineExceeded) {
		return http.StatusServiceUnavailable
	}
	return status
}

// invalidRequest is the message of every body with errors.
const invalidRequest = "Validation errors in your request"

// faults are what is wrong with a request, field by field.
type faults []fault

type fault struct {
	field, msg string
	status     int // 400: it cannot be read; 422: it cannot be
}

func (f faults) Error() string { return invalidRequest + ": " + f[0].field + ": " + f[0].msg }

// add notes what is wrong with a field.
func (f *faults) add(status int, field, msg string) { *f = append(*f, fault{field, msg, status}) }

// err is nil where nothing is wrong.
func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// unprocessable is one fault of what can be read.
func unprocessable(field, msg string) error {
	return faults{{field, msg, http.StatusUnprocessableEntity}}
}

// status is 400 where anything cannot be read.
func (f faults) status() int {
	for _, one := range f {
		if one.status == http.StatusBadRequest {
			return one.status
		}
	}
	return f[0].status
}

type errorJSON struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Errors  any    `json:"errors,omitempty"`
}

type faultJSON struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

func (f faults) body() errorJSON {
	status := f.status()
	all := map[string][]faultJSON{}
	for _, one := range f {
		if one.status == status {
			all[one.field] = append(all[one.field], faultJSON{one.field, one.msg})
		}
	}
	return errorJSON{Code: status, Message: invalidRequest, Errors: all}
}

// fail answers an error. Only a text that the engine or this dialect wrote is
// shown.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	var wrong faults
	if errors.As(err, &wrong) {
		_ = web.WriteJSON(w, wrong.status(), wrong.body())
		return
	}
	status := statusOf(err)
	var known *model.Error
	message := ""
	switch {
	case !errors.As(err, &known):
	case known.Kind == model.Gone: // it was known
		message = known.Msg
	default:
		message = cmp.Or(messages[known.Reason], known.Msg)
	}
	switch {
	case status == http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "5")
		_ = refuse(w, status, "We cannot answer in time. Please try again later.")
		return
	case known == nil || known.Kind == model.Internal:
		_ = refuse(w, status, "We had a problem with our server. The log says which, under "+web.RequestID(r.Context())+".")
		return
	case status == http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	case (status == http.StatusBadRequest || status == http.StatusUnprocessableEntity) && known.Field != "":
		field := known.Field
		if called, ok := fields[field]; ok {
			field = called
		}
		fail(w, r, faults{{field, message, status}})
		return
	}
	// Where the answer cannot be sent, there is nobody left to tell.
	_ = refuse(w, status, message)
}

// refuse answers in the error shape.
func refuse(w http.ResponseWriter, status int, message string) error {
	return web.WriteJSON(w, status, errorJSON{Code: status, Message: message})
}

// unknownURL answers paths that the API does not have.
func unknownURL(w http.ResponseWriter, r *http.Request) error {
	return refuse(w, http.StatusNotFound, "There is nothing at "+r.URL.Path+".")
}

// wrongMethod answers paths that the API has under other methods.
func wrongMethod(allow string) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Allow", allow)
		return refuse(w, http.StatusMethodNotAllowed, r.Method+" is not allowed here, only "+allow+".")
	}
}
