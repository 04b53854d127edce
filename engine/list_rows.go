package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"grapevine/model"
	"grapevine/store"
)

// kindIs takes facets of one kind, or of any that is not the owner's own.
func kindIs(kind string) func(string) bool {
	return func(have string) bool {
		if kind == "" {
			return have != model.OwnClick
		}
		return have == kind
	}
}

// ListWidgetViews lists widgets that were seen. Kind is the widget's type; the
// person is who saw it.
func (e *Engine) ListWidgetViews(ctx context.Context, account model.AccountID, q ListQuery) (*Listed[WidgetView], error) {
	return listPage(ctx, e, account, feed{list: model.Views, kinds: kindIs(q.Kind)}, q, func(p *page) ([]WidgetView, error) {
		return listEvents(p, func(f model.Facet, of *happened) WidgetView {
			return WidgetView{
				In: p.in(f), Person: of.person, Widget: f.Widget, WidgetType: f.Kind,
				IP: of.detail.IP, Agent: of.detail.Agent, At: of.at,
			}
		})
	})
}

// ListShares lists links that were shared; the person is the advocate.
func (e *Engine) ListShares(ctx context.Context, account model.AccountID, q ListQuery) (*Listed[SharedLink], error) {
	return listPage(ctx, e, account, feed{list: model.Shares, kinds: kindIs(q.Kind)}, q, func(p *page) ([]SharedLink, error) {
		var codes []model.CodeID
		rows, err := listEvents(p, func(f model.Facet, of *happened) SharedLink {
			codes = append(codes, of.detail.CodeID)
			return SharedLink{
				In: p.in(f), Advocate: of.person, Channel: f.Channel,
				IP: of.detail.IP, Agent: of.detail.Agent, At: of.at,
			}
		})
		if err != nil {
			return nil, err
		}
		shown, err := p.tx.CodesShown(codes)
		for i := range rows {
			rows[i].Code = shown[codes[i]]
		}
		return rows, err
	})
}

// ListCaptures lists addresses that were left; the person is who left it.
func (e *Engine) ListCaptures(ctx context.Context, account model.AccountID, q ListQuery) (*Listed[Captured], error) {
	return listPage(ctx, e, account, feed{list: model.Captures, kinds: kindIs(q.Kind)}, q, func(p *page) ([]Captured, error) {
		return listEvents(p, func(f model.Facet, of *happened) Captured {
			return Captured{
				In: p.in(f), Person: of.person, Name: of.detail.Name, Email: of.detail.Email,
				Widget: f.Widget, IP: of.detail.IP, Kind: f.Kind, Newsletter: of.detail.Newsletter, At: of.at,
			}
		})
	})
}

// happened is an event of a page as its row is made of it.
type happened struct {
	person Known
	detail eventDetail
	at     time.Time
}

func listEvents[T any](p *page, row func(model.Facet, *happened) T) ([]T, error) {
	events, err := p.tx.ListedEvents(p.ids())
	if err != nil {
		return nil, err
	}
	var persons []model.PersonID
	for _, of := range events {
		persons = append(persons, of.Person)
	}
	known, err := p.known(persons)
	if err != nil {
		return nil, err
	}
	return eachRow(p, events, func(f model.Facet, at time.Time, of *store.ListedEvent) (T, error) {
		h := &happened{person: known[of.Person], at: at}
		err := readDetail(of.Detail, &h.detail)
		return row(f, h), err
	})
}

// ListClicks lists links that were followed, but for those followed by their
// owners. It is not filtered by a person.
func (e *Engine) ListClicks(ctx context.Context, account model.AccountID, q ListQuery) (*Listed[Clicked], error) {
	return listPage(ctx, e, account, feed{list: model.Clicks, kinds: kindIs(q.Kind), nobody: true}, q, func(p *page) ([]Clicked, error) {
		led := p.e.ledTo(p.tx, p.cfg)
		clicks, err := p.tx.ListedClicks(p.ids())
		if err != nil {
			return nil, err
		}
		var persons []model.PersonID
		for _, of := range clicks {
			persons = append(persons, of.Advocate)
		}
		known, err := p.known(persons)
		if err != nil {
			return nil, err
		}
		return eachRow(p, clicks, func(f model.Facet, at time.Time, of *store.ListedClick) (Clicked, error) {
			var d eventDetail
			if err := readDetail(of.Detail, &d); err != nil {
				return Clicked{}, err
			}
			to, err := led.where(f.Campaign, of, at)
			return Clicked{
				In: p.in(f), Advocate: known[of.Advocate], Channel: f.Channel, Code: of.Code,
				IP: d.IP, Agent: d.Agent, Destination: to, At: at,
			}, err
		})
	})
}

// ListSignUps lists sign-ups that count for an advocate; the person is who
// signed up.
func (e *Engine) ListSignUps(ctx context.Context, account model.AccountID, q ListQuery) (*Listed[SignedUp], error) {
	return listPage(ctx, e, account, feed{list: model.SignUps, kinds: kindIs(q.Kind)}, q, func(p *page) ([]SignedUp, error) {
		return listConversions(p, func(f model.Facet, at time.Time, c *converted) (SignedUp, error) {
			return SignedUp{
				In: p.in(f), Person: c.friend, Advocate: c.advocate, Code: c.Code, Channel: f.Channel,
				IP: c.detail.IP, Agent: c.detail.Agent, NewCustomer: c.newCustomer(), At: at,
			}, nil
		})
	})
}

// ListPurchases lists purchases that count for an advocate; the person is who
// bought.
func (e *Engine) ListPurchases(ctx context.Context, account model.AccountID, q ListQuery) (*Listed[Bought], error) {
	return listPage(ctx, e, account, feed{list: model.Purchases, kinds: kindIs(q.Kind)}, q, func(p *page) ([]Bought, error) {
		return listConversions(p, func(f model.Facet, at time.Time, c *converted) (Bought, error) {
			var sent struct {
				Products []json.RawMessage `json:"products"`
			}
			if len(c.detail.Sent) > 0 {
				if err := json.Unmarshal(c.detail.Sent, &sent); err != nil {
					return Bought{}, fmt.Errorf("what was sent with a purchase: %w", err)
				}
			}
			return Bought{
				In: p.in(f), Person: c.friend, Advocate: c.advocate, OrderID: c.detail.Order, Code: c.Code, Coupon: c.detail.Coupon,
				IP: c.detail.IP, Amount: c.Event.Amount, Currency: c.Event.Currency, NewCustomer: c.newCustomer(),
				Products: sent.Products, At: at,
			}, nil
		})
	})
}

// ListActions lists pages that somebody reached and that count for an
// advocate; the person is who reached them.
func (e *Engine) ListActions(ctx context.Context, account model.AccountID, q ListQuery) (*Listed[Acted], error) {
	return listPage(ctx, e, account, feed{list: model.Actions, kinds: kindIs(q.Kind)}, q, func(p *page) ([]Acted, error) {
		return listConversions(p, func(f model.Facet, at time.Time, c *converted) (Acted, error) {
			return Acted{
				In: p.in(f), ID: c.Event.ID, Person: c.friend, Advocate: c.advocate, Page: c.detail.Page, Code: c.Code, IP: c.detail.IP, At: at,
			}, nil
		})
	})
}

// converted is a conversion of a page as its row is made of it.
type converted struct {
	*store.ListedConversion
	friend, advocate Known
	detail           eventDetail
}

func (c *converted) newCustomer() bool {
	return c.Event.Facts.NewCustomer != nil && *c.Event.Facts.NewCustomer
}

func listConversions[T any](p *page, row func(model.Facet, time.Time, *converted) (T, error)) ([]T, error) {
	conversions, err := p.tx.ListedConversions(p.ids())
	if err != nil {
		return nil, err
	}
	var persons []model.PersonID
	for _, of := range conversions {
		persons = append(persons, of.Advocate, of.Friend)
	}
	known, err := p.known(persons)
	if err != nil {
		return nil, err
	}
	return eachRow(p, conversions, func(f model.Facet, at time.Time, of *store.ListedConversion) (T, error) {
		c := &converted{ListedConversion: of, friend: known[of.Friend], advocate: known[of.Advocate]}
		if err := readDetail(of.Detail, &c.detail); err != nil {
			var none T
			return none, err
		}
		return row(f, at, c)
	})
}

// ListRewards lists the rewards of advocates and friends, whatever their
// state. Kind is "advocate" or "friend", who receives it; the person is the
// advocate.
func (e *Engine) ListRewards(ctx context.Context, account model.AccountID, q ListQuery) (*Listed[Rewarded], error) {
	kinds := func(have string) bool {
		return q.Kind == "" || strings.TrimSuffix(have, model.DeliveredSuffix) == q.Kind
	}
	return listPage(ctx, e, account, feed{list: model.Rewards, kinds: kinds, advocate: store.ByAdvocate}, q, listRewards)
}

// ListDelivered lists the delivered rewards of a role, advocate or friend, by
// when they were made; the person is who receives them.
func (e *Engine) ListDelivered(ctx context.Context, account model.AccountID, role model.Role, q ListQuery) (*Listed[Rewarded], error) {
	kinds := kindIs(string(role) + model.DeliveredSuffix)
	return listPage(ctx, e, account, feed{list: model.Rewards, kinds: kinds, advocate: store.ByRecipient}, q, listRewards)
}

func listRewards(p *page) ([]Rewarded, error) {
	rewards, err := p.tx.ListedRewards(p.ids())
	if err != nil {
		return nil, err
	}
	var persons []model.PersonID
	for _, of := range rewards {
		persons = append(persons, of.Advocate, of.Friend)
	}
	known, err := p.known(persons)
	if err != nil {
		return nil, err
	}
	return eachRow(p, rewards, func(f model.Facet, _ time.Time, of *store.ListedReward) (Rewarded, error) {
		return Rewarded{
			In: p.in(f), Reward: of.Reward, Coupon: of.Coupon, Trigger: of.Trigger,
			Advocate: known[of.Advocate], Friend: known[of.Friend], Code: of.Code, Channel: of.Channel,
		}, nil
	})
}

func (p *page) ids() []int64 {
	ids := make([]int64, len(p.places))
	for i, place := range p.places {
		ids[i] = place.ID
	}
	return ids
}

// eachRow makes the rows of a page, in its order, of what was read of them.
func eachRow[R, T any](p *page, read map[int64]R, row func(model.Facet, time.Time, R) (T, error)) ([]T, error) {
	rows := make([]T, len(p.places))
	for i, place := range p.places {
		of, found := read[place.ID]
		if !found {
			return nil, fmt.Errorf("row %d of facet %d has gone from what it was listed by", place.ID, place.Facet)
		}
		var err error
		if rows[i], err = row(p.facets[place.Facet], time.UnixMilli(place.At).UTC(), of); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// in names the campaign of a facet.
func (p *page) in(f model.Facet) In {
	campaign, err := p.cfg.Campaign(f.Campaign)
	if err != nil {
		return In{}
	}
	return In{CampaignUUID: campaign.UUID, CampaignName: campaign.Name}
}

// known finds how persons are known; nobody is known by nothing.
func (p *page) known(ids []model.PersonID) (map[model.PersonID]Known, error) {
	contacts, err := p.tx.Contacts(ids)
	if err != nil {
		return nil, err
	}
	known := make(map[model.PersonID]Known, len(contacts))
	for id, c := range contacts {
		known[id] = Known{Person: c.Person, Email: c.Email, CustomerID: c.CustomerID, Name: c.Profile.Name()}
	}
	return known, nil
}

func readDetail(body string, d *eventDetail) error {
	if body == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(body), d); err != nil {
		return fmt.Errorf("detail of a listed row: %w", err)
	}
	return nil
}
