package engine

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"grapevine/model"
	"grapevine/store"
)

// ParticipantView is a participant with all that lists show of them.
type ParticipantView struct {
	model.Participant
	Shown      string // the main code
	URL        string // where it leads through
	Email      string
	FirstName  string
	Suppressed model.Suppression // of the address; zero: it gets mail
	Extra      json.RawMessage   // what else was sent of the person; empty: nothing
	LastName   string
	IP, Agent  string      // last sent of the person
	Card       *model.Card // nil: nothing was told
	Standing   model.State // at this moment
	Campaign   *CampaignView
	Origin     Origin
	Reach      int64 // visits of their links
	Referrals  int64 // whom they brought, confirmed
	Converted  int64 // whom they brought, qualified

	// Relations, where they were asked for.
	Place     *Place           // on the waitlist; nil: not on it
	Referrer  *ParticipantView // nil: nobody brought them, or who did is gone
	BroughtBy string           // the address of who did; "": as above, or none is known
	Due       []HoldingView
	Issued    []HoldingView
	Coupon    *CouponView // the last they were given; nil: none

	read readAs
	last *lastRead // that this is recalled of; nil: none
}

// StandingURL is where they look how they stand; "" where they have no link.
func (v *ParticipantView) StandingURL() string {
	if v.Shown == "" {
		return ""
	}
	return standingLink(v.URL, v.UUID)
}

// Relations are what participants are shown with.
type Relations struct{ Referrer, BroughtBy, Due, Issued, Coupon, Place bool }

// CampaignView is a campaign with what is counted of it.
type CampaignView struct {
	*model.Campaign
	Account string // its name
	URL     string // its join link
	Live    bool
	Reach   int64
}

// CouponView is a coupon with who holds it.
type CouponView struct {
	model.CouponRef
	Code     string
	BatchRow model.Batch
	Holder   *ParticipantView // nil: nobody, or somebody who takes no part
	IssuedAt time.Time        // zero: free
	UsedAt   time.Time        // zero: not yet
}

// ViewCampaigns lists campaigns that are not archived, by id.
func (e *Engine) ViewCampaigns(ctx context.Context, account model.AccountID) ([]CampaignView, error) {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return nil, err
	}
	campaigns := cfg.Campaigns()
	var views []CampaignView
	err = e.store.View(ctx, account, func(tx *store.Tx) (err error) {
		views, err = e.viewCampaigns(tx, cfg, campaigns)
		return err
	})
	return views, err
}

// ViewCampaign finds a campaign. Fails with NotFound, and with Gone where it is
// archived.
func (e *Engine) ViewCampaign(ctx context.Context, account model.AccountID, id model.CampaignID) (*CampaignView, error) {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return nil, err
	}
	campaign, err := cfg.Campaign(id)
	if err != nil {
		return nil, err
	}
	if campaign.Archived {
		return nil, &model.Error{Kind: model.Gone, Reason: model.CampaignUnknown, Field: "campaign", Msg: "the campaign was removed"}
	}
	var views []CampaignView
	err = e.store.View(ctx, account, func(tx *store.Tx) (err error) {
		views, err = e.viewCampaigns(tx, cfg, []*model.Campaign{campaign})
		return err
	})
	if err != nil {
		return nil, err
	}
	return &views[0], nil
}

func (e *Engine) viewCampaigns(tx *store.Tx, cfg *Config, campaigns []*model.Campaign) ([]CampaignView, error) {
	subjects := make([]int64, len(campaigns))
	for i, c := range campaigns {
		subjects[i] = store.OfCampaign(c.ID)
	}
	counts, err := tx.CountsOf(subjects)
	if err != nil {
		return nil, err
	}
	return e.campaignViews(cfg, campaigns, counts), nil
}

func (e *Engine) campaignViews(cfg *Config, campaigns []*model.Campaign, counts map[store.Counted]int64) []CampaignView {
	views := make([]CampaignView, len(campaigns))
	now := e.now()
	for i, c := range campaigns {
		views[i] = CampaignView{
			Account:  cfg.Settings.Name,
			Campaign: c, URL: e.linkTo(cfg, c.Code), Live: c.Live(now),
			Reach: counts[store.Counted{Subject: store.OfCampaign(c.ID), What: tallyClick}],
		}
	}
	return views
}

// viewParticipants reads participants in the order asked. Those that are gone
// are left out.
func (e *Engine) viewParticipants(tx *store.Tx, cfg *Config, ids []model.ParticipantID, with Relations) ([]*ParticipantView, error) {
	shown, err := e.viewParticipantsByID(tx, cfg, ids, with.BroughtBy)
	if err != nil {
		return nil, err
	}
	views := make([]*ParticipantView, 0, len(ids))
	for _, id := range ids {
		if v := shown[id]; v != nil {
			views = append(views, v)
		}
	}
	if with.Referrer {
		if err := e.withReferrers(tx, cfg, views, with); err != nil {
			return nil, err
		}
	}
	if with.Due || with.Issued {
		if err := e.withHoldings(tx, cfg, views, with); err != nil {
			return nil, err
		}
	}
	if with.Coupon {
		for _, v := range views {
			if err := e.withCoupon(tx, v); err != nil {
				return nil, err
			}
		}
	}
	return views, nil
}

// viewParticipantsByID reads participants without relations, but for the
// address of who brought them where that is asked.
func (e *Engine) viewParticipantsByID(tx *store.Tx, cfg *Config, ids []model.ParticipantID, broughtBy bool) (map[model.ParticipantID]*ParticipantView, error) {
	rows, err := tx.ParticipantsByID(ids)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	var campaigns []*model.Campaign
	var subjects []int64
	for _, p := range rows {
		if slices.ContainsFunc(campaigns, func(c *model.Campaign) bool { return c.ID == p.Campaign }) {
			continue
		}
		c, err := cfg.Campaign(p.Campaign)
		if err != nil {
			return nil, err
		}
		campaigns, subjects = append(campaigns, c), append(subjects, store.OfCampaign(c.ID))
	}
	known, err := tx.Portraits(rows, subjects, broughtBy)
	if err != nil {
		return nil, err
	}
	in := e.campaignViews(cfg, campaigns, known.Counts)
	addresses := make([]string, 0, len(rows))
	views := make(map[model.ParticipantID]*ParticipantView, len(rows))
	now := e.now()
	for id, p := range rows {
		count := func(what string) int64 { return known.Counts[store.Counted{Subject: int64(id), What: what}] }
		c := known.Contacts[p.Person]
		v := &ParticipantView{
			Participant: p.Participant, Shown: p.Shown, URL: e.linkTo(cfg, p.Shown), Email: c.Email, FirstName: c.Profile.FirstName,
			Extra:    json.RawMessage(c.Profile.Body),
			LastName: c.Profile.LastName, IP: c.Profile.IP, Agent: c.Profile.Agent, Card: known.Cards[id],
			Campaign: &in[slices.IndexFunc(in, func(c CampaignView) bool { return c.ID == p.Campaign })],
			Origin:   OriginOf(p.Referrer, p.Source),
			Reach:    count(tallyClick), Referrals: p.Participant.Referrals, Converted: count(tallyQualified),
			BroughtBy: known.Referrers[p.Referrer].Email,
			read:      readAs{version: p.Version(), referrer: known.Referrers[p.Referrer]},
		}
		v.Standing = p.StateAt(now, v.Campaign.IdleAfter)
		views[id] = v
		if v.Email != "" {
			v.read.address = e.addressHash(v.Email)
			addresses = append(addresses, v.read.address)
		}
	}
	suppressed, err := tx.Suppressed(addresses)
	for _, v := range views {
		v.Suppressed = suppressed[v.read.address]
	}
	return views, err
}

func (e *Engine) withReferrers(tx *store.Tx, cfg *Config, views []*ParticipantView, with Relations) error {
	var ids []model.ParticipantID
	for _, v := range views {
		if v.Participant.Referrer != 0 {
			ids = append(ids, v.Participant.Referrer)
		}
	}
	shown, err := e.viewParticipantsByID(tx, cfg, ids, with.BroughtBy)
	for _, v := range views {
		v.Referrer = shown[v.Participant.Referrer]
	}
	return err
}

func (e *Engine) withHoldings(tx *store.Tx, cfg *Config, views []*ParticipantView, with Relations) error {
	by := make(map[model.ParticipantID]*ParticipantView, len(views))
	persons := make([]model.PersonID, len(views))
	for i, v := range views {
		by[v.ID], persons[i] = v, v.Person
	}
	var entries []store.HoldingEntry
	err := tx.HoldingsOf(persons, func(h store.HoldingEntry) error {
		if by[h.Recipient] != nil && h.N > 0 && !h.Erased {
			entries = append(entries, h)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b store.HoldingEntry) int { return int(a.ID - b.ID) })
	for _, h := range entries {
		v, err := e.viewHolding(tx, cfg, h)
		if err != nil {
			return err
		}
		to := by[h.Recipient]
		switch {
		case h.State == model.Earned && with.Due:
			to.Due = append(to.Due, v)
		case h.State != model.Earned && with.Issued:
			to.Issued = append(to.Issued, v)
		}
	}
	return nil
}

func (e *Engine) withCoupon(tx *store.Tx, v *ParticipantView) error {
	person, err := tx.Canonical(v.Person)
	if err != nil {
		return err
	}
	group, err := tx.GroupOf(person)
	if err != nil {
		return err
	}
	c, err := tx.LastCouponOf(group, v.Participant.Campaign)
	if err != nil || c == nil {
		return err
	}
	v.Coupon, err = e.viewCoupon(tx, c, v)
	return err
}

func (e *Engine) viewCoupon(tx *store.Tx, c *store.HeldCoupon, holder *ParticipantView) (*CouponView, error) {
	batch, err := tx.BatchByID(c.Batch)
	if err != nil {
		return nil, err
	}
	return &CouponView{CouponRef: c.CouponRef, Code: c.Code, BatchRow: *batch, Holder: holder, IssuedAt: c.IssuedAt, UsedAt: c.UsedAt}, nil
}

// ViewCoupon finds a coupon by its code. Fails with NotFound.
func (e *Engine) ViewCoupon(ctx context.Context, account model.AccountID, code string) (*CouponView, error) {
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return nil, err
	}
	var view *CouponView
	err = e.store.View(ctx, account, func(tx *store.Tx) error {
		c, err := tx.CouponByCode(code)
		if err != nil {
			return err
		}
		holder, err := holderOf(tx, c)
		if err != nil {
			return err
		}
		shown, err := e.viewParticipantsByID(tx, cfg, []model.ParticipantID{holder}, false)
		if err != nil {
			return err
		}
		view, err = e.viewCoupon(tx, c, shown[holder])
		return err
	})
	return view, err
}

// holderOf is the participant who holds a coupon, 0 where nobody does, or
// somebody who takes no part in the campaign that it was for.
func holderOf(tx *store.Tx, c *store.HeldCoupon) (model.ParticipantID, error) {
	if c.Person == 0 || !c.VoidedAt.IsZero() {
		return 0, nil
	}
	person, err := tx.Canonical(c.Person)
	if err != nil {
		return 0, err
	}
	parts, err := tx.Parts(person)
	if p := partIn(parts, c.Campaign); err == nil && p != nil {
		return p.ID, nil
	}
	if err == nil && c.Campaign == 0 && len(parts) > 0 { // bought with points
		return parts[0].ID, nil
	}
	return 0, err
}
