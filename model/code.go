package model

import "slices"

// ReservedWords are first segments of addresses on which something else is
// served. No code is one of them: its link would lead there.
var ReservedWords = []string{
	"admin", "api", "assets", "confirm", "dashboard", "demo", "healthz", "login", "logout", "mail", "manage", "metrics",
	"openapi", "r", "readyz", "sdk", "static", "v1", "v2", "webhook", "widget",
}

// Reserved tells whether a code is a reserved word.
func Reserved(code string) bool {
	_, found := slices.BinarySearch(ReservedWords, FoldCode(code))
	return found
}
