package engine

import (
	"strconv"

	"grapevine/engine/fraud"
	"grapevine/model"
	"grapevine/store"
)

// useIP counts, in the event that it comes with, a sign-up or a referral from a
// person's network address, where the campaign bounds what comes from one. What
// is counted stays so when the person leaves. It fails with TooManyFromIP.
func (t *turn) useIP(event *model.Event, campaign *model.Campaign, ip string, signUp, referral bool) error {
	limits := campaign.Limits
	if limits.SignupsPerIP == 0 && limits.ReferralsPerIP == 0 || !signUp && !referral {
		return nil
	}
	address := fraud.FoldIP(ip)
	if address == "" || t.cfg.safelists[campaign.ID].Has(address) {
		return nil
	}
	id, err := t.tx.UseIP(store.IPUse{
		Campaign: campaign.ID, Address: t.e.secret.Digest("ip", strconv.FormatInt(int64(campaign.ID), 10), address), NewID: t.id(),
		SignUp: signUp, Referral: referral, SignUps: int64(limits.SignupsPerIP), Referred: int64(limits.ReferralsPerIP),
	})
	if err == nil && id == 0 {
		err = &model.Error{Kind: model.Denied, Reason: model.TooManyFromIP, Field: "ip", Msg: "too many came from this network address"}
	}
	event.Facts.IP = &model.IPUse{ID: id, SignUp: signUp, Referral: referral}
	return err
}

// ipUses holds what is counted of network addresses against the events that
// came from them.
func (v *verifier) ipUses(came map[int64][2]int64) error {
	err := v.tx.IPUses(func(id, signUps, referrals int64) error {
		v.report.Checked["ip_use"]++
		if got, want := [2]int64{signUps, referrals}, came[id]; got != want {
			v.report.differ("ip_use", id, "sign-ups and referrals", got, want)
		}
		delete(came, id)
		return nil
	})
	for id, want := range came {
		v.report.differ("ip_use", id, "sign-ups and referrals", "missing", want)
	}
	return err
}

// plusUse adds a join to what is counted of a network address.
func plusUse(counted [2]int64, used *model.IPUse) [2]int64 {
	for i, counts := range []bool{used.SignUp, used.Referral} {
		if counts {
			counted[i]++
		}
	}
	return counted
}
