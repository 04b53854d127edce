package link

import (
	"net/http"
	"strings"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

// NewConfirm makes the handler of /confirm/{token}, where somebody says that
// an address is theirs. Opening the page changes nothing, as programs open the
// links of mails to check them; its button does.
func NewConfirm(core *engine.Engine) http.Handler {
	return web.Handle(func(w http.ResponseWriter, r *http.Request) error {
		token := strings.TrimPrefix(r.URL.Path, "/confirm/")
		switch r.Method {
		case http.MethodGet, http.MethodHead:
		case http.MethodPost:
			if err := core.Confirm(r.Context(), token); err != nil {
				return err
			}
		default:
			w.Header().Set("Allow", "GET, HEAD, POST")
			show(w, http.StatusMethodNotAllowed, page{Title: "This is a link", Text: "It can only be opened."})
			return nil
		}
		c, err := core.Confirmation(r.Context(), token)
		if err != nil {
			return err
		}
		show(w, http.StatusOK, confirmPage(c))
		return nil
	}, failConfirm)
}

func confirmPage(c *engine.Confirmation) page {
	if c.Done {
		return page{Title: "Thank you", Text: "Your address is confirmed: you take part in " + c.Campaign + ".", Onward: c.Landing}
	}
	whose := "your address"
	if c.Email != "" {
		whose = c.Email
	}
	return page{
		Title:  "Is this you?",
		Text:   "Confirm " + whose + " to take part in " + c.Campaign + ". If you did not sign up, close this page, and nothing happens.",
		Button: "Yes, confirm",
	}
}

func failConfirm(w http.ResponseWriter, r *http.Request, err error) {
	if model.KindOf(err) == model.NotFound {
		show(w, http.StatusNotFound, page{
			Title: "This link leads nowhere",
			Text:  "A letter may have got lost when it was copied. Open it once more from the mail.",
		})
		return
	}
	fail(w, r, err)
}
