package irefer

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

// What the project file's keys are called where they are looked up.
const (
	useLicense = "irefer.license_key"
	useAPIKey  = "irefer.api_key"
)

// licenseLength is how many characters a license key has.
const licenseLength = 32

// admission is who calls.
type admission struct {
	account model.AccountID
	config  *engine.Config
	server  bool   // it carried the account's API key
	ip      string // of the person; "" where a server calls
	agent   string
}

// admit finds the account of a license and decides who may call: a server with
// the account's API key, and pages of the account's origins. An answer to
// such a page, be it an error, may be read by it.
func (a *API) admit(w http.ResponseWriter, r *http.Request, license string) (admission, error) {
	in, err := a.account(r, license)
	if err != nil {
		return in, err
	}
	listed := allowOrigin(w, r, in.config.Settings.Origins)
	query := r.URL.Query()
	if query.Has("api_key") {
		// A wrong key is a mistake that no origin makes good.
		key := in.config.Secret(useAPIKey)
		if key == "" || subtle.ConstantTimeCompare([]byte(key), []byte(query.Get("api_key"))) != 1 {
			return in, &model.Error{Kind: model.Unauthenticated, Reason: model.KeyUnknown, Field: "api_key", Msg: "the api_key is not the account's"}
		}
		in.server = true
		return in, nil
	}
	if !listed {
		return in, &model.Error{Kind: model.Denied, Msg: "the page that calls is not among the account's origins, and there is no api_key"}
	}
	in.ip, in.agent = web.ClientIP(r), r.UserAgent()
	return in, nil
}

// account finds whose license it is. It fails with Unauthenticated.
func (a *API) account(r *http.Request, license string) (admission, error) {
	if len(license) != licenseLength {
		return admission{}, &model.Error{Kind: model.Unauthenticated, Reason: model.KeyUnknown, Msg: "the license key is not known"}
	}
	account, err := a.core.Authenticate(r.Context(), useLicense, license)
	if err != nil {
		return admission{}, err
	}
	config, err := a.core.Config(r.Context(), account)
	return admission{account: account, config: config}, err
}

// allowOrigin reports whether the page that calls is of a listed host, and
// lets it read the answer.
func allowOrigin(w http.ResponseWriter, r *http.Request, origins []string) bool {
	w.Header().Add("Vary", "Origin")
	if origin := r.Header.Get("Origin"); origin != "" {
		if !listsHost(origins, origin) {
			return false
		}
		w.Header().Set("Access-Control-Allow-Origin", origin)
		return true
	}
	return listsHost(origins, r.Referer())
}

// listsHost reports whether an address is of the host of one of the origins.
// `null`, which a browser sends for a page without an origin, has no host.
func listsHost(origins []string, address string) bool {
	page, err := url.Parse(address)
	return err == nil && page.Host != "" && slices.ContainsFunc(origins, func(origin string) bool {
		o, err := url.Parse(origin)
		return err == nil && o.Host == page.Host
	})
}

// preflight tells a browser that asks before it calls.
func (a *API) preflight(w http.ResponseWriter, r *http.Request, license string) {
	if in, err := a.account(r, license); err == nil && allowOrigin(w, r, in.config.Settings.Origins) {
		w.Header().Set("Access-Control-Allow-Methods", "GET, HEAD")
		w.Header().Set("Access-Control-Allow-Headers", "X-Requested-With, Content-Type")
		w.Header().Set("Access-Control-Max-Age", "86400")
	}
	w.WriteHeader(http.StatusNoContent)
}
