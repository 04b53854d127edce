package engine_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/engine/secret"
	"grapevine/model"
	"grapevine/money"
	"grapevine/projectfile"
	"grapevine/store"
	"grapevine/store/pgtest"
	"grapevine/store/postgres"
	"grapevine/store/sqlite"
)

// oneKey is the key of every account in tests: making one takes longer than
// most tests.
var oneKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// noon is when every stage begins.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// stage is an engine with one account on a database of its own.
type stage struct {
	t       testing.TB
	core    *engine.Engine
	store   *store.Store
	account model.AccountID
	project *model.Project

	acts    int  // makes names of those who act
	damaged bool // the test damages rows: verify is not expected to be clean

	mu  sync.Mutex
	now time.Time
}

// onBoth runs a test on SQLite and on PostgreSQL, on an account that a project
// file sets.
func onBoth(t *testing.T, file string, test func(t *testing.T, s *stage)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		database, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "test.db")})
		if err != nil {
			t.Fatal(err)
		}
		test(t, newStage(t, database, file))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		database, err := postgres.Open(t.Context(), postgres.Config{URL: pgtest.URL(t)})
		if err != nil {
			t.Fatal(err)
		}
		test(t, newStage(t, database, file))
	})
}

func newStage(t testing.TB, database store.Engine, file string) *stage {
	t.Helper()
	s := &stage{t: t, store: store.New(database), now: noon}
	t.Cleanup(func() {
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := database.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.core = s.node(1)
	s.apply(file)
	t.Cleanup(func() { // whatever a test did, the events explain every row
		if report := s.verify(); !s.damaged && len(report.Differences) > 0 {
			t.Errorf("verify: %d differences, first: %v", len(report.Differences), report.Differences[0])
		}
	})
	return s
}

// node is an engine on the stage's database, as one of several processes.
func (s *stage) node(n int) *engine.Engine {
	return engine.New(engine.Settings{
		NewKey: oneKey,
		Store:  s.store, Secret: secret.New(bytes.Repeat([]byte("s"), secret.Size)),
		Now: s.clock, NewID: model.NewMaker(s.clock, n, 0, 1<<40).Next,
		LinkURL: "https://grapevine.example/r", PublicURL: "https://grapevine.example", Log: slog.New(slog.DiscardHandler),
		SignLink: func(_ *engine.Config, attribution, domain string, _ time.Time) (string, error) {
			return "signed=" + attribution + "." + domain, nil
		},
	})
}

func (s *stage) verify() *engine.Report {
	s.t.Helper()
	report, err := s.core.Verify(context.Background(), s.account)
	if err != nil {
		s.t.Fatal(err)
	}
	return report
}

// apply applies a project file; its account is the stage's from then on.
func (s *stage) apply(file string) {
	s.t.Helper()
	parsed, err := projectfile.Parse("stage.yaml", []byte(file))
	if err != nil {
		s.t.Fatal(err)
	}
	s.project = parsed.Project()
	applied, err := s.core.Apply(context.Background(), s.project)
	if err != nil {
		s.t.Fatal(err)
	}
	s.account = applied.Account
	if err := s.core.Refresh(context.Background()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// wait lets time pass.
func (s *stage) wait(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// link gives somebody their link in a campaign and returns the code.
func (s *stage) link(email string, campaign int) string {
	s.t.Helper()
	links, err := s.core.Links(context.Background(), s.account, []engine.LinkRequest{{
		Who: engine.Who{Email: email, Server: true}, Campaign: s.project.Campaigns[campaign].UUID,
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	return links[0].Code
}

// buy records a purchase of a customer with a referral code.
func (s *stage) buy(order, customer, code string, amount string) *engine.Recorded {
	s.t.Helper()
	return s.purchase(engine.Purchase{
		Who: engine.Who{CustomerID: customer, Email: customer + "@example.com", Server: true}, Referral: engine.Referral{ReferralCode: code},
		OrderID: order, Amount: amountOf(s.t, amount), Currency: "USD",
	})
}

func (s *stage) purchase(p engine.Purchase) *engine.Recorded {
	s.t.Helper()
	recorded, err := s.core.RecordPurchase(context.Background(), s.account, p)
	if err != nil {
		s.t.Fatal(err)
	}
	return recorded
}

func amountOf(t testing.TB, text string) money.Amount {
	t.Helper()
	a, err := money.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// rewards lists what an event earned, as "role rule state reason".
func (s *stage) rewards(event model.EventID) []string {
	s.t.Helper()
	var list []string
	for _, w := range s.rewardsOf(event) {
		list = append(list, strings.TrimSpace(string(w.Role)+" "+s.ruleName(w.Rule)+" "+string(w.State)+" "+w.Why.Reason))
	}
	return list
}

func (s *stage) rewardsOf(event model.EventID) []*model.Reward {
	s.t.Helper()
	var list []*model.Reward
	err := s.store.View(context.Background(), s.account, func(tx *store.Tx) error {
		var err error
		list, err = tx.RewardsOfEvent(event)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

func (s *stage) ruleName(id model.RuleID) string {
	for _, c := range s.project.Campaigns {
		if r := c.Rule(id); r != nil {
			return r.Descriptor
		}
	}
	for _, r := range s.project.Settings.Earning {
		if r.ID == id {
			return r.Name
		}
	}
	return "?"
}

// balance is the ledger of a customer, -1 where there is none.
func (s *stage) balance(customer, currency string) money.Amount {
	s.t.Helper()
	balance := money.Amount(-1)
	err := s.store.View(context.Background(), s.account, func(tx *store.Tx) error {
		found, err := tx.Look(store.Lookup{CustomerID: customer})
		if err != nil {
			return err
		}
		heads, err := tx.Ledgers([]string{store.PersonHolder(found.ByCustomer)})
		for _, h := range heads {
			if h.Currency == currency {
				balance = h.Balance
			}
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return balance
}

// run does every due job that is the engine's own, as the runner would.
func (s *stage) run() {
	s.t.Helper()
	ctx := context.Background()
	queues, err := s.core.DueQueues(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, q := range queues {
		if q.Kind == model.JobTell || q.Kind == model.JobDeliver || q.Kind == model.JobMail {
			continue
		}
		jobs, err := s.core.ClaimJobs(ctx, q, 100)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, j := range jobs {
			if handled, err := s.core.RunJob(ctx, j); err != nil || !handled {
				s.t.Fatalf("job %s: handled %v, %v", j.Kind, handled, err)
			}
			if err := s.core.FinishJob(ctx, j); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

// told counts the jobs that wait to tell an endpoint.
func (s *stage) told() int {
	s.t.Helper()
	return len(s.untold())
}

// untold claims the jobs that wait to tell an endpoint.
func (s *stage) untold() (tells []model.Job) {
	s.t.Helper()
	s.wait(time.Second)
	queues, err := s.core.DueQueues(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, q := range queues {
		if q.Kind != model.JobTell {
			continue
		}
		jobs, err := s.core.ClaimJobs(context.Background(), q, 1000)
		if err != nil {
			s.t.Fatal(err)
		}
		tells = append(tells, jobs...)
	}
	return tells
}

// via tells what an event's attribution rests on, and who is the advocate.
func (s *stage) via(event model.EventID) string {
	s.t.Helper()
	var text string
	err := s.store.View(context.Background(), s.account, func(tx *store.Tx) error {
		list, err := tx.ConversionsOfEvent(event)
		if err != nil || len(list) == 0 {
			return err
		}
		names, err := tx.Identities([]model.PersonID{list[0].Person})
		if err != nil {
			return err
		}
		text = string(list[0].Via) + " " + names[len(names)-1].Shown
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// couponOf makes somebody buy with a code, and returns the coupon that its
// owner earned.
func (s *stage) couponOf(order, code string) string {
	s.t.Helper()
	bought := s.buy(order, "buyer-"+order, code, "1")
	var coupon string
	err := s.store.View(context.Background(), s.account, func(tx *store.Tx) error {
		list, err := tx.RewardsOfEvent(bought.Event)
		if err != nil {
			return err
		}
		for _, w := range list {
			if w.Coupon != 0 {
				coupon, err = tx.CouponCode(model.CouponRef{Batch: w.Batch, ID: w.Coupon})
			}
		}
		return err
	})
	if err != nil || coupon == "" {
		s.t.Fatalf("no coupon: %v", err)
	}
	return coupon
}

func between(text, before, after string) string {
	_, rest, _ := strings.Cut(text, before)
	middle, _, _ := strings.Cut(rest, after)
	return middle
}

func upper(text string) string { return strings.ToUpper(text) }
