package engine_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"grapevine/engine"
)

// What is kept in memory of a code's owner never outlives a change, whoever
// makes it.
func TestReferralStatusFollowsItsOwner(t *testing.T) {
	onBoth(t, acme, func(t *testing.T, s *stage) {
		ctx := context.Background()
		other := s.node(2)
		code := s.link("ann@example.com", 0)
		status := func() string {
			t.Helper()
			var seen []string
			for range 2 { // the second answer comes from memory
				got, err := s.core.ReferralStatus(ctx, s.account, code)
				if err != nil {
					t.Fatal(err)
				}
				seen = append(seen, strings.TrimSpace(got.Name+" "+got.Email+" "+got.CustomerID))
			}
			if seen[0] != seen[1] {
				t.Errorf("two answers: %q and %q", seen[0], seen[1])
			}
			return seen[0]
		}
		save := func(c engine.Customer) {
			t.Helper()
			s.wait(time.Second)
			if _, err := other.SaveCustomer(ctx, s.account, c); err != nil {
				t.Fatal(err)
			}
		}
		if got := status(); got != "ann@example.com" {
			t.Errorf("at first: %q", got)
		}
		save(engine.Customer{Who: engine.Who{Email: "ann@example.com", CustomerID: "c-1", FirstName: "Ann", Server: true}})
		if got := status(); got != "Ann ann@example.com c-1" {
			t.Errorf("with a name and a customer id: %q", got)
		}
		save(engine.Customer{Who: engine.Who{Email: "anna@example.com", CustomerID: "c-1", LastName: "Lee", Server: true}})
		if got := status(); got != "Ann Lee anna@example.com c-1" {
			t.Errorf("with another address: %q", got)
		}
		code = s.link("bea@example.com", 0)
		if got := status(); got != "bea@example.com" {
			t.Errorf("somebody else: %q", got)
		}
		save(engine.Customer{Who: engine.Who{CustomerID: "c-2", FirstName: "Bea", Server: true}})
		s.purchase(engine.Purchase{Who: engine.Who{Email: "bea@example.com", CustomerID: "c-2", Server: true}, OrderID: "o-1", Amount: 1, Currency: "USD"})
		if got := status(); got != "Bea bea@example.com c-2" {
			t.Errorf("after a merge: %q", got)
		}
	})
}
