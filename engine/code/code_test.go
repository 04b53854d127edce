package code

import (
	"strings"
	"testing"
)

func TestClean(t *testing.T) {
	for wish, want := range map[string]string{
		"johnsmith": "johnsmith", "John Smith": "johnsmith", "José-Ana_9": "jose-ana_9", "Ивана": "", "a/b?c=1&d": "abc1d", "": "",
		strings.Repeat("x", 300): strings.Repeat("x", Longest-suffix),
	} {
		if got := Clean(wish); got != want {
			t.Errorf("Clean(%q) = %q, want %q", wish, got, want)
		}
	}
}

func TestCandidatesBeginWithTheWishAndNeverRepeat(t *testing.T) {
	seen := map[string]bool{}
	first := ""
	for c := range Candidates("VIP", "Ann") {
		if first == "" {
			first = c
		}
		if seen[c] || !strings.HasPrefix(c, "vipann") || len(c) > 2*Longest {
			t.Errorf("candidate %q", c)
		}
		seen[c] = true
	}
	if first != "vipann" || len(seen) < 5 {
		t.Errorf("first %q of %d", first, len(seen))
	}
}

func TestVanityCodesBeginWithAFewLettersAndCannotBeGuessed(t *testing.T) {
	for names, want := range map[[2]string]string{
		{"Ada", "x"}: "ada", {"Maximilian", ""}: "maximi", {"José-Ana 9", ""}: "josean", {"Ивана", "iv.ana"}: "ivana", {"", "9a"}: "a", {"1", "2"}: "",
	} {
		if got := Letters(names[0], names[1]); got != want {
			t.Errorf("%q: letters %q, want %q", names, got, want)
		}
	}
	seen := map[string]bool{}
	for c := range Vanity("VIP-", "maximi") {
		rest, is := strings.CutPrefix(c, "vip-maximi")
		if !is || len(rest) < 4 || len(seen) == 0 && len(rest) != 4 || strings.Trim(rest, alphabet) != "" || seen[c] {
			t.Errorf("code %q", c)
		}
		seen[c] = true
	}
	if len(seen) < 5 {
		t.Errorf("only %d to try", len(seen))
	}
}

func TestRandomUsesTheWholeAlphabet(t *testing.T) {
	seen := map[rune]bool{}
	for range 200 {
		for _, r := range Random(8) {
			seen[r] = true
		}
	}
	if len(seen) != len(alphabet) {
		t.Errorf("%d of %d letters in 1600 draws", len(seen), len(alphabet))
	}
}
