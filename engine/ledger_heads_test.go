package engine_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"grapevine/engine"
)

func TestLedgerHeadsListCustomers(t *testing.T) {
	onBoth(t, crowded+"currencies: [{code: Points}]\n", func(t *testing.T, s *stage) {
		ctx := context.Background()
		for i := range 5 {
			s.buy(fmt.Sprint("o-", i), fmt.Sprint("c-", i), "", "1")
			s.adjust(fmt.Sprint("c-", i), "Points", -10, time.Time{})
		}
		s.adjust("c-1", "USD", -3, time.Time{})
		s.adjust("c-2", "Points", -4, s.clock().Add(time.Minute)) // expires, and nobody posts it
		if _, err := s.core.AdjustLedger(ctx, s.account, engine.Adjustment{CustomerID: "own", Custom: true, Currency: "Points", Add: true, Value: 10}); err != nil {
			t.Fatal(err)
		}
		s.wait(time.Hour)
		heads := func() []string {
			var all []string
			q := engine.ListQuery{Size: 2}
			for {
				page, err := s.core.LedgerHeads(ctx, s.account, "Points", q)
				if err != nil {
					t.Fatal(err)
				}
				for _, h := range page.Rows {
					all = append(all, fmt.Sprint(h.Customer.CustomerID, " ", h.Balance, " ", h.At.Sub(noon) >= 0, " of ", page.Total))
				}
				if !page.More {
					slices.Sort(all)
					return all
				}
				q.After = page.Next
			}
		}
		want := []string{"c-0 10 true of 5", "c-1 10 true of 5", "c-2 10 true of 5", "c-3 10 true of 5", "c-4 10 true of 5"}
		if got := heads(); !slices.Equal(got, want) {
			t.Errorf("heads are %q, want %q", got, want)
		}
	})
}
