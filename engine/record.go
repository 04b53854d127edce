package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/currency"

	"grapevine/engine/rule"
	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

// Purchase is an order of a person.
type Purchase struct {
	Who
	Referral
	OrderID     string
	Amount      money.Amount
	Currency    string
	NewCustomer *bool // nil: decided by earlier purchases
	SKUs        []string
	Detail      json.RawMessage // kept as sent, until the person is erased
}

// CustomEvent is an event that the merchant named.
type CustomEvent struct {
	Who
	Referral
	Name            string
	DeduplicationID string // "" never repeats
	NewCustomer     *bool
	// Once makes rules count it once of each friend: who counts already under a
	// rule earns nothing more by it, for nobody.
	Once     bool
	Campaign model.CampaignID // where it counts for who referred; 0: wherever somebody did
	Detail   json.RawMessage
}

// Page is a page that a person reached.
type Page struct {
	Who
	Referral
	URL             string // path and query
	DeduplicationID string
	Detail          json.RawMessage
}

// Recorded is an event that is counted and durable.
type Recorded struct {
	Event    model.EventID
	UUID     string
	At       time.Time
	Repeated bool // it was recorded before: this is the first answer again
}

// RecordPurchase credits the referral behind a purchase and grants the
// rewards its campaign promises. The same OrderID again returns the first
// answer. Fails with Invalid.
func (e *Engine) RecordPurchase(ctx context.Context, account model.AccountID, p Purchase) (*Recorded, error) {
	if p.Amount < 0 {
		return nil, &model.Error{Kind: model.Invalid, Field: "amount", Msg: "amount is negative"}
	}
	if err := e.knowsCurrency(ctx, account, p.Currency); err != nil {
		return nil, err
	}
	return e.record(ctx, account, occurrence{
		Who: p.Who, Referral: p.Referral, kind: model.Purchase, key: dedup("", p.OrderID),
		amount: p.Amount, currency: p.Currency, newCustomer: p.NewCustomer, skus: p.SKUs,
		detail: eventDetail{Order: p.OrderID, Sent: p.Detail},
	})
}

// RecordCustom records an event that the merchant named. The same name and
// DeduplicationID again return the first answer.
func (e *Engine) RecordCustom(ctx context.Context, account model.AccountID, c CustomEvent) (*Recorded, error) {
	return e.record(ctx, account, occurrence{
		Who: c.Who, Referral: c.Referral, kind: model.Custom, name: c.Name, key: dedup(c.Name, c.DeduplicationID),
		newCustomer: c.NewCustomer, once: c.Once, campaign: c.Campaign, detail: eventDetail{Deduplication: c.DeduplicationID, Sent: c.Detail},
	})
}

// RecordPage records that a person reached a page.
func (e *Engine) RecordPage(ctx context.Context, account model.AccountID, p Page) (*Recorded, error) {
	return e.record(ctx, account, occurrence{
		Who: p.Who, Referral: p.Referral, kind: model.PageReached, page: p.URL, key: dedup(p.URL, p.DeduplicationID),
		detail: eventDetail{Page: p.URL, Deduplication: p.DeduplicationID, Sent: p.Detail},
	})
}

func dedup(name, id string) []string {
	if id == "" {
		return nil
	}
	return []string{name, id}
}

// occurrence is an event on its way in.
type occurrence struct {
	Who
	Referral
	kind        model.EventKind
	name, page  string
	skus        []string
	key         []string // what makes it happen once; nil: it may repeat
	digest      string   // of the key; "" until it is computed
	amount      money.Amount
	currency    string
	newCustomer *bool
	once        bool
	campaign    model.CampaignID // the only one whose referrals it belongs to; 0: any
	detail      eventDetail
}

// eventDetail is the erasable part of an event: every text from outside.
type eventDetail struct {
	Order         string          `json:"order,omitempty"`
	Deduplication string          `json:"dedup,omitempty"`
	Page          string          `json:"page,omitempty"`
	IP            string          `json:"ip,omitempty"`
	Agent         string          `json:"agent,omitempty"`
	Coupon        string          `json:"coupon,omitempty"`
	Code          string          `json:"code,omitempty"` // one that nobody has
	CodeID        model.CodeID    `json:"code_id,omitempty"`
	Attribution   string          `json:"attribution,omitempty"`
	URL           string          `json:"url,omitempty"` // of the page in the browser
	Title         string          `json:"title,omitempty"`
	PageName      string          `json:"page_name,omitempty"`
	Device        *Device         `json:"device,omitempty"`
	Name          string          `json:"name,omitempty"`  // left with an address
	Email         string          `json:"email,omitempty"` // an address that was left
	Newsletter    *bool           `json:"newsletter,omitempty"`
	Action        *WidgetAction   `json:"action,omitempty"`
	Sent          json.RawMessage `json:"sent,omitempty"`
}

func (o *occurrence) happening() rule.Happening {
	return rule.Happening{Kind: o.kind, Name: o.name, Page: o.page, SKUs: o.skus}
}

// record is the life of an event: whom and what it names, whose referral it
// belongs to, what that earns. All of it is one transaction, shared with what
// others record in the account at the same moment.
func (e *Engine) record(ctx context.Context, account model.AccountID, o occurrence) (*Recorded, error) {
	if err := cmp.Or(o.Who.check(), tooLong("name", o.name)); err != nil {
		return nil, err
	}
	o.digest = e.keyOf(o)
	answer, err := e.records.do(ctx, account, &o)
	if errors.Is(err, errAlone) {
		answers, err := e.recordAll(ctx, account, []*occurrence{&o})
		if err != nil {
			return nil, err
		}
		return answers[0], nil
	}
	return answer, err
}

// recordAll records events of different people in one transaction, in their
// order.
func (e *Engine) recordAll(ctx context.Context, account model.AccountID, all []*occurrence) (answers []*Recorded, err error) {
	runs := 0
	err = e.inTurn(ctx, account, func(t *turn) error {
		if runs++; runs > 1 && len(all) > 1 {
			return errAlone // somebody got in the way of one of them
		}
		answers = make([]*Recorded, len(all))
		entrants, err := t.arrive(all, answers)
		if err != nil {
			return err
		}
		t.tx.ExpectCoupons(len(entrants))
		encounters, err := t.meet(entrants)
		if err != nil {
			return err
		}
		for i, n := range entrants {
			t.attend(encounters, i)
			if err := t.admit(n.actor, n.o.Who); err != nil {
				return err
			}
			if err := t.note(n.event, *n.o, n.found, n.actor); err != nil {
				return err
			}
			s := &scene{event: n.event, happening: n.o.happening(), friend: n.actor.id}
			if err := t.convert(s, n.hits); err != nil {
				return err
			}
		}
		return nil
	})
	return answers, err
}

// entrant is an event on its way through a turn.
type entrant struct {
	o     *occurrence
	event *model.Event
	found *store.Found
	actor actor
	hits  []*hit
}

// arrive finds whom and what events name, and answers all of them. Those that
// are new are returned.
func (t *turn) arrive(all []*occurrence, answers []*Recorded) ([]*entrant, error) {
	events, lookups := make([]*model.Event, len(all)), make([]store.Lookup, len(all))
	for i, o := range all {
		events[i] = t.newEvent(o.kind)
		lookups[i] = t.lookup(*o, events[i].ID)
	}
	found, err := t.tx.LookAll(lookups)
	if err != nil {
		return nil, err
	}
	var entrants []*entrant
	for i, o := range all {
		if first := found[i].First; first != nil {
			answers[i] = &Recorded{Event: first.ID, UUID: first.UUID, At: first.At, Repeated: true}
			continue
		}
		answers[i] = &Recorded{Event: events[i].ID, UUID: events[i].UUID, At: t.now}
		t.events = append(t.events, events[i])
		n := &entrant{o: o, event: events[i], found: found[i], actor: t.identify(found[i], o.Who)}
		n.actor.buys = o.kind == model.Purchase
		if len(all) > 1 && (n.actor.changesWho() || slices.ContainsFunc(entrants, n.meetsSelf)) {
			return nil, errAlone
		}
		entrants = append(entrants, n)
	}
	return entrants, t.refer(entrants)
}

// meetsSelf reports whether two events are of one person.
func (n *entrant) meetsSelf(other *entrant) bool {
	return n.actor.known() != 0 && n.actor.id == other.actor.id
}

// refer finds the referrals that events belong to: what each call names, or
// else who brought the person before.
func (t *turn) refer(entrants []*entrant) error {
	var rest []*entrant
	var persons []model.PersonID
	for _, n := range entrants {
		h, ended := t.attribute(n.found, n.o.Referral)
		switch known := n.actor.known(); {
		case h != nil:
			n.hits = []*hit{h}
		case !ended && known != 0:
			rest, persons = append(rest, n), append(persons, known)
			if n.actor.merge != 0 {
				rest, persons = append(rest, n), append(persons, n.actor.merge)
			}
		}
	}
	parts, err := t.tx.PartsOfEach(persons)
	if err != nil {
		return err
	}
	of := map[*entrant][]store.Part{}
	for i, n := range rest {
		of[n] = append(of[n], parts[i]...)
	}
	for n, parts := range of {
		n.hits = t.byReferrers(oldestFirst(parts))
	}
	for _, n := range entrants {
		n.hits = slices.DeleteFunc(n.hits, func(h *hit) bool { return n.o.campaign != 0 && h.campaign.ID != n.o.campaign })
	}
	return nil
}

// enter locks everyone whom an event can change, and admits who acts. Who is
// merged by the event is from here on who they were merged into.
func (t *turn) enter(a actor, who Who, hits []*hit) error {
	if _, err := t.meet([]*entrant{{o: &occurrence{Who: who}, actor: a, hits: hits}}); err != nil {
		return err
	}
	return t.admit(a, who)
}

// meet locks everyone whom some events can change.
func (t *turn) meet(entrants []*entrant) ([]encounter, error) {
	if len(entrants) == 0 {
		return nil, nil
	}
	all := make([]encounter, len(entrants))
	for i, n := range entrants {
		a := n.actor
		c := encounter{
			sent: &n.o.Who, friends: []model.PersonID{a.known(), a.merge}, advocates: []model.PersonID{a.merge},
			ledgers: a.merge != 0 || t.mayPost(n.hits),
		}
		for _, h := range n.hits {
			if a.merge != 0 && h.advocate == a.merge {
				h.advocate = a.id
			}
			c.advocates, c.referrers = append(c.advocates, h.advocate), append(c.referrers, h.referrer)
		}
		all[i] = c
	}
	if err := t.judge(all...); err != nil {
		return nil, err
	}
	for _, n := range entrants {
		if n.actor.weak == 0 {
			continue
		}
		// Another call may have given them a customer id before this one had
		// the lock: then they are somebody else.
		taken, err := t.tx.HasCustomerID(n.actor.weak)
		if err != nil {
			return nil, err
		}
		if taken {
			return nil, store.ErrAgain
		}
	}
	return all, nil
}

// mayPost reports whether a rule that may run posts to a ledger.
func (t *turn) mayPost(hits []*hit) bool {
	posts := func(r model.Rule) bool { return r.Value.Type == model.LedgerValue }
	for _, h := range hits {
		if slices.ContainsFunc(h.campaign.Rules, posts) {
			return true
		}
	}
	return len(t.cfg.Settings.Earning) > 0 || slices.ContainsFunc(t.customerCampaigns(), func(c *model.Campaign) bool {
		return slices.ContainsFunc(c.Rules, posts)
	})
}

// note fills in an event what is known once the locks are held.
func (t *turn) note(event *model.Event, o occurrence, found *store.Found, a actor) error {
	event.Person, event.Turn = a.id, t.turnOf(a.id)
	event.Amount, event.Currency = o.amount, o.currency
	if o.name != "" {
		name, err := t.tx.EventName(o.name, t.id())
		if err != nil {
			return err
		}
		event.Name = name
	}
	fresh := t.isNewCustomer(o, a)
	event.Facts.NewCustomer, event.Facts.Once = &fresh, o.once
	if c := found.Coupon; c != nil && o.kind == model.Purchase {
		event.Facts.Coupon = &c.CouponRef
		t.tx.UseCoupon(c.CouponRef, t.now)
	}
	o.detail.IP, o.detail.Agent = o.IP, clip(o.Agent)
	o.detail.Coupon, o.detail.Attribution = o.CouponCode, o.AttributionID
	if found.Code != nil { // the text may be its owner's name, who is somebody else
		o.detail.CodeID = found.Code.ID
	} else {
		o.detail.Code = o.ReferralCode
	}
	o.detail.told(o.Browser)
	return t.keep(event, o.detail)
}

// keep queues the erasable part of an event.
func (t *turn) keep(event *model.Event, detail eventDetail) error {
	body, err := json.Marshal(detail)
	if err != nil {
		return &model.Error{Kind: model.Malformed, Msg: "what was sent with the event is no JSON", Err: err}
	}
	if string(body) != "{}" {
		t.tx.InsertDetail(event.ID, string(body))
	}
	return nil
}

// isNewCustomer decides by the flag that was sent, else by earlier purchases.
// A sign-up is always a new customer's.
func (t *turn) isNewCustomer(o occurrence, a actor) bool {
	switch {
	case o.kind == model.SignUp:
		return true
	case o.newCustomer != nil:
		return *o.newCustomer
	case a.id == 0, a.fresh:
		return true
	}
	return t.persons[a.id].Purchases == 0
}

func (t *turn) lookup(o occurrence, event model.EventID) store.Lookup {
	l := store.Lookup{
		Event: event, CustomerID: o.CustomerID, Email: model.FoldEmail(o.Email), Code: model.FoldCode(o.ReferralCode),
		Coupon: o.CouponCode, Attribution: strings.ToLower(o.AttributionID), Visitor: o.Visitor,
	}
	if event != 0 {
		l.Key = t.e.keyOf(o)
	}
	return l
}

// keyOf is the digest of what makes something happen once; "" is nothing.
func (e *Engine) keyOf(o occurrence) string {
	if o.digest != "" {
		return o.digest
	}
	key := o.key
	if key == nil {
		key = o.Who.key()
	}
	if key == nil {
		return ""
	}
	return e.secret.Digest("event", append([]string{string(o.kind)}, key...)...)
}

// knowsCurrency checks that an amount's currency is one of ISO 4217 or of the
// account's points.
func (e *Engine) knowsCurrency(ctx context.Context, account model.AccountID, code string) error {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return err
	}
	if !cfg.KnowsCurrency(code) {
		return &model.Error{Kind: model.Invalid, Reason: model.CurrencyUnknown, Field: "currency", Msg: "currency is not known"}
	}
	return nil
}

// KnowsCurrency tells whether a code is one of ISO 4217's, in upper case, or
// names points of the account.
func (c *Config) KnowsCurrency(code string) bool {
	for _, points := range c.Settings.Currencies {
		if points.Code == code {
			return true
		}
	}
	return isISO(code)
}

func isISO(code string) bool {
	unit, err := currency.ParseISO(code)
	return err == nil && unit.String() == code && code != "XXX"
}
