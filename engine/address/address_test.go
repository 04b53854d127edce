package address_test

import (
	"strings"
	"testing"

	"grapevine/engine/address"
)

func TestValid(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 63)
	for _, c := range []struct {
		name, text string
		want       bool
	}{
		{"plain", "ann@example.com", true},
		{"tag and dots", "ann.b+spring@mail.example.co.uk", true},
		{"capitals", "Ann@Example.COM", true},
		{"a name below a company's domain", "ann@shop.github.io", true},
		{"a company that offers names", "ann@github.io", true},
		{"a domain in another script", "ann@bücher.de", true},
		{"its form in DNS", "ann@xn--bcher-kva.de", true},
		{"a local part in another script", "änn@example.com", true},
		{"the longest local part", "x" + long + "@example.com", true},

		{"empty", "", false},
		{"no at sign", "ann.example.com", false},
		{"two at signs", "ann@b@example.com", false},
		{"nobody", "@example.com", false},
		{"no domain", "ann@", false},
		{"no dot in the domain", "a@b", false},
		{"a label that begins with a hyphen", "a@-x.co", false},
		{"an underscore in the domain", "a@x_y.co", false},
		{"a name beside it", "Ann <a@b.co>", false},
		{"angle brackets", "<a@b.co>", false},
		{"blanks around it", " a@b.co ", false},
		{"a comment", "a@b.co (Ann)", false},
		{"two addresses", "a@b.co, c@d.co", false},
		{"a public suffix", "ann@co.uk", false},
		{"a top level nobody knows", "ann@example.nosuchtld", false},
		{"an address literal", "ann@[192.0.2.1]", false},
		{"a number for a domain", "ann@192.0.2.1", false},
		{"an empty label", "ann@example..com", false},
		{"a dot at the end", "ann@example.com.", false},
		{"a quoted local part", `"ann b"@example.com`, false},
		{"a control character", "ann\x00@example.com", false},
		{"half a character", "ann\ufffd@example.com", false},
		{"a turn of direction", "ann\u202e@example.com", false},
		{"a space of no width", "an\u200bn@example.com", false},
		{"a line break", "ann@example.com\r\nBcc: x@example.com", false},
		{"a local part too long", "xx" + long + "@example.com", false},
		{"a label too long", "ann@x" + long + ".com", false},
		{"too long", "ann@" + strings.Repeat(long+".", 4) + "com", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := address.Valid(c.text); got != c.want {
				t.Errorf("Valid(%q) = %v, want %v", c.text, got, c.want)
			}
		})
	}
}

func FuzzValid(f *testing.F) {
	f.Add("ann@example.com")
	f.Add("Ann <a@b.co>")
	f.Add("a@b@c")
	f.Fuzz(func(t *testing.T, text string) {
		if !address.Valid(text) {
			return
		}
		if len(text) > 254 || strings.ContainsAny(text, " \r\n\t<>\x00") || !strings.Contains(text, "@") {
			t.Errorf("Valid(%q) = true", text)
		}
	})
}
