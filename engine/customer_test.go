package engine_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/store"
)

const knowing = `
account: Acme
site: https://shop.example.com
campaigns:
  - {name: First, status: launched, rewards: [{name: Hello, to: customer, on: sign_up, value: {type: cash, amount: 1, unit: USD}}]}
`

// addresses lists a person's e-mail addresses, the main one first.
func (s *stage) addresses(name string) (list []string) {
	s.t.Helper()
	person := s.personOf(name)
	s.view(func(tx *store.Tx) error {
		group, err := tx.Group(&model.Person{ID: person, Aliases: 1})
		if err != nil {
			return err
		}
		names, err := tx.Identities(group)
		for _, n := range names {
			if n.Kind == model.Email {
				list = append(list, n.Shown)
			}
		}
		return err
	})
	return list
}

func TestSavingACustomerIsNoSignUp(t *testing.T) {
	onBoth(t, knowing, func(t *testing.T, s *stage) {
		for i, created := range []bool{true, false} {
			got, err := s.core.SaveCustomer(t.Context(), s.account, engine.Customer{Who: server("c-1", "c-1@example.com")})
			if err != nil || got.Created != created || got.UUID == "" || !got.At.Equal(s.clock()) || !got.Since.Equal(noon) {
				t.Errorf("%d: %+v, %v; want created %v", i, got, err, created)
			}
			s.wait(time.Second)
		}
		if diff := cmp.Diff([]string{"customer", "customer"}, s.story("c-1")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAnotherMainAddressReplacesTheOldOne(t *testing.T) {
	onBoth(t, knowing, func(t *testing.T, s *stage) {
		s.know("c-1", "Old@example.com")
		person := s.personOf("c-1")
		s.wait(time.Second)
		// An event adds an address, and changes no main one.
		s.purchase(engine.Purchase{Who: server("c-1", "event@example.com"), OrderID: "o-1", Amount: 1, Currency: "USD"})
		if diff := cmp.Diff([]string{"Old@example.com", "event@example.com"}, s.addresses("c-1")); diff != "" {
			t.Error(diff)
		}
		s.wait(time.Second)
		s.know("c-1", "new@example.com")
		if diff := cmp.Diff([]string{"new@example.com", "event@example.com"}, s.addresses("c-1")); diff != "" {
			t.Error(diff)
		}
		if got := s.personOf("old@example.com"); got != 0 {
			t.Errorf("the old address still finds %d", got)
		}
		// One of the others becomes the main one.
		s.know("c-1", "EVENT@example.com")
		if diff := cmp.Diff([]string{"event@example.com"}, s.addresses("c-1")); diff != "" {
			t.Error(diff)
		}
		// Whoever comes with the old address is somebody else.
		s.know("", "old@example.com")
		if got := s.personOf("old@example.com"); got == 0 || got == person {
			t.Errorf("the old address finds %d", got)
		}
	})
}

func TestSomebodyElsesAddressStaysTheirs(t *testing.T) {
	onBoth(t, knowing, func(t *testing.T, s *stage) {
		s.know("c-1", "one@example.com")
		s.know("c-2", "two@example.com")
		s.know("c-1", "two@example.com")
		if diff := cmp.Diff([]string{"one@example.com"}, s.addresses("c-1")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"two@example.com"}, s.addresses("c-2")); diff != "" {
			t.Error(diff)
		}
	})
}

// A merge changes no main address, and the one it brings can become it.
func TestMainAddressAfterAMerge(t *testing.T) {
	onBoth(t, knowing, func(t *testing.T, s *stage) {
		s.know("", "older@example.com")
		s.wait(time.Second)
		s.know("c-1", "main@example.com")
		s.purchase(engine.Purchase{Who: server("c-1", "older@example.com"), OrderID: "o-1", Amount: 1, Currency: "USD"})
		if diff := cmp.Diff([]string{"main@example.com", "older@example.com"}, s.addresses("c-1")); diff != "" {
			t.Error(diff)
		}
		s.know("c-1", "main@example.com") // says nothing new
		if diff := cmp.Diff([]string{"main@example.com", "older@example.com"}, s.addresses("c-1")); diff != "" {
			t.Error(diff)
		}
		s.know("c-1", "older@example.com")
		if diff := cmp.Diff([]string{"older@example.com"}, s.addresses("c-1")); diff != "" {
			t.Error(diff)
		}
	})
}

// What was not sent stays as it was.
func TestProfileKeepsWhatWasNotSent(t *testing.T) {
	onBoth(t, knowing, func(t *testing.T, s *stage) {
		raw := func(text string) json.RawMessage { return json.RawMessage(text) }
		first := server("c-1", "c-1@example.com")
		first.FirstName, first.LastName, first.IP, first.Agent = "Ann", "Ames", "192.0.2.1", "test"
		first.Extra = map[string]json.RawMessage{"age": raw("30"), "city": raw(`"Rome"`)}
		second := server("c-1", "")
		second.LastName = "Brown"
		second.Extra = map[string]json.RawMessage{"age": raw("0")}
		for _, who := range []engine.Who{first, second, server("c-1", "")} {
			if _, err := s.core.SaveCustomer(t.Context(), s.account, engine.Customer{Who: who}); err != nil {
				t.Fatal(err)
			}
		}
		s.view(func(tx *store.Tx) error {
			got, err := tx.Profile(s.personOf("c-1"))
			want := model.Profile{
				Person: s.personOf("c-1"), FirstName: "Ann", LastName: "Brown", IP: "192.0.2.1", Agent: "test", Body: `{"age":0,"city":"Rome"}`,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			return err
		})
	})
}
