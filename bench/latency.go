package main

import (
	"math/bits"
	"time"
)

// latencies counts durations in buckets whose width is a 64th of their value,
// so that a quantile is right within 1.6 per cent and adding one is cheap.
type latencies struct {
	n       int64
	buckets [64 * 40]int64
}

const fine = 6 // bits kept below the highest

func (l *latencies) add(d time.Duration) {
	l.n++
	l.buckets[bucketOf(uint64(max(d, 0)))]++
}

func (l *latencies) merge(m *latencies) {
	l.n += m.n
	for i, n := range m.buckets {
		l.buckets[i] += n
	}
}

// quantile returns the duration that q of all are not above.
func (l *latencies) quantile(q float64) time.Duration {
	left := int64(q * float64(l.n))
	for i, n := range l.buckets {
		if left -= n; left < 0 {
			return time.Duration(valueOf(i))
		}
	}
	return 0
}

func bucketOf(v uint64) int {
	if v < 1<<fine {
		return int(v)
	}
	shift := bits.Len64(v) - 1 - fine
	return min((shift+1)<<fine+int(v>>shift)-1<<fine, len(latencies{}.buckets)-1)
}

// valueOf returns the lowest value of a bucket.
func valueOf(i int) uint64 {
	if i < 1<<fine {
		return uint64(i)
	}
	shift := i>>fine - 1
	return (uint64(i&(1<<fine-1)) + 1<<fine) << shift
}
