// Package zone tells which names of time zones are taken from outside. It
// computes no times.
package zone

import (
	"sync"
	"time"
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

// known remembers the names that loaded: reading a zone costs a file. Names
// that did not are asked for anew, or a caller could fill the memory.
var known sync.Map

// Known reports whether name is an IANA name or one of the listed regions.
// "Local" and "" are none: they mean another zone on each machine.
func Known(name string) bool {
	if regions[name] {
		return true
	}
	if name == "" || name == "Local" {
		return false
	}
	if _, ok := known.Load(name); ok {
		return true
	}
	if _, err := time.LoadLocation(name); err != nil {
		return false
	}
	known.Store(name, true)
	return true
}
