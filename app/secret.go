package app

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"grapevine/engine/secret"
)

// readSecret reads the master secret: 32 bytes in hexadecimal. It fails with
// fs.ErrNotExist where there is no such file.
func readSecret(file string, log *slog.Logger) (*secret.Box, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the secret file: %w", err)
	}
	master, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(master) != secret.Size {
		return nil, fmt.Errorf("read the secret file: %s does not hold %d bytes in hexadecimal", file, secret.Size)
	}
	if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o077 != 0 {
		log.Warn("other users of this machine can read the secret file", "file", file, "mode", info.Mode().Perm().String())
	}
	return secret.New(master), nil
}

// makeSecret makes a secret file that only its owner can read. Of several
// processes that make it at once, one succeeds and the others find its file.
func makeSecret(file string) error {
	master := make([]byte, secret.Size)
	if _, err := rand.Read(master); err != nil {
		return err
	}
	draft, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("make the secret file: %w", err)
	}
	defer os.Remove(draft.Name())
	_, err = fmt.Fprintf(draft, "%x\n", master)
	err = errors.Join(err, draft.Sync(), draft.Close())
	if err != nil {
		return fmt.Errorf("make the secret file: %w", err)
	}
	if err := os.Link(draft.Name(), file); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the secret file: %w", err)
	}
	return syncFolder(filepath.Dir(file))
}

// syncFolder makes a new name in a folder survive a power cut.
func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
