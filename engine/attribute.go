package engine

import (
	"time"

	"grapevine/model"
	"grapevine/store"
)

// Referral is what a call sends to say who referred. All may be empty.
type Referral struct {
	CouponCode    string
	AttributionID string
	ReferralCode  string
}

// hit is a referral that an event belongs to.
type hit struct {
	campaign *model.Campaign
	referrer model.ParticipantID
	advocate model.PersonID // the person behind the referrer
	via      model.Via
	code     model.CodeID // 0: by none
	channel  string       // of the code
	from     time.Time    // when the window opened
}

// attribute names the referral that an event belongs to: the first that hits
// of coupon code, attribution id, referral code and the visitor's last click.
// It reports whether the search has ended; where it has not, the rules run in
// the campaigns where the person has a referrer.
func (t *turn) attribute(found *store.Found, sent Referral) (*hit, bool) {
	if c := found.Coupon; c != nil && c.Friend && c.Referrer != 0 && !c.Silent {
		if campaign := t.live(c.Campaign); campaign != nil {
			return &hit{campaign, c.Referrer, c.Advocate, model.ViaCoupon, c.Code, c.Channel, c.From}, true
		}
	}
	if h := t.byOwner(found.Attribution, model.ViaAttribution, found.Attributed); h != nil {
		return h, true
	}
	if sent.ReferralCode != "" {
		// A code that is unknown, blocked, of somebody who is suspended or of a
		// campaign that is not live says that the merchant knows of a referral,
		// but not of one that counts: nobody else gets it.
		return t.byOwner(found.Code, model.ViaCode, time.Time{}), true
	}
	if h := t.byOwner(found.Click, model.ViaClick, found.Clicked); h != nil {
		return h, true
	}
	return nil, false
}

// byOwner is the referral behind a code, nil where it does not count. A
// window that opened has to be open still.
func (t *turn) byOwner(owner *store.Owner, via model.Via, opened time.Time) *hit {
	if owner == nil || owner.Participant == 0 || owner.Silent || t.cfg.BlockedCode(owner.Folded) {
		return nil
	}
	campaign := t.live(owner.Campaign)
	if campaign == nil || (!opened.IsZero() && !t.now.Before(opened.Add(campaign.AttributionWindow))) {
		return nil
	}
	from := opened
	if from.IsZero() {
		from = t.now
	}
	return &hit{campaign, owner.Participant, owner.Advocate, via, owner.ID, owner.Channel, from}
}

// live is the campaign of that id if it attributes now, else nil.
func (t *turn) live(id model.CampaignID) *model.Campaign {
	campaign, err := t.cfg.Campaign(id)
	if err != nil || !campaign.Live(t.now) {
		return nil
	}
	return campaign
}

// byReferrers are the referrals of a person whom somebody brought before, one
// for each live campaign whose window is open.
func (t *turn) byReferrers(parts []store.Part) []*hit {
	var hits []*hit
	seen := map[model.CampaignID]bool{}
	for _, p := range parts {
		campaign := t.live(p.Campaign)
		if p.Advocate == 0 || p.Silent || campaign == nil || seen[p.Campaign] || !t.now.Before(p.ReferredAt.Add(campaign.AttributionWindow)) {
			continue
		}
		seen[p.Campaign] = true
		hits = append(hits, &hit{campaign, p.Referrer, p.Advocate, model.ViaReferrer, 0, "", p.ReferredAt})
	}
	return hits
}
