package engine

import (
	"fmt"

	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

// compare holds what is written of a person against what should be.
func (l *life) compare(p model.Person) {
	report := l.v.report
	if want := l.purchases[p.ID]; p.Purchases != want {
		report.differ("person", p.ID, "purchases", p.Purchases, want)
	}
	if want := int64(len(l.v.past.aliases[p.ID])); p.Aliases != want {
		report.differ("person", p.ID, "aliases", p.Aliases, want)
	}
	if want := l.loyalty[p.ID]; p.Loyalty != want {
		report.differ("person", p.ID, "loyalty", p.Loyalty, want)
	}
	for _, part := range l.parts {
		l.compareState(part, l.states[part.ID])
		l.compareCheckIns(part)
		if want := l.invited[part.ID]; part.Invitations != want {
			report.differ("participant", part.ID, "invitations", part.Invitations, want)
		}
	}
	for _, key := range sortedBy(l.rewards, func(a, b rewardKey) int {
		return compare3(int64(a.event), int64(b.event), int64(a.rule), int64(b.rule), string(a.role), string(b.role))
	}) {
		l.compareReward(l.rewards[key])
	}
	byProgress := func(a, b progressKey) int {
		return compare3(int64(a.person), int64(b.person), int64(a.rule), int64(b.rule), string(a.role), string(b.role))
	}
	for _, key := range sortedBy(union(l.progress, l.reached), byProgress) {
		got, want := l.progress[key], l.reached[key]
		name := fmt.Sprintf("%d rule %d %s", key.person, key.rule, key.role)
		if got.Friends != want.Friends {
			report.differ("progress", name, "friends", got.Friends, want.Friends)
		}
		if got.Places != want.Places {
			report.differ("progress", name, "places", got.Places, want.Places)
		}
	}
	byReferral := func(a, b referralKey) int {
		return compare3(int64(a.advocate), int64(b.advocate), int64(a.rule), int64(b.rule), fmt.Sprint(a.friend), fmt.Sprint(b.friend))
	}
	for _, key := range sortedBy(union(l.referrals, l.counted), byReferral) {
		if got, want := l.referrals[key], l.counted[key]; got != want {
			report.differ("referral", fmt.Sprintf("%d friend %d rule %d", key.advocate, key.friend, key.rule), "number", got, want)
		}
	}
}

func union[K comparable, V any](a, b map[K]V) map[K]bool {
	all := make(map[K]bool, len(a))
	for k := range a {
		all[k] = true
	}
	for k := range b {
		all[k] = true
	}
	return all
}

func (l *life) compareReward(got *model.Reward) {
	report, want := l.v.report, l.expected[got.ID]
	if want == nil {
		report.differ("reward", got.ID, "state", got.State, "none: no rule made it")
		delete(l.v.posted, got.ID)
		return
	}
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"state", got.State, want.State}, {"place", got.Place, want.Place}, {"person", got.Person, want.Person},
		{"friend", got.Friend, want.Friend}, {"campaign", got.Campaign, want.Campaign}, {"version", got.Version, want.Version},
		{"amount", got.Amount, want.Amount}, {"unit", got.Unit, want.Unit}, {"type", got.Kind, want.Kind},
		{"batch", got.Batch, want.Batch}, {"coupon", got.Coupon, want.Coupon}, {"number", got.Number, want.Number},
		{"facet", got.Facet, facetOf(rewardedAs(want))},
		{"time", got.At.UTC(), want.At.UTC()}, {"time of being earned", got.EarnedAt.UTC(), want.EarnedAt.UTC()},
		{"time of delivery", got.DeliveredAt.UTC(), want.DeliveredAt.UTC()}, {"time of its end", got.EndedAt.UTC(), want.EndedAt.UTC()},
	} {
		if c.got != c.want {
			report.differ("reward", got.ID, c.what, c.got, c.want)
		}
	}
	l.comparePosting(got, want)
}

// comparePosting holds a reward against what the ledgers say of it.
func (l *life) comparePosting(got, want *model.Reward) {
	posted, ok := l.v.posted[got.ID]
	delete(l.v.posted, got.ID)
	should := want.Kind == model.LedgerValue && (want.State == model.Delivered || (want.State == model.Revoked && !want.DeliveredAt.IsZero()))
	amount := money.Amount(0)
	if should {
		amount = want.Amount
		if got.Why.Promised == want.Amount {
			amount = got.Why.Posted
		}
	}
	if posted.added != amount || (should && !ok) {
		l.v.report.differ("reward", got.ID, "posted to the ledger", posted.added, amount)
	}
	reversible := money.Amount(0)
	if want.State == model.Revoked {
		reversible = posted.added
	}
	if posted.reversed > reversible {
		l.v.report.differ("reward", got.ID, "reversed in the ledger", posted.reversed, fmt.Sprintf("at most %v", reversible))
	}
}

// redeemed holds a redemption against the settings it was made under, and the
// ledger against the redemption.
func (l *life) redeemed(e *model.Event) error {
	report := l.v.report
	settings, err := l.v.past.settingsAt(e.Version)
	if err != nil {
		return err
	}
	bought, ok := settings.RedemptionByID(e.Facts.Redemption)
	if !ok || e.Amount != bought.Cost || e.Currency != bought.Currency {
		report.differ("event", e.ID, "cost", fmt.Sprint(e.Amount, " ", e.Currency), fmt.Sprint(bought.Cost, " ", bought.Currency))
	}
	if got := e.Facts.Coupon; (got != nil) != (bought.Batch != 0) || got != nil && got.Batch != bought.Batch {
		report.differ("event", e.ID, "coupon", got, bought.Batch)
	}
	spent := l.v.spent[e.ID]
	delete(l.v.spent, e.ID)
	want := spending{bookKey{store.PersonHolder(e.Person), e.Currency}, e.Amount, spent.at}
	if spent != want {
		report.differ("ledger_entry", spent.at, fmt.Sprint("spent by redemption ", e.ID), fmt.Sprint(spent.amount, " of ", spent.holder), fmt.Sprint(want.amount, " of ", want.holder))
	}
	return nil
}
