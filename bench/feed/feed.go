// Package feed fills a database with millions of listed rows, as years of a
// busy shop would leave them, and reads a page of them without the program
// around it. Nothing explains its rows, so verify finds them wanting.
package feed

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
	"grapevine/store/postgres"
	"grapevine/store/sqlite"
)

// Feed is an account that is filled.
type Feed struct {
	store   *store.Store
	account model.AccountID
}

// Open opens the database of an account, as --database names it.
func Open(ctx context.Context, dsn, slug string) (*Feed, error) {
	var engine store.Engine
	var err error
	if path, lite := strings.CutPrefix(dsn, "sqlite:"); lite {
		engine, err = sqlite.Open(ctx, sqlite.Config{Path: path})
	} else {
		engine, err = postgres.Open(ctx, postgres.Config{URL: dsn})
	}
	if err != nil {
		return nil, err
	}
	f := &Feed{store: store.New(engine)}
	account, err := f.store.AccountBySlug(ctx, slug)
	if err != nil {
		f.Close()
		return nil, err
	}
	f.account = account.ID
	return f, nil
}

// Close closes the database.
func (f *Feed) Close() error { return f.store.Close() }

// Plan says what is filled in.
type Plan struct {
	Codes    []string // who they belong to, and where, is all that rows differ by
	Rare     string   // a code that one row in ten thousand is of
	Widget   string   // the name of a widget in the campaigns of the codes
	Clicks   int
	Others   int // rows of each other list
	From, To time.Time
	Progress io.Writer
}

// rarity is how many rows there are to one of the rare code.
const rarity = 10_000

// size is how many rows share a transaction.
const size = 2048

// Fill writes the rows, spread evenly over the time.
func (f *Feed) Fill(ctx context.Context, p Plan) error {
	w := &writer{plan: p, facets: map[model.FacetID]model.Facet{}}
	err := f.store.View(ctx, f.account, func(tx *store.Tx) error {
		w.owners = w.owners[:0]
		for _, code := range append(slices.Clone(p.Codes), p.Rare) {
			owner, err := tx.CodeOwner(code)
			if err != nil {
				return err
			}
			w.owners = append(w.owners, owner)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, list := range []struct {
		name  string
		n     int
		write func(tx *store.Tx, i int) error
	}{
		{"clicks", p.Clicks, w.click}, {"events", 3 * p.Others, w.event}, {"sign-ups", p.Others, w.signUp}, {"purchases and rewards", p.Others, w.purchase},
	} {
		started := time.Now()
		for from := 0; from < list.n; from += size {
			to := min(from+size, list.n)
			w.n = list.n
			if err := f.store.InTx(ctx, f.account, func(tx *store.Tx) error { return w.batch(tx, from, to, list.write) }); err != nil {
				return fmt.Errorf("write %s: %w", list.name, err)
			}
		}
		fmt.Fprintf(p.Progress, "  %d %s in %v\n", list.n, list.name, time.Since(started).Round(time.Second))
	}
	return nil
}

// writer makes the rows of a plan.
type writer struct {
	plan   Plan
	owners []*store.Owner // the rare one is last
	facets map[model.FacetID]model.Facet
	n      int // rows of this list

	fresh       []model.Facet
	clicks      []model.Click
	events      []*model.Event
	details     map[model.EventID]string
	conversions []*model.Conversion
	rewards     []*model.Reward
}

func (w *writer) batch(tx *store.Tx, from, to int, write func(tx *store.Tx, i int) error) error {
	w.fresh, w.clicks, w.events, w.conversions, w.rewards = nil, nil, nil, nil, nil
	w.details = map[model.EventID]string{}
	for i := from; i < to; i++ {
		if err := write(tx, i); err != nil {
			return err
		}
	}
	tx.InsertFacets(w.fresh)
	tx.InsertClicks(w.clicks)
	if err := tx.InsertEvents(w.events); err != nil {
		return err
	}
	for _, e := range w.events {
		tx.InsertDetail(e.ID, w.details[e.ID])
	}
	tx.InsertConversions(w.conversions)
	return tx.InsertRewards(w.rewards)
}

// at is when row i of the list happened.
func (w *writer) at(i int) time.Time {
	span := w.plan.To.Sub(w.plan.From)
	return w.plan.From.Add(time.Duration(float64(span) * float64(i) / float64(w.n))).Truncate(time.Millisecond)
}

// Ids rise with the rows, and are far below all that the program makes.
const lists = 8

func id(list, i int) int64 { return int64(i+1)*lists + int64(list) }

func (w *writer) owner(i int) *store.Owner {
	if i%rarity == rarity/2 {
		return w.owners[len(w.owners)-1]
	}
	return w.owners[i*7919%(len(w.owners)-1)]
}

// friend is whoever comes after an owner: they are known, too.
func (w *writer) friend(i int) model.PersonID { return w.owners[(i*7919+1)%(len(w.owners)-1)].Person }

func (w *writer) facet(f model.Facet) model.FacetID {
	key := f.ID()
	if _, known := w.facets[key]; !known {
		w.facets[key] = f
		w.fresh = append(w.fresh, f)
	}
	return key
}

const device = `"ip":"192.0.2.1","agent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"`

func (w *writer) click(_ *store.Tx, i int) error {
	o := w.owner(i)
	w.clicks = append(w.clicks, model.Click{
		ID: model.ClickID(id(0, i)), Code: o.ID, Campaign: o.Campaign, Participant: o.Participant, Visitor: model.VisitorID(id(0, i)),
		Facet: w.facet(model.Facet{List: model.Clicks, Campaign: o.Campaign, Channel: o.Channel}), At: w.at(i), Detail: "{" + device + "}",
	})
	return nil
}

func (w *writer) newEvent(list, i int, kind model.EventKind, person model.PersonID, detail string) *model.Event {
	e := &model.Event{ID: model.EventID(id(list, i)), UUID: uuid.NewString(), Kind: kind, Person: person, At: w.at(i)}
	w.events = append(w.events, e)
	w.details[e.ID] = "{" + device + detail + "}"
	return e
}

// event makes views, shares and captures in turns.
func (w *writer) event(_ *store.Tx, i int) error {
	o := w.owner(i / 3)
	in := model.Facet{Campaign: o.Campaign}
	switch i % 3 {
	case 0:
		in.List, in.Widget, in.Kind = model.Views, w.plan.Widget, model.AdvocateShareView
		w.newEvent(1, i, model.WidgetViewed, o.Person, "").Facet = w.facet(in)
	case 1:
		in.List, in.Channel = model.Shares, o.Channel
		w.newEvent(1, i, model.Shared, o.Person, fmt.Sprintf(`,"code_id":%d`, o.ID)).Facet = w.facet(in)
	case 2:
		in.List, in.Widget, in.Kind = model.Captures, w.plan.Widget, model.CapturedFriend
		w.newEvent(1, i, model.EmailCapture, o.Person, `,"name":"Fay","email":"fay@example.org","newsletter":true`).Facet = w.facet(in)
	}
	return nil
}

func (w *writer) convert(list, i int, e *model.Event, in model.List) *model.Conversion {
	o := w.owner(i)
	yes := true
	e.Facts.NewCustomer = &yes
	c := &model.Conversion{
		ID: model.ConversionID(id(list, i)), Event: e.ID, Campaign: o.Campaign, Version: 1, Kind: e.Kind, Advocate: o.Participant, Person: o.Person,
		Friend: e.Person, Via: model.ViaCode, Code: o.ID, Facet: w.facet(model.Facet{List: in, Campaign: o.Campaign, Channel: o.Channel}),
		CountedFrom: e.At, At: e.At,
	}
	w.conversions = append(w.conversions, c)
	return c
}

func (w *writer) signUp(_ *store.Tx, i int) error {
	w.convert(2, i, w.newEvent(2, i, model.SignUp, w.friend(i), ""), model.SignUps)
	return nil
}

// purchase makes a purchase, and the reward of its advocate or of the friend.
func (w *writer) purchase(_ *store.Tx, i int) error {
	o := w.owner(i)
	e := w.newEvent(3, i, model.Purchase, w.friend(i), fmt.Sprintf(`,"order":"o-%d","sent":{"products":[{"sku":"tent-2","name":"Tent","quantity":1,"price":57.87}]}`, i))
	e.Amount, e.Currency = 57*money.Unit, "USD"
	c := w.convert(3, i, e, model.Purchases)
	r := &model.Reward{
		ID: model.RewardID(id(3, i)), UUID: uuid.NewString(), Event: e.ID, Rule: 1, Role: model.AsAdvocate, Campaign: o.Campaign, Version: 1,
		Conversion: c.ID, Person: o.Person, Friend: e.Person, State: model.Delivered, Kind: model.ValueType("discount"), Amount: 10 * money.Unit, Unit: "USD",
		At: e.At, EarnedAt: e.At, DeliveredAt: e.At,
	}
	if i%2 == 1 {
		r.Role, r.Person = model.AsFriend, e.Person
	}
	r.Facet = w.facet(model.Facet{List: model.Rewards, Campaign: o.Campaign, Kind: string(r.Role) + model.DeliveredSuffix})
	w.rewards = append(w.rewards, r)
	return nil
}

// Counted reports whether a server has counted all rows up to a time.
func (f *Feed) Counted(ctx context.Context, until time.Time) (bool, error) {
	var sealed int64
	err := f.store.View(ctx, f.account, func(tx *store.Tx) (err error) {
		sealed, err = tx.Sealed()
		return err
	})
	return sealed > until.Unix()/60, err
}

// Page asks what the first page of the clicks of some time asks, and nothing
// else: no request, no rows made, no answer.
func (f *Feed) Page(ctx context.Context, from, to time.Time, size int) error {
	return f.store.View(ctx, f.account, func(tx *store.Tx) error {
		facets, sealed, err := tx.FacetsSealed(model.Clicks)
		if err != nil {
			return err
		}
		var ids []model.FacetID
		var streams []*store.Stream
		for key := range facets {
			ids = append(ids, key)
			streams = append(streams, &store.Stream{Facet: key})
		}
		first, last := from.UnixMilli(), to.UnixMilli()+1
		total := tx.AskRows(model.Clicks, ids, sealed, first, last)
		if err := tx.ReadStreams(model.Clicks, streams, first, last, store.Place{At: math.MaxInt64}, min(size+1, 2*(size+1)/len(streams)+6)); err != nil {
			return err
		}
		var rows []store.Place
		for _, s := range streams {
			rows = append(rows, s.Rows...)
		}
		slices.SortFunc(rows, func(a, b store.Place) int {
			if b.After(a) {
				return -1
			}
			return 1
		})
		page := make([]int64, 0, size)
		for _, row := range rows[:min(size, len(rows))] {
			page = append(page, row.ID)
		}
		if _, err := total(); err != nil {
			return err
		}
		tx.VersionsSince()
		clicks, err := tx.ListedClicks(page)
		if err != nil {
			return err
		}
		var persons []model.PersonID
		for _, c := range clicks {
			persons = append(persons, c.Advocate)
		}
		_, err = tx.Contacts(persons)
		return err
	})
}
