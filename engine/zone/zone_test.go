package zone_test

import (
	"testing"

	"grapevine/engine/zone"
)

func TestKnown(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"America/Los_Angeles":          true,
		"Europe/Berlin":                true,
		"Asia/Kolkata":                 true,
		"UTC":                          true,
		"America/Argentina":            true,
		"America/Argentina/Ushuaia":    true,
		"America/Blanc":                true,
		"":                             false,
		"Local":                        false,
		"posixrules":                   false,
		"right/UTC":                    false,
		"posix/Europe/Berlin":          false,
		"localtime":                    false,
		"America/Atlantis":             false,
		"../etc/passwd":                false,
		"/usr/share/zoneinfo/UTC":      false,
		"America/Los_Angeles\x00":      false,
		"Pacific Time (US and Canada)": false,
	} {
		for range 2 { // also where it was asked before
			if got := zone.Known(name); got != want {
				t.Errorf("Known(%q) = %v, want %v", name, got, want)
			}
		}
	}
}
