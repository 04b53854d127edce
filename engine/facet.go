package engine

import (
	"maps"
	"slices"
	"time"

	"grapevine/model"
	"grapevine/store"
)

type facetKey struct {
	account model.AccountID
	facet   model.Facet
}

// facetOf is the id of a facet; 0 for no list.
func facetOf(f model.Facet) model.FacetID {
	if f == (model.Facet{}) {
		return 0
	}
	return f.ID()
}

// facet returns the id of a facet for a row of this turn to carry. Where the
// facet may be new, it is written with the turn.
func (t *turn) facet(f model.Facet) model.FacetID {
	if f == (model.Facet{}) {
		return 0
	}
	t.listed = true
	if id, known := t.e.facets.get(facetKey{t.cfg.ID, f}); known {
		return id
	}
	if t.facets == nil {
		t.facets = map[model.FacetID]model.Facet{}
	}
	id := f.ID()
	t.facets[id] = f
	return id
}

// writeFacets queues facets in the order of their ids, so that no two
// transactions wait for each other, and marks.
func (t *turn) writeFacets() {
	list := make([]model.Facet, 0, len(t.facets))
	for _, id := range slices.Sorted(maps.Keys(t.facets)) {
		list = append(list, t.facets[id])
	}
	t.tx.InsertFacets(list)
	t.tx.InsertMarks(t.marks)
}

// keepFacets remembers, after the commit, what the database has, and that
// there is something to count.
func (t *turn) keepFacets() {
	for id, f := range t.facets {
		t.e.facets.put(facetKey{t.cfg.ID, f}, id)
	}
	if !t.listed {
		return
	}
	written := minuteOf(t.now)
	if had, some := t.e.unrolled.Load(t.cfg.ID); !some || had.(int64) < written {
		t.e.unrolled.Store(t.cfg.ID, written)
	}
}

const (
	// sealAfter is how long after its end a minute is counted. Whoever writes
	// rows of it began before its end, and has committed within
	// store.WriteLimit; the rest is how far the clocks of nodes may be apart.
	sealAfter = 4 * store.WriteLimit
	// markAfter is how long after the end of a minute a change of its rows
	// leaves a mark: before that, it is committed when the minute is counted,
	// though clocks be apart by two thirds of what sealAfter allows.
	markAfter = store.WriteLimit
)

// touch says that rows of a facet change that are listed at a time. Where they
// may have been counted, they will be counted again.
func (t *turn) touch(facet model.FacetID, at time.Time) {
	minute := minuteOf(at)
	if facet == 0 || t.now.Before(startOf(minute+1).Add(markAfter)) {
		return
	}
	t.marks = append(t.marks, store.Mark{Facet: facet, Minute: minute, ID: t.id()})
}

func minuteOf(at time.Time) int64    { return at.UnixMilli() / time.Minute.Milliseconds() }
func startOf(minute int64) time.Time { return time.Unix(minute*60, 0).UTC() }

// clickedIn is what a click is listed under.
func clickedIn(l *link, self bool) model.Facet {
	f := model.Facet{List: model.Clicks, Campaign: l.Campaign, Channel: l.Channel}
	if self {
		f.Kind = model.OwnClick
	}
	return f
}

// convertedIn is what a conversion is listed under; only sign-ups, purchases
// and pages are.
func convertedIn(kind model.EventKind, campaign model.CampaignID, channel string) model.Facet {
	switch kind {
	case model.SignUp:
		return model.Facet{List: model.SignUps, Campaign: campaign, Channel: channel}
	case model.Purchase:
		return model.Facet{List: model.Purchases, Campaign: campaign, Channel: channel}
	case model.PageReached:
		return model.Facet{List: model.Actions, Campaign: campaign, Channel: channel}
	}
	return model.Facet{}
}

// joinedAs is what the sign-up of a participant is listed under.
func joinedAs(p *model.Participant) model.Facet {
	f := model.Facet{List: model.Joins, Campaign: p.Campaign, Channel: p.Source}
	if p.Referrer != 0 {
		f.Kind = model.JoinedReferred
	}
	return f
}

// rewardedAs is what a reward is listed under; only those of advocates and
// friends are.
func rewardedAs(w *model.Reward) model.Facet {
	if w.Role != model.AsAdvocate && w.Role != model.AsFriend {
		return model.Facet{}
	}
	f := model.Facet{List: model.Rewards, Campaign: w.Campaign, Kind: string(w.Role)}
	if w.State == model.Delivered {
		f.Kind += model.DeliveredSuffix
	}
	return f
}

// capturedIn is what an address that was left is listed under. Where a widget
// is not named, or not known, nobody asked for it as an advocate's.
func (t *turn) capturedIn(campaign *model.Campaign, widget string, referred bool) model.Facet {
	f := model.Facet{List: model.Captures, Kind: model.CapturedOther}
	if referred {
		f.Kind = model.CapturedFriend
	}
	if campaign == nil {
		return f
	}
	f.Campaign = campaign.ID
	if w := widgetOf(campaign, widget, true); w != nil {
		f.WidgetID, f.Widget = w.ID, w.Name
		if w.Type == model.AdvocateShareView {
			f.Kind = model.CapturedAdvocate
		}
	}
	return f
}

// sharedIn is what a share is listed under; the widget is the one that it was
// made in, if any.
func sharedIn(campaign *model.Campaign, channel, widget string) model.Facet {
	f := model.Facet{List: model.Shares, Campaign: campaign.ID, Channel: channel}
	if w := widgetOf(campaign, widget, true); w != nil {
		f.WidgetID, f.Widget = w.ID, w.Name
	}
	return f
}

// viewedIn is what a widget that was seen is listed under.
func viewedIn(campaign *model.Campaign, w *model.Widget) model.Facet {
	return model.Facet{List: model.Views, Campaign: campaign.ID, WidgetID: w.ID, Widget: w.Name, Kind: w.Type}
}

// saveReward writes a reward that moved, and lists it where it belongs.
func (t *turn) saveReward(w *model.Reward) error {
	if id := t.facet(rewardedAs(w)); id != w.Facet {
		t.touch(w.Facet, w.At)
		t.touch(id, w.At)
		w.Facet = id
	}
	return t.tx.UpdateReward(w)
}

// list makes an event a row of a list.
func (t *turn) list(event *model.Event, f model.Facet) { event.Facet = t.facet(f) }
