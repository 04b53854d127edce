package irefer

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

//go:embed script.js
var scriptText string

// settingsJSON is what the script is told of the account.
type settingsJSON struct {
	Parameters []string `json:"parameters"` // that carry a code to a landing page
	Seconds    int64    `json:"seconds"`    // for which a code is remembered
}

// script answers the script for pages of an account. With `viewed`, a page on
// which it runs says that it was seen.
func (a *API) script(license string) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		in, err := a.account(r, license)
		if model.KindOf(err) == model.Unauthenticated { // strangers try all sorts of paths: that is nothing to log
			http.NotFound(w, r)
			return nil
		}
		if err != nil {
			return err
		}
		if page := r.URL.Query().Get("viewed"); page != "" {
			return a.viewed(w, r, in, page)
		}
		settings, err := json.Marshal(settingsOf(in.config, time.Hour))
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "public, max-age=300")
		_, err = w.Write([]byte(strings.Replace(scriptText, "SETTINGS", string(settings), 1)))
		return err
	}
}

// viewed counts a page that was seen.
func (a *API) viewed(w http.ResponseWriter, r *http.Request, in admission, page string) error {
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodGet && listsHost(in.config.Settings.Origins, page) {
		if err := a.core.SeePage(r.Context(), in.account, page); err != nil {
			return err
		}
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// iref is the parameter that iRefer's own links carry.
const iref = "iref"

// settingsOf are the parameters of the live campaigns' links, and the longest
// of their attribution windows.
func settingsOf(c *engine.Config, atLeast time.Duration) settingsJSON {
	s := settingsJSON{Parameters: []string{iref}}
	window := atLeast
	for _, campaign := range c.Campaigns() {
		if campaign.Status != model.Launched {
			continue
		}
		if !slices.Contains(s.Parameters, campaign.LinkParam) {
			s.Parameters = append(s.Parameters, campaign.LinkParam)
		}
		window = max(window, campaign.AttributionWindow)
	}
	s.Seconds = int64(window / time.Second)
	return s
}
