package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"grapevine/engine"
	"grapevine/engine/sheet"
	"grapevine/model"
	"grapevine/money"
)

// Each test is named after what went wrong when two things happened at once, or
// in an order that nobody had thought of.

func TestOneOfTwoSuppressionsOfAnAddressIsMade(t *testing.T) {
	t.Parallel()
	onBoth(t, acme, func(t *testing.T, s *stage) {
		count := func(email string) (n int) {
			var mu sync.Mutex
			parallel(t, 8, func(int) (int, error) {
				_, err := s.core.Suppress(context.Background(), s.account, email, model.SuppressedManually)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					n++
				case model.ReasonOf(err) == model.EmailTaken:
					err = nil
				}
				return 0, err
			})
			return n
		}
		for i := range 5 {
			if n := count(fmt.Sprintf("new%d@example.com", i)); n != 1 {
				t.Errorf("%d suppressions of one address were made", n)
			}
		}
		s.know("c-1", "erased@example.com")
		if n := count("erased@example.com"); n != 1 {
			t.Errorf("%d suppressions of one address were made", n)
		}
		s.erase(engine.Whom{Email: "erased@example.com"})
		s.run()
		if n := count("erased@example.com"); n != 1 {
			t.Errorf("%d suppressions of an address that was erased were made", n)
		}
	})
}

func TestSuppressionThatSomebodyElseHasJustLiftedIsNotFound(t *testing.T) {
	t.Parallel()
	onBoth(t, acme, func(t *testing.T, s *stage) {
		for i := range 5 {
			made, err := s.core.Suppress(context.Background(), s.account, fmt.Sprintf("new%d@example.com", i), model.SuppressedManually)
			if err != nil {
				t.Fatal(err)
			}
			var lifted atomic.Int64
			parallel(t, 8, func(int) (any, error) {
				err := s.core.Unsuppress(context.Background(), s.account, made.ID)
				if err == nil {
					lifted.Add(1)
				}
				if model.KindOf(err) == model.NotFound {
					err = nil
				}
				return nil, err
			})
			if n := lifted.Load(); n != 1 {
				t.Errorf("lifted %d times", n)
			}
		}
	})
}

func TestOneOfTwoFirstLedgersOfAHolderIsItsFirst(t *testing.T) {
	t.Parallel()
	onBoth(t, adjusting, func(t *testing.T, s *stage) {
		for i := range 5 {
			first := parallel(t, 6, func(n int) (bool, error) {
				done, err := s.adjusted(engine.Adjustment{
					CustomerID: fmt.Sprint("till-", i), Custom: true, Currency: []string{"Points", "Stars", "USD"}[n%3], Add: true, Value: money.Unit,
				})
				return err == nil && done.Created, err
			})
			if made := len(slices.DeleteFunc(first, func(made bool) bool { return !made })); made != 1 {
				t.Errorf("%d of 6 adjustments say that they made the holder", made)
			}
		}
	})
}

func TestWhoIsSuspendedMeanwhileIsNotCredited(t *testing.T) {
	t.Parallel()
	onBoth(t, acme, func(t *testing.T, s *stage) {
		suspended := model.StateSuspended
		for round := range 4 {
			email := fmt.Sprintf("ann%d@example.com", round)
			code := s.link(email, 0)
			ann, err := s.core.FindParticipant(t.Context(), s.account, engine.Naming{Code: code})
			if err != nil {
				t.Fatal(err)
			}
			parallel(t, 13, func(i int) (any, error) {
				if i == 6 {
					return nil, s.core.ChangeParticipant(context.Background(), s.account, ann, engine.Change{State: &suspended})
				}
				name := fmt.Sprintf("c-%d-%d", round, i)
				return s.core.RecordPurchase(context.Background(), s.account, engine.Purchase{
					Who: server(name, name+"@example.com"), Referral: by(code), OrderID: name, Amount: money.Unit, Currency: "USD",
				})
			})
		}
		if report := s.verify(); names(report, "conversion advocate") {
			t.Errorf("verify says %v", report.Differences)
		}
	})
}

func TestWhoWasErasedGoesOnToCountInLists(t *testing.T) {
	t.Parallel()
	onBoth(t, acme, func(t *testing.T, s *stage) {
		code := s.link("ann@example.com", 0)
		for _, friend := range []string{"bob", "cid", "dee"} {
			s.signUp(server(friend, friend+"@example.com"), code)
		}
		listed := func(core *engine.Engine) string {
			t.Helper()
			found, err := core.ListPeople(t.Context(), s.account, engine.PeopleQuery{
				Where: []sheet.Condition{sheet.Compared(engine.PeopleReferrals, sheet.Equal, 3)},
				By:    sheet.Order{Column: engine.PeopleJoinedAt}, Size: 10,
			})
			if err != nil {
				t.Fatal(err)
			}
			var list []string
			for _, v := range found.Rows {
				list = append(list, fmt.Sprint(v.Email, " ", v.Referrals))
			}
			return strings.Join(list, ", ")
		}
		const want = "ann@example.com 3"
		if got := listed(s.core); got != want {
			t.Fatalf("%q brought three", got)
		}
		s.erase(engine.Whom{Email: "bob@example.com"})
		s.erase(engine.Whom{Email: "cid@example.com"})
		for name, core := range map[string]*engine.Engine{"a list that follows": s.core, "one that is read anew": s.node(2)} {
			if got := listed(core); got != want {
				t.Errorf("%s: %q brought three, want %q", name, got, want)
			}
		}
	})
}

func TestCampaignsSwapTheirUUIDs(t *testing.T) {
	t.Parallel()
	const one, two = "ef9befc6-18f1-418c-8914-5ee8d09bb5aa", "0c7c2f4e-0000-4000-8000-000000000001"
	file := func(first, second string) string {
		return fmt.Sprintf(`
account: Acme
campaigns:
  - {name: First, id: 1, uuid: %s, status: launched}
  - {name: Second, id: 2, uuid: %s, status: launched}
`, first, second)
	}
	onBoth(t, file(one, two), func(t *testing.T, s *stage) {
		s.apply(file(two, one))
		cfg, err := s.core.Config(t.Context(), s.account)
		if err != nil {
			t.Fatal(err)
		}
		for uuid, want := range map[string]model.CampaignID{one: 2, two: 1} {
			if c, err := cfg.CampaignByUUID(uuid); err != nil || c.ID != want {
				t.Errorf("%s is of %v, want %d: %v", uuid, c, want, err)
			}
		}
	})
}
