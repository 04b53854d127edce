package secret_test

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"

	"grapevine/engine/secret"
)

func box(b byte) *secret.Box { return secret.New(bytes.Repeat([]byte{b}, secret.Size)) }

func TestWhatIsSealedOpensWithTheSameSecretOnly(t *testing.T) {
	t.Parallel()
	for _, plain := range []string{"", "a", "geheim ☃", strings.Repeat("x", 5000)} {
		sealed, err := box(1).Seal(plain)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := box(1).Open(sealed); err != nil || got != plain {
			t.Errorf("Open = %q, %v; want %q", got, err, plain)
		}
		if _, err := box(2).Open(sealed); !errors.Is(err, secret.ErrSealed) {
			t.Errorf("opened with another secret: %v", err)
		}
		if plain != "" && strings.Contains(sealed, plain) && len(plain) > 1 {
			t.Errorf("%q shows what it seals", sealed)
		}
	}
}

func TestDamageIsFound(t *testing.T) {
	t.Parallel()
	sealed, err := box(1).Seal("signing secret")
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		damaged := []byte(sealed)
		if damaged[i]++; damaged[i] > 'z' {
			damaged[i] = 'A'
		}
		if got, err := box(1).Open(string(damaged)); err == nil && got != "signing secret" {
			t.Errorf("byte %d changed: opened as %q", i, got)
		}
	}
	for _, s := range []string{"", "x", "not base64!", sealed[:10], sealed + "AAAA"} {
		if _, err := box(1).Open(s); !errors.Is(err, secret.ErrSealed) {
			t.Errorf("Open(%q) = %v, want ErrSealed", s, err)
		}
	}
}

func TestSealingTwiceDiffers(t *testing.T) {
	t.Parallel()
	b := box(1)
	one, _ := b.Seal("same")
	two, _ := b.Seal("same")
	if one == two {
		t.Error("the same text was sealed to the same bytes")
	}
}

func TestKeysDifferByPurposeAndSecret(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name, key := range map[string][]byte{
		"1/cookie": box(1).Key("cookie"), "1/page": box(1).Key("page"), "2/cookie": box(2).Key("cookie"),
	} {
		if len(key) != 32 {
			t.Errorf("%s has %d bytes", name, len(key))
		}
		if other, ok := seen[string(key)]; ok {
			t.Errorf("%s is the key of %s", name, other)
		}
		seen[string(key)] = name
	}
	if !bytes.Equal(box(1).Key("cookie"), box(1).Key("cookie")) {
		t.Error("the same purpose gave two keys")
	}
}

func TestDigestsAreUnambiguous(t *testing.T) {
	t.Parallel()
	b := box(1)
	seen := map[string]int{}
	for i, c := range []struct {
		purpose string
		parts   []string
	}{
		{"order", nil}, {"order", []string{""}}, {"order", []string{"", ""}},
		{"order", []string{"ab", "c"}}, {"order", []string{"a", "bc"}}, {"order", []string{"abc"}},
		{"email", []string{"abc"}}, {"order", []string{"\x03abc"}},
		{"order", []string{strings.Repeat("x", 300)}}, {"order", []string{strings.Repeat("x", 301)}},
	} {
		d := b.Digest(c.purpose, c.parts...)
		if len(d) < 22 {
			t.Errorf("digest %q is short", d)
		}
		if other, ok := seen[d]; ok {
			t.Errorf("case %d has the digest of case %d", i, other)
		}
		if d != b.Digest(c.purpose, c.parts...) {
			t.Errorf("case %d: digest changed", i)
		}
		seen[d] = i
	}
	if b.Digest("order", "o-1") == box(2).Digest("order", "o-1") {
		t.Error("the digest does not depend on the secret")
	}
}

func TestDigestsInParallel(t *testing.T) {
	t.Parallel()
	b := box(1)
	want := b.Digest("order", "o-1")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if got := b.Digest("order", "o-1"); got != want {
					t.Errorf("got %q, want %q", got, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestHashTellsUsesApart(t *testing.T) {
	t.Parallel()
	if secret.Hash("ab", "c") == secret.Hash("a", "bc") {
		t.Error("use and value run together")
	}
	if got := secret.Hash("use", "value"); got != secret.Hash("use", "value") || len(got) != 43 {
		t.Errorf("Hash = %q", got)
	}
}

func TestShortMasterPanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("a short secret was taken")
		}
	}()
	secret.New([]byte("short"))
}

func BenchmarkDigest(b *testing.B) {
	x := box(1)
	for b.Loop() {
		x.Digest("order", "2605", "order-4711")
	}
}
