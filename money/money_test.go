package money

import (
	"errors"
	"math/big"
	"testing"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Amount
		err  error
	}{
		{text: "0", want: 0},
		{text: "10", want: 10 * Unit},
		{text: "-2.25", want: -22500},
		{text: "57.870000000000005", want: 578700},
		{text: "0.00005", want: 0},
		{text: "0.00015", want: 2},
		{text: "-0.00015", want: -2},
		{text: "0.000050000001", want: 1},
		{text: "1e2", want: 100 * Unit},
		{text: "1.5E-3", want: 15},
		{text: "922337203685477.5807", want: Max},
		{text: "922337203685477.5808", err: ErrRange},
		{text: "1e300", err: ErrRange},
		{text: "1e999999999", err: ErrRange},
		{text: "", err: ErrSyntax},
		{text: "-", err: ErrSyntax},
		{text: "1.", err: ErrSyntax},
		{text: ".5", err: ErrSyntax},
		{text: "+1", err: ErrSyntax},
		{text: "1/3", err: ErrSyntax},
		{text: "0x10", err: ErrSyntax},
		{text: "ten", err: ErrSyntax},
	} {
		got, err := Parse(tt.text)
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("Parse(%q) = %v, %v; want %v, %v", tt.text, got, err, tt.want, tt.err)
		}
	}
}

func TestPerUnitFloors(t *testing.T) {
	got, err := (57*Unit + 8700).PerUnit(Unit)
	if err != nil || got != 57*Unit {
		t.Errorf("57.87 at a point a dollar = %v, %v; want 57", got, err)
	}
	if _, err := Max.PerUnit(2 * Unit * Unit); !errors.Is(err, ErrRange) {
		t.Errorf("overflow: %v, want ErrRange", err)
	}
}

func TestAddRefusesOverflow(t *testing.T) {
	if _, err := Max.Add(1); !errors.Is(err, ErrRange) {
		t.Errorf("Max+1: %v, want ErrRange", err)
	}
	if sum, err := Amount(5).Add(-7); err != nil || sum != -2 {
		t.Errorf("5-7 = %v, %v", sum, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"1.23456", "-9e3", "57.870000000000005"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(a.String())
		if err != nil || again != a {
			t.Fatalf("Parse(%q) = %d, but its text %q is %d, %v", text, a, a, again, err)
		}
		exact, _ := new(big.Rat).SetString(text)
		exact.Mul(exact, big.NewRat(int64(Unit), 1))
		off := exact.Sub(exact, big.NewRat(int64(a), 1))
		if off.Abs(off).Cmp(big.NewRat(1, 2)) > 0 {
			t.Fatalf("Parse(%q) = %d is off by more than half of the last place", text, a)
		}
	})
}
