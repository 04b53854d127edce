package store

import (
	"math/rand/v2"
	"testing"
)

func TestSpansCoverARangeOnce(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		from := r.Int64N(100_000)
		to := from + r.Int64N(200_000)
		next, widest := map[int64]int64{}, int64(0)
		for _, s := range spans(from, to) {
			if s.from >= s.to {
				t.Fatalf("%d to %d: an empty span %+v", from, to, s)
			}
			next[s.from*s.level] = s.to * s.level
			widest = max(widest, s.level)
		}
		at := from
		for at < to {
			end, found := next[at]
			if !found {
				t.Fatalf("%d to %d: nothing covers %d", from, to, at)
			}
			at = end
		}
		if at != to || len(next) > 7 {
			t.Fatalf("%d to %d: covered up to %d by %d spans", from, to, at, len(next))
		}
		if to-from > 2*Levels[3] && widest != Levels[3] {
			t.Fatalf("%d to %d: no span is wider than %d", from, to, widest)
		}
	}
}
