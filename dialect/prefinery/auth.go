package prefinery

import (
	"net/http"
	"slices"
	"strings"

	"grapevine/model"
)

// useKey is what the project file's keys are called where they are looked up.
const useKey = "prefinery.api_key"

// What a key may do.
const (
	projectsRead   = "projects:read"
	projectsDelete = "projects:delete"
	usersCreate    = "users:create"
	usersRead      = "users:read"
	usersUpdate    = "users:update"
	usersDelete    = "users:delete"
	rewardsCreate  = "rewards:create"
	rewardsRead    = "rewards:read"
	rewardsUpdate  = "rewards:update"

	suppressionsCreate      = "suppressions:create"
	suppressionsRead        = "suppressions:read"
	suppressionsDelete      = "suppressions:delete"
	friendInvitationsCreate = "friend_invitations:create"
	pointsCreate            = "points:create"
	pointsRead              = "points:read"
)

// authenticate is whose key a call carries. It fails with Unauthenticated, and
// with Denied where the key may not do this.
func (a *API) authenticate(r *http.Request, permission string) (model.AccountID, error) {
	sent := keyOf(r)
	if sent == "" {
		return 0, &model.Error{Kind: model.Unauthenticated, Msg: "An API key is required."}
	}
	account, err := a.core.Authenticate(r.Context(), useKey, sent)
	if model.KindOf(err) == model.Unauthenticated {
		return 0, &model.Error{Kind: model.Unauthenticated, Reason: model.KeyUnknown, Msg: "The API key is not known.", Err: err}
	}
	if err != nil {
		return 0, err
	}
	cfg, err := a.core.Config(r.Context(), account)
	if err != nil {
		return 0, err
	}
	key, err := cfg.Key(useKey, sent)
	if err != nil { // it has ended since
		return 0, &model.Error{Kind: model.Unauthenticated, Reason: model.KeyUnknown, Msg: "The API key is not known.", Err: err}
	}
	if len(key.Permissions) > 0 && !slices.Contains(key.Permissions, permission) {
		return 0, &model.Error{Kind: model.Denied, Msg: "The API key does not have the permission " + permission + "."}
	}
	return account, nil
}

// keyOf is the key that a call carries: as the user of Basic, as a bearer
// token, or in the query; "" is none.
func keyOf(r *http.Request) string {
	if user, _, ok := r.BasicAuth(); ok && user != "" {
		return user
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); strings.EqualFold(scheme, "Bearer") && token != "" {
		return token
	}
	return r.URL.Query().Get("api_key")
}
