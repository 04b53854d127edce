package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/store"
)

// doubling is a gather that answers twice what it is given, a group at a time
// for each key, slowly.
func doubling(groups *atomic.Int64, busy *[4]atomic.Bool) *gather[int, int, int] {
	return &gather[int, int, int]{max: 10, run: func(key int, requests []int) ([]result[int], error) {
		if busy[key].Swap(true) {
			return nil, errors.New("two groups of one key at once")
		}
		defer busy[key].Store(false)
		groups.Add(1)
		time.Sleep(time.Second)
		results := make([]result[int], len(requests))
		for i, r := range requests {
			results[i].out = 2 * r
			if r < 0 {
				results[i] = result[int]{err: errors.New("negative")}
			}
			if r == 999 {
				return nil, errors.New("lost")
			}
		}
		return results, nil
	}}
}

func TestGatherAnswersEachItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var groups atomic.Int64
		var busy [4]atomic.Bool
		g := doubling(&groups, &busy)
		start := time.Now()
		var all sync.WaitGroup
		for key := range 4 {
			for i := range 41 {
				all.Go(func() {
					got, err := g.do(t.Context(), key, i-1)
					if (i == 0) != (err != nil) || (err == nil && got != 2*(i-1)) {
						t.Errorf("key %d, %d: %d, %v", key, i-1, got, err)
					}
				})
			}
		}
		all.Wait()
		// One alone, then ten at a time; keys do not wait for each other.
		if took := time.Since(start); took > 5*time.Second || groups.Load() > 24 {
			t.Errorf("%d groups took %v", groups.Load(), took)
		}
		synctest.Wait()
		if len(g.queues) != 0 {
			t.Errorf("left behind: %v", g.queues)
		}
	})
}

// As many groups of a key are under way at once as it has lanes, no more.
func TestGatherHasLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		g := &gather[int, int, int]{max: 10, lanes: 2, run: func(_ int, requests []int) ([]result[int], error) {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			time.Sleep(time.Second)
			results := make([]result[int], len(requests))
			for i, r := range requests {
				results[i].out = 2 * r
			}
			return results, nil
		}}
		start := time.Now()
		var all sync.WaitGroup
		for i := range 42 {
			all.Go(func() {
				if got, err := g.do(t.Context(), 0, i); got != 2*i || err != nil {
					t.Errorf("%d: %d, %v", i, got, err)
				}
			})
		}
		all.Wait()
		// Two alone, then two tens at a time.
		if took := time.Since(start); took != 3*time.Second || most.Load() != 2 {
			t.Errorf("%d groups at once took %v", most.Load(), took)
		}
		synctest.Wait()
		if len(g.queues) != 0 {
			t.Errorf("left behind: %v", g.queues)
		}
	})
}

// A few that come while many are under way wait until they are half as many.
func TestGatherSharesAmongItsLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var mu sync.Mutex
		var groups []string
		// A request says how many seconds it takes.
		g := &gather[int, int, int]{max: 100, lanes: 2, run: func(_ int, requests []int) ([]result[int], error) {
			mu.Lock()
			groups = append(groups, fmt.Sprintf("%d at %v", len(requests), time.Since(began)))
			mu.Unlock()
			time.Sleep(time.Duration(slices.Max(requests)) * time.Second)
			return make([]result[int], len(requests)), nil
		}}
		var all sync.WaitGroup
		ask := func(at time.Duration, n, seconds int) {
			time.Sleep(at - time.Since(began))
			for range n {
				all.Go(func() {
					if _, err := g.do(t.Context(), 0, seconds); err != nil {
						t.Error(err)
					}
				})
				synctest.Wait()
			}
		}
		ask(0, 1, 1)
		ask(0, 1, 3)
		ask(time.Second/2, 10, 10)
		ask(11500*time.Millisecond, 1, 1) // four are under way
		ask(12*time.Second, 1, 1)
		all.Wait()
		want := []string{"1 at 0s", "1 at 0s", "6 at 1s", "4 at 3s", "2 at 12s"}
		if diff := cmp.Diff(want, groups); diff != "" {
			t.Errorf("groups (-want +got):\n%s", diff)
		}
	})
}

func TestGatherTellsAllOfALostGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var groups atomic.Int64
		var busy [4]atomic.Bool
		g := doubling(&groups, &busy)
		var all sync.WaitGroup
		var failed atomic.Int64
		for _, r := range []int{1, 2, 999, 3} {
			all.Go(func() {
				if r != 1 {
					time.Sleep(time.Millisecond) // while the first is under way
				}
				if _, err := g.do(t.Context(), 0, r); err != nil {
					failed.Add(1)
				}
			})
		}
		all.Wait()
		if failed.Load() != 3 {
			t.Errorf("%d failed, want the three of the second group", failed.Load())
		}
		if got, err := g.do(t.Context(), 0, 4); got != 8 || err != nil {
			t.Errorf("afterwards: %d, %v", got, err)
		}
	})
}

// Who gives up before the group begins leaves nothing behind; who gives up
// later is told what became of the request.
func TestGatherDropsWhoGaveUpInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []int
		g := &gather[int, int, int]{max: 10, run: func(_ int, requests []int) ([]result[int], error) {
			seen = append(seen, requests...)
			time.Sleep(time.Second)
			return make([]result[int], len(requests)), nil
		}}
		short, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := g.do(short, 0, 1); err != nil {
				t.Errorf("who was in the group: %v", err)
			}
		})
		synctest.Wait()
		all.Go(func() {
			if _, err := g.do(short, 0, 2); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("who gave up while waiting: %v", err)
			}
		})
		all.Wait()
		if len(seen) != 1 || seen[0] != 1 {
			t.Errorf("requests %v were run", seen)
		}
	})
}

// A panic is an error of those who are in the group, and harms nobody later.
func TestGatherOutlivesAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gather[int, int, int]{max: 10, run: func(_ int, requests []int) ([]result[int], error) {
			time.Sleep(time.Second)
			if requests[0] < 0 {
				panic("negative")
			}
			return make([]result[int], len(requests)), nil
		}}
		var all sync.WaitGroup
		for _, r := range []int{-1, -2, 3} { // the first leads a group, the others are in a later one
			all.Go(func() {
				time.Sleep(time.Duration(r+2) * time.Millisecond)
				var panicked *store.Panic
				if _, err := g.do(t.Context(), 0, r); r < 0 && !errors.As(err, &panicked) {
					t.Errorf("%d: %v", r, err)
				}
			})
		}
		all.Wait()
		if _, err := g.do(t.Context(), 0, 4); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}
