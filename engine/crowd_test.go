package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
	"grapevine/store/pgtest"
	"grapevine/store/postgres"
)

// Many tell of events of many at once, so that these share transactions, on two
// nodes, while people are merged, erased and suspended. Each event is recorded
// once, and verify agrees with what it earned.
func TestWhatACrowdDoesAtOnceVerifyAgrees(t *testing.T) {
	onBoth(t, anyAccount, func(t *testing.T, s *stage) {
		ctx := context.Background()
		one := newMess(s)
		one.people = 90
		s.apply(fmt.Sprintf(everything, "launched", "3", "TEN-1, TEN-2, TEN-3, TEN-4, TEN-5, TEN-6, TEN-7, TEN-8, TEN-9", "true", 93))
		two := *one
		two.stage = &stage{t: t, core: s.node(2), store: s.store, account: s.account}
		want := 0
		for round := range 4 {
			const callers = 60
			parallel(t, callers, func(i int) (any, error) {
				chance := rand.New(rand.NewPCG(uint64(round), uint64(i)))
				m := []*mess{one, &two}[i%2]
				for n := range 4 {
					if i == 0 {
						if err := m.upset(ctx, chance); err != nil {
							return nil, err
						}
						continue
					}
					who := m.somebody(chance, chance.IntN(m.people), m.people)
					referral := engine.Referral{}
					if chance.IntN(3) > 0 {
						referral = by(m.codes[chance.IntN(len(m.codes))])
					}
					var err error
					if n%2 == 0 { // the call beside this one tells of the same order, on the other node
						_, err = m.core.RecordPurchase(ctx, m.account, engine.Purchase{
							Who: who, Referral: referral, OrderID: fmt.Sprintf("o-%d-%d-%d", round, n, (i-1)/2),
							Amount: money.Amount(1+chance.IntN(90)) * money.Unit, Currency: "USD",
						})
					} else {
						_, err = m.core.RecordCustom(ctx, m.account, engine.CustomEvent{Who: who, Referral: referral, Name: []string{"trial", "visited"}[chance.IntN(2)]})
					}
					if err != nil {
						return nil, fmt.Errorf("round %d, caller %d: %w", round, i, err)
					}
				}
				return nil, nil
			})
			want += 2 * (callers - 1)
			s.wait(3 * time.Hour)
			s.run()
			if report := s.verify(); len(report.Differences) > 0 {
				t.Fatalf("round %d: %v", round, report.Differences)
			}
		}
		if got := s.events(model.Custom); got != want {
			t.Errorf("%d custom events of %d calls", got, want)
		}
		if got := s.events(model.Purchase); got != 4*2*30 {
			t.Errorf("%d purchases of %d orders", got, 4*2*30)
		}
	})
}

// upset merges, erases, suspends or lets in somebody.
func (m *mess) upset(ctx context.Context, chance *rand.Rand) error {
	n := chance.IntN(m.people)
	var err error
	switch chance.IntN(4) {
	case 0:
		_, err = m.core.SaveCustomer(ctx, m.account, engine.Customer{Who: server(fmt.Sprint("c-", n), fmt.Sprintf("p-%d@example.com", chance.IntN(m.people)))})
	case 1:
		_, err = m.core.Erase(ctx, m.account, engine.Whom{Email: fmt.Sprintf("p-%d@example.com", n)})
	case 2:
		if ids := m.ids("participant"); len(ids) > 0 {
			id := model.ParticipantID(ids[chance.IntN(len(ids))])
			err = m.comes(id, []model.State{model.StateSuspended, model.StateActive}[chance.IntN(2)])
		}
	case 3:
		_, err = m.core.Join(ctx, m.account, engine.Join{Who: m.somebody(chance, n, m.people), Referral: by(m.codes[chance.IntN(len(m.codes))]), Kind: model.SignUp})
	}
	var refused *model.Error
	if errors.As(err, &refused) && refused.Kind != model.Internal {
		return nil
	}
	return err
}

// Two nodes that hear of the same new people at once, in whatever order, wait
// for each other, and never in a ring, which PostgreSQL takes a second to see.
func TestGroupsOfTwoNodesWaitInOneOrder(t *testing.T) {
	t.Parallel()
	log := &logged{}
	database, err := postgres.Open(t.Context(), postgres.Config{
		URL: pgtest.URL(t), Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	s := newStage(t, database, fiveEach)
	nodes := []*engine.Engine{s.core, s.node(2)}
	const people = 30
	for round := range 12 {
		parallel(t, 2*people, func(i int) (any, error) {
			p := i / 2
			if i%2 == 1 {
				p = people - 1 - p
			}
			_, err := nodes[i%2].RecordPurchase(context.Background(), s.account, engine.Purchase{
				Who:     server(fmt.Sprintf("c-%d-%d", round, p), fmt.Sprintf("p-%d-%d@example.com", round, p)),
				OrderID: fmt.Sprintf("o-%d-%d", round, i), Amount: money.Unit, Currency: "USD",
			})
			return nil, err
		})
	}
	if n := strings.Count(log.text(), "deadlock detected"); n > 0 {
		t.Errorf("%d deadlocks", n)
	}
}

// What no database takes for a text fails whoever sent it, and nobody who is
// read or recorded beside them.
func TestNoTextFailsOnlyWhoSentIt(t *testing.T) {
	onBoth(t, anyAccount, func(t *testing.T, s *stage) {
		id := s.begin("ann@example.com", "", "")
		fails := func(i int) bool { return i%10 == 9 }
		none := []string{"a\x00", "\xff"}
		parallel(t, 60, func(i int) (any, error) {
			naming := engine.Naming{ID: id}
			sight := engine.Sight{
				Who:  engine.Who{CustomerID: fmt.Sprint("c-", i), Browser: &engine.Browser{URL: "https://shop.example.com/"}},
				Kind: model.PageReached,
			}
			if fails(i) {
				naming, sight.CustomerID = engine.Naming{UUID: none[i/10%2]}, none[i/10%2]
			}
			_, viewed := s.core.ViewNamed(t.Context(), s.account, naming, engine.Relations{})
			_, seen := s.core.RecordSights(t.Context(), s.account, []engine.Sight{sight})
			_, recorded := s.core.RecordPage(t.Context(), s.account, engine.Page{Who: sight.Who, URL: "/"})
			for _, err := range []error{viewed, seen[0], recorded} {
				if fails(i) != (err != nil) || model.KindOf(err) == model.Internal && err != nil {
					return nil, fmt.Errorf("%d: %v, %v, %v", i, viewed, seen[0], recorded)
				}
			}
			return nil, nil
		})
	})
}

// logged keeps what is written to a log.
type logged struct {
	mu   sync.Mutex
	kept strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kept.Write(p)
}

func (l *logged) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kept.String()
}
