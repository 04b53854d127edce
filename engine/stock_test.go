package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/store"
)

// stocked is redeeming with a batch of so many codes, whose use is watched.
func stocked(codes int) string {
	return strings.Replace(redeeming, "codes: [TEN-1, TEN-2, TEN-3]", fmt.Sprint("generate: ", codes), 1) +
		"webhooks: [{on: referral_factory.coupons_low, url: \"https://shop.example.com/stock\"}]\n" +
		"email: {alerts: ops@shop.example.com}\n"
}

// stock does all jobs, and returns what the merchant is told of batches since.
func (s *stage) stock() (percents []int64, mails []string) {
	s.t.Helper()
	s.run()
	for _, j := range s.untold() {
		var percent int64
		if _, err := fmt.Sscanf(between(j.Payload, `"percent":`, ","), "%d", &percent); err != nil {
			s.t.Fatalf("%s: %v", j.Payload, err)
		}
		percents = append(percents, percent)
	}
	for _, p := range s.post(engine.MailTaken) {
		if p.To != "ops@shop.example.com" {
			s.t.Errorf("mail to %s", p.To)
		}
		mails = append(mails, p.Letter.Subject+": "+strings.SplitN(p.Letter.Text, "\n", 2)[0])
	}
	slices.Sort(percents)
	return percents, mails
}

func TestMerchantIsToldOfCouponsThatRunLow(t *testing.T) {
	onBoth(t, stocked(20), func(t *testing.T, s *stage) {
		s.know("c-1", "")
		s.adjust("c-1", "USD", -1000, time.Time{})
		use := func(n int) {
			for range n {
				if _, err := s.redeem("c-1", aCoffee); err != nil {
					t.Fatal(err)
				}
			}
		}
		expect := func(after string, percents []int64, mails ...string) {
			t.Helper()
			gotPercents, gotMails := s.stock()
			if diff := cmp.Diff(percents, gotPercents); diff != "" {
				t.Errorf("%s, the hook (-want +got):\n%s", after, diff)
			}
			if diff := cmp.Diff(mails, gotMails); diff != "" {
				t.Errorf("%s, by mail (-want +got):\n%s", after, diff)
			}
		}
		use(16)
		expect("of 20, after 16", nil)
		use(1)
		expect("after 17", []int64{85}, "Acme: coupons run low: 85 percent of the codes of ten-off are used: 3 of 20 are left.")
		use(1)
		expect("after 18", nil)
		use(2) // both levels before anybody is told of either
		if percents, mails := s.stock(); !slices.Equal(percents, []int64{95, 100}) || len(mails) != 2 || !strings.Contains(mails[1], "100 percent") {
			t.Errorf("after 20: %v %q", percents, mails)
		}
		s.apply(strings.Replace(stocked(40), "email: {", "email: {wording: {stock: {subject: Vorrat, text: \"{{.Account}}. {{.Message}}\"}}, ", 1))
		use(13)
		expect("of 40, after 33", nil)
		use(1)
		expect("after 34", []int64{85}, "Vorrat: Acme. 85 percent of the codes of ten-off are used: 6 of 40 are left.")
		if r := s.verify(); len(r.Differences) > 0 {
			t.Error(r.Differences)
		}
	})
}

// Each level is told once, however many take codes at the same time, and
// however many of them see it reached.
func TestEachLevelOfStockIsToldOnceUnderLoad(t *testing.T) {
	const clients, coupons = 32, 100
	onBoth(t, stocked(coupons), func(t *testing.T, s *stage) {
		for i := range clients {
			s.know(fmt.Sprint("c-", i), "")
			s.adjust(fmt.Sprint("c-", i), "USD", -1000, time.Time{})
		}
		nodes := []*engine.Engine{s.core, s.node(2)}
		var tried atomic.Int64
		parallel(t, clients, func(i int) (bool, error) {
			for tried.Add(1) <= coupons+20 {
				if _, err := nodes[i%2].Redeem(context.Background(), s.account, fmt.Sprint("c-", i), aCoffee); err != nil && model.ReasonOf(err) != model.BatchEmpty {
					return false, err
				}
			}
			return true, nil
		})
		var percents []int64
		var mails []string
		for range 3 { // word that is left twice tells nothing anew
			p, m := s.stock()
			percents, mails = append(percents, p...), append(mails, m...)
		}
		if !slices.Equal(percents, []int64{85, 95, 100}) || len(mails) != 3 {
			t.Errorf("told of %v, %q", percents, mails)
		}
	})
}

// Codes that others hold for a moment, and those they lay back, are not used.
func TestCodesThatAreOnlyHeldAreNotTakenForUsed(t *testing.T) {
	onBoth(t, stocked(20), func(t *testing.T, s *stage) {
		if s.store.Engine().Name() == "sqlite" { // whose writer is alone: nobody sees what is only held
			return
		}
		s.know("c-1", "")
		s.adjust("c-1", "USD", -1000, time.Time{})
		expect := func(uses int, want ...int64) {
			t.Helper()
			for range uses {
				if _, err := s.redeem("c-1", aCoffee); err != nil {
					t.Fatal(err)
				}
			}
			if got, _ := s.stock(); !slices.Equal(got, want) {
				t.Errorf("after %d more, told of %v, want %v", uses, got, want)
			}
		}
		take := func(n int, then func() error) error {
			return s.store.InTx(context.Background(), s.account, func(tx *store.Tx) error {
				tx.ExpectCoupons(n)
				for i := range n {
					if _, ok, err := tx.TakeCoupon(s.project.Batches[0].ID, store.Holder{ID: int64(i) + 1, At: s.clock()}); err != nil || !ok {
						return errors.Join(err, errors.New("no code"))
					}
				}
				return then()
			})
		}
		laidBack := errors.New("laid back")
		err := take(10, func() error {
			expect(7) // up to the 17th
			return laidBack
		})
		if !errors.Is(err, laidBack) {
			t.Fatal(err)
		}
		expect(9)
		expect(1, 85)
		expect(1) // the 18th
		// Whose transaction began before the others were looked for does not say
		// that it took the last.
		s.damaged = true
		err = take(1, func() error {
			expect(1, 95) // the 20th
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		expect(0)
		s.wait(2 * store.WriteLimit)
		expect(0, 100)
	})
}
