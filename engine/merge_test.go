package engine_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

// merges limits what one person may get, posts points that expire, and lets
// people refer each other.
const merges = `
account: Acme
site: https://shop.example.com
currencies: [{code: Points, cap: 100, expires_after: 100h}]
campaigns:
  - name: First
    status: launched
    leaderboard: points
    rewards:
      - {name: Thanks, to: advocate, on: purchase, after: 2, repeat: true, limit: 2, value: {type: cash, amount: 1, unit: USD}}
      - {name: Welcome, to: friend, on: purchase, value: {type: ledger, amount: 30, unit: Points}}
  - name: Points
    status: launched
    rewards:
      - {name: Own, to: customer, on: trial, repeat: true, value: {type: ledger, amount: 60, unit: Points}}
`

// know makes the merchant's call that names a person both ways.
func (s *stage) know(customer, email string) {
	s.t.Helper()
	_, err := s.core.SaveCustomer(context.Background(), s.account, engine.Customer{Who: server(customer, email)})
	if err != nil {
		s.t.Fatal(err)
	}
}

func TestServerCallMergesAnAddressIntoACustomer(t *testing.T) {
	onBoth(t, merges, func(t *testing.T, s *stage) {
		s.know("c-1", "")
		s.know("", "bea@example.com")
		customer, address := s.personOf("c-1"), s.personOf("bea@example.com")
		if customer == address {
			t.Fatal("they are one before they were named together")
		}
		s.know("c-1", "Bea@Example.com")
		if got := s.personOf("bea@example.com"); got != customer {
			t.Errorf("the address names %d, want the customer %d", got, customer)
		}
		s.view(func(tx *store.Tx) error {
			if into, err := tx.Canonical(address); err != nil || into != customer {
				t.Errorf("%d became %d, %v; want %d", address, into, err, customer)
			}
			return nil
		})
	})
}

func TestCustomerIDDecidesWhereBothHaveOne(t *testing.T) {
	onBoth(t, merges, func(t *testing.T, s *stage) {
		s.know("c-1", "one@example.com")
		s.know("c-2", "two@example.com")
		one, two := s.personOf("c-1"), s.personOf("c-2")
		s.buy("o-1", "c-1", "", "1")
		s.purchase(engine.Purchase{Who: server("c-1", "two@example.com"), OrderID: "o-2", Amount: 1, Currency: "USD"})
		s.know("c-2", "one@example.com")
		if s.personOf("c-1") != one || s.personOf("one@example.com") != one || s.personOf("c-2") != two || s.personOf("two@example.com") != two {
			t.Error("an address or a customer moved to another person")
		}
		// A customer id that nobody has yet does not take somebody's address.
		s.know("c-3", "one@example.com")
		if three := s.personOf("c-3"); three == one || three == 0 || s.personOf("one@example.com") != one {
			t.Errorf("c-3 is %d, and one@example.com %d", three, s.personOf("one@example.com"))
		}
	})
}

func TestCustomerIDIsGivenToWhomTheAddressKnows(t *testing.T) {
	onBoth(t, merges, func(t *testing.T, s *stage) {
		code := s.link("bea@example.com", 0)
		s.buy("o-1", "bea", code, "1") // names bea@example.com: a self-referral
		if s.personOf("bea") != s.personOf("bea@example.com") {
			t.Error("the first purchase with a customer id made somebody else")
		}
	})
}

func TestBrowserNeverMerges(t *testing.T) {
	onBoth(t, merges, func(t *testing.T, s *stage) {
		s.know("c-1", "")
		s.know("", "bea@example.com")
		customer, address := s.personOf("c-1"), s.personOf("bea@example.com")
		browser := engine.Who{CustomerID: "c-1", Email: "bea@example.com"}
		s.joinAs(engine.Join{Who: browser, Kind: model.SignUp})
		s.purchase(engine.Purchase{Who: browser, OrderID: "o-1", Amount: 1, Currency: "USD"})
		s.custom(engine.CustomEvent{Who: engine.Who{CustomerID: "c-9", Email: "bea@example.com"}, Name: "demo"})
		if s.personOf("c-1") != customer || s.personOf("bea@example.com") != address || s.personOf("c-9") == address {
			t.Error("a browser's event made two persons one")
		}
	})
}

// What each had counts for both: a limit of two is two over both persons, a
// friend who counts is no second friend, and purchases are one history.
func TestLimitsCountOverBothWhoWereMerged(t *testing.T) {
	onBoth(t, merges, func(t *testing.T, s *stage) {
		asCustomer := s.linkOf(server("c-1", ""), 0)
		asAddress := s.link("bea@example.com", 0)
		s.buy("o-1", "f-1", asAddress, "1")
		s.buy("o-2", "f-2", asAddress, "1") // earns
		s.buy("o-3", "f-3", asCustomer, "1")
		s.know("c-1", "bea@example.com")
		thanks := func(order, friend, code string) string {
			t.Helper()
			for _, r := range s.rewards(s.buy(order, friend, code, "1").Event) {
				if r[:8] == "advocate" {
					return r
				}
			}
			return ""
		}
		if got := thanks("o-4", "f-1", asCustomer); got != "advocate thanks not_eligible below_tier" {
			t.Errorf("a friend of one of them counts again: %q", got)
		}
		if got := thanks("o-5", "f-5", asAddress); got != "advocate thanks earned" {
			t.Errorf("the fourth friend of both: %q", got)
		}
		thanks("o-6", "f-6", asCustomer)
		if got := thanks("o-7", "f-7", asCustomer); got != "advocate thanks rejected reward_allowance_spent" {
			t.Errorf("the sixth friend, over the limit of both: %q", got)
		}
	})
}

func TestFriendWhoWasMergedIsOneFriend(t *testing.T) {
	onBoth(t, merges, func(t *testing.T, s *stage) {
		ann := s.link("ann@example.com", 0)
		s.purchase(engine.Purchase{Who: engine.Who{Email: "bea@example.com"}, Referral: by(ann), OrderID: "o-1", Amount: 1, Currency: "USD"})
		s.know("c-1", "")
		// The purchase that merges them is the same friend's.
		bought := s.purchase(engine.Purchase{Who: server("c-1", "bea@example.com"), Referral: by(ann), OrderID: "o-2", Amount: 1, Currency: "USD"})
		want := []string{"advocate thanks not_eligible below_tier"}
		if diff := cmp.Diff(want, s.rewards(bought.Event)); diff != "" {
			t.Error(diff)
		}
		if number := s.rewardsOf(bought.Event)[0].Number; number != 1 {
			t.Errorf("friend number %d, want 1", number)
		}
		if got := s.balance("c-1", "Points"); got != 30*money.Unit {
			t.Errorf("the friend has %v points, want those of one welcome", got)
		}
	})
}

func TestPurchasesOfBothAreOneHistory(t *testing.T) {
	onBoth(t, `
account: Acme
site: https://shop.example.com
campaigns:
  - {name: First, status: launched, rewards: [{name: New, to: customer, on: purchase, when: {new_customer: true}, repeat: true, value: {type: cash, amount: 1, unit: USD}}]}
`, func(t *testing.T, s *stage) {
		s.purchase(engine.Purchase{Who: engine.Who{Email: "bea@example.com"}, OrderID: "o-1", Amount: 1, Currency: "USD"})
		s.know("c-1", "")
		merging := s.purchase(engine.Purchase{Who: server("c-1", "bea@example.com"), OrderID: "o-2", Amount: 1, Currency: "USD"})
		if diff := cmp.Diff([]string{"customer new not_eligible existing_customer"}, s.rewards(merging.Event)); diff != "" {
			t.Error(diff)
		}
	})
}

// A ledger moves by two entries a currency; its credits keep their expiry, and
// the cap does not cut the move.
func TestLedgerOfWhoIsMergedMoves(t *testing.T) {
	onBoth(t, merges, func(t *testing.T, s *stage) {
		trial := func(who engine.Who) { s.custom(engine.CustomEvent{Who: who, Name: "trial"}) }
		trial(engine.Who{Email: "bea@example.com"}) // 60, over at 100h
		s.wait(40 * time.Hour)
		trial(server("c-1", "")) // 60, over at 140h
		address := s.personOf("bea@example.com")
		s.adjust("c-1", "Points", 10, time.Time{}) // 10 of 60 are spent
		s.know("c-1", "bea@example.com")
		if got := s.balance("c-1", "Points"); got != 110*money.Unit {
			t.Errorf("%v points after the merge, want 110, over the cap of 100", got)
		}
		s.view(func(tx *store.Tx) error {
			heads, err := tx.Ledgers([]string{store.PersonHolder(address)})
			if err != nil || len(heads) != 1 || heads[0].Balance != 0 || heads[0].Entries != 2 {
				t.Errorf("what is left with the address: %+v, %v", heads, err)
			}
			return nil
		})
		s.wait(60*time.Hour - time.Millisecond)
		s.run()
		if got := s.balance("c-1", "Points"); got != 110*money.Unit {
			t.Errorf("%v points just before the first credit is over, want 110", got)
		}
		s.wait(time.Millisecond)
		s.run()
		if got := s.balance("c-1", "Points"); got != 50*money.Unit {
			t.Errorf("%v points when the moved credit is over, want 50", got)
		}
		s.wait(40 * time.Hour)
		s.run()
		if got := s.balance("c-1", "Points"); got != 0 {
			t.Errorf("%v points when all is over, want 0", got)
		}
	})
}

func TestCodesOfBothWorkAndKeepTheirParticipants(t *testing.T) {
	onBoth(t, merges, func(t *testing.T, s *stage) {
		asCustomer, asAddress := s.linkOf(server("c-1", ""), 0), s.link("bea@example.com", 0)
		s.know("c-1", "bea@example.com")
		for i, code := range []string{asCustomer, asAddress} {
			if got := s.via(s.buy(fmt.Sprint("o-", i), fmt.Sprint("f-", i), code, "1").Event); got != "code bea@example.com" && got != "code c-1" {
				t.Errorf("code %d counts by %q", i, got)
			}
			status, err := s.core.ReferralStatus(t.Context(), s.account, code)
			if err != nil || status.CustomerID != "c-1" || status.Email != "bea@example.com" {
				t.Errorf("status of code %d: %+v, %v", i, status, err)
			}
		}
		// The one who has both asks again, and gets a link they have.
		if got := s.linkOf(server("c-1", "bea@example.com"), 0); got != asCustomer {
			t.Errorf("a third link %s beside %s and %s", got, asCustomer, asAddress)
		}
		joined := s.signUp(server("c-1", "bea@example.com"), s.link("ann@example.com", 0))
		if joined.Created {
			t.Error("the sign-up made a third participant")
		}
	})
}

func TestReferralBetweenTheTwoBecomesASelfReferral(t *testing.T) {
	onBoth(t, merges, func(t *testing.T, s *stage) {
		bea := s.link("bea@example.com", 0)
		s.know("c-1", "")
		s.signUp(server("c-1", ""), bea)
		if got := s.via(s.buy("o-1", "c-1", "", "1").Event); got != "referrer bea@example.com" {
			t.Fatalf("before the merge it counts by %q", got)
		}
		want := []string{"advocate thanks rejected self_referral", "friend welcome rejected self_referral"}
		// The purchase that merges the two is one already.
		merging := s.purchase(engine.Purchase{Who: server("c-2", ""), Referral: by(bea), OrderID: "o-2", Amount: 1, Currency: "USD"})
		if diff := cmp.Diff([]string{"advocate thanks earned", "friend welcome delivered"}, s.rewards(merging.Event)); diff != "" {
			t.Error(diff)
		}
		merging = s.purchase(engine.Purchase{Who: server("c-1", "bea@example.com"), Referral: by(bea), OrderID: "o-3", Amount: 1, Currency: "USD"})
		if diff := cmp.Diff(want[:1], s.rewards(merging.Event)); diff != "" {
			t.Error(diff) // the friend's half was earned once, so it leaves no row
		}
		after := s.buy("o-4", "c-1", "", "1")
		if diff := cmp.Diff(want[:1], s.rewards(after.Event)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWhoWasReferredByAddressStaysReferred(t *testing.T) {
	onBoth(t, merges, func(t *testing.T, s *stage) {
		ann := s.link("ann@example.com", 0)
		s.signUp(engine.Who{Email: "bea@example.com"}, ann)
		s.know("c-1", "")
		merging := s.purchase(engine.Purchase{Who: server("c-1", "bea@example.com"), OrderID: "o-1", Amount: 1, Currency: "USD"})
		if got := s.via(merging.Event); got != "referrer ann@example.com" {
			t.Errorf("the purchase that merges counts by %q", got)
		}
		// Who was brought as one of the two is not brought again as the other.
		again := s.signUp(server("c-1", ""), s.link("cal@example.com", 0))
		if got := s.participant(again.Participant); got.Referrer == 0 || s.participant(got.Referrer).Person != s.personOf("ann@example.com") {
			t.Errorf("brought by participant %d", got.Referrer)
		}
	})
}

// A batch of links that merges somebody moves their ledger, whatever stands
// after it in the batch.
func TestBatchOfLinksKeepsWhatAMergeMoved(t *testing.T) {
	onBoth(t, merges, func(t *testing.T, s *stage) {
		s.custom(engine.CustomEvent{Who: engine.Who{Email: "bea@example.com"}, Name: "trial"})
		s.know("c-1", "")
		uuid := s.project.Campaigns[0].UUID
		_, err := s.core.Links(t.Context(), s.account, []engine.LinkRequest{
			{Who: server("c-1", "bea@example.com"), Campaign: uuid},
			{Who: server("", "cal@example.com"), Campaign: uuid},
			{Who: server("", "bea@example.com"), Campaign: uuid},
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.balance("c-1", "Points"); got != 60*money.Unit {
			t.Errorf("%v points came along, want 60", got)
		}
	})
}

// Two customers who name one address at once: the first gets it, and they stay
// two persons.
func TestParallelCustomersNeverShareAPerson(t *testing.T) {
	onBoth(t, merges, func(t *testing.T, s *stage) {
		for round := range 5 {
			email := fmt.Sprintf("bea-%d@example.com", round)
			s.know("", email)
			if round%2 == 1 {
				s.know(fmt.Sprintf("c-%d-0", round), "") // known already, so that naming merges
			}
			parallel(t, 6, func(i int) (bool, error) {
				_, err := s.core.RecordPurchase(context.Background(), s.account, engine.Purchase{
					Who: server(fmt.Sprintf("c-%d-%d", round, i), email), OrderID: fmt.Sprintf("o-%d-%d", round, i), Amount: 1, Currency: "USD",
				})
				return true, err
			})
			seen := map[model.PersonID]bool{}
			for i := range 6 {
				id := s.personOf(fmt.Sprintf("c-%d-%d", round, i))
				if id == 0 || seen[id] {
					t.Errorf("customer %d of round %d is person %d, whom another is, too", i, round, id)
				}
				seen[id] = true
			}
		}
	})
}

// Merges that race purchases, links and sign-ups of the same people neither
// fail nor lose anything.
func TestMergesRacingPurchasesLoseNothing(t *testing.T) {
	onBoth(t, merges, func(t *testing.T, s *stage) {
		for round := range 4 {
			n := func(name string, i int) string { return fmt.Sprintf("%s-%d-%d", name, round, i) }
			address := func(i int) string { return n("m", i) + "@example.com" }
			var codes []string
			for i := range 3 {
				codes = append(codes, s.link(address(i), 0))
				s.know(n("c", i), "")
			}
			// Each in turn buys with the next one's code, as the address and as
			// the customer, while the two are made one.
			parallel(t, 36, func(k int) (bool, error) {
				i, next := k%3, (k+1)%3
				var err error
				switch {
				case k < 9:
					_, err = s.core.SaveCustomer(context.Background(), s.account, engine.Customer{Who: server(n("c", i), address(i))})
				case k < 12:
					_, err = s.core.Join(context.Background(), s.account, engine.Join{Who: server(n("c", i), address(i)), Referral: by(codes[next]), Kind: model.SignUp})
				case k%2 == 0:
					_, err = s.core.RecordPurchase(context.Background(), s.account, engine.Purchase{
						Who: engine.Who{Email: address(i)}, Referral: by(codes[next]), OrderID: n("a", k), Amount: 1, Currency: "USD"})
				default:
					_, err = s.core.RecordPurchase(context.Background(), s.account, engine.Purchase{
						Who: server(n("c", i), ""), Referral: by(codes[next]), OrderID: n("o", k), Amount: 1, Currency: "USD"})
				}
				return true, err
			})
			for i := range 3 {
				if s.personOf(n("c", i)) != s.personOf(address(i)) {
					t.Errorf("%s and %s are two persons", n("c", i), address(i))
				}
				if got := s.balance(n("c", i), "Points"); got != 30*money.Unit && got != 60*money.Unit {
					// Once as each of the two before they were one: a merge takes nothing back.
					t.Errorf("%s has %v points, want 30, or 60 where both had them before", n("c", i), got)
				}
			}
		}
	})
}

// Who was merged says of the person what the person does not.
func TestNamesOfBothAreThePersons(t *testing.T) {
	onBoth(t, merges, func(t *testing.T, s *stage) {
		code := s.linkOf(engine.Who{Email: "bea@example.com", FirstName: "Bea", LastName: "Old", IP: "192.0.2.1"}, 0)
		if _, err := s.core.SaveCustomer(t.Context(), s.account, engine.Customer{Who: engine.Who{CustomerID: "c-1", LastName: "New", Server: true}}); err != nil {
			t.Fatal(err)
		}
		s.know("c-1", "bea@example.com")
		status, err := s.core.ReferralStatus(t.Context(), s.account, code)
		if err != nil || status.Name != "Bea New" {
			t.Errorf("%+v, %v; want the name Bea New", status, err)
		}
		s.view(func(tx *store.Tx) error {
			contacts, err := tx.Contacts([]model.PersonID{s.personOf("c-1")})
			if got := contacts[s.personOf("c-1")].Profile; got.IP != "192.0.2.1" {
				t.Errorf("address %q", got.IP)
			}
			return err
		})
	})
}
