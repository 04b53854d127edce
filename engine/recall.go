package engine

import (
	"context"
	"slices"
	"sync/atomic"

	"grapevine/model"
	"grapevine/store"
)

// readAs is what a view was read of.
type readAs struct {
	version  store.Version
	referrer store.Referrer
	address  string // hash of the e-mail; "" where there is none
}

// recalled is a view as it was read under a configuration.
type recalled struct {
	cfg  *Config
	last atomic.Pointer[lastRead]
}

// lastRead is a view as it was found to be in a snapshot that was taken after
// the mark. Until the mark is another one, that is how it is.
type lastRead struct {
	*ParticipantView              // nobody changes it
	mark             atomic.Int64 // 0: none
	made             atomic.Pointer[made]
}

func readAt(mark int64, v *ParticipantView) *lastRead {
	r := &lastRead{ParticipantView: v}
	r.mark.Store(mark)
	return r
}

// countedAs reports whether all that may change beside a version is as it was.
func (v *ParticipantView) countedAs(last *lastRead) bool {
	return v.Reach == last.Reach && v.Converted == last.Converted && v.Suppressed == last.Suppressed && v.Campaign.Reach == last.Campaign.Reach
}

// made is an answer that a facade made of a view.
type made struct {
	by       any
	place    Place
	standing model.State
	body     []byte
}

// mostMade is how many bytes an answer that is kept may have.
const mostMade = 4 << 10

// Made is the answer that was made of this very view, if the facade keeps what
// it makes, by whatever tells how it makes it; nil: none is kept.
func (v *ParticipantView) Made(by any) []byte {
	if v.last == nil {
		return nil
	}
	if m := v.last.made.Load(); m != nil && m.by == by && m.place == v.at() && m.standing == v.Standing {
		return m.body
	}
	return nil
}

// Keeps reports whether an answer that is made of this view can be kept. One of
// somebody who is read for the first time cannot: most are not read again soon.
func (v *ParticipantView) Keeps() bool { return v.last != nil }

// Keep keeps an answer for Made, which may depend on all of a view but for
// whether its campaign is live. It is not to be changed.
func (v *ParticipantView) Keep(by any, body []byte) {
	if v.last != nil && len(body) <= mostMade {
		v.last.made.Store(&made{by, v.at(), v.Standing, body})
	}
}

// at is the place, zero where there is none.
func (v *ParticipantView) at() Place {
	if v.Place == nil {
		return Place{}
	}
	return *v.Place
}

type viewedKey struct {
	account model.AccountID
	id      model.ParticipantID
}

// rememberable are the relations of views that are kept: nothing tells whether
// what people hold has changed.
func rememberable(with Relations) bool {
	return with.BroughtBy && with == Relations{BroughtBy: true, Place: with.Place}
}

// mostRecalled is how many bytes the texts of a view that is kept may have: as
// few people fill a body with what they say of themselves, whoever does is read.
const mostRecalled = 8 << 10

// texts is how many bytes were told of a participant that nothing else bounds.
func (v *ParticipantView) texts() int {
	n := len(v.Extra)
	if c := v.Card; c != nil {
		for _, text := range slices.Concat(c.Vars[:], c.Groups) {
			n += len(text)
		}
		for name, text := range c.Extra {
			n += len(name) + len(text)
		}
		for _, a := range c.Answers {
			n += len(a.Text)
		}
	}
	return n
}

// remember keeps a view for recall.
func (e *Engine) remember(cfg *Config, v *ParticipantView, with Relations, mark int64) {
	referrerKnown := v.Participant.Referrer == 0 || v.read.referrer.Turns != 0
	if rememberable(with) && v.read.version.Turns != 0 && referrerKnown && v.texts() <= mostRecalled {
		r := &recalled{cfg: cfg}
		r.last.Store(readAt(mark, v))
		e.viewed.put(viewedKey{cfg.ID, v.ID}, r)
	}
}

// recallHeld finds who was read before where nothing at all was committed since
// and their place is known: no row is read. Where that is not so it returns the
// mark that it asked for; 0: nobody was read before.
func (e *Engine) recallHeld(ctx context.Context, account model.AccountID, id model.ParticipantID, with Relations) (*ParticipantView, int64) {
	if !rememberable(with) || ctx.Err() != nil {
		return nil, 0
	}
	r, ok := e.viewed.get(viewedKey{account, id})
	if !ok {
		return nil, 0
	}
	cfg, err := e.Config(ctx, account)
	if err != nil || r.cfg != cfg {
		return nil, 0
	}
	mark := e.store.Mark(ctx)
	last := r.last.Load()
	if mark == 0 || mark != last.mark.Load() {
		return nil, mark
	}
	at := e.now()
	v := *last.ParticipantView
	v.last = last
	if live := v.Campaign.Campaign.Live(at); live != v.Campaign.Live {
		in := *v.Campaign
		in.Live, v.Campaign = live, &in
	}
	v.Place, v.Standing = nil, v.StateAt(at, v.Campaign.IdleAfter)
	if with.Place && !e.placeHeld(cfg, &v) {
		return nil, mark
	}
	return &v, mark
}

// recall finds which of some participants were read before and have not changed
// since: a short look says so instead of all that is read of somebody. Each is
// then as it was found after the mark beside its id.
func (e *Engine) recall(tx *store.Tx, cfg *Config, ids []model.ParticipantID, with Relations, marks map[model.ParticipantID]int64) (map[model.ParticipantID]*ParticipantView, error) {
	fresh := map[model.ParticipantID]*ParticipantView{}
	if !rememberable(with) {
		return fresh, nil
	}
	var known []*recalled
	var views []*lastRead
	var these []model.ParticipantID
	var referrers []model.PersonID
	var subjects []int64
	var campaigns []*model.Campaign
	var addresses []string
	for _, id := range ids {
		r, ok := e.viewed.get(viewedKey{cfg.ID, id})
		if !ok || r.cfg != cfg {
			continue
		}
		last := r.last.Load()
		known, views, these, subjects = append(known, r), append(views, last), append(these, id), append(subjects, int64(id))
		if last.read.referrer.Person != 0 {
			referrers = append(referrers, last.read.referrer.Person)
		}
		if last.read.address != "" {
			addresses = append(addresses, last.read.address)
		}
		if campaign := last.Campaign.Campaign; !slices.Contains(campaigns, campaign) {
			campaigns, subjects = append(campaigns, campaign), append(subjects, store.OfCampaign(campaign.ID))
		}
	}
	if len(known) == 0 {
		return fresh, nil
	}
	now, err := tx.Glance(these, referrers, subjects, addresses)
	if err != nil {
		return nil, err
	}
	in := e.campaignViews(cfg, campaigns, now.Counts)
	at := e.now()
	for i, last := range views {
		if now.Versions[last.ID] != last.read.version || now.Turns[last.read.referrer.Person] != last.read.referrer.Turns {
			continue
		}
		v := *last.ParticipantView
		v.Campaign = &in[slices.Index(campaigns, last.Campaign.Campaign)]
		v.Reach, v.Converted = now.Counts[store.Counted{Subject: int64(v.ID), What: tallyClick}], now.Counts[store.Counted{Subject: int64(v.ID), What: tallyQualified}]
		v.Suppressed, v.Place = now.Suppressed[v.read.address], nil
		v.Standing = v.StateAt(at, v.Campaign.IdleAfter)
		if v.countedAs(last) {
			last.mark.Store(marks[v.ID])
		} else {
			kept := v
			last = readAt(marks[v.ID], &kept)
			known[i].last.Store(last)
		}
		v.last, fresh[v.ID] = last, &v
	}
	return fresh, nil
}
