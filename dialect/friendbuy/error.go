package friendbuy

import (
	"errors"
	"net/http"

	"grapevine/model"
	"grapevine/web"
)

// kinds is the status of each kind of error. The error's name in the body is
// the text of its status.
var kinds = map[model.Kind]int{
	model.Malformed:       http.StatusBadRequest,
	model.Invalid:         http.StatusUnprocessableEntity,
	model.Unauthenticated: http.StatusUnauthorized,
	model.Denied:          http.StatusForbidden,
	model.NotFound:        http.StatusNotFound,
	model.Conflict:        http.StatusConflict,
	model.Gone:            http.StatusNotFound, // 410 is documented nowhere
	model.Limited:         http.StatusTooManyRequests,
	model.Internal:        http.StatusInternalServerError,
}

// byKind tells that a reason has the status of its kind.
const byKind = 0

// reasons is the status of each reason that the documentation singles out.
var reasons = map[model.Reason]int{
	model.EmailTaken:          byKind,
	model.ReferrerUnknown:     byKind,
	model.CampaignUnknown:     http.StatusNotFound,
	model.CampaignNotLive:     http.StatusNotFound,
	model.CodeUnknown:         http.StatusNotFound,
	model.CodeBlocked:         http.StatusBadRequest,
	model.CodeTaken:           byKind,
	model.PersonUnknown:       byKind, // 422 where it is adjusted, 404 where it is asked for
	model.ParticipantUnknown:  byKind,
	model.RewardUnknown:       byKind,
	model.LedgerUnknown:       byKind,
	model.BalanceShort:        http.StatusConflict,
	model.BatchEmpty:          http.StatusConflict,
	model.LimitReached:        byKind,
	model.RuleUnknown:         byKind,
	model.CouponUnknown:       byKind,
	model.CouponFree:          byKind,
	model.BatchTooLarge:       http.StatusUnprocessableEntity,
	model.RedemptionUnknown:   byKind,
	model.NotInLoyalty:        byKind,
	model.CurrencyUnknown:     http.StatusUnprocessableEntity,
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
	model.BodyTooLarge:        http.StatusBadRequest,
	model.CallsTooOften:       byKind,
	model.AddressBlocked:      byKind,
}

// statusOf is what err is here.
func statusOf(err error) int {
	if status := reasons[model.ReasonOf(err)]; status != byKind {
		return status
	}
	return kinds[model.KindOf(err)]
}

// fail answers an error. Only a text that the engine or this dialect wrote is
// shown; what went wrong inside is found in the log by its reference.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	status := statusOf(err)
	message := "The call could not be carried out. The log says why, under the reference."
	var known *model.Error
	if errors.As(err, &known) && known.Kind != model.Internal {
		message = known.Msg
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	// Where the answer cannot be sent, there is nobody left to tell.
	_ = refuse(w, r, status, message)
}

// refuse answers in the error shape.
func refuse(w http.ResponseWriter, r *http.Request, status int, message string) error {
	return web.WriteJSON(w, status, errorJSON{
		Error:     http.StatusText(status),
		Message:   message,
		Code:      status,
		Reference: web.RequestID(r.Context()),
	})
}

// unknownURL answers paths that the API does not have: code and reference
// are empty there.
func unknownURL(w http.ResponseWriter, r *http.Request) error {
	return web.WriteJSON(w, http.StatusNotFound, errorJSON{
		Error:   http.StatusText(http.StatusNotFound),
		Message: "Unknown URL " + r.URL.Path,
	})
}

// wrongMethod answers paths that the API has under other methods.
func wrongMethod(allow string) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Allow", allow)
		return refuse(w, r, http.StatusMethodNotAllowed, r.Method+" is not allowed here, only "+allow)
	}
}
