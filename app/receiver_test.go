package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/deliver"
	"grapevine/engine"
	"grapevine/engine/secret"
	"grapevine/model"
	"grapevine/projectfile"
	"grapevine/store"
	"grapevine/store/sqlite"
)

// merchant is an account that tells one address of one purchase, by renderers
// as a server has them, at a clock that is moved.
type merchant struct {
	*deliver.Runner
	t       *testing.T
	now     time.Time
	core    *engine.Engine
	store   *store.Store
	account model.AccountID
	log     bytes.Buffer

	mu     sync.Mutex
	got    []time.Time // when requests came
	bodies map[string]bool
}

// openMerchant answers requests by answer, which may let time pass.
func openMerchant(t *testing.T, project string, answer func(m *merchant) (*http.Response, error)) *merchant {
	t.Helper()
	m := &merchant{t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), bodies: map[string]bool{}}
	db, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "test.db")})
	m.must(err)
	t.Cleanup(func() { db.Close() })
	m.must(db.Migrate(t.Context()))
	m.store = store.New(db)
	clock := func() time.Time { m.mu.Lock(); defer m.mu.Unlock(); return m.now }
	log := slog.New(slog.NewTextHandler(&m.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	m.core = engine.New(engine.Settings{
		Store: m.store, Secret: secret.New(make([]byte, secret.Size)), Now: clock, NewID: model.NewMaker(clock, 1, 0, 1<<40).Next,
		LinkURL: "https://go.example.com", PublicURL: "https://grapevine.example", Log: log,
	})
	m.Runner = deliver.New(deliver.Config{
		Engine: m.core, RunJob: m.core.RunJob, Now: clock, Log: log,
		Renderers: renderers(ServeConfig{WebhookRetryEvery: 15 * time.Minute, WebhookGiveUp: 24 * time.Hour, ValidationGiveUp: 72 * time.Hour}),
		Client: &http.Client{
			Transport: roundTrip(func(q *http.Request) (*http.Response, error) {
				body, err := io.ReadAll(q.Body)
				m.must(err)
				m.mu.Lock()
				m.got = append(m.got, m.now)
				m.bodies[string(body)] = true
				m.mu.Unlock()
				a, err := answer(m)
				if a != nil {
					a.Request, a.Body = q, io.NopCloser(strings.NewReader(""))
				}
				return a, err
			}),
			CheckRedirect: deliver.NewClient(false).CheckRedirect,
		},
	})
	file, err := projectfile.Parse("project.yaml", []byte(project))
	m.must(err)
	applied, err := m.core.Apply(t.Context(), file.Project())
	m.must(err)
	m.account = applied.Account
	return m
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(q *http.Request) (*http.Response, error) { return f(q) }

func (m *merchant) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// pass lets time pass.
func (m *merchant) pass(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}

// run does all that is due, until nothing is any more.
func (m *merchant) run() {
	m.t.Helper()
	for {
		next, err := m.Step(m.t.Context())
		m.must(err)
		if next.IsZero() {
			return
		}
		m.mu.Lock()
		m.now = next
		m.mu.Unlock()
	}
}

// tries are when requests came, after the first.
func (m *merchant) tries() []time.Duration {
	var after []time.Duration
	for _, at := range m.got {
		after = append(after, at.Sub(m.got[0]))
	}
	return after
}

// refer makes an advocate, and returns their code.
func (m *merchant) refer() string {
	m.t.Helper()
	links, err := m.core.Links(m.t.Context(), m.account, []engine.LinkRequest{{
		Who: engine.Who{Email: "ada@example.com", CustomerID: "ada", Server: true}, Campaign: "ef9befc6-18f1-418c-8914-5ee8d09bb5aa",
	}})
	m.must(err)
	return links[0].Code
}

func (m *merchant) buy(code string) {
	m.t.Helper()
	_, err := m.core.RecordPurchase(m.t.Context(), m.account, engine.Purchase{
		Who: engine.Who{Email: "bob@example.com", CustomerID: "bob", Server: true}, Referral: engine.Referral{ReferralCode: code},
		OrderID: "o-1", Amount: 50_0000, Currency: "USD",
	})
	m.must(err)
}

const toldProject = `
account: Acme Outdoors
slug: acme
site: https://shop.example.com
campaigns:
  - name: Evergreen
    uuid: ef9befc6-18f1-418c-8914-5ee8d09bb5aa
    status: launched
    rewards: [{name: Ten, to: advocate, on: purchase, value: {type: discount, amount: 10, unit: USD}%s}]
%s
`

const hookAddress = "https://hooks.example.com/take?token=geheim"

// every lists the tries of a schedule that has them every so often.
func every(pause, until time.Duration) (tries []time.Duration) {
	for at := time.Duration(0); at <= until; at += pause {
		tries = append(tries, at)
	}
	return tries
}

// growing are the tries of Prefinery's schedule, where each takes so long.
func growing(took time.Duration) []time.Duration {
	tries := []time.Duration{0}
	for n := range time.Duration(15) {
		tries = append(tries, tries[n]+took+5*time.Second+(n+1)*(n+1)*(n+1)*(n+1)*time.Second)
	}
	return tries
}

func TestReceiversOverTheWholeSchedule(t *testing.T) {
	t.Parallel()
	quarters, once := every(15*time.Minute, 24*time.Hour), []time.Duration{0}
	answers := func(status int) func(*merchant) (*http.Response, error) {
		return func(*merchant) (*http.Response, error) {
			return &http.Response{StatusCode: status, Header: http.Header{"Location": {"http://127.0.0.1/inside"}}}, nil
		}
	}
	hangs := func(patience time.Duration) func(*merchant) (*http.Response, error) {
		return func(m *merchant) (*http.Response, error) {
			m.pass(patience)
			return nil, context.DeadlineExceeded
		}
	}
	closes := func(*merchant) (*http.Response, error) { return nil, io.EOF }
	type want struct {
		tries []time.Duration
		state model.DeliveryState
		log   string // of each attempt
		ends  bool   // the endpoint does
	}
	for _, c := range []struct {
		hook, receiver string
		answer         func(*merchant) (*http.Response, error)
		want           want
	}{
		{"friendbuy.advocateReward", "answers 500", answers(500), want{quarters, model.DeliveryFailed, "500 answered 500", false}},
		{"friendbuy.advocateReward", "hangs", hangs(10 * time.Second), want{quarters, model.DeliveryFailed, "0 no answer within 10s", false}},
		{"friendbuy.advocateReward", "answers 410", answers(410), want{quarters, model.DeliveryFailed, "410 answered 410", false}},
		{"friendbuy.advocateReward", "redirects inside", answers(307), want{quarters, model.DeliveryFailed, "307 answered 307", false}},
		{"friendbuy.advocateReward", "closes", closes, want{quarters, model.DeliveryFailed, "0 EOF", false}},
		{"friendbuy.advocateReward", "answers 200", answers(200), want{once, model.DeliveryDelivered, "200 ", false}},
		{"prefinery.reward_earned", "answers 500", answers(500), want{once, model.DeliveryRefused, "500 answered 500", false}},
		{"prefinery.reward_earned", "hangs", hangs(15 * time.Second), want{growing(15 * time.Second), model.DeliveryFailed, "0 no answer within 15s", false}},
		{"prefinery.reward_earned", "answers 429", answers(429), want{growing(0), model.DeliveryFailed, "429 answered 429", false}},
		{"prefinery.reward_earned", "answers 410", answers(410), want{once, model.DeliveryFailed, "410 answered 410", true}},
		{"prefinery.reward_earned", "redirects inside", answers(307), want{once, model.DeliveryRefused, "307 answered 307", false}},
		{"prefinery.reward_earned", "closes", closes, want{growing(0), model.DeliveryFailed, "0 EOF", false}},
		{"prefinery.reward_earned", "answers 201", answers(201), want{once, model.DeliveryDelivered, "201 ", false}},
		{"referral_factory.reward_issued", "answers 500", answers(500), want{quarters, model.DeliveryFailed, "500 answered 500", false}},
		{"referral_factory.reward_issued", "hangs", hangs(10 * time.Second), want{quarters, model.DeliveryFailed, "0 no answer within 10s", false}},
		{"referral_factory.reward_issued", "answers 410", answers(410), want{quarters, model.DeliveryFailed, "410 answered 410", false}},
		{"referral_factory.reward_issued", "redirects inside", answers(302), want{quarters, model.DeliveryFailed, "302 answered 302", false}},
		{"referral_factory.reward_issued", "closes", closes, want{quarters, model.DeliveryFailed, "0 EOF", false}},
		{"referral_factory.reward_issued", "answers 204", answers(204), want{once, model.DeliveryDelivered, "204 ", false}},
	} {
		t.Run(c.hook+" "+c.receiver, func(t *testing.T) {
			t.Parallel()
			dialect, event, _ := strings.Cut(c.hook, ".")
			hooks := ""
			if dialect != "referral_factory" {
				hooks = fmt.Sprintf("webhooks: [{on: %s, url: %q}]", c.hook, hookAddress)
			}
			m := openMerchant(t, fmt.Sprintf(toldProject, ", issue: auto", hooks), c.answer)
			if dialect == "referral_factory" { // registered by the n8n node
				_, err := m.core.AddEndpoint(t.Context(), m.account, model.Endpoint{Dialect: dialect, Event: event, Topic: model.RewardDelivered, URL: hookAddress})
				m.must(err)
			}
			m.buy(m.refer())
			m.run()
			if diff := cmp.Diff(c.want.tries, m.tries()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			if len(m.bodies) != 1 {
				t.Errorf("%d different bodies", len(m.bodies))
			}
			log, err := m.core.DeliveryLog(t.Context(), m.account, engine.LogQuery{To: m.now, Size: 10})
			m.must(err)
			if len(log) != 1 || log[0].State != c.want.state {
				t.Fatalf("%d deliveries, the first is %s", len(log), log[0].State)
			}
			var said []string
			for i, a := range log[0].Attempts {
				said = append(said, fmt.Sprintf("%d %s", a.Status, a.Error))
				if want := m.got[i]; !a.At.Equal(want) || a.Number != int64(i+1) {
					t.Errorf("attempt %d is logged as %d at %v, was at %v", i+1, a.Number, a.At, want)
				}
			}
			if said := slices.Compact(said); len(log[0].Attempts) != len(c.want.tries) || len(said) != 1 || said[0] != c.want.log {
				t.Errorf("the log has %d attempts, which say %q, want %q", len(log[0].Attempts), said, c.want.log)
			}
			hooked, err := m.core.Hooks(t.Context(), m.account)
			m.must(err)
			if ends := len(hooked) == 0; ends != c.want.ends {
				t.Errorf("the endpoint ended: %v", ends)
			}
			if text := m.log.String(); strings.Contains(text, "geheim") || !strings.Contains(text, "endpoint=") {
				t.Errorf("the server's log:\n%.1000s", text)
			}
		})
	}
}

// Whoever does not answer a question about a reward for 72 hours has it
// rejected, to the minute.
func TestQuestionIsAskedFor72Hours(t *testing.T) {
	t.Parallel()
	m := openMerchant(t, fmt.Sprintf(toldProject, ", validate_url: \""+hookAddress+"\"", ""), func(*merchant) (*http.Response, error) {
		return nil, errors.New("connection refused")
	})
	m.buy(m.refer())
	began := m.now
	m.run()
	if diff := cmp.Diff(every(15*time.Minute, 72*time.Hour), m.tries()); diff != "" {
		t.Errorf("questions (-want +got):\n%s", diff)
	}
	if took := m.now.Sub(began); took != 72*time.Hour {
		t.Errorf("decided after %v", took)
	}
	listed, err := m.core.ListRewards(t.Context(), m.account, engine.ListQuery{From: time.UnixMilli(0), To: m.now.Add(time.Minute), Size: 10, Kind: "advocate"})
	m.must(err)
	if len(listed.Rows) != 1 || listed.Rows[0].Reward.State != model.Failed {
		t.Errorf("rewards: %+v", listed.Rows)
	}
}

// A question about recipients is asked six times, over 31 days.
func TestRecipientsAreAskedAboutSixTimes(t *testing.T) {
	t.Parallel()
	m := openMerchant(t, fmt.Sprintf(toldProject, "", "callbacks: {email_authorization: \""+hookAddress+"\"}"), func(*merchant) (*http.Response, error) {
		return nil, errors.New("connection refused")
	})
	code := m.refer()
	_, err := m.core.RecordShare(t.Context(), m.account, engine.Share{
		Who: engine.Who{CustomerID: "ada", Email: "ada@example.com", Server: true}, Code: code, Channel: "email",
		Mail: &engine.ShareMail{To: []engine.Recipient{{Email: "frida@example.org"}}},
	})
	m.must(err)
	m.run()
	want := []time.Duration{0}
	for _, wait := range []time.Duration{10 * time.Minute, 5 * time.Hour, 40 * time.Hour, 7 * 24 * time.Hour, 22 * 24 * time.Hour} {
		want = append(want, want[len(want)-1]+wait)
	}
	if diff := cmp.Diff(want, m.tries()); diff != "" {
		t.Errorf("questions (-want +got):\n%s", diff)
	}
	m.must(m.store.View(t.Context(), m.account, func(tx *store.Tx) error {
		mails, err := tx.ListMails(0, 10)
		if len(mails) != 1 || mails[0].State != model.MailForbidden {
			t.Errorf("mails: %+v", mails)
		}
		return err
	}))
}
