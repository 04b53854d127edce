// Package feedback is the facade for those who bring our mail on: they tell
// here what became of it. Each service says it in its own words, and what the
// news mean is the engine's.
package feedback

import (
	"context"
	"io"
	"net/http"
	"strings"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

// TokenUse is the use of the key that stands in the address where services
// tell.
const TokenUse = "mail.events_token"

// mostBody is what one call may send: a bounce may carry the mail itself.
const mostBody = 2 << 20

// reader finds news in what a service sends.
type reader func(a *API, ctx context.Context, r *http.Request, body []byte) ([]engine.MailReturn, error)

var services = map[string]reader{
	"dsn":      readDSN,
	"ses":      (*API).readSES,
	"sendgrid": readSendGrid,
	"postmark": readPostmark,
}

// API answers mail services. Safe for concurrent use.
type API struct {
	core *engine.Engine
	get  func(ctx context.Context, url string) error
}

// New makes the handler of /mail/events/{service}/{token}. get opens an
// address of a service that asks for it.
func New(core *engine.Engine, get func(ctx context.Context, url string) error) http.Handler {
	return web.Handle((&API{core, get}).take, web.Plain)
}

func (a *API) take(w http.ResponseWriter, r *http.Request) error {
	service, token, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/mail/events/"), "/")
	read, known := services[service]
	if !known {
		return &model.Error{Kind: model.NotFound, Msg: "no mail service is called that"}
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return nil
	}
	account, err := a.core.Authenticate(r.Context(), TokenUse, token)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if err != nil {
		return &model.Error{Kind: model.Malformed, Reason: model.BodyTooLarge, Msg: "the body cannot be read, or is too large", Err: err}
	}
	news, err := read(a, r.Context(), r, body)
	if err != nil {
		return err
	}
	for _, one := range news {
		if err := a.core.MailReturned(r.Context(), account, one); err != nil {
			return err
		}
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

func malformed(err error) error {
	return &model.Error{Kind: model.Malformed, Msg: "the body is not what this service sends", Err: err}
}

// tokenIn finds a mail's token in an address that bounces go to, or in a
// Message-ID: before the @, and after a + if there is one.
func tokenIn(text string) string {
	local, _, _ := strings.Cut(strings.Trim(text, "<> \t\r\n"), "@")
	return local[strings.LastIndexByte(local, '+')+1:]
}
