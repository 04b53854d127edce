package store_test

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"grapevine/model"
	"grapevine/store"
	"grapevine/store/pgtest"
	"grapevine/store/postgres"
	"grapevine/store/sqlite"
)

// onEngines runs a test on an empty database of each engine.
func onEngines(t *testing.T, test func(*testing.T, *store.Store)) {
	t.Run("sqlite", func(t *testing.T) {
		engine, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "test.db")})
		if err != nil {
			t.Fatal(err)
		}
		run(t, engine, test)
	})
	t.Run("postgres", func(t *testing.T) {
		engine, err := postgres.Open(t.Context(), postgres.Config{URL: pgtest.URL(t)})
		if err != nil {
			t.Fatal(err)
		}
		run(t, engine, test)
	})
}

func run(t *testing.T, engine store.Engine, test func(*testing.T, *store.Store)) {
	st := store.New(engine)
	t.Cleanup(func() { st.Close() })
	if err := engine.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	test(t, st)
}

var noon = model.Epoch.Add(2000 * time.Hour)

func lease(t *testing.T, st *store.Store, now time.Time) *store.Node {
	t.Helper()
	n, err := st.LeaseNode(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNodesAreHeldByOneEach(t *testing.T) {
	onEngines(t, func(t *testing.T, st *store.Store) {
		var mu sync.Mutex
		var wg sync.WaitGroup
		held := map[int]bool{}
		for range model.Nodes {
			wg.Go(func() {
				n, err := st.LeaseNode(t.Context(), noon)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err != nil:
					t.Error(err)
				case held[n.Number]:
					t.Errorf("number %d has two holders", n.Number)
				default:
					held[n.Number] = true
				}
			})
		}
		wg.Wait()
		if _, err := st.LeaseNode(t.Context(), noon.Add(store.NodeLease-time.Millisecond)); !errors.Is(err, store.ErrNoNode) {
			t.Errorf("one more: got %v, want ErrNoNode", err)
		}
		lease(t, st, noon.Add(store.NodeLease))
	})
}

func TestNodeIsFreeOnceReleased(t *testing.T) {
	onEngines(t, func(t *testing.T, st *store.Store) {
		first := lease(t, st, noon)
		for range model.Nodes - 1 {
			lease(t, st, noon)
		}
		reached := model.Milli(noon) + 5
		if err := st.ReleaseNode(t.Context(), first, reached); err != nil {
			t.Fatal(err)
		}
		next := lease(t, st, noon)
		if next.Number != first.Number || next.After <= reached {
			t.Errorf("got number %d after %d, want %d after more than %d", next.Number, next.After, first.Number, reached)
		}
		if ahead := next.After - reached; ahead > 1 {
			t.Errorf("ids begin %d ms later than they must", ahead)
		}
		if err := st.ReleaseNode(t.Context(), first, reached); !errors.Is(err, store.ErrNodeLost) {
			t.Errorf("released twice: got %v, want ErrNodeLost", err)
		}
	})
}

func TestHolderThatSleptCannotRenew(t *testing.T) {
	onEngines(t, func(t *testing.T, st *store.Store) {
		slept := lease(t, st, noon)
		mark := slept.Mark
		later := noon.Add(store.NodeLease)
		var heir *store.Node
		for heir == nil || heir.Number != slept.Number {
			heir = lease(t, st, later)
		}
		if heir.After < mark {
			t.Errorf("ids of the next holder begin after %d, below the mark %d", heir.After, mark)
		}
		if err := st.RenewNode(t.Context(), slept, later, slept.After); !errors.Is(err, store.ErrNodeLost) {
			t.Errorf("renewed: got %v, want ErrNodeLost", err)
		}
		if slept.Mark != mark {
			t.Errorf("a failed renewal moved the mark to %d", slept.Mark)
		}
		if err := st.RenewNode(t.Context(), heir, later.Add(time.Minute), heir.After); err != nil {
			t.Errorf("a late renewal that nobody forestalled: %v", err)
		}
	})
}

// process is one of many that make ids, with a clock of its own. Clocks tick
// coarsely, so that ids which could meet do.
type process struct {
	clock time.Time
	node  *store.Node
	maker *model.Maker
	last  int64
}

func (p *process) start(st *store.Store, t *testing.T, clock time.Time) error {
	p.clock, p.last = clock, 0
	n, err := st.LeaseNode(t.Context(), clock)
	if err != nil {
		return err
	}
	p.node = n
	p.maker = model.NewMaker(func() time.Time { return p.clock.Truncate(time.Second) }, n.Number, n.After, n.Mark)
	return nil
}

func TestIDsNeverOverlap(t *testing.T) {
	onEngines(t, func(t *testing.T, st *store.Store) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		chance := rand.New(rand.NewPCG(seed, 1))
		given := map[int64]bool{}
		processes := make([]process, model.Nodes+4)
		counts := map[string]int{}
		now := noon
		for range 4000 {
			now = now.Add(time.Duration(chance.IntN(400)) * time.Millisecond)
			p := &processes[chance.IntN(len(processes))]
			p.clock = p.clock.Add(time.Duration(chance.IntN(2000)-200) * time.Millisecond)
			if p.maker == nil {
				skew := time.Duration(chance.IntN(60)-30) * time.Second
				err := p.start(st, t, now.Add(skew))
				if err != nil && !errors.Is(err, store.ErrNoNode) {
					t.Fatal(err)
				}
				counts["start"]++
				continue
			}
			switch action := chance.IntN(20); {
			case action < 12:
				for range chance.IntN(2000) {
					id, err := p.maker.Next()
					if err != nil {
						counts["mark"]++
						break
					}
					if given[id] {
						t.Fatalf("id %d was given twice", id)
					}
					if id <= p.last {
						t.Fatalf("id %d follows %d", id, p.last)
					}
					given[id], p.last = true, id
				}
			case action < 17:
				err := st.RenewNode(t.Context(), p.node, p.clock, p.maker.Reached())
				switch {
				case errors.Is(err, store.ErrNodeLost):
					counts["lost"]++
					p.maker = nil
				case err != nil:
					t.Fatal(err)
				default:
					p.maker.Extend(p.node.Mark)
				}
			case action < 18:
				counts["released"]++
				err := st.ReleaseNode(t.Context(), p.node, p.maker.Stop())
				if err != nil && !errors.Is(err, store.ErrNodeLost) {
					t.Fatal(err)
				}
				p.maker = nil
			case action < 19:
				counts["killed"]++
				p.maker = nil
			default:
				p.clock = now // a clock that is set, maybe backwards
			}
		}
		for _, what := range []string{"start", "mark", "lost", "released", "killed"} {
			if counts[what] == 0 {
				t.Errorf("the run tried nothing of %q: %v", what, counts)
			}
		}
	})
}
