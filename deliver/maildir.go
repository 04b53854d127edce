package deliver

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"grapevine/engine"
)

// Folder writes mails into a folder, for who has no mail server yet: a file
// each, which mail programs open.
type Folder struct {
	Path string
	Log  *slog.Logger

	said sync.Once
}

// Send writes a mail. Sent again it is the same file.
func (f *Folder) Send(ctx context.Context, m *Message) (engine.MailOutcome, string) {
	f.said.Do(func() {
		f.Log.WarnContext(ctx, "mail is not sent, but written to a folder: name a mail server with --smtp", "folder", f.Path)
	})
	if err := f.write(m); err != nil {
		f.Log.ErrorContext(ctx, "mail cannot be written", "err", err)
		return engine.MailDeferred, "write: " + clean(err.Error())
	}
	return engine.MailTaken, ""
}

// write makes the file whole before it has its name.
func (f *Folder) write(m *Message) error {
	if err := os.MkdirAll(f.Path, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(f.Path, ".mail-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // gone already, where all went well
	if _, err := file.Write(m.Data); err != nil {
		file.Close()
		return err
	}
	if err := file.Sync(); err != nil {
		file.Close()
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), filepath.Join(f.Path, m.Name))
}
