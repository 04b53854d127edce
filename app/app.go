// Package app builds the program from its configuration and runs its
// commands. It is the only package that knows everyone: which database runs,
// which facade answers which path, who delivers what. It decides nothing that
// a caller of the API could see.
package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"grapevine/dialect/friendbuy"
	"grapevine/dialect/prefinery"
	"grapevine/engine"
	"grapevine/engine/secret"
	"grapevine/store"
	"grapevine/store/postgres"
	"grapevine/store/sqlite"
)

// Config is what every command needs.
type Config struct {
	Database   string // sqlite:FILE or postgres://…
	SecretFile string // "" is FILE.secret beside an SQLite database
	Log        *slog.Logger
	Now        func() time.Time // nil is the machine's clock
}

// program is what every command stands on.
type program struct {
	log   *slog.Logger
	now   func() time.Time
	store *store.Store
	node  *node // nil in a command that only reads
	core  *engine.Engine
}

// access is what a command does with the database.
type access int

const (
	reads  access = iota // a database that is there
	writes               // a database that is there, under a node number
	begins               // the same, and the database is made if it is not there
)

// open opens the database and puts an engine on it. The caller closes the
// program.
func open(ctx context.Context, c Config, a access, publicURL string) (*program, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	st, secretFile, err := openStore(ctx, c, a)
	if err != nil {
		return nil, err
	}
	p := &program{log: c.Log, now: c.Now, store: st}
	if err := p.prepare(ctx, secretFile, a, publicURL); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// openStore opens the database and says where the secret lies.
func openStore(ctx context.Context, c Config, a access) (st *store.Store, secretFile string, err error) {
	file, isSQLite := strings.CutPrefix(c.Database, "sqlite:")
	switch {
	case isSQLite:
		file = strings.TrimPrefix(file, "//")
		if file == "" {
			return nil, "", &InputError{errors.New("--database sqlite: names no file: want sqlite:FILE")}
		}
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) && a != begins {
			return nil, "", fmt.Errorf("there is no database %s: apply and serve make one", file)
		}
		secretFile = c.SecretFile
		if secretFile == "" {
			secretFile = file + ".secret"
		}
		engine, err := sqlite.Open(ctx, sqlite.Config{Path: file, Log: c.Log})
		if err != nil {
			return nil, "", err
		}
		return store.New(engine), secretFile, nil
	case strings.HasPrefix(c.Database, "postgres://") || strings.HasPrefix(c.Database, "postgresql://"):
		if c.SecretFile == "" {
			return nil, "", &InputError{errors.New("PostgreSQL needs --secret-file, the same file for every process that uses the database")}
		}
		engine, err := postgres.Open(ctx, postgres.Config{URL: c.Database, Log: c.Log})
		if err != nil {
			return nil, "", err
		}
		return store.New(engine), c.SecretFile, nil
	}
	return nil, "", &InputError{fmt.Errorf("--database %s: want sqlite:FILE or postgres://…", schemeOf(c.Database))}
}

// schemeOf shows what kind of address a database has, as the rest may hold a
// password.
func schemeOf(database string) string {
	scheme, _, found := strings.Cut(database, ":")
	if !found {
		return database
	}
	return scheme + ":…"
}

func (p *program) prepare(ctx context.Context, secretFile string, a access, publicURL string) error {
	if err := p.store.Engine().Migrate(ctx); err != nil {
		return err
	}
	box, err := p.secret(ctx, secretFile, a)
	if err != nil {
		return err
	}
	newID := func() (int64, error) { return 0, errors.New("this command does not write") }
	if a != reads {
		if p.node, err = leaseNode(ctx, p.store, p.now, p.log); err != nil {
			return err
		}
		newID = p.node.NewID
	}
	p.core = engine.New(engine.Settings{
		Store:          p.store,
		Secret:         box,
		Now:            p.now,
		NewID:          newID,
		LinkURL:        publicURL + "/r",
		PublicURL:      publicURL,
		SignLink:       friendbuy.SignLink,
		InvitationCode: prefinery.InvitationCode,
		Log:            p.log,
	})
	_, err = p.tryConfig(ctx)
	return err
}

// tryConfig reads the configuration of one account, so that a secret file of
// another database is noticed. It reports whether there was an account.
func (p *program) tryConfig(ctx context.Context) (read bool, err error) {
	accounts, err := p.core.Accounts(ctx)
	if err != nil || len(accounts) == 0 {
		return false, err
	}
	_, err = p.core.Config(ctx, accounts[0].ID)
	return err == nil, err
}

// errNoAccount says that nothing was ever applied.
var errNoAccount = errors.New("the database has no account: apply a project file first")

// secret reads the secret file. It makes one only for a command that begins,
// while nothing in the database is sealed: with another secret, all keys would
// be lost.
func (p *program) secret(ctx context.Context, file string, a access) (*secret.Box, error) {
	box, err := readSecret(file, p.log)
	if !errors.Is(err, fs.ErrNotExist) {
		return box, err
	}
	accounts, err := p.store.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	if len(accounts) > 0 {
		return nil, fmt.Errorf("%s is missing, and what is in the database is sealed with it: restore it, or name it with --secret-file", file)
	}
	if a != begins {
		return nil, errNoAccount
	}
	if err := makeSecret(file); err != nil {
		return nil, err
	}
	return readSecret(file, p.log)
}

// close gives back what open took.
func (p *program) close() error {
	var err error
	if p.node != nil {
		err = p.node.release(context.Background())
	}
	return errors.Join(err, p.store.Close())
}

// keepNode runs a command while its node number is renewed, and waits for
// both. It ends the command, and fails, when the number is lost for good.
func (p *program) keepNode(ctx context.Context, command func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	kept := make(chan error, 1)
	go func() {
		kept <- p.node.keep(ctx)
		cancel()
	}()
	err := command(ctx)
	cancel()
	if lost := <-kept; lost != nil {
		return lost
	}
	return err
}
