package app

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
)

// pacer has the garbage collector run as often as it would without the
// waitlists. By its own measure it lets garbage grow to as much as all that is
// in use, so ranks of 30 MB would take 60. They hold no pointers, so to pass
// them by more often costs nothing.
type pacer struct{ percent int }

// normal is what the runtime begins with.
const normal = 100

// pace is told how much of the heap lets no garbage grow. An operator who sets
// GOGC knows better.
func (p *pacer) pace(held int) {
	if os.Getenv("GOGC") != "" {
		return
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	percent := paceFor(int(live[0].Value.Uint64()), held)
	if had := max(p.percent, 1); percent*10 < had*9 || percent*9 > had*10 { // each change stops the world
		debug.SetGCPercent(percent)
		p.percent = percent
	}
}

// paceFor is how many per cent of a heap may be garbage, so that it is as much
// as what else is in use.
func paceFor(live, held int) int {
	const least = 4 << 20 // below which the runtime does not collect
	rest := max(live-held, least)
	return normal * rest / (rest + held)
}
