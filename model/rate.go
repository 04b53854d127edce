package model

import "time"

// RateLimit is how often somebody may call.
type RateLimit struct {
	Name   string // unique on the server
	Calls  int64  // within each Window; windows begin on whole multiples of it
	Window time.Duration
	// An address that was refused in more than Overruns windows that ended
	// Within is blocked for Block. Block 0: none ever is.
	Overruns int64
	Within   time.Duration
	Block    time.Duration
}

// RateCount is what one node counted of one caller in one window.
type RateCount struct {
	Limit   *RateLimit
	Subject string
	Ends    time.Time // of the window
	Calls   int64     // since the node last told
	Refused []string  // addresses that were refused in this window
}

// RateSums is what all nodes counted together.
type RateSums struct {
	Calls  []int64 // in the order of the counts that were told
	Blocks map[RateBlock]time.Time
}

// RateBlock names an address that takes nothing under a limit.
type RateBlock struct{ Limit, Address string }
