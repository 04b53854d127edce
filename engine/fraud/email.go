package fraud

import (
	"strings"

	"grapevine/model"
)

// likeness is how alike the two most alike addresses are, out of 100. Only
// addresses that are equal once folded are 100.
func likeness(ours, theirs []string) int {
	best := 0
	for _, a := range ours {
		for _, b := range theirs {
			if a != "" && b != "" {
				best = max(best, int(JaroWinkler(foldLocal(a), foldLocal(b))*100+1e-9))
			}
		}
	}
	return best
}

// foldLocal drops from the part before the @ what most providers do: case,
// dots, and a suffix after a plus sign.
func foldLocal(address string) string {
	address = model.FoldEmail(address)
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return address
	}
	local, _, _ := strings.Cut(address[:at], "+")
	if folded := strings.ReplaceAll(local, ".", ""); folded != "" {
		return folded + address[at:]
	}
	return address
}

// JaroWinkler is the similarity of two texts, from 0 to 1, with a prefix of at
// most four characters weighing a tenth. It is 1 for equal texts only.
func JaroWinkler(a, b string) float64 {
	if a == b {
		return 1
	}
	x, y := []rune(a), []rune(b)
	similar := jaro(x, y)
	prefix := 0
	for prefix < min(4, len(x), len(y)) && x[prefix] == y[prefix] {
		prefix++
	}
	return similar + float64(prefix)*0.1*(1-similar)
}

func jaro(x, y []rune) float64 {
	if len(x) == 0 || len(y) == 0 {
		return 0
	}
	reach := max(0, max(len(x), len(y))/2-1)
	taken := make([]bool, len(y))
	var matches []rune // of x, in its order
	for i, r := range x {
		for j := max(0, i-reach); j < min(len(y), i+reach+1); j++ {
			if !taken[j] && y[j] == r {
				taken[j] = true
				matches = append(matches, r)
				break
			}
		}
	}
	if len(matches) == 0 {
		return 0
	}
	swapped, next := 0, 0
	for j, r := range y {
		if taken[j] {
			if r != matches[next] {
				swapped++
			}
			next++
		}
	}
	m := float64(len(matches))
	return (m/float64(len(x)) + m/float64(len(y)) + (m-float64(swapped)/2)/m) / 3
}
