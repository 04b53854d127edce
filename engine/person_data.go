package engine

import (
	"context"
	"encoding/json"
	"slices"

	"grapevine/model"
	"grapevine/store"
)

// PersonData is all that is known of somebody, as far as it is about them and
// not about what they earned. Lists name each thing once: what holds now, then
// what was, oldest first.
type PersonData struct {
	Emails, Names, CustomerIDs []string
	IPs, Agents, Languages     []string
	Platforms, ScreenSizes     []string
	ColorDepths                []int
	Tracked                    []Tracked
	Shares, Conversions        map[string]int64 // by channel; "" is by none
}

// Tracked is something that somebody did and that was told to us.
type Tracked struct {
	Kind model.EventKind
	Name string // of a custom event
	URL  string // of the page; "" where none was told
}

// tracked are the kinds of events that tell what a person did.
var tracked = []model.EventKind{
	model.SignUp, model.EmailCapture, model.Purchase, model.Custom, model.PageReached,
	model.PageViewed, model.WidgetViewed, model.FormViewed, model.WidgetActed, model.Shared, model.CustomerKept,
}

// converting are the kinds of events that are told to us; others follow from
// them.
var converting = []model.EventKind{model.SignUp, model.EmailCapture, model.Purchase, model.Custom, model.PageReached}

// PersonData collects what is known of everybody whom the names mean, and of
// who was merged into them, in one snapshot. Of somebody unknown it is empty.
func (e *Engine) PersonData(ctx context.Context, account model.AccountID, w Whom) (*PersonData, error) {
	var data *PersonData
	err := e.store.View(ctx, account, func(tx *store.Tx) error {
		data = &PersonData{Shares: map[string]int64{}, Conversions: map[string]int64{}}
		persons, err := w.persons(tx)
		if err != nil {
			return err
		}
		for _, person := range persons {
			group, err := tx.Group(&model.Person{ID: person, Aliases: 1})
			if err != nil {
				return err
			}
			if err := data.collect(tx, group); err != nil {
				return err
			}
		}
		return nil
	})
	return data, err
}

func (d *PersonData) collect(tx *store.Tx, group []model.PersonID) error {
	identities, err := tx.Identities(group)
	if err != nil {
		return err
	}
	for _, i := range identities {
		if i.Kind == model.Email {
			add(&d.Emails, i.Shown)
		} else {
			add(&d.CustomerIDs, i.Shown)
		}
	}
	for _, person := range group {
		if err := d.collectOne(tx, person); err != nil {
			return err
		}
	}
	return nil
}

func (d *PersonData) collectOne(tx *store.Tx, person model.PersonID) error {
	profile, err := tx.Profile(person)
	if err != nil {
		return err
	}
	if err := d.described(profile); err != nil {
		return err
	}
	if err := tx.Told(person, d.told); err != nil {
		return err
	}
	// What happened before the browser's owner was known counts as theirs.
	if err := tx.ToldByVisitors(person, d.told); err != nil {
		return err
	}
	if err := tx.SharesByChannel(person, d.Shares); err != nil {
		return err
	}
	return tx.ConversionsByChannel(person, converting, d.Conversions)
}

// described takes in what is kept of a person beside the names.
func (d *PersonData) described(p model.Profile) error {
	add(&d.Names, p.Name())
	add(&d.IPs, p.IP)
	add(&d.Agents, p.Agent)
	if p.Body == "" {
		return nil
	}
	var rest struct {
		Language any `json:"language"`
	}
	if err := json.Unmarshal([]byte(p.Body), &rest); err != nil {
		return err
	}
	if language, ok := rest.Language.(string); ok {
		add(&d.Languages, language)
	}
	return nil
}

// told takes in an event or, with an empty kind, a click, and the erasable
// part of it.
func (d *PersonData) told(kind model.EventKind, name, body string) error {
	var detail eventDetail
	if body != "" {
		if err := json.Unmarshal([]byte(body), &detail); err != nil {
			return err
		}
	}
	add(&d.IPs, detail.IP)
	add(&d.Agents, detail.Agent)
	if device := detail.Device; device != nil {
		add(&d.Languages, device.Language)
		add(&d.Platforms, device.Platform)
		add(&d.ScreenSizes, device.ScreenSize)
		add(&d.ColorDepths, device.ColorDepth)
	}
	add(&d.Emails, detail.Email)
	add(&d.Names, detail.Name)
	if slices.Contains(tracked, kind) {
		url := detail.URL
		if url == "" {
			url = detail.Page
		}
		d.Tracked = append(d.Tracked, Tracked{Kind: kind, Name: name, URL: url})
	}
	return nil
}

// add adds what is not empty and not there.
func add[T comparable](list *[]T, value T) {
	var empty T
	if value != empty && !slices.Contains(*list, value) {
		*list = append(*list, value)
	}
}
