package app

import "testing"

func TestRanksLetNoGarbageGrow(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	for _, c := range []struct{ live, held, want int }{
		{12 * mb, 0, 100},
		{44 * mb, 32 * mb, 27}, // 12 MB of garbage to 44
		{12 * mb, 32 * mb, 11}, // built since the heap was measured
		{0, 0, 100},
	} {
		if got := paceFor(c.live, c.held); got != c.want {
			t.Errorf("%d MB in use, %d of them ranks: %d%%, want %d%%", c.live/mb, c.held/mb, got, c.want)
		}
	}
}
