package engine_test

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/model"
)

// refused tells of calls from an address that one node counted and refused in
// the window of now.
func (s *stage) refused(limit *model.RateLimit, calls int64, addresses ...string) *model.RateSums {
	s.t.Helper()
	sums, err := s.core.ShareRates(context.Background(), s.account, []model.RateCount{
		{Limit: limit, Subject: "token", Ends: s.clock().Truncate(limit.Window).Add(limit.Window), Calls: calls, Refused: addresses},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return sums
}

func TestNodesAddUpWhatTheyCounted(t *testing.T) {
	onBoth(t, `account: Acme`, func(t *testing.T, s *stage) {
		limit := &model.RateLimit{Name: "calls", Calls: 100, Window: time.Minute}
		ends := noon.Add(time.Minute)
		var counts []model.RateCount
		for i := range 70 { // more than one chunk of a statement
			counts = append(counts, model.RateCount{Limit: limit, Subject: fmt.Sprint(i), Ends: ends.Add(time.Duration(i%2) * time.Minute), Calls: int64(i)})
		}
		if _, err := s.core.ShareRates(t.Context(), s.account, counts); err != nil {
			t.Fatal(err)
		}
		sums, err := s.node(2).ShareRates(t.Context(), s.account, counts)
		if err != nil {
			t.Fatal(err)
		}
		for i, sum := range sums.Calls {
			if sum != int64(2*i) {
				t.Errorf("subject %d has %d calls, want %d", i, sum, 2*i)
			}
		}
		s.wait(10 * time.Minute)
		if again := s.refused(limit, 1); again.Calls[0] != 1 {
			t.Errorf("a window that has begun has %d calls, want 1", again.Calls[0])
		}
	})
}

func TestAnAddressThatOverrunsTooOftenIsBlockedUntilItIsLifted(t *testing.T) {
	onBoth(t, `account: Acme`, func(t *testing.T, s *stage) {
		limit := &model.RateLimit{Name: "calls", Calls: 10, Window: time.Minute, Overruns: 3, Within: 24 * time.Hour, Block: 7 * 24 * time.Hour}
		const abuser, other = "192.0.2.1", "192.0.2.2"
		for range 3 {
			s.refused(limit, 10, abuser)
			s.refused(limit, 0, abuser) // told twice, it is one window
			s.wait(time.Minute)
		}
		s.refused(limit, 9, other) // nobody has called past the limit
		s.wait(time.Minute)
		if sums := s.refused(limit, 10, other); len(sums.Blocks) != 0 {
			t.Errorf("after three windows %v are blocked", sums.Blocks)
		}
		s.wait(time.Minute)
		blocked := s.clock().Add(limit.Block)
		want := map[model.RateBlock]time.Time{{Limit: "calls", Address: abuser}: blocked}
		if sums := s.refused(limit, 10, abuser, other); !maps.Equal(sums.Blocks, want) {
			t.Errorf("after the fourth: %s", cmp.Diff(want, sums.Blocks))
		}
		after, err := s.node(2).RateBlocks(t.Context(), s.account) // a process that starts later
		if err != nil || !maps.Equal(after, want) {
			t.Errorf("another process sees %v, %v", after, err)
		}

		for address, wantLifted := range map[string]int64{"::ffff:" + abuser: 1, other: 0} {
			if lifted, err := s.core.Unblock(t.Context(), s.account, address); err != nil || lifted != wantLifted {
				t.Errorf("unblocking %s lifts %d, %v, want %d", address, lifted, err, wantLifted)
			}
		}
		if _, err := s.core.Unblock(t.Context(), s.account, "localhost"); model.KindOf(err) != model.Invalid {
			t.Errorf("unblocking no address: %v", err)
		}
		s.wait(time.Minute)
		if sums := s.refused(limit, 10, abuser); len(sums.Blocks) != 0 {
			t.Errorf("once lifted, one more overrun blocks: %v", sums.Blocks)
		}
	})
}

func TestOverrunsAreForgottenAndBlocksEnd(t *testing.T) {
	onBoth(t, `account: Acme`, func(t *testing.T, s *stage) {
		limit := &model.RateLimit{Name: "calls", Calls: 1, Window: time.Minute, Overruns: 1, Within: time.Hour, Block: time.Hour}
		s.refused(limit, 1, "192.0.2.1")
		s.wait(2 * time.Hour)
		if sums := s.refused(limit, 1, "192.0.2.1"); len(sums.Blocks) != 0 {
			t.Errorf("an overrun of two hours ago counts: %v", sums.Blocks)
		}
		s.wait(time.Minute)
		if sums := s.refused(limit, 1, "192.0.2.1"); len(sums.Blocks) != 1 {
			t.Errorf("two within the hour block %v", sums.Blocks)
		}
		s.wait(time.Hour)
		if sums := s.refused(limit, 0); len(sums.Blocks) != 0 {
			t.Errorf("an hour later %v are blocked", sums.Blocks)
		}
	})
}
