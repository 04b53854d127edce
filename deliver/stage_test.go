package deliver

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/engine/secret"
	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
	"grapevine/store/pgtest"
	"grapevine/store/postgres"
	"grapevine/store/sqlite"
)

// onBoth runs a test on SQLite and on PostgreSQL.
func onBoth(t *testing.T, test func(t *testing.T, open func() store.Engine)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "test.db")
		test(t, func() store.Engine {
			e, err := sqlite.Open(context.Background(), sqlite.Config{Path: path})
			must(t, err)
			t.Cleanup(func() { e.Close() })
			return e
		})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := pgtest.URL(t)
		test(t, func() store.Engine {
			e, err := postgres.Open(context.Background(), postgres.Config{URL: url})
			must(t, err)
			t.Cleanup(func() { e.Close() })
			return e
		})
	})
}

// onSQLite runs a test whose matter is not the database.
func onSQLite(t *testing.T) func() store.Engine {
	path := filepath.Join(t.TempDir(), "test.db")
	return func() store.Engine {
		e, err := sqlite.Open(context.Background(), sqlite.Config{Path: path})
		must(t, err)
		t.Cleanup(func() { e.Close() })
		return e
	}
}

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

func (c *clock) Add(d time.Duration) { c.Set(c.Now().Add(d)) }

// stage is one process of a server: an account whose campaign pays advocates
// for every purchase of their friends.
type stage struct {
	*Runner
	t       *testing.T
	clock   *clock // nil: the machine's
	now     func() time.Time
	store   *store.Store
	account model.AccountID
	project *model.Project // as it was applied last
	tells   model.Queue    // of the first endpoint
	sends   model.Queue    // likewise
	code    string         // of the advocate
	orders  int
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// newStage makes an account that tells each of the addresses of its rewards,
// at a clock that stands at noon.
func newStage(t *testing.T, open func() store.Engine, addresses ...string) *stage {
	c := &clock{now: noon}
	s := newProcess(t, open, 1, c.Now)
	s.clock = c
	s.apply(addresses...)
	return s
}

// newProcess joins a database, whose schema it makes if need be.
func newProcess(t *testing.T, open func() store.Engine, node int, now func() time.Time) *stage {
	db := open()
	must(t, db.Migrate(context.Background()))
	ids := model.NewMaker(now, node, 0, 1<<40)
	s := &stage{t: t, now: now, store: store.New(db)}
	core := engine.New(engine.Settings{
		Store: s.store, Secret: secret.New(make([]byte, secret.Size)), Now: now, NewID: ids.Next,
		LinkURL: "https://go.example.com/r", PublicURL: "https://grapevine.example", Log: slog.New(slog.DiscardHandler),
	})
	s.Runner = New(Config{
		Engine: core, Renderers: map[string]Renderer{"plain": plain{}}, RunJob: core.RunJob,
		Client: NewClient(true), Now: now, Log: slog.New(slog.DiscardHandler),
	})
	return s
}

func (s *stage) apply(addresses ...string) {
	s.t.Helper()
	project := &model.Project{
		Settings: model.Settings{Name: "Acme", Slug: "acme", Site: "https://shop.example.com", Currency: "USD", Timezone: "UTC"},
		Keys:     []model.Key{{Use: "plain.secret", Value: "hush", Secret: true}},
		Campaigns: []model.Campaign{{
			Name: "Evergreen", Status: model.Launched, Landing: "https://shop.example.com", LinkParam: "ref", AttributionWindow: 90 * 24 * time.Hour,
			Rules: []model.Rule{{
				Name: "Ten", Descriptor: "ten", To: model.ToAdvocate, On: "purchase", After: 1, Repeat: true,
				Value: model.Value{Type: model.Discount, Amount: 10_0000, Unit: "USD"},
			}},
		}},
	}
	for _, address := range addresses {
		project.Endpoints = append(project.Endpoints, model.Endpoint{Dialect: "plain", Event: "earned", Topic: model.AdvocateRewardEarned, URL: address})
	}
	applied, err := s.engine.Apply(s.t.Context(), project)
	must(s.t, err)
	s.account, s.project = applied.Account, project
	if len(project.Endpoints) > 0 {
		first := int64(project.Endpoints[0].ID)
		s.tells = model.Queue{Account: s.account, Kind: model.JobTell, Lane: first}
		s.sends = model.Queue{Account: s.account, Kind: model.JobDeliver, Lane: first}
	}
	links, err := s.engine.Links(s.t.Context(), s.account, []engine.LinkRequest{{
		Who: engine.Who{Email: "ada@example.com", CustomerID: "ada", Server: true}, Campaign: project.Campaigns[0].UUID,
	}})
	must(s.t, err)
	s.code = links[0].Code
}

// purchase has a new friend of the advocate's buy something.
func (s *stage) purchase() {
	s.t.Helper()
	s.orders++
	friend := fmt.Sprintf("friend%d", s.orders)
	_, err := s.engine.RecordPurchase(s.t.Context(), s.account, engine.Purchase{
		Who:      engine.Who{Email: friend + "@example.com", CustomerID: friend, Server: true},
		Referral: engine.Referral{ReferralCode: s.code},
		OrderID:  friend, Amount: money.Amount(50_0000), Currency: "USD",
	})
	must(s.t, err)
}

// step runs all that is due and returns when the next job is.
func (s *stage) step() time.Time {
	s.t.Helper()
	next, err := s.Step(s.t.Context())
	must(s.t, err)
	return next
}

// tell runs what a purchase left, once it is gathered.
func (s *stage) tell() time.Time {
	s.t.Helper()
	s.clock.Add(engine.Gather)
	return s.step()
}

// gather makes deliveries of what the first endpoint is told.
func (s *stage) gather() {
	s.t.Helper()
	_, _, err := s.engine.GatherTells(s.t.Context(), s.tells, s.fits)
	must(s.t, err)
}

func (s *stage) config() *engine.Config {
	s.t.Helper()
	cfg, err := s.engine.Config(s.t.Context(), s.account)
	must(s.t, err)
	return cfg
}

func (s *stage) deliveries() (all []model.Delivery) {
	s.t.Helper()
	must(s.t, s.store.View(s.t.Context(), s.account, func(tx *store.Tx) (err error) {
		all, err = tx.Deliveries(0, 10_000)
		return err
	}))
	return all
}

func (s *stage) attempts(id model.DeliveryID) (all []model.Attempt) {
	s.t.Helper()
	must(s.t, s.store.View(s.t.Context(), s.account, func(tx *store.Tx) (err error) {
		all, err = tx.Attempts(id)
		return err
	}))
	return all
}

// plain is a dialect of these tests: every quarter of an hour, for a day.
type plain struct{}

func (plain) Fits(*model.Endpoint) int64 { return 100 }

func (plain) Timeout() time.Duration { return 10 * time.Second }

type plainJSON struct {
	ID      string   `json:"id"`
	Friends []string `json:"friends"`
}

func (plain) Body(d *model.Delivery, to *model.Endpoint, told []engine.Told, _ *engine.Config) ([]byte, error) {
	body := plainJSON{ID: d.UUID}
	for _, t := range told {
		if t.Recipient != nil {
			body.Friends = append(body.Friends, t.Recipient.Email)
			continue
		}
		if strings.HasPrefix(t.Reward.Friends[0].Email, "poison") {
			return nil, fmt.Errorf("cannot write of %s", t.Reward.Friends[0].Email)
		}
		body.Friends = append(body.Friends, t.Reward.Friends[0].Email)
	}
	return json.Marshal(body)
}

func (plain) Header(d *model.Delivery, to *model.Endpoint, _ time.Time, secret func(string) string) http.Header {
	return http.Header{"X-Event": {to.Event}, "X-Signature": {secret("plain.secret") + fmt.Sprint(len(d.Body))}}
}

func (plain) Judge(to *model.Endpoint, status int) model.Verdict {
	switch {
	case status == http.StatusOK:
		return model.Accepted
	case status == http.StatusGone:
		return model.ReceiverGone
	case to.Topic == model.RewardQuestioned && status == http.StatusBadRequest:
		return model.Refused
	}
	return model.TryAgain
}

func (plain) Allowed(body []byte) (list []string, err error) {
	return list, json.Unmarshal(body, &list)
}

func (plain) Next(d *model.Delivery, _ *model.Endpoint, now time.Time) (time.Time, bool) {
	next := d.Since.Add((now.Sub(d.Since)/(15*time.Minute) + 1) * 15 * time.Minute)
	return next, !next.After(d.Since.Add(24 * time.Hour))
}

// receiver is a merchant's server that keeps what it gets.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	got    []string
	header []http.Header
	answer func(w http.ResponseWriter, body string)
}

// newReceiver answers as answer does; nil is 200.
func newReceiver(t *testing.T, answer func(w http.ResponseWriter, body string)) *receiver {
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		r.got = append(r.got, string(body))
		r.header = append(r.header, q.Header)
		r.mu.Unlock()
		if r.answer != nil {
			r.answer(w, string(body))
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// newOutage answers 503 until it is up.
func newOutage(t *testing.T) (r *receiver, up *atomic.Bool) {
	up = &atomic.Bool{}
	return newReceiver(t, func(w http.ResponseWriter, _ string) {
		if !up.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}), up
}

func (r *receiver) bodies() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string{}, r.got...)
}

// told lists whom the bodies tell of, with repetitions.
func (r *receiver) told(t *testing.T) (friends []string) {
	t.Helper()
	for _, body := range r.bodies() {
		friends = append(friends, read(t, body).Friends...)
	}
	return friends
}

func read(t *testing.T, body string) (b plainJSON) {
	t.Helper()
	must(t, json.Unmarshal([]byte(body), &b))
	return b
}

func status(code int) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, _ string) { w.WriteHeader(code) }
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
