package engine_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/store"
)

// limitedFile is a campaign that takes three sign-ups and two referrals from
// one network address.
const limitedFile = `
account: Acme
currencies: [{code: Points}]
campaigns:
  - name: Evergreen
    status: launched
    limits: {signups_per_ip: 3, referrals_per_ip: 2, ip_safelist: ["203.0.113.9", "10.1.0.0/16", "192\\.0\\.2\\.[0-9]"]}
    rewards:
      - {name: Ledger, id: 1, to: advocate, on: sign_up, repeat: true, value: {type: ledger, amount: 1, unit: Points}}
  - name: Free
    status: launched
`

// TestLimitsOfAnAddressAreKept holds what is taken from one network address to
// what the campaign says, also when all of it comes at once.
func TestLimitsOfAnAddressAreKept(t *testing.T) {
	t.Parallel()
	onBoth(t, limitedFile, func(t *testing.T, s *stage) {
		from := func(ip, email, code string) error {
			_, err := s.core.Join(context.Background(), s.account, engine.Join{
				Who: engine.Who{Email: email, IP: ip, Server: true}, Referral: by(code), Kind: model.SignUp, Campaign: s.project.Campaigns[0].ID,
			})
			return err
		}
		code := s.link("ann@example.com", 0)
		many := func(name, ip, code string) (taken int64) {
			var taking atomic.Int64
			var all sync.WaitGroup
			for i := range 12 {
				all.Go(func() {
					switch err := from(ip, fmt.Sprintf("%s%d@example.com", name, i), code); model.ReasonOf(err) {
					case model.TooManyFromIP:
					case "":
						if err != nil {
							t.Error(err)
						}
						taking.Add(1)
					default:
						t.Error(err)
					}
				})
			}
			all.Wait()
			return taking.Load()
		}
		for _, c := range []struct {
			name, ip, code string
			want           int64
		}{
			{"alone", "198.51.100.1", "", 3},
			{"brought", "198.51.100.2", code, 2},
			{"mapped", "::ffff:198.51.100.1", "", 0}, // the first address, written otherwise
			{"safe", "203.0.113.9", code, 12},
			{"net", "10.1.2.3", "", 12},
			{"pattern", "192.0.2.7", "", 12},
			{"beside", "192.0.2.70", "", 3}, // a pattern is of the whole address
			{"nowhere", "", code, 12},
			{"text", "elsewhere", "", 12},
		} {
			if got := many(c.name, c.ip, c.code); got != c.want {
				t.Errorf("%s: %d of 12 were taken, want %d", c.name, got, c.want)
			}
		}
		// One more is a sign-up too many for nobody's referral, and leaves nothing.
		if err := from("198.51.100.2", "one@example.com", ""); err != nil {
			t.Error(err)
		}
		if err := from("198.51.100.2", "two@example.com", ""); model.ReasonOf(err) != model.TooManyFromIP {
			t.Error(err)
		}
		if s.personOf("two@example.com") != 0 {
			t.Error("who was refused is somebody")
		}
		// Who signed up once does not a second time.
		if err := from("198.51.100.2", "one@example.com", ""); err != nil {
			t.Error(err)
		}
		// Another campaign counts for itself.
		for i := range 5 {
			s.joinAs(engine.Join{
				Who: engine.Who{Email: fmt.Sprintf("free%d@example.com", i), IP: "198.51.100.1", Server: true}, Kind: model.SignUp, Campaign: s.project.Campaigns[1].ID,
			})
		}
		counted := int64(0)
		s.view(func(tx *store.Tx) (err error) {
			counted, err = tx.Counted(store.OfCampaign(s.project.Campaigns[0].ID), "referred")
			return err
		})
		if counted != 2+12+12 {
			t.Errorf("%d referrals are counted", counted)
		}
	})
}

// TestVerifyCountsWhatCameFromAddresses damages a counter of a network
// address.
func TestVerifyCountsWhatCameFromAddresses(t *testing.T) {
	t.Parallel()
	onBoth(t, limitedFile, func(t *testing.T, s *stage) {
		s.joinAs(engine.Join{Who: engine.Who{Email: "ann@example.com", IP: "198.51.100.1", Server: true}, Kind: model.SignUp, Campaign: s.project.Campaigns[0].ID})
		s.damaged = true
		s.raw("UPDATE ip_use SET sign_ups = 2")
		if report := s.verify(); !names(report, "ip_use sign-ups and referrals") {
			t.Errorf("verify says %v", report.Differences)
		}
	})
}
