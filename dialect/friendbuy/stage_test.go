package friendbuy_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"grapevine/dialect/friendbuy"
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

// What testdata/acme.yaml says, as JSON writes it.
const (
	stageKey    = `3fa85f64-5717-4562-b3fc-2c963f66afa6`
	stageSecret = `95eb1c78 \"<&>\" ünd\\more`
)

// stage is the dialect on the real engine and a database of its own, with the
// account of testdata/acme.yaml.
type stage struct {
	store   *store.Store
	core    *engine.Engine
	account model.AccountID
	handler http.Handler
	clock   *clock
	log     *bytes.Buffer
}

// clock goes on by a millisecond whenever it is read, and by jumps.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(time.Millisecond)
	return c.at
}

func (c *clock) jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// onBoth runs a test on SQLite and on PostgreSQL.
func onBoth(t *testing.T, test func(t *testing.T, s *stage)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, newStage(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		database, err := postgres.Open(t.Context(), postgres.Config{URL: pgtest.URL(t)})
		if err != nil {
			t.Fatal(err)
		}
		test(t, newStageOn(t, database))
	})
}

// newStage is on SQLite.
func newStage(t testing.TB) *stage {
	t.Helper()
	database, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "test.db")})
	if err != nil {
		t.Fatal(err)
	}
	return newStageOn(t, database)
}

func newStageOn(t testing.TB, database store.Engine) *stage {
	t.Helper()
	ctx := t.Context()
	st := store.New(database)
	t.Cleanup(func() {
		if err := st.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
			t.Error(err)
		}
	})
	if err := database.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	s := &stage{store: st, clock: &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}, log: &bytes.Buffer{}}
	s.core = s.remembersNothing()
	s.account = s.apply(t, func(text string) string { return text })
	s.handler = s.serve(t, friendbuy.Options{})
	return s
}

// remembersNothing is an engine that has only just begun.
func (s *stage) remembersNothing() *engine.Engine {
	return engine.New(engine.Settings{
		Store:   s.store,
		Secret:  secret.New(bytes.Repeat([]byte("s"), secret.Size)),
		Now:     s.clock.now,
		NewID:   model.NewMaker(s.clock.now, 1, 0, 1<<40).Next,
		LinkURL: "https://grapevine.example.com/r",
		Log:     slog.New(slog.NewJSONHandler(s.log, nil)),
	})
}

// serve is the dialect as the server has it, held against its document.
func (s *stage) serve(t testing.TB, o friendbuy.Options) http.Handler {
	o.Now = s.clock.now
	log := slog.New(slog.NewJSONHandler(s.log, nil))
	return document.Watch(t, web.Front(web.Settings{Log: log, Now: s.clock.now}, friendbuy.New(s.core, o)))
}

// apply puts testdata/acme.yaml in force, changed as told.
func (s *stage) apply(t testing.TB, change func(string) string) model.AccountID {
	t.Helper()
	text, err := os.ReadFile("testdata/acme.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file, err := projectfile.Parse("acme.yaml", []byte(change(string(text))))
	if err != nil {
		t.Fatal(err)
	}
	applied, err := s.core.Apply(t.Context(), file.Project())
	if err != nil {
		t.Fatal(file.Explain(err))
	}
	return applied.Account
}

// verify recomputes every figure of the account.
func (s *stage) verify(t testing.TB) {
	t.Helper()
	report, err := s.core.Verify(t.Context(), s.account)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range report.Differences {
		t.Errorf("verify: %+v", d)
	}
}
