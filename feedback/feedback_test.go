package feedback_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/engine/secret"
	"grapevine/feedback"
	"grapevine/model"
	"grapevine/projectfile"
	"grapevine/store"
	"grapevine/store/sqlite"
	"grapevine/web"
)

const project = `
account: Acme
site: https://shop.example.com
keys: {mail: {events_token: events-of-acme}}
campaigns:
  - {name: Evergreen, uuid: ef9befc6-18f1-418c-8914-5ee8d09bb5aa, status: launched, landing: "https://shop.example.com"}
`

// stage is an account that has sent a mail to Bob.
type stage struct {
	core    *engine.Engine
	store   *store.Store
	account model.AccountID
	handler http.Handler
	now     time.Time
	sent    engine.Posting
	opened  []string // addresses that services asked to be opened
}

func newStage(t *testing.T) *stage {
	t.Helper()
	database, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "test.db")})
	must(t, err)
	s := &stage{store: store.New(database), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	t.Cleanup(func() { s.store.Close() })
	must(t, database.Migrate(t.Context()))
	now := func() time.Time { return s.now }
	s.core = engine.New(engine.Settings{
		Store: s.store, Secret: secret.New(bytes.Repeat([]byte("s"), secret.Size)), Now: now,
		NewID: model.NewMaker(now, 1, 0, 1<<40).Next, LinkURL: "https://go.example.com/r", Log: slog.New(slog.DiscardHandler),
	})
	file, err := projectfile.Parse("acme.yaml", []byte(project))
	must(t, err)
	applied, err := s.core.Apply(t.Context(), file.Project())
	must(t, err)
	s.account = applied.Account
	_, err = s.core.RecordShare(t.Context(), s.account, engine.Share{
		Who: engine.Who{Email: "ann@example.com", Server: true}, Campaign: "ef9befc6-18f1-418c-8914-5ee8d09bb5aa", Channel: "email",
		Mail: &engine.ShareMail{To: []engine.Recipient{{Email: "bob@example.org"}}},
	})
	must(t, err)
	q := model.Queue{Account: s.account, Kind: model.JobMail}
	jobs, err := s.core.ClaimJobs(t.Context(), q, 10)
	must(t, err)
	postings, err := s.core.StartMails(t.Context(), q, jobs)
	must(t, err)
	s.sent = postings[0]
	_, _, err = s.core.EndMail(t.Context(), &s.sent, engine.MailTaken, "")
	must(t, err)
	s.handler = web.Front(web.Settings{Log: slog.New(slog.DiscardHandler), Now: time.Now}, feedback.New(s.core, func(_ context.Context, url string) error {
		s.opened = append(s.opened, url)
		return nil
	}))
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *stage) tell(method, path, body string) int {
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, httptest.NewRequest(method, "/mail/events/"+path, strings.NewReader(body)))
	return w.Code
}

// counted are delivered, bounced and spam of share mails, in two days.
func (s *stage) counted(t *testing.T) [3]int64 {
	t.Helper()
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	m, err := s.core.EmailMetrics(t.Context(), s.account, engine.MetricsQuery{From: day, To: day.AddDate(0, 0, 1), Zone: time.UTC})
	must(t, err)
	return [3]int64{m.Shares.Delivered, m.Shares.Bounced, m.Shares.Spam}
}

func (s *stage) suppressed(t *testing.T, email string) model.SuppressionReason {
	t.Helper()
	found, err := s.core.Suppressed(t.Context(), s.account, email)
	must(t, err)
	return found[email].Reason
}

// bounce is a delivery status notification, as mail servers send it.
const bounce = `Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
To: BOUNCES
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

It did not arrive.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
Status: 5.1.1
Action: failed

Final-Recipient: rfc822; bob.moved@example.net
Original-Recipient: rfc822;bob@example.org
Action: ACTION
Status: STATUS
Diagnostic-Code: smtp; 550 who is bob@example.org?

--b
Content-Type: message/rfc822

Return-Path: <bounces@example.com>
Message-ID: <MESSAGE>
Subject: Ann thought of you

text
--b--
`

const complaint = `From: <abuse@mx.example.net>
To: <abuse@example.com>
Subject: complaint
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

A complaint.
--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Feedback/1
Version: 1

--b
Content-Type: text/rfc822-headers

Message-ID: <MESSAGE>

--b--
`

func TestServicesTellWhatBecameOfMail(t *testing.T) {
	t.Parallel()
	dsn := func(to, action, status, id string) string {
		return strings.NewReplacer("BOUNCES", to, "ACTION", action, "STATUS", status, "MESSAGE", id, "\n", "\r\n").Replace(bounce)
	}
	for name, c := range map[string]struct {
		service string
		body    func(p engine.Posting) string
		counted [3]int64 // delivered, bounced, spam
		reason  model.SuppressionReason
	}{
		"a bounce to the mail's own address": {"dsn", func(p engine.Posting) string { return dsn("<"+p.Bounces+">", "failed", "5.1.1", "other@x") },
			[3]int64{0, 1, 0}, model.HardBounce},
		"a bounce with the mail": {"dsn", func(p engine.Posting) string { return dsn("<x@y.example>", "failed", "5.1.1", p.MessageID) },
			[3]int64{0, 1, 0}, model.HardBounce},
		"a bounce that only names the recipient": {"dsn", func(engine.Posting) string { return dsn("<x@y.example>", "failed", "5.1.1", "other@x") },
			[3]int64{0, 1, 0}, model.HardBounce},
		"a bounce in capitals": {"dsn", func(p engine.Posting) string {
			return dsn("<"+strings.ToUpper(p.Bounces)+">", "Failed", "5.1.1 (no)", "other@x")
		}, [3]int64{0, 1, 0}, model.HardBounce},
		"a full mailbox": {"dsn", func(p engine.Posting) string { return dsn(p.Bounces, "failed", "4.2.2", "x@y") }, [3]int64{0, 1, 0}, ""},
		"a delay":        {"dsn", func(p engine.Posting) string { return dsn(p.Bounces, "delayed", "4.4.1", "x@y") }, [3]int64{1, 0, 0}, ""},
		"an answer":      {"dsn", func(p engine.Posting) string { return "To: " + p.Bounces + "\r\n\r\nI am away\r\n" }, [3]int64{1, 0, 0}, ""},
		"a complaint":    {"dsn", func(p engine.Posting) string { return strings.ReplaceAll(complaint, "MESSAGE", p.MessageID) }, [3]int64{1, 0, 1}, model.SpamComplaint},
		"SES, wrapped": {"ses", func(p engine.Posting) string {
			return `{"Type":"Notification","Message":"{\"notificationType\":\"Bounce\",\"bounce\":{\"bounceType\":\"Permanent\",\"bouncedRecipients\":[{\"emailAddress\":\"bob@example.org\",\"status\":\"5.1.1\"}]},\"mail\":{\"source\":\"` + p.Bounces + `\"}}"}`
		}, [3]int64{0, 1, 0}, model.HardBounce},
		"SES, for now": {"ses", func(p engine.Posting) string {
			return `{"eventType":"Bounce","bounce":{"bounceType":"Transient","bouncedRecipients":[{"emailAddress":"bob@example.org"}]},"mail":{"source":"` + p.Bounces + `"}}`
		}, [3]int64{0, 1, 0}, ""},
		"SES, a complaint": {"ses", func(p engine.Posting) string {
			return `{"notificationType":"Complaint","complaint":{"complainedRecipients":[{"emailAddress":"bob@example.org"}]},"mail":{"source":"` + p.Bounces + `"}}`
		}, [3]int64{1, 0, 1}, model.SpamComplaint},
		"SendGrid": {"sendgrid", func(p engine.Posting) string {
			return `[{"event":"processed","email":"bob@example.org"},{"event":"bounce","type":"bounce","email":"bob@example.org","smtp-id":"<` + p.MessageID + `>","reason":"550 no"}]`
		}, [3]int64{0, 1, 0}, model.HardBounce},
		"SendGrid, blocked": {"sendgrid", func(p engine.Posting) string {
			return `[{"event":"bounce","type":"blocked","email":"bob@example.org","smtp-id":"<` + p.MessageID + `>"}]`
		}, [3]int64{0, 1, 0}, ""},
		"SendGrid, a complaint":  {"sendgrid", func(p engine.Posting) string { return `[{"event":"spamreport","email":"bob@example.org"}]` }, [3]int64{1, 0, 1}, model.SpamComplaint},
		"SendGrid, unsubscribed": {"sendgrid", func(p engine.Posting) string { return `[{"event":"group_unsubscribe","email":"bob@example.org"}]` }, [3]int64{1, 0, 0}, model.Unsubscribed},
		"Postmark": {"postmark", func(p engine.Posting) string {
			return `{"RecordType":"Bounce","Type":"HardBounce","Email":"bob@example.org","Metadata":{"mail":"` + p.Token + `"}}`
		}, [3]int64{0, 1, 0}, model.HardBounce},
		"Postmark, for now": {"postmark", func(p engine.Posting) string {
			return `{"RecordType":"Bounce","Type":"SoftBounce","Email":"bob@example.org","Metadata":{"mail":"` + p.Token + `"}}`
		}, [3]int64{0, 1, 0}, ""},
		"Postmark, a complaint": {"postmark", func(p engine.Posting) string {
			return `{"RecordType":"SpamComplaint","Email":"bob@example.org","Metadata":{"mail":"` + p.Token + `"}}`
		}, [3]int64{1, 0, 1}, model.SpamComplaint},
		"Postmark, unsubscribed": {"postmark", func(p engine.Posting) string {
			return `{"RecordType":"SubscriptionChange","Recipient":"bob@example.org","SuppressSending":true,"SuppressionReason":"ManualSuppression"}`
		}, [3]int64{1, 0, 0}, model.Unsubscribed},
		"Postmark, delivered": {"postmark", func(p engine.Posting) string { return `{"RecordType":"Delivery","Recipient":"bob@example.org"}` }, [3]int64{1, 0, 0}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.now = s.now.Add(14 * time.Hour) // the day after: what is counted of the day before changes
			if _, err := s.core.RollCounts(t.Context(), s.account); err != nil {
				t.Fatal(err)
			}
			for range 2 { // services tell things twice
				if code := s.tell("POST", c.service+"/events-of-acme", c.body(s.sent)); code != http.StatusOK {
					t.Fatalf("answered %d", code)
				}
			}
			if got := s.counted(t); got != c.counted {
				t.Errorf("counted %v, want %v", got, c.counted)
			}
			if got := s.suppressed(t, "bob@example.org"); got != c.reason {
				t.Errorf("suppressed for %q, want %q", got, c.reason)
			}
			report, err := s.core.Verify(t.Context(), s.account)
			if err != nil || len(report.Differences) > 0 {
				t.Errorf("verify: %v, %v", report.Differences, err)
			}
		})
	}
}

func TestNewsOfNoMailAreOfTheAddress(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	if code := s.tell("POST", "sendgrid/events-of-acme", `[{"event":"bounce","email":"carl@example.org"},{"event":"bounce","type":"blocked","email":"dora@example.org"}]`); code != 200 {
		t.Fatalf("answered %d", code)
	}
	if carl, dora := s.suppressed(t, "carl@example.org"), s.suppressed(t, "dora@example.org"); carl != model.HardBounce || dora != "" {
		t.Errorf("suppressed for %q and %q", carl, dora)
	}
}

func TestOnlyWhoHasTheKeyTells(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	hard := `[{"event":"bounce","email":"bob@example.org"}]`
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "sendgrid/other", hard, 401},
		{"POST", "sendgrid/", hard, 401},
		{"POST", "sendgrid", hard, 401},
		{"POST", "nobody/events-of-acme", hard, 404},
		{"POST", "", hard, 404},
		{"GET", "sendgrid/events-of-acme", "", 405},
		{"POST", "sendgrid/events-of-acme", "{", 400},
		{"POST", "ses/events-of-acme", "{", 400},
		{"POST", "ses/events-of-acme", `{"Type":"Notification","Message":"x"}`, 400},
		{"POST", "postmark/events-of-acme", "[]", 400},
		{"POST", "sendgrid/events-of-acme", strings.Repeat(" ", 3<<20), 400},
	} {
		if got := s.tell(c.method, c.path, c.body); got != c.want {
			t.Errorf("%s %s %.20s: got %d, want %d", c.method, c.path, c.body, got, c.want)
		}
	}
	if got := s.suppressed(t, "bob@example.org"); got != "" {
		t.Errorf("bob is suppressed for %s", got)
	}
}

func TestSubscriptionOfSNSIsConfirmed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	const good = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=abc"
	for address, want := range map[string]int{
		good: 200,
		"https://sns.eu-west-1.amazonaws.com.evil.example/": 422,
		"http://sns.eu-west-1.amazonaws.com/":               422,
		"https://127.0.0.1/":                                422,
		"":                                                  422,
	} {
		if got := s.tell("POST", "ses/events-of-acme", `{"Type":"SubscriptionConfirmation","SubscribeURL":"`+address+`"}`); got != want {
			t.Errorf("%s: got %d, want %d", address, got, want)
		}
	}
	if len(s.opened) != 1 || s.opened[0] != good {
		t.Errorf("opened %v", s.opened)
	}
}
