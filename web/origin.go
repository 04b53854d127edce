package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"grapevine/model"
)

// preflightLife is how long a browser may remember that it may call: as long as
// any does.
const preflightLife = 2 * time.Hour

// AllowOrigin lets a page of one of the origins call and read the answer, with
// its cookies. Any other caller is Denied: a page of another origin, one
// without an origin of its own ("null"), and who is no page. An origin in the
// list is in lower case, as browsers send it.
func AllowOrigin(w http.ResponseWriter, r *http.Request, origins []string) error {
	header := w.Header()
	header["Vary"] = append(header["Vary"], "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" || origin == "null" || !slices.Contains(origins, origin) {
		return &model.Error{Kind: model.Denied, Msg: "pages of this origin may not call"}
	}
	header.Set("Access-Control-Allow-Origin", origin)
	header.Set("Access-Control-Allow-Credentials", "true")
	header.Set("Access-Control-Expose-Headers", "Retry-After, X-Request-Id")
	return nil
}

// Preflight answers a browser that asks, for a page that AllowOrigin let
// through, what it may send.
func Preflight(w http.ResponseWriter, methods ...string) {
	header := w.Header()
	header.Set("Access-Control-Allow-Methods", strings.Join(methods, ", "))
	header.Set("Access-Control-Allow-Headers", "Content-Type")
	header.Set("Access-Control-Max-Age", strconv.Itoa(int(preflightLife.Seconds())))
	w.WriteHeader(http.StatusNoContent)
}
