// Package money holds exact amounts. It knows nothing of currencies' names or
// of who owes whom.
package money

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Amount is a sum of money or points in 1/10,000 of a unit.
type Amount int64

// Unit is one whole unit: a dollar, a point.
const Unit Amount = 10_000

// Max is the largest amount there is.
const Max Amount = math.MaxInt64

// ErrSyntax tells that a text is not a decimal number, ErrRange that it does
// not fit an Amount.
var (
	ErrSyntax = errors.New("not a decimal number")
	ErrRange  = errors.New("out of range")
)

// Parse reads decimal text as JSON writes numbers, rounding half to even at
// the fourth place: JavaScript sends 57.870000000000005 for 57.87.
func Parse(text string) (Amount, error) {
	if !isNumber(text) {
		return 0, fmt.Errorf("%q: %w", text, ErrSyntax)
	}
	if a, ok := parseShort(text); ok {
		return a, nil
	}
	// An exponent far out of range would make big.Rat build a number of that
	// many digits.
	if _, exponent, ok := strings.Cut(strings.ToLower(text), "e"); ok {
		if e, err := strconv.Atoi(exponent); err != nil || e > 400 || e < -400 {
			return 0, fmt.Errorf("%q: %w", text, ErrRange)
		}
	}
	if len(text) > 400 {
		return 0, fmt.Errorf("number of %d digits: %w", len(text), ErrRange)
	}
	exact, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, fmt.Errorf("%q: %w", text, ErrSyntax)
	}
	exact.Mul(exact, big.NewRat(int64(Unit), 1))
	rounded := halfEven(exact)
	if !rounded.IsInt64() {
		return 0, fmt.Errorf("%q: %w", text, ErrRange)
	}
	return Amount(rounded.Int64()), nil
}

// isNumber reports whether text is a number as JSON spells it.
func isNumber(text string) bool {
	s := strings.TrimPrefix(text, "-")
	whole := digits(s)
	if whole == 0 {
		return false
	}
	s = s[whole:]
	if rest, ok := strings.CutPrefix(s, "."); ok {
		n := digits(rest)
		if n == 0 {
			return false
		}
		s = rest[n:]
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		n := digits(s)
		if n == 0 {
			return false
		}
		s = s[n:]
	}
	return s == ""
}

func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// parseShort reads the common case, at most four places and no exponent,
// without building big numbers.
func parseShort(text string) (Amount, bool) {
	whole, places, _ := strings.Cut(text, ".")
	if len(whole) > 14 || len(places) > 4 || strings.ContainsAny(text, "eE") {
		return 0, false
	}
	n, err := strconv.ParseInt(whole+places+"0000"[len(places):], 10, 64)
	return Amount(n), err == nil
}

func halfEven(r *big.Rat) *big.Int {
	quotient, remainder := new(big.Int).QuoRem(r.Num(), r.Denom(), new(big.Int))
	twice := new(big.Int).Abs(remainder)
	twice.Lsh(twice, 1)
	switch c := twice.Cmp(r.Denom()); {
	case c < 0, c == 0 && quotient.Bit(0) == 0:
		return quotient
	}
	return quotient.Add(quotient, big.NewInt(int64(r.Sign())))
}

// String writes the amount with as many places as it needs: 10, 0.5, -2.25.
func (a Amount) String() string {
	var buf [24]byte
	return string(a.append(buf[:0]))
}

func (a Amount) append(to []byte) []byte {
	u := uint64(a)
	if a < 0 {
		to = append(to, '-')
		u = -u
	}
	to = strconv.AppendUint(to, u/uint64(Unit), 10)
	if rest := u % uint64(Unit); rest != 0 {
		places := strconv.AppendUint(nil, uint64(Unit)+rest, 10)[1:]
		for places[len(places)-1] == '0' {
			places = places[:len(places)-1]
		}
		to = append(append(to, '.'), places...)
	}
	return to
}

// MarshalJSON writes a JSON number.
func (a Amount) MarshalJSON() ([]byte, error) { return a.append(nil), nil }

// UnmarshalJSON reads a JSON number from its text, never through a float.
func (a *Amount) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return nil
	}
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}

// Add returns a+b, or ErrRange where it does not fit.
func (a Amount) Add(b Amount) (Amount, error) {
	sum := a + b
	if (b > 0 && sum < a) || (b < 0 && sum > a) {
		return 0, ErrRange
	}
	return sum, nil
}

// PerUnit returns rate for each whole unit of a: what 57.87 dollars earn at a
// point a dollar is 57 points. Parts of a unit earn nothing.
func (a Amount) PerUnit(rate Amount) (Amount, error) {
	whole := int64(a / Unit)
	product := new(big.Int).Mul(big.NewInt(whole), big.NewInt(int64(rate)))
	if !product.IsInt64() {
		return 0, ErrRange
	}
	return Amount(product.Int64()), nil
}
