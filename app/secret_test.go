package app

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestSecretFileIsMadeOnceForItsOwnerOnly(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "grapevine.secret")
	if _, err := readSecret(file, slog.New(slog.DiscardHandler)); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v, want fs.ErrNotExist", err)
	}
	digests := make([]string, 8)
	var wg sync.WaitGroup
	for i := range digests {
		wg.Go(func() {
			if err := makeSecret(file); err != nil {
				t.Error(err)
				return
			}
			box, err := readSecret(file, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Error(err)
				return
			}
			digests[i] = box.Digest("test", "x")
		})
	}
	wg.Wait()
	for _, d := range digests {
		if d != digests[0] || d == "" {
			t.Fatalf("processes that start together got different secrets: %q", digests)
		}
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("mode %o, want 600", mode)
	}
	if left, _ := os.ReadDir(folder); len(left) != 1 {
		t.Errorf("drafts were left: %v", left)
	}
}

func TestSecretFileThatIsNoneIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"empty":     "",
		"too short": strings.Repeat("ab", 31),
		"too long":  strings.Repeat("ab", 33),
		"not hex":   strings.Repeat("xy", 32),
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "secret")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := readSecret(file, slog.New(slog.DiscardHandler)); err == nil {
				t.Error("it was taken")
			}
		})
	}
}

func TestSecretFileThatOthersCanReadIsTold(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(strings.Repeat("ab", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[fs.FileMode]bool{0o600: false, 0o400: false, 0o640: true, 0o604: true} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		if _, err := readSecret(file, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
			t.Fatal(err)
		}
		if told := log.Len() > 0; told != want {
			t.Errorf("mode %o: told %v, want %v", mode, told, want)
		}
	}
}
