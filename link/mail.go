package link

import (
	"encoding/base64"
	"net/http"
	"strings"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

// NewMail makes the handler of /mail/{what}/{token}: what the links, the pixel
// and the one click of a mail come back to.
func NewMail(core *engine.Engine) http.Handler {
	m := &mails{core: core}
	return web.Handle(func(w http.ResponseWriter, r *http.Request) error {
		what, token, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/mail/"), "/")
		switch what {
		case "open":
			return m.open(w, r, strings.TrimSuffix(token, ".gif"))
		case "click":
			return m.click(w, r, token)
		case "unsubscribe":
			return m.unsubscribe(w, r, token)
		}
		show(w, http.StatusNotFound, nowhere)
		return nil
	}, failMail)
}

// mails answers whoever got mail. Safe for concurrent use.
type mails struct {
	core *engine.Engine
}

// pixel is a picture of one point that shows nothing.
var pixel, _ = base64.StdEncoding.DecodeString("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")

// open shows the pixel, whoever asks for it: a picture that is missing would be
// all that a reader sees of our trouble.
func (m *mails) open(w http.ResponseWriter, r *http.Request, token string) error {
	header := w.Header()
	header.Set("Content-Type", "image/gif")
	header["Cache-Control"] = noStore
	header["X-Robots-Tag"] = noIndex
	var err error
	if r.Method == http.MethodGet {
		err = m.core.MailOpened(r.Context(), token, opensForOthers(r))
	}
	if err != nil && model.KindOf(err) != model.NotFound {
		return err
	}
	_, _ = w.Write(pixel) // a reader who left misses nothing
	return nil
}

// opensForOthers reports whether a program fetched the picture before anybody
// opened the mail. The proxies of Google and Yahoo fetch it when somebody does;
// Apple's, which says nothing of itself, for everybody when mail arrives.
func opensForOthers(r *http.Request) bool {
	agent := r.UserAgent()
	if strings.Contains(agent, "GoogleImageProxy") || strings.Contains(agent, "YahooMailProxy") {
		return false
	}
	return agent == "" || agent == "Mozilla/5.0" || isMachine(r)
}

func (m *mails) click(w http.ResponseWriter, r *http.Request, token string) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return onlyOpened(w, "GET, HEAD")
	}
	to, err := m.core.MailFollowed(r.Context(), token, r.Method == http.MethodHead || isMachine(r))
	if err != nil {
		return err
	}
	header := w.Header()
	header["Location"] = []string{to}
	header["Cache-Control"] = noStore
	header["X-Robots-Tag"] = noIndex
	header.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusFound)
	return nil
}

// unsubscribe orders mail off. Opening the page changes nothing, as programs
// open the links of mails to check them; its button does, and so does the one
// click of RFC 8058, which is the same request.
func (m *mails) unsubscribe(w http.ResponseWriter, r *http.Request, token string) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost:
		if err := m.core.Unsubscribe(r.Context(), token); err != nil {
			return err
		}
	default:
		return onlyOpened(w, "GET, HEAD, POST")
	}
	s, err := m.core.Subscription(r.Context(), token)
	if err != nil {
		return err
	}
	show(w, http.StatusOK, subscriptionPage(s))
	return nil
}

func subscriptionPage(s *engine.Subscription) page {
	whose := s.Email
	if s.Ended {
		if whose == "" {
			whose = "You"
		}
		return page{Title: "That was the last one", Text: whose + " will get no more mail from " + s.Account + "."}
	}
	if whose == "" {
		whose = "your address"
	}
	return page{
		Title:  "No more mail?",
		Text:   "Say so, and " + s.Account + " sends no more mail to " + whose + ".",
		Button: "Send no more",
	}
}

func onlyOpened(w http.ResponseWriter, allow string) error {
	w.Header().Set("Allow", allow)
	show(w, http.StatusMethodNotAllowed, page{Title: "This is a link", Text: "It can only be opened."})
	return nil
}

func failMail(w http.ResponseWriter, r *http.Request, err error) {
	if model.KindOf(err) == model.NotFound {
		show(w, http.StatusNotFound, page{
			Title: "This link leads nowhere",
			Text:  "It may have ended, or a letter got lost when it was copied. Open it once more from the mail.",
		})
		return
	}
	fail(w, r, err)
}
