package referralfactory

import (
	"errors"
	"net/http"
	"strings"

	"grapevine/model"
)

// What the project file's keys are called where they are looked up.
const (
	useToken        = "referral_factory.token"
	useInboundToken = "referral_factory.inbound_token"
)

// account is whose access token a call carries. It fails with Unauthenticated;
// a token ends when the account gets another.
func (a *API) account(r *http.Request) (model.AccountID, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return 0, &model.Error{Kind: model.Unauthenticated, Msg: "An access token is required: Authorization: Bearer …"}
	}
	account, err := a.core.Authenticate(r.Context(), useToken, token)
	if model.KindOf(err) == model.Unauthenticated {
		return 0, &model.Error{Kind: model.Unauthenticated, Reason: model.KeyUnknown, Msg: "The access token is not known, or has ended.", Err: err}
	}
	return account, err
}

// inbound is whose inbound webhook a token names. It fails with NotFound: the
// token is part of the address.
func (a *API) inbound(r *http.Request) (model.AccountID, error) {
	account, err := a.core.Authenticate(r.Context(), useInboundToken, r.PathValue("token"))
	var unknown *model.Error
	if errors.As(err, &unknown) && unknown.Kind == model.Unauthenticated {
		return 0, &model.Error{Kind: model.NotFound, Msg: "There is no such webhook.", Err: err}
	}
	return account, err
}

// acceptsJSON reports whether Accept headers leave room for JSON. None asks for
// anything.
func acceptsJSON(headers []string) bool {
	if len(headers) == 0 {
		return true
	}
	for _, part := range strings.Split(strings.Join(headers, ","), ",") {
		kind, params, _ := strings.Cut(part, ";")
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case "", "*/*", "application/*", "application/json":
			if q := strings.ReplaceAll(params, " ", ""); q != "q=0" && !strings.HasPrefix(q, "q=0.0") {
				return true
			}
		}
	}
	return false
}
