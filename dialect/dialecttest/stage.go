// Package dialecttest sets the stage for tests of dialects: the real engine,
// on both databases, with the account of the dialect's testdata/acme.yaml and
// a clock that the test moves. It knows no dialect.
package dialecttest

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/engine/secret"
	"grapevine/model"
	"grapevine/projectfile"
	"grapevine/store"
	"grapevine/store/pgtest"
	"grapevine/store/postgres"
	"grapevine/store/sqlite"
	"grapevine/web"
)

// oneKey is the key of every account in tests: making one takes longer than
// most tests.
var oneKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// Stage is an engine with the account of testdata/acme.yaml on a database of
// its own.
type Stage struct {
	Store   *store.Store
	Core    *engine.Engine
	Account model.AccountID
	Clock   *Clock
	Log     *bytes.Buffer
	logger  *slog.Logger
}

// Clock goes on by a millisecond whenever it is read, and by jumps.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// Now reads the clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(time.Millisecond)
	return c.at
}

// Jump moves the clock.
func (c *Clock) Jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// OnBoth runs a test on SQLite and on PostgreSQL.
func OnBoth(t *testing.T, test func(t *testing.T, s *Stage)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, New(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		database, err := postgres.Open(t.Context(), postgres.Config{URL: pgtest.URL(t)})
		if err != nil {
			t.Fatal(err)
		}
		test(t, on(t, database))
	})
}

// New is a stage on SQLite.
func New(t testing.TB) *Stage {
	t.Helper()
	database, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "test.db")})
	if err != nil {
		t.Fatal(err)
	}
	return on(t, database)
}

func on(t testing.TB, database store.Engine) *Stage {
	t.Helper()
	st := store.New(database)
	t.Cleanup(func() {
		if err := st.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
			t.Error(err)
		}
	})
	if err := database.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := &Stage{Store: st, Clock: &Clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}, Log: &bytes.Buffer{}}
	s.logger = slog.New(slog.NewJSONHandler(s.Log, nil))
	s.Core = s.Fresh()
	s.Account = s.Apply(t, func(text string) string { return text })
	return s
}

// Fresh is an engine that has only just begun, and remembers nothing.
func (s *Stage) Fresh() *engine.Engine {
	return engine.New(engine.Settings{
		Store:   s.Store,
		Secret:  secret.New(bytes.Repeat([]byte("s"), secret.Size)),
		Now:     s.Clock.Now,
		NewID:   model.NewMaker(s.Clock.Now, 1, 0, 1<<40).Next,
		NewKey:  oneKey,
		LinkURL: "https://grapevine.example.com/r",
		Log:     s.logger,
	})
}

// Front puts a handler behind what every request goes through.
func (s *Stage) Front(h http.Handler) http.Handler {
	return web.Front(web.Settings{Log: s.logger, Now: s.Clock.Now}, h)
}

// Apply puts testdata/acme.yaml in force, changed as told.
func (s *Stage) Apply(t testing.TB, change func(string) string) model.AccountID {
	t.Helper()
	text, err := os.ReadFile("testdata/acme.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file, err := projectfile.Parse("acme.yaml", []byte(change(string(text))))
	if err != nil {
		t.Fatal(err)
	}
	applied, err := s.Core.Apply(t.Context(), file.Project())
	if err != nil {
		t.Fatal(file.Explain(err))
	}
	return applied.Account
}

// Verify recomputes every figure of the account.
func (s *Stage) Verify(t testing.TB) {
	t.Helper()
	report, err := s.Core.Verify(t.Context(), s.Account)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range report.Differences {
		t.Errorf("verify: %+v", d)
	}
}
