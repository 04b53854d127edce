package main

import (
	"testing"
	"time"
)

func TestQuantilesAreWithinTwoPerCent(t *testing.T) {
	t.Parallel()
	var l latencies
	for i := range 100_000 {
		l.add(time.Duration(i) * time.Microsecond)
	}
	for _, c := range []struct {
		q    float64
		want time.Duration
	}{
		{0.5, 50 * time.Millisecond},
		{0.99, 99 * time.Millisecond},
		{0.00005, 5 * time.Microsecond},
	} {
		got := l.quantile(c.q)
		if off := float64(got-c.want) / float64(c.want); off > 0 || off < -0.02 {
			t.Errorf("quantile %v is %v, want %v or 2 per cent less", c.q, got, c.want)
		}
	}
}

func TestBucketsAreInOrder(t *testing.T) {
	t.Parallel()
	last := -1
	for v := uint64(0); v < 1<<36; v += v/100 + 1 {
		b := bucketOf(v)
		if b < last {
			t.Fatalf("%d is in bucket %d, below that of a smaller value, %d", v, b, last)
		}
		if low := valueOf(b); low > v || float64(v-low) > float64(v)/64 {
			t.Fatalf("bucket %d of %d begins at %d", b, v, low)
		}
		last = b
	}
}
