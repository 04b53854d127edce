// Package zone tells which names of time zones are taken from outside, and
// when the days of a zone begin. It reads no clock.
package zone

import (
	"sync"
	"time"
	_ "time/tzdata" // for machines that have no zones
)

// regions are names that shops send as their API's documentation lists them:
// parts of an IANA name, or one misspelt. Nothing is computed in them.
var regions = map[string]bool{
	"America/Argentina":    true,
	"America/Blanc":        true,
	"America/Indiana":      true,
	"America/Kentucky":     true,
	"America/North_Dakota": true,
	"America/Port":         true,
}

// loaded remembers the zones that loaded: reading one costs a file. Names
// that did not are asked for anew, or a caller could fill the memory.
var loaded sync.Map

// Known reports whether name is an IANA name or one of the listed regions.
// "Local" and "" are none: they mean another zone on each machine.
func Known(name string) bool {
	if regions[name] {
		return true
	}
	_, ok := Load(name)
	return ok
}

// Load finds the zone of an IANA name, in which days can be told apart; the
// listed regions are none. Names of IANA begin with a capital; what some
// machines have beside them does not, such as posixrules, or right/UTC, whose
// days begin seconds late.
func Load(name string) (*time.Location, bool) {
	if name == "" || name == "Local" || name[0] < 'A' || name[0] > 'Z' {
		return nil, false
	}
	if zone, ok := loaded.Load(name); ok {
		return zone.(*time.Location), true
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, false
	}
	loaded.Store(name, zone)
	return zone, true
}
