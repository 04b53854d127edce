package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"grapevine/engine/rule"
	"grapevine/model"
)

// Sight is something that happened before a visitor's eyes and that raises
// nothing: a widget was seen or used, a page was viewed. It makes nobody:
// whom it names and who is not there is a visitor like others.
type Sight struct {
	Who
	Kind     model.EventKind // WidgetViewed, WidgetActed, FormViewed or PageReached, which is kept as PageViewed
	Campaign string          // UUID; "" where the widget tells; a page with one counts as viewed in it
	Widget   string          // id, or name in the campaign; "" for a page and a form of the merchant's own
	Action   *WidgetAction
	Detail   json.RawMessage
}

// WidgetAction is what somebody did in a widget.
type WidgetAction struct {
	Name      string `json:"name"`
	Screen    string `json:"screen,omitempty"`
	Component string `json:"component,omitempty"`
}

// RecordSights records what a browser tells of, all that is told by anybody
// in an account at a time in one transaction. Each alone is recorded or fails,
// with NotFound for a campaign or widget that is not in the project file. A
// page that a rule waits for is recorded as RecordPage does, where it is told
// who viewed it: a reload by nobody would be a friend more each time.
func (e *Engine) RecordSights(ctx context.Context, account model.AccountID, sights []Sight) ([]*Recorded, []error) {
	recorded, errs := make([]*Recorded, len(sights)), make([]error, len(sights))
	cfg, err := e.Config(ctx, account)
	var told []*sight
	var at []int // of told, among sights
	for i := range sights {
		if err != nil {
			errs[i] = err
			continue
		}
		if s := sights[i]; s.Kind == model.PageReached && cfg.matters(s) {
			recorded[i], errs[i] = e.RecordPage(ctx, account, Page{Who: s.Who, URL: pathOf(s.Browser.URL), Detail: s.Detail})
			continue
		}
		s := &sight{Sight: &sights[i]}
		if errs[i] = s.place(cfg); errs[i] == nil {
			told, at = append(told, s), append(at, i)
		}
	}
	if len(told) == 0 {
		return recorded, errs
	}
	answers, err := e.sights.do(ctx, account, told)
	for n, i := range at {
		if err != nil {
			errs[i] = err
			continue
		}
		recorded[i] = &answers[n]
	}
	return recorded, errs
}

// keptAs is the kind of a sight's event. Verify expects of a page reached that
// it was held against every rule.
func (s *sight) keptAs() model.EventKind {
	if s.Kind == model.PageReached {
		return model.PageViewed
	}
	return s.Kind
}

// matters reports whether a rule waits for a page that somebody viewed.
func (c *Config) matters(s Sight) bool {
	if s.Browser == nil || s.CustomerID == "" && s.Email == "" {
		return false
	}
	h := rule.Happening{Kind: model.PageReached, Page: pathOf(s.Browser.URL)}
	waits := func(r model.Rule) bool { return rule.Concerns(&r, h) }
	return slices.ContainsFunc(c.campaigns, func(in *model.Campaign) bool { return slices.ContainsFunc(in.Rules, waits) }) ||
		slices.ContainsFunc(c.Settings.Earning, func(r model.EarningRule) bool { return waits(*earningRule(&r)) })
}

// pathOf is path and query of an address.
func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.RequestURI()
}

// sight is a Sight on its way to the database.
type sight struct {
	*Sight
	campaign *model.Campaign // nil for a page that is no campaign's
	widget   *model.Widget
}

// place finds campaign and widget. What is not in the project file is not
// recorded: each name makes rows that are kept for good, and anybody with a
// browser can make up names.
func (s *sight) place(cfg *Config) (err error) {
	if err := s.Who.check(); err != nil {
		return err
	}
	if s.Kind == model.PageReached {
		if s.Campaign != "" {
			s.campaign, err = cfg.CampaignByUUID(s.Campaign)
		}
		return err
	}
	if s.Kind == model.FormViewed {
		s.campaign, err = cfg.CampaignByUUID(s.Campaign)
		return err
	}
	if a := s.Action; a != nil {
		if err := cmp.Or(tooLong("action", a.Name), tooLong("screen", a.Screen), tooLong("component", a.Component)); err != nil {
			return err
		}
	}
	s.campaign, s.widget, err = cfg.Widget(s.Campaign, s.Widget)
	return err
}

// Widget finds a widget by its id, or by its name in a campaign, whose UUID may
// be left out where the id tells. Fails with NotFound.
func (c *Config) Widget(campaign, widget string) (*model.Campaign, *model.Widget, error) {
	among := c.campaigns
	if campaign != "" {
		named, err := c.CampaignByUUID(campaign)
		if err != nil {
			return nil, nil, err
		}
		among = []*model.Campaign{named}
	}
	for _, in := range among {
		if in.Archived {
			continue
		}
		if w := widgetOf(in, widget, campaign != ""); w != nil {
			return in, w, nil
		}
	}
	return nil, nil, &model.Error{Kind: model.NotFound, Field: "widget", Msg: "no campaign has this widget"}
}

// widgetOf is a campaign's widget of that id or, if asked, name; nil: none.
func widgetOf(c *model.Campaign, widget string, byName bool) *model.Widget {
	for i := range c.Widgets {
		if w := &c.Widgets[i]; strings.EqualFold(w.ID, widget) || byName && w.Name == widget {
			return w
		}
	}
	return nil
}

// sightGroup bounds how many calls with sights share a transaction.
const sightGroup = 64

// sightsTogether writes what several browsers of one account told of.
func (e *Engine) sightsTogether(account model.AccountID, calls [][]*sight) ([]result[[]Recorded], error) {
	var results []result[[]Recorded]
	ctx, cancel := context.WithTimeout(context.Background(), groupWait)
	defer cancel()
	err := e.inTurn(ctx, account, func(t *turn) error {
		told, keys := t.eventsOf(slices.Concat(calls...))
		firsts, err := t.tx.TakeKeys(keys)
		if err != nil {
			return err
		}
		persons, err := t.seers(told)
		if err != nil {
			return err
		}
		results = make([]result[[]Recorded], len(calls))
		for c, n := 0, 0; c < len(calls); c++ {
			for range calls[c] {
				answer, err := t.see(told[n], firsts[told[n].key], persons[n])
				if err != nil {
					return err
				}
				results[c].out = append(results[c].out, answer)
				n++
			}
		}
		return t.impress()
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// toldSight is a sight with its event in a turn.
type toldSight struct {
	*sight
	event *model.Event
	key   string
	again bool // the event is that of a sight before it
}

// eventsOf makes an event of each sight, one of those that are the same, and
// lists them by what makes them happen once.
func (t *turn) eventsOf(sights []*sight) ([]toldSight, map[string]*model.Event) {
	told := make([]toldSight, len(sights))
	keys := map[string]*model.Event{}
	for i, s := range sights {
		told[i] = toldSight{sight: s, key: t.e.keyOf(occurrence{Who: s.Who, kind: s.Kind})}
		if told[i].event, told[i].again = keys[told[i].key]; told[i].again {
			continue
		}
		told[i].event = t.newEvent(s.keptAs())
		if told[i].key != "" {
			keys[told[i].key] = told[i].event
		}
	}
	return told, keys
}

// see adds a sight's event, unless it is there.
func (t *turn) see(s toldSight, first *model.Event, person model.PersonID) (Recorded, error) {
	event := s.event
	switch {
	case first != nil:
		return Recorded{Event: first.ID, UUID: first.UUID, At: first.At, Repeated: true}, nil
	case s.again:
		return Recorded{Event: event.ID, UUID: event.UUID, At: t.now, Repeated: true}, nil
	}
	t.events = append(t.events, event)
	event.Person, event.Turn = person, t.turnOf(person)
	if person == 0 {
		event.Subject = int64(s.Visitor)
	}
	switch {
	case s.Kind == model.WidgetViewed:
		t.list(event, viewedIn(s.campaign, s.widget))
		if s.widget.Type == model.EmailCaptureView {
			t.sawForm(s.sight, event)
		}
	case s.Kind == model.FormViewed:
		t.sawForm(s.sight, event)
	case s.Kind == model.PageReached && s.campaign != nil:
		t.list(event, model.Facet{List: model.PageViews, Campaign: s.campaign.ID})
	}
	detail := eventDetail{IP: s.IP, Agent: clip(s.Agent), Action: s.Action, Sent: s.Detail}
	detail.told(s.Browser)
	return Recorded{Event: event.ID, UUID: event.UUID, At: t.now}, t.keep(event, detail)
}

// seers finds out who each of the sights names, and locks them: what is kept
// of somebody must not come after they were erased.
func (t *turn) seers(all []toldSight) ([]model.PersonID, error) {
	var customers, emails []string
	for _, s := range all {
		if s.CustomerID != "" {
			customers = append(customers, s.CustomerID)
		}
		if s.Email != "" {
			emails = append(emails, model.FoldEmail(s.Email))
		}
	}
	byCustomer, err := t.tx.PersonsNamed(model.CustomerID, customers)
	if err != nil {
		return nil, err
	}
	byEmail, err := t.tx.PersonsNamed(model.Email, emails)
	if err != nil {
		return nil, err
	}
	persons := make([]model.PersonID, len(all))
	for i, s := range all {
		persons[i] = byCustomer[s.CustomerID]
		if persons[i] == 0 && s.CustomerID == "" {
			persons[i] = byEmail[model.FoldEmail(s.Email)]
		}
	}
	t.persons, err = t.tx.LockPersons(persons...)
	return persons, err
}
