package engine_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
)

const shop = `account: Acme
slug: acme
currencies: [{code: Points}]
redemptions: [{name: Mug, cost: 5, currency: Points}, {name: Cap, cost: 9, currency: Points}]
tiers: [{name: Gold, points: 10, currency: Points}]
`

func TestRedemptionsAndTiersComeBackWithTheirIDs(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		first, _ := e.apply(shop)
		e.apply(without(without(shop, "redemptions:"), "tiers:"))
		// A version in between must not hide the ids of the one before it.
		e.apply(strings.Replace(without(without(shop, "redemptions:"), "tiers:"), "slug: acme", "slug: acme\ntimezone: Asia/Tokyo", 1))
		back, _ := e.apply(shop)
		if diff := cmp.Diff(first.Settings.Redemption, back.Settings.Redemption); diff != "" {
			t.Errorf("redemptions after coming back:\n%s", diff)
		}
		if diff := cmp.Diff(first.Settings.Tiers, back.Settings.Tiers); diff != "" {
			t.Errorf("tiers after coming back:\n%s", diff)
		}
		// Who has an id of its own takes none by its name.
		mug := first.Settings.Redemption[0]
		moved, _ := e.apply(strings.Replace(shop, "{name: Mug,", "{name: Cup, id: "+mug.ID+", cost: 1, currency: Points}, {name: Mug,", 1))
		if got := moved.Settings.Redemption; got[0].ID != mug.ID || got[1].ID == mug.ID || got[2].ID != first.Settings.Redemption[1].ID {
			t.Errorf("redemptions, one of them by its id: %+v, first %+v", got, first.Settings.Redemption)
		}
	})
}

func TestEachNarrowKeyIsItsOwn(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		const one = "account: Acme\nslug: acme\nprefinery_keys:\n  - {name: reads, api_key: first, permissions: [users:read]}\n"
		e.apply(one)
		got, _ := e.apply(one + "  - {name: reads, permissions: [rewards:read]}\n")
		given, made := got.Keys[len(got.Keys)-2], got.Keys[len(got.Keys)-1]
		if given.Value != "first" || made.Value == "" || made.Value == given.Value {
			t.Errorf("keys of one name, one of them given: %q and %q", given.Value, made.Value)
		}
	})
}

func TestPointsThatLeaveTheFileStayTheirs(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		const file = "account: Acme\nslug: acme\ncurrencies: [{code: Points, cap: 10}, {code: USD, cap: 10}]\n"
		_, applied := e.apply(file)
		add := func(currency string, value money.Amount) (*engine.Adjusted, error) {
			return e.AdjustLedger(context.Background(), applied.Account, engine.Adjustment{
				CustomerID: "c-1", Custom: true, Currency: currency, Add: value > 0, Value: max(value, -value), Note: "x",
			})
		}
		if _, err := add("Points", 8*money.Unit); err != nil {
			t.Fatal(err)
		}
		e.apply(without(file, "currencies:"))
		before := e.everything()
		e.apply(without(file, "currencies:"))
		if diff := cmp.Diff(before, e.everything()); diff != "" {
			t.Errorf("applying again changed something:\n%s", diff)
		}
		b, err := e.LedgerBalance(t.Context(), applied.Account, engine.LedgerOf{CustomerID: "c-1", Custom: true, Currency: "Points"})
		if err != nil || b.Total != 8*money.Unit {
			t.Errorf("balance %+v, %v", b, err)
		}
		for _, c := range []struct {
			currency string
			value    money.Amount
			total    money.Amount
		}{{"Points", 7 * money.Unit, 10 * money.Unit}, {"Points", -4 * money.Unit, 6 * money.Unit}, {"USD", 20 * money.Unit, 20 * money.Unit}} {
			if got, err := add(c.currency, c.value); err != nil || got.Total != c.total {
				t.Errorf("%v %s: %+v, %v; want %v in all", c.value, c.currency, got, err, c.total)
			}
		}
		if _, err := add("Stars", money.Unit); model.KindOf(err) != model.Invalid {
			t.Errorf("points that never were: %v", err)
		}
	})
}

func TestEveryRuleIsAsItWasLast(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		const file = "account: Acme\nslug: acme\ncampaigns:\n  - name: One\n    rewards:\n      - {name: Old, to: friend, on: sign_up, value: {type: cash, amount: 1, unit: USD}}\n"
		_, applied := e.apply(file)
		want := func(want ...string) {
			t.Helper()
			rules, err := e.EveryRule(t.Context(), applied.Account)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for id, r := range rules {
				if id != r.ID {
					t.Errorf("rule %d is found by %d", r.ID, id)
				}
				got = append(got, r.Name+" "+r.Value.Amount.String())
			}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("rules (-want +got):\n%s", diff)
			}
		}
		want("Old 1")
		e.apply(strings.Replace(file, "amount: 1", "amount: 2", 1))
		want("Old 2")
		e.apply(strings.Replace(file, "name: Old", "name: New", 1))
		want("New 1", "Old 2")
	})
}
