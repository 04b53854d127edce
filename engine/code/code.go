// Package code makes referral codes: random ones, vanity ones from what people
// are called, and those that somebody wishes for. It knows nothing of who has
// which.
package code

import (
	"crypto/rand"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// alphabet has no characters that are read for one another: 0 and o, 1, i
// and l.
const alphabet = "23456789abcdefghjkmnpqrstuvwxyz"

// Longest is how long a code may be.
const Longest = 64

// Random makes a code of n characters that nobody can guess.
func Random(n int) string {
	code := make([]byte, 0, n)
	for buf := make([]byte, 2*n); ; {
		rand.Read(buf)
		for _, b := range buf {
			// The largest multiple of the alphabet's length: what is above would
			// favour its first letters.
			if int(b) < 256/len(alphabet)*len(alphabet) {
				if code = append(code, alphabet[int(b)%len(alphabet)]); len(code) == n {
					return string(code)
				}
			}
		}
	}
}

// Clean makes a code of what was wished for: lower case, letters, digits, "-"
// and "_"; accents fall off, other characters are left out. It may come to
// nothing.
func Clean(wish string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(norm.NFD.String(wish)) {
		if (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9') || r == '-' || r == '_' {
			b.WriteRune(r)
		}
		if b.Len() == Longest-suffix {
			break
		}
	}
	return b.String()
}

// suffix is the most that Candidates adds.
const suffix = 10

// Candidates gives codes to try in turn, until one is free: the wish itself,
// then the wish with a short random suffix that grows. A wish of "" gives
// random ones. The prefix stands before each.
func Candidates(prefix, wish string) func(yield func(string) bool) {
	prefix, wish = Clean(prefix), Clean(wish)
	return func(yield func(string) bool) {
		if wish == "" {
			for length := 8; length <= 16; length++ {
				if !yield(prefix + Random(length)) {
					return
				}
			}
			return
		}
		if !yield(prefix + wish) {
			return
		}
		for length := 2; length < suffix; length++ {
			if !yield(prefix + wish + "-" + Random(length)) {
				return
			}
		}
	}
}

// Most letters of a name in a vanity code, and how many characters that nobody
// can guess follow at least: ten in all, after a prefix.
const (
	nameLetters = 6
	ending      = 4
)

// Letters are what a vanity code begins with: the first letters of the first of
// names that has any.
func Letters(names ...string) string {
	for _, name := range names {
		var b strings.Builder
		for _, r := range Clean(name) {
			if r >= 'a' && r <= 'z' && b.Len() < nameLetters {
				b.WriteRune(r)
			}
		}
		if b.Len() > 0 {
			return b.String()
		}
	}
	return ""
}

// Vanity gives codes to try in turn that begin with letters and cannot be
// guessed.
func Vanity(prefix, letters string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for length := ending; length <= 2*ending; length++ {
			if !yield(Clean(prefix) + letters + Random(length)) {
				return
			}
		}
	}
}
