package friendbuy

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"grapevine/engine"
	"grapevine/engine/address"
	"grapevine/model"
	"grapevine/web"
)

const (
	// mostIntake is how many bytes, and mostEvents how many events, one call of
	// a browser may bring. Browsers send no more than this when a page is left.
	mostIntake = 64 << 10
	mostEvents = 50

	// authLife is how long a page may use what its server signed for it, and
	// authAhead how far that server's clock may be before ours.
	authLife  = 24 * time.Hour
	authAhead = 5 * time.Minute
)

// merchant is the account of a page that may call: one of its origins.
func (a *API) merchant(w http.ResponseWriter, r *http.Request) (*engine.Config, error) {
	account, err := a.core.Authenticate(r.Context(), useMerchantID, r.PathValue("merchantId"))
	if model.KindOf(err) == model.Unauthenticated {
		return nil, &model.Error{Kind: model.NotFound, Field: "merchantId", Msg: "no merchant has this id", Err: err}
	}
	if err != nil {
		return nil, err
	}
	cfg, err := a.core.Config(r.Context(), account)
	if err != nil {
		return nil, err
	}
	return cfg, web.AllowOrigin(w, r, cfg.Settings.Origins)
}

// optionsIntake tells a browser that a page may call.
func (a *API) optionsIntake(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.merchant(w, r); err != nil {
		return err
	}
	web.Preflight(w, http.MethodPost)
	return nil
}

// postIntake records what a browser sends, each event alone. What raises
// nothing is recorded last and together, so that it names whom the others made.
func (a *API) postIntake(w http.ResponseWriter, r *http.Request) error {
	cfg, err := a.merchant(w, r)
	if err != nil {
		return err
	}
	if err := a.rates.Check(w, r, cfg.ID, web.Use{Limit: a.intakes, Subject: web.ClientNetwork(r)}); err != nil {
		return err
	}
	var in intakeJSON
	if err := web.ReadJSONWithin(r, &in, mostIntake); err != nil {
		return err
	}
	if in.Events == nil {
		return malformed("events", "is required")
	}
	if len(in.Events) > mostEvents {
		return &model.Error{Kind: model.Invalid, Reason: model.BatchTooLarge, Field: "events", Msg: fmt.Sprintf("events must not be more than %d", mostEvents)}
	}
	if in.Customer != nil {
		if err := validEmail("customer.email", in.Customer.Email); err != nil {
			return err
		}
	}
	cookie := web.VisitorCookie(r)
	visitor, token, err := a.core.Visitor(cfg.ID, cookie, in.Visitor)
	if err != nil {
		return err
	}
	c := &intake{
		core: a.core, cfg: cfg, account: cfg.ID, sent: in,
		visitor: engine.Who{Visitor: visitor, IP: web.ClientIP(r), Agent: strings.ToValidUTF8(r.UserAgent(), "?")},
		results: make([]resultJSON, len(in.Events)),
	}
	c.signed, c.proven = in.Auth.verify(cfg.Secret(signingSecret), a.now())
	if err := c.record(r.Context()); err != nil {
		return err
	}
	if token != cookie {
		web.SetVisitorCookie(w, r, token)
	}
	w.Header().Set("Cache-Control", "no-store")
	return web.WriteJSON(w, http.StatusOK, intakenJSON{Visitor: token, Authenticated: c.proven, Results: c.results})
}

// verify reads who a merchant's server says is at the page: seconds of Unix
// time, e-mail and customer id, joined by colons, and their HMAC. It reports
// false for what is missing, too old, or signed by somebody else; then nobody
// is proven to be there.
func (in *intakeAuthJSON) verify(secret string, now time.Time) (actorJSON, bool) {
	if in == nil || secret == "" {
		return actorJSON{}, false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(in.String))
	sent, err := hex.DecodeString(in.Signature)
	if err != nil || !hmac.Equal(mac.Sum(nil), sent) {
		return actorJSON{}, false
	}
	parts := strings.SplitN(in.String, ":", 3)
	if len(parts) < 3 {
		return actorJSON{}, false
	}
	seconds, err := strconv.ParseInt(parts[0], 10, 64)
	age := now.Sub(time.Unix(seconds, 0))
	if err != nil || age > authLife || age < -authAhead || !address.Valid(parts[1]) || parts[2] == "" {
		return actorJSON{}, false
	}
	return actorJSON{Email: parts[1], ID: idJSON(parts[2])}, true
}

// intake is one call on its way to the engine.
type intake struct {
	core    *engine.Engine
	cfg     *engine.Config
	account model.AccountID
	sent    intakeJSON
	visitor engine.Who // the browser, as nobody in particular
	signed  actorJSON  // who the merchant's server says is there
	proven  bool       // it says so
	results []resultJSON

	sights []engine.Sight
	seen   []int // of sights, among the events
}

// record fails only where we do: then the browser sends all of it again, and
// what was recorded is found to be.
func (c *intake) record(ctx context.Context) error {
	for i, e := range c.sent.Events {
		c.results[i].ID = e.ID
		if err := c.event(ctx, i, e); err != nil && !c.refused(i, err) {
			return err
		}
	}
	recorded, errs := c.core.RecordSights(ctx, c.account, c.sights)
	for n, i := range c.seen {
		if errs[n] != nil {
			if !c.refused(i, errs[n]) {
				return errs[n]
			}
			continue
		}
		c.recorded(i, recorded[n])
	}
	return nil
}

// refused answers an event that cannot be; it reports false for an error that
// is ours.
func (c *intake) refused(i int, err error) bool {
	var known *model.Error
	if !errors.As(err, &known) || known.Kind == model.Internal {
		return false
	}
	status := statusOf(err)
	c.results[i].Status, c.results[i].Error, c.results[i].Message = status, http.StatusText(status), known.Msg
	return true
}

func (c *intake) recorded(i int, r *engine.Recorded) {
	c.results[i].Status, c.results[i].EventID, c.results[i].CreatedOn = http.StatusCreated, r.UUID, shown(r.At)
	if r.Repeated {
		c.results[i].Status = http.StatusOK
	}
}

// event records one event, or puts it aside with those that raise nothing.
func (c *intake) event(ctx context.Context, i int, e intakeEventJSON) error {
	if err := first(required("id", e.ID), validUUID("id", e.ID)); err != nil {
		return err
	}
	if len(e.Payload) == 0 || string(e.Payload) == "null" {
		e.Payload = []byte("{}")
	}
	if e.Payload[0] != '{' {
		return malformed("payload", "must be an object")
	}
	switch e.Type {
	case "track":
		return c.track(ctx, i, e)
	case "widget_view", "widget_action":
		return c.inWidget(i, e)
	case "share":
		return c.share(ctx, i, e)
	}
	return first(required("type", e.Type), oneOf("type", e.Type, "track", "widget_view", "widget_action", "share"))
}

// browser is what the browser tells of where an event happened.
func (c *intake) browser(e intakeEventJSON) *engine.Browser {
	at := e.Metadata.over(c.sent.Metadata)
	return &engine.Browser{EventID: strings.ToLower(e.ID), URL: at.URL, Title: at.Title, Page: at.Name, Device: c.sent.Device}
}

// who is whom an event names; one that names nobody is of who is at the page.
// The merchant vouches for whom it signed, and for nobody else.
func (c *intake) who(e intakeEventJSON, named actorJSON) engine.Who {
	if named.ID == "" && named.Email == "" {
		if at := c.sent.Customer; at != nil && (at.ID != "" || at.Email != "") {
			named = *at
		} else {
			named = c.signed
		}
	}
	who := c.visitor
	who.Browser = c.browser(e)
	if c.proven && (named.ID == "" || named.ID == c.signed.ID) && (named.Email == "" || model.FoldEmail(named.Email) == model.FoldEmail(c.signed.Email)) {
		named.ID, named.Email, who.Signed = c.signed.ID, c.signed.Email, true
	}
	who.CustomerID, who.Email, who.FirstName, who.LastName = string(named.ID), named.Email, named.FirstName, named.LastName
	if who.FirstName == "" && who.LastName == "" {
		who.FirstName, who.LastName, _ = strings.Cut(strings.TrimSpace(named.Name), " ")
		who.LastName = strings.TrimSpace(who.LastName)
	}
	return who
}
