// Package link is the facade for visitors: it sends whoever follows a
// referral link on to the merchant's page. It reads requests and writes
// cookies; what a click means is the engine's.
package link

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

// New makes the handler of /r/{code} and, on a host of links, /{code}.
func New(core *engine.Engine) http.Handler {
	v := &visits{core: core}
	return web.Handle(v.follow, fail)
}

// visits answers visitors. Safe for concurrent use.
type visits struct {
	core *engine.Engine
}

var (
	noStore = []string{"no-store"}
	// indexing keeps links out of search engines: each visit would be a click.
	noIndex = []string{"noindex"}
)

// follow redirects a visitor. It is written by hand because a click must cost
// little more than the redirect itself.
func (v *visits) follow(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		show(w, http.StatusMethodNotAllowed, page{Title: "This is a link", Text: "It can only be opened."})
		return nil
	}
	code := codeOf(r.URL.Path)
	if !utf8.ValidString(code) || strings.ContainsAny(code, "\x00/") {
		show(w, http.StatusNotFound, nowhere)
		return nil
	}
	visit := engine.Visit{
		Code:      code,
		IP:        web.ClientIP(r),
		Agent:     strings.ToValidUTF8(r.UserAgent(), "?"),
		Uncounted: r.Method == http.MethodHead || isMachine(r),
	}
	if r.URL.RawQuery != "" {
		visit.Standing = r.URL.Query().Get(engine.StandingParam)
	}
	visit.Cookie = web.VisitorCookie(r)
	landing, err := v.core.Click(r.Context(), visit)
	if err != nil && model.KindOf(err) == model.NotFound {
		show(w, http.StatusNotFound, nowhere) // strangers try all sorts of paths: that is nothing to log
		return nil
	}
	if err != nil {
		return err
	}
	header := w.Header()
	header["Location"] = []string{landing.URL}
	header["Cache-Control"] = noStore
	header["X-Robots-Tag"] = noIndex
	if landing.Cookie != "" && !visit.Uncounted {
		web.SetVisitorCookie(w, r, landing.Cookie)
	}
	w.WriteHeader(http.StatusFound)
	return nil
}

// codeOf is the code of /r/{code} or /{code}. A slash at the end is a slip of
// who copied the link.
func codeOf(path string) string {
	code := strings.TrimPrefix(path, "/r/")
	return strings.TrimSuffix(strings.TrimPrefix(code, "/"), "/")
}

// previews are words in the agents of programs that fetch a link to show or
// check it, before or without a person following it.
var previews = []string{
	"bot", "Bot", "crawler", "Crawler", "spider", "Spider", "preview", "Preview",
	"facebookexternalhit", "Facebot", "WhatsApp/", "SkypeUriPreview", "Slack-ImgProxy",
	"Iframely", "Embedly", "vkShare", "BarracudaCentral", "SafeLinks", "Google-Safety", "GoogleImageProxy",
}

// isMachine reports whether nobody followed the link yet: a browser fetches it
// ahead of time, or a program looks where it leads.
func isMachine(r *http.Request) bool {
	for _, name := range [...]string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		if said := r.Header[name]; said != nil && (strings.Contains(said[0], "prefetch") || strings.Contains(said[0], "preview")) {
			return true
		}
	}
	agent := r.UserAgent()
	for _, word := range previews {
		if strings.Contains(agent, word) {
			return true
		}
	}
	return false
}

var nowhere = page{
	Title: "This link leads nowhere",
	Text:  "It may have ended, or a letter got lost when it was copied. Ask whoever sent it to you for a new one.",
}

// fail shows a visitor that it is not their fault.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	if model.KindOf(err) == model.Invalid { // the campaign has no page
		show(w, http.StatusNotFound, nowhere)
		return
	}
	show(w, http.StatusInternalServerError, page{
		Title:     "Something went wrong",
		Text:      "The link is fine, we are not. Please try again in a moment.",
		Reference: web.RequestID(r.Context()),
	})
}
