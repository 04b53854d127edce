package friendbuy_test

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"grapevine/dialect/dialecttest"
	"grapevine/dialect/friendbuy"
	"grapevine/engine"
	"grapevine/model"
	"grapevine/store"
)

// What testdata/acme.yaml says, as JSON writes it.
const (
	stageKey    = `3fa85f64-5717-4562-b3fc-2c963f66afa6`
	stageSecret = `95eb1c78 \"<&>\" ünd\\more`
)

// stage is the dialect on the real engine and a database of its own, with the
// account of testdata/acme.yaml.
type stage struct {
	*dialecttest.Stage
	store   *store.Store
	core    *engine.Engine
	account model.AccountID
	handler http.Handler
	clock   *clock
	log     *bytes.Buffer
	gone    bool // the database is closed
}

// clock goes on by a millisecond whenever it is read, and by jumps.
type clock struct{ *dialecttest.Clock }

func (c *clock) now() time.Time       { return c.Now() }
func (c *clock) jump(d time.Duration) { c.Jump(d) }

// onBoth runs a test on SQLite and on PostgreSQL, and afterwards recomputes
// every figure, unless the test has taken the database away.
func onBoth(t *testing.T, test func(t *testing.T, s *stage)) {
	t.Helper()
	dialecttest.OnBoth(t, func(t *testing.T, d *dialecttest.Stage) {
		s := enter(t, d)
		test(t, s)
		if !s.gone {
			s.verify(t)
		}
	})
}

// newStage is on SQLite.
func newStage(t testing.TB) *stage {
	t.Helper()
	return enter(t, dialecttest.New(t))
}

// enter puts the dialect on a stage.
func enter(t testing.TB, d *dialecttest.Stage) *stage {
	s := &stage{Stage: d, store: d.Store, core: d.Core, account: d.Account, clock: &clock{d.Clock}, log: d.Log}
	s.handler = s.serve(t, friendbuy.Options{})
	return s
}

// remembersNothing is an engine that has only just begun.
func (s *stage) remembersNothing() *engine.Engine { return s.Fresh() }

// serve is the dialect as the server has it, held against its document.
func (s *stage) serve(t testing.TB, o friendbuy.Options) http.Handler {
	o.Now = s.clock.now
	return document.Watch(t, s.Front(friendbuy.New(s.core, o)))
}

// apply puts testdata/acme.yaml in force, changed as told.
func (s *stage) apply(t testing.TB, change func(string) string) model.AccountID {
	t.Helper()
	return s.Apply(t, change)
}

// verify recomputes every figure of the account.
func (s *stage) verify(t testing.TB) {
	t.Helper()
	s.Verify(t)
}
