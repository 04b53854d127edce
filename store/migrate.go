package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var embedded embed.FS

// migrations is the folder of DDL that both engines share.
func migrations() fs.FS {
	folder, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return folder
}

// Migrator is what an engine brings to bring its schema to the newest version.
type Migrator struct {
	DB      *sql.DB
	Dialect goose.Dialect
	Lock    lock.SessionLocker // keeps other processes out; may be nil
	Replace []string           // tokens of the DDL and what they stand for here, in pairs
}

// Up runs the migrations that the database lacks. It fails with ErrNewer if
// the database has one that this program does not know.
func (m Migrator) Up(ctx context.Context) error { return m.up(ctx, migrations()) }

func (m Migrator) up(ctx context.Context, folder fs.FS) error {
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if m.Lock != nil {
		options = append(options, goose.WithSessionLocker(m.Lock))
	}
	provider, err := goose.NewProvider(m.Dialect, m.DB, prepared{folder, strings.NewReplacer(m.Replace...)}, options...)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	sources := provider.ListSources()
	latest := sources[len(sources)-1].Version
	for {
		version := m.version(ctx)
		if version > latest {
			return fmt.Errorf("%w: it has version %d, the program knows %d", ErrNewer, version, latest)
		}
		if version == latest {
			return nil
		}
		if _, err := provider.Up(ctx); err == nil {
			return nil
		} else if m.version(ctx) == version {
			return fmt.Errorf("migrate: %w", err)
		}
		// Where nothing is locked, another process was first: look again.
	}
}

// version is the newest migration that the database has, or 0.
func (m Migrator) version(ctx context.Context) int64 {
	var version int64
	row := m.DB.QueryRowContext(ctx, `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version`)
	if row.Scan(&version) != nil {
		return 0 // there is no such table yet; any other trouble goose will meet, too
	}
	return version
}

// prepared is a folder of files whose tokens are replaced.
type prepared struct {
	fs.FS
	tokens *strings.Replacer
}

func (p prepared) Open(name string) (fs.File, error) {
	file, err := p.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return file, err
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return preparedFile{file, strings.NewReader(p.tokens.Replace(string(text)))}, nil
}

// preparedFile is a file with another text.
type preparedFile struct {
	fs.File
	text io.Reader
}

func (f preparedFile) Read(b []byte) (int, error) { return f.text.Read(b) }
