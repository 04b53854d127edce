package engine_test

import (
	"context"
	"errors"
	"fmt"
	"grapevine/store"
	"grapevine/store/sqlite"
	"math"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
)

const fiveEach = `
account: Acme
site: https://shop.example.com
currencies: [{code: Points}]
coupons:
  - {batch: ten-off, codes: [TEN-1, TEN-2, TEN-3, TEN-4, TEN-5, TEN-6, TEN-7]}
loyalty: {auto_opt_in: true}
earning:
  - {name: Two points a dollar, on: purchase, per_unit: 2, currency: Points}
campaigns:
  - name: Evergreen
    status: launched
    rewards:
      - {name: Coupon, to: advocate, on: purchase, repeat: true, limit: 5, value: {type: discount, amount: 10, unit: USD, coupons: ten-off}}
      - {name: First, to: friend, on: purchase, when: {new_customer: true}, value: {type: ledger, amount: 5, unit: USD}}
`

// Purchases that come at once share transactions. What is wrong with one of
// them is nobody else's, and they count one after the other.
func TestPurchasesAtOnceAreEachTheirOwn(t *testing.T) {
	onBoth(t, fiveEach, func(t *testing.T, s *stage) {
		ann, bob := s.link("ann@example.com", 0), s.link("bob@example.com", 0)
		states := parallel(t, 24, func(i int) ([]string, error) {
			p := engine.Purchase{
				Who:      engine.Who{CustomerID: fmt.Sprint("c-", i%20), Email: fmt.Sprintf("c-%d@example.com", i%20), Server: true},
				Referral: engine.Referral{ReferralCode: []string{ann, ann, bob}[i%3]},
				OrderID:  fmt.Sprint("o-", i), Amount: 3 * money.Unit, Currency: "USD",
			}
			switch i {
			case 5:
				p.Amount = math.MaxInt64
			case 9: // who brings others buys, too, and nobody brought her
				p.Who, p.ReferralCode = engine.Who{Email: "ann@example.com", Server: true}, ""
			}
			r, err := s.core.RecordPurchase(context.Background(), s.account, p)
			if i == 5 {
				if model.ReasonOf(err) != "" || err == nil {
					return nil, fmt.Errorf("too much was earned by %+v: %v", r, err)
				}
				return nil, nil
			}
			if err != nil {
				return nil, err
			}
			return s.rewards(r.Event), nil
		})
		count := map[string]int{}
		for _, list := range states {
			for _, state := range list {
				count[state]++
			}
		}
		// Each advocate has five places, of which seven coupons are for all.
		if count["advocate coupon earned"] != 7 || count["advocate coupon pending no_coupon"] != 3 {
			t.Errorf("coupons: %v", count)
		}
		if got := s.balance("c-5", "Points"); got != -1 {
			t.Errorf("who earned too much has %v", got)
		}
		if got := s.balance("c-7", "Points"); got != 6*money.Unit {
			t.Errorf("points for 3 dollars: %v, want 6", got)
		}
		if got := s.balance("c-2", "Points"); got != 12*money.Unit { // bought twice, as customer 22 is customer 2
			t.Errorf("points for two orders: %v, want 12", got)
		}
		if got := s.balance("c-2", "USD"); got != 5*money.Unit {
			t.Errorf("for being new: %v, want 5", got)
		}
	})
}

// slowly holds the lock of a customer for most of the time that a transaction
// may take, and returns once it has it.
func (s *stage) slowly(customer string) {
	held := make(chan bool, 1)
	go func() {
		err := s.store.InTx(context.Background(), s.account, func(tx *store.Tx) error {
			found, err := tx.Look(store.Lookup{CustomerID: customer})
			if err == nil {
				_, err = tx.LockPersons(found.ByCustomer)
			}
			held <- true
			time.Sleep(store.WriteLimit * 4 / 5)
			return err
		})
		if err != nil && !errors.Is(err, store.ErrSlow) {
			s.t.Error(err)
		}
	}()
	<-held
}

// Who has to wait for a row, or for the database, longer than a transaction may
// take keeps nobody else's event from being recorded, nor has it recorded twice.
func TestAGroupThatIsTooSlowFailsNobody(t *testing.T) {
	if testing.Short() {
		t.Skip("takes longer than a transaction may")
	}
	onBoth(t, fiveEach, func(t *testing.T, s *stage) {
		s.buy("o-first", "c-0", "", "1")
		s.buy("o-second", "c-2", "", "1")
		code := s.link("ann@example.com", 0)
		s.slowly("c-0")
		go s.slowly("c-0") // and once more, behind the first
		time.Sleep(100 * time.Millisecond)
		var refused atomic.Int64
		parallel(t, 12, func(i int) (*engine.Recorded, error) {
			if i == 1 {
				_, err := s.core.Click(context.Background(), engine.Visit{Code: code})
				return nil, err
			}
			if i == 2 {
				_, err := s.core.AdjustLedger(context.Background(), s.account, engine.Adjustment{CustomerID: "c-2", Currency: "USD", Value: money.Unit, Add: true})
				return nil, err
			}
			r, err := s.core.RecordCustom(context.Background(), s.account, engine.CustomEvent{
				Who: engine.Who{CustomerID: fmt.Sprint("c-", i), Server: true}, Name: "visited",
			})
			if i == 0 && errors.Is(err, store.ErrSlow) { // who leads a group alone waited for as long as it may
				refused.Store(1)
				err = nil
			}
			return r, err
		})
		if got := s.events(model.Custom); got != 10-int(refused.Load()) {
			t.Errorf("%d events, want 10", got)
		}
	})
}

// events counts the events of a kind.
func (s *stage) events(kind model.EventKind) (n int) {
	s.t.Helper()
	err := s.store.View(context.Background(), s.account, func(tx *store.Tx) error {
		all, _, err := tx.EventsAbove(0, 1000)
		for _, e := range all {
			if e.Kind == kind {
				n++
			}
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// unsure is a database that loses what it answers to commits.
type unsure struct {
	store.Engine
	lose *atomic.Bool
}

func (u unsure) Update(ctx context.Context, fn func(store.Conn) ([]store.Statement, error)) error {
	err := u.Engine.Update(ctx, fn)
	if err == nil && u.lose.Load() {
		time.Sleep(20 * time.Millisecond) // the next ones gather
		err = fmt.Errorf("%w: connection reset", store.ErrUnsure)
	}
	return err
}

// An event that nothing keeps from happening twice is not recorded again where
// the first time may have been durable: whoever sent it is told so.
func TestNothingIsRecordedAgainThatMayBeDurable(t *testing.T) {
	database, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "test.db")})
	if err != nil {
		t.Fatal(err)
	}
	var lose atomic.Bool
	s := newStage(t, unsure{database, &lose}, fiveEach)
	lose.Store(true)
	parallel(t, 24, func(i int) (any, error) {
		_, err := s.core.RecordCustom(context.Background(), s.account, engine.CustomEvent{
			Who: engine.Who{CustomerID: fmt.Sprint("c-", i), Server: true}, Name: "visited",
		})
		if !errors.Is(err, store.ErrUnsure) {
			return nil, fmt.Errorf("%d: %v", i, err)
		}
		return nil, nil
	})
	if got := s.events(model.Custom); got != 24 {
		t.Errorf("%d events of 24 calls", got)
	}
}
