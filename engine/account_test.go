package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

// neighbour is one of two companies that use one server, and know the same
// people.
const neighbour = `
account: %[1]s
slug: %[1]s
site: https://shop.example.com
currencies: [{code: Points}]
coupons: [{batch: ten-off, codes: [TEN-1, TEN-2]}]
campaigns:
  - name: First
    id: %[2]d
    code: join-%[1]s
    status: launched
    rewards:
      - {name: Thanks, to: advocate, on: purchase, repeat: true, hold: 1h, value: {type: cash, amount: 1, unit: USD}}
      - {name: Welcome, to: friend, on: purchase, value: {type: discount, amount: 10, unit: USD, coupons: ten-off}}
`

// Nothing of one account can be read, used or changed through another, and no
// answer tells that it exists.
func TestAccountsNeverSeeEachOther(t *testing.T) {
	onBoth(t, fmt.Sprintf(neighbour, "one", 2605), func(t *testing.T, s *stage) {
		ctx := t.Context()
		one, first := s.account, s.project.Campaigns[0]
		wanted := s.codes(engine.LinkRequest{Who: server("c-1", "ann@example.com"), Campaign: first.UUID, Seed: "wanted"})[0]
		attribution := signed(s.visit(engine.Visit{Code: wanted}))
		visitor, cookie := s.follow(wanted, "")
		bought := s.buy("o-1", "c-2", wanted, "1")
		thanks := s.rewardsOf(bought.Event)[0]
		friend := s.signUp(server("c-2", ""), wanted).Participant
		if _, err := s.adjusted(adding("c-1", 5)); err != nil {
			t.Fatal(err)
		}
		before := s.dump()

		s.apply(fmt.Sprintf(neighbour, "two", 2606))
		two, second := s.account, s.project.Campaigns[0]
		if one == two || first.ID == second.ID {
			t.Fatalf("accounts %d and %d, campaigns %d and %d", one, two, first.ID, second.ID)
		}

		// The other's ids are unknown.
		_, err := s.core.RewardByID(ctx, two, fmt.Sprint(thanks.ID))
		fails(t, err, model.NotFound, model.RewardUnknown)
		_, err = s.core.RewardByID(ctx, two, thanks.UUID)
		fails(t, err, model.NotFound, model.RewardUnknown)
		for _, m := range []move{approve, reject, deliver, revoke} {
			_, err = m(s.core, ctx, two, thanks.ID)
			fails(t, err, model.NotFound, model.RewardUnknown)
		}
		fails(t, s.core.Qualify(ctx, two, friend, true), model.NotFound, model.ParticipantUnknown)
		_, err = s.core.Join(ctx, two, engine.Join{Who: server("c-3", ""), Kind: model.SignUp, Campaign: first.ID})
		fails(t, err, model.NotFound, model.CampaignUnknown)
		_, err = s.core.Links(ctx, two, []engine.LinkRequest{{Who: server("c-3", ""), Campaign: first.UUID}})
		fails(t, err, model.NotFound, model.CampaignUnknown)
		_, err = s.core.AdjustLedger(ctx, two, taking("c-1", 1))
		fails(t, err, model.Invalid, model.PersonUnknown)
		for _, code := range []string{wanted, "join-one"} {
			_, err = s.core.ReferralStatus(ctx, two, code)
			fails(t, err, model.NotFound, model.CodeUnknown)
		}
		// The other's code, attribution, coupon and visitor attribute nothing,
		// and the order is the account's own.
		for i, r := range []engine.Referral{by(wanted), {AttributionID: attribution}, {CouponCode: "TEN-1"}, {}} {
			p := engine.Purchase{Who: server("c-2", "c-2@example.com"), Referral: r, OrderID: fmt.Sprint("o-", i), Amount: money.Unit, Currency: "USD"}
			p.Visitor = visitor
			got := s.purchase(p)
			if via := s.via(got.Event); via != "" || got.Repeated {
				t.Errorf("%+v counts by %q, repeated %v", r, via, got.Repeated)
			}
		}
		if joined := s.signUp(server("c-4", ""), "join-one"); joined.Participant != 0 {
			t.Errorf("the other's join link made participant %d", joined.Participant)
		}
		// A visitor of the other is somebody new, and the same people are others.
		again := s.codes(engine.LinkRequest{Who: server("c-1", "ann@example.com"), Campaign: second.UUID, Seed: "wanted"})[0]
		if again == wanted {
			t.Errorf("both accounts have code %s", again)
		}
		if got := s.visit(engine.Visit{Code: again, Cookie: cookie}); got.Cookie == "" {
			t.Error("the other's cookie is taken")
		}
		// Both links work, each for its own.
		for account, code := range map[model.AccountID]string{one: wanted, two: again} {
			if _, err := s.core.ReferralStatus(ctx, account, code); err != nil {
				t.Errorf("code %s of account %d: %v", code, account, err)
			}
			if _, err := s.core.Click(ctx, engine.Visit{Code: code, Uncounted: true}); err != nil {
				t.Errorf("code %s: %v", code, err)
			}
		}
		s.account = one
		if diff := cmp.Diff(before, s.dump()); diff != "" {
			t.Errorf("what the other did changed the first: %s", diff)
		}
	})
}

// dump counts the account's rows by table, and adds up what changes in place.
func (s *stage) dump() map[string]int64 {
	s.t.Helper()
	got := map[string]int64{}
	for _, table := range []string{
		"person", "identity", "participant", "code", "visitor", "click", "attribution", "event", "event_key", "raised",
		"conversion", "reward", "progress", "referral", "coupon", "ledger", "ledger_entry", "credit", "tally", "job",
	} {
		got[table] = s.rows(table)
	}
	for _, column := range []string{"person.turns", "coupon.holder_id", "coupon.used_at", "ledger.balance", "tally.n", "progress.places"} {
		table, field, _ := strings.Cut(column, ".")
		s.ask(`SELECT CAST(COALESCE(SUM(`+field+`), 0) AS BIGINT) FROM `+table+` WHERE account_id = $1`, func(r store.Row) error {
			var sum int64
			err := r.Scan(&sum)
			got[column] = sum
			return err
		})
	}
	return got
}

// Two accounts that work at once on the same names never wait for or meet
// each other's rows.
func TestAccountsWorkAtOnce(t *testing.T) {
	onBoth(t, fmt.Sprintf(neighbour, "one", 2605), func(t *testing.T, s *stage) {
		accounts := []model.AccountID{s.account}
		campaigns := []string{s.project.Campaigns[0].UUID}
		s.apply(fmt.Sprintf(neighbour, "two", 2606))
		accounts, campaigns = append(accounts, s.account), append(campaigns, s.project.Campaigns[0].UUID)
		events := parallel(t, 24, func(i int) (string, error) {
			account := accounts[i%2]
			links, err := s.core.Links(context.Background(), account, []engine.LinkRequest{{
				Who: server("", fmt.Sprintf("ann-%d@example.com", i%6/2)), Campaign: campaigns[i%2], Seed: "seed",
			}})
			if err != nil {
				return "", err
			}
			got, err := s.core.RecordPurchase(context.Background(), account, engine.Purchase{
				Who: server(fmt.Sprint("c-", i/2), ""), Referral: by(links[0].Code), OrderID: fmt.Sprint("o-", i/2), Amount: 1, Currency: "USD",
			})
			if err != nil {
				return "", err
			}
			return got.UUID, nil
		})
		seen := map[string]bool{}
		for _, uuid := range events {
			if seen[uuid] {
				t.Error("two accounts share an event")
			}
			seen[uuid] = true
		}
		for _, account := range accounts {
			s.account = account
			if n := s.rows("reward"); n != 24 {
				t.Errorf("account %d has %d rewards, want 24", account, n)
			}
			if report := s.verify(); len(report.Differences) != 0 {
				t.Errorf("account %d: %v", account, report.Differences)
			}
		}
	})
}
