package engine

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"

	"grapevine/model"
	"grapevine/store"
)

// ViewParticipant finds a participant. Fails with NotFound. The view is not to
// be changed.
func (e *Engine) ViewParticipant(ctx context.Context, account model.AccountID, id model.ParticipantID, with Relations) (*ParticipantView, error) {
	return e.ViewNamed(ctx, account, Naming{ID: id}, with)
}

// ViewNamed is ViewParticipant of whoever is meant. It fails as FindParticipant
// does.
func (e *Engine) ViewNamed(ctx context.Context, account model.AccountID, n Naming, with Relations) (*ParticipantView, error) {
	if n.ID == 0 && n.UUID == "" {
		id, err := e.FindParticipant(ctx, account, n)
		if err != nil {
			return nil, err
		}
		n = Naming{ID: id}
	}
	if n.UUID != "" && uuid.Validate(n.UUID) != nil {
		return nil, participantUnknown()
	}
	v, err := e.views.do(ctx, viewKey{account, with}, n)
	if errors.Is(err, errApart) {
		return e.viewApart(ctx, account, v.ID, with)
	}
	return v, err
}

// viewKey is what reads of participants have in common that go together.
type viewKey struct {
	account model.AccountID
	with    Relations
}

// viewGroup bounds how many reads share a snapshot.
const viewGroup = 64

// errApart is of a read that others need not wait for.
var errApart = errors.New("to be read apart")

// viewTogether reads participants by id or UUID. Where one of them cannot be
// shown, each is read alone: then only that one fails.
func (e *Engine) viewTogether(key viewKey, namings []Naming) ([]result[*ParticipantView], error) {
	results, err := e.viewAtOnce(key, namings)
	if err == nil || len(namings) == 1 || model.KindOf(err) == model.Internal {
		return results, err
	}
	for i := range namings {
		alone, err := e.viewAtOnce(key, namings[i:i+1])
		if results[i].err = err; err == nil {
			results[i] = alone[0]
		}
	}
	return results, nil
}

// viewAtOnce reads participants in one snapshot. Most of what a read costs is the
// transaction around it and its round trips.
func (e *Engine) viewAtOnce(key viewKey, namings []Naming) ([]result[*ParticipantView], error) {
	ctx, cancel := context.WithTimeout(context.Background(), store.WriteLimit)
	defer cancel()
	results := make([]result[*ParticipantView], len(namings))
	cfg, err := e.Config(ctx, key.account)
	if err != nil {
		return results, err
	}
	err = e.store.View(ctx, key.account, func(tx *store.Tx) error {
		ids, err := idsOf(tx, namings)
		if err != nil {
			return err
		}
		byID, err := e.recall(tx, cfg, ids, key.with)
		if err != nil {
			return err
		}
		unknown := slices.DeleteFunc(slices.Clone(ids), func(id model.ParticipantID) bool { return byID[id] != nil })
		views, err := e.viewParticipants(tx, cfg, unknown, key.with)
		if err != nil {
			return err
		}
		for i := range views {
			byID[views[i].ID] = &views[i]
			e.remember(cfg, &views[i], key.with)
		}
		for i, id := range ids {
			switch v := byID[id]; {
			case v == nil:
				results[i].err = participantUnknown()
			case key.with.Place && !e.placeHeld(cfg, v):
				results[i] = result[*ParticipantView]{v, errApart}
			default:
				results[i].out = v
			}
		}
		return nil
	})
	return results, err
}

// readAs is what a view was read of.
type readAs struct {
	version  store.Version
	referrer store.Referrer
	address  string // hash of the e-mail; "" where there is none
}

// recalled is a view as it was read under a configuration.
type recalled struct {
	ParticipantView
	cfg *Config
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
func (e *Engine) remember(cfg *Config, v *ParticipantView, with Relations) {
	referrerKnown := v.Participant.Referrer == 0 || v.read.referrer.Turns != 0
	if rememberable(with) && v.read.version.Turns != 0 && referrerKnown && v.texts() <= mostRecalled {
		e.viewed.put(viewedKey{cfg.ID, v.ID}, &recalled{*v, cfg})
	}
}

// recall finds which of some participants were read before and have not changed
// since: a short look says so instead of all that is read of somebody.
func (e *Engine) recall(tx *store.Tx, cfg *Config, ids []model.ParticipantID, with Relations) (map[model.ParticipantID]*ParticipantView, error) {
	fresh := map[model.ParticipantID]*ParticipantView{}
	if !rememberable(with) {
		return fresh, nil
	}
	var known []*recalled
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
		known, these, subjects = append(known, r), append(these, id), append(subjects, int64(id))
		if r.read.referrer.Person != 0 {
			referrers = append(referrers, r.read.referrer.Person)
		}
		if r.read.address != "" {
			addresses = append(addresses, r.read.address)
		}
		if campaign := r.Campaign.Campaign; !slices.Contains(campaigns, campaign) {
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
	for _, r := range known {
		if now.Versions[r.ID] != r.read.version || now.Turns[r.read.referrer.Person] != r.read.referrer.Turns {
			continue
		}
		v := r.ParticipantView
		v.Campaign = &in[slices.Index(campaigns, r.Campaign.Campaign)]
		v.Reach, v.Converted = now.Counts[store.Counted{Subject: int64(v.ID), What: tallyClick}], now.Counts[store.Counted{Subject: int64(v.ID), What: tallyQualified}]
		v.Suppressed, v.Place = now.Suppressed[v.read.address], nil
		v.Standing = v.StateAt(at, v.Campaign.IdleAfter)
		fresh[v.ID] = &v
	}
	return fresh, nil
}

// idsOf are whom ids and UUIDs mean, 0 where it is nobody.
func idsOf(tx *store.Tx, namings []Naming) ([]model.ParticipantID, error) {
	ids := make([]model.ParticipantID, len(namings))
	var uuids []string
	for i, n := range namings {
		if ids[i] = n.ID; n.UUID != "" {
			uuids = append(uuids, strings.ToLower(n.UUID))
		}
	}
	if len(uuids) == 0 {
		return ids, nil
	}
	found, err := tx.ParticipantsByUUID(uuids)
	for i, n := range namings {
		if n.UUID != "" {
			ids[i] = found[strings.ToLower(n.UUID)]
		}
	}
	return ids, err
}

// viewApart is for whose place is not held: a waitlist may have to be built.
func (e *Engine) viewApart(ctx context.Context, account model.AccountID, id model.ParticipantID, with Relations) (*ParticipantView, error) {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return nil, err
	}
	began := e.now()
	var views []ParticipantView
	err = e.store.View(ctx, account, func(tx *store.Tx) (err error) {
		if views, err = e.viewParticipants(tx, cfg, []model.ParticipantID{id}, with); err != nil {
			return err
		}
		return e.withPlaces(tx, began, cfg, views)
	})
	if err == nil && len(views) == 0 {
		err = participantUnknown()
	}
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}
