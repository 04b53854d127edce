package link_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/link"
	"grapevine/model"
	"grapevine/projectfile"
	"grapevine/web"
)

// mailed is a stage on which Ann has sent a mail to Bob: its token.
func mailed(t *testing.T) (*stage, string) {
	t.Helper()
	s := newStage(t)
	file, err := projectfile.Parse("acme.yaml", []byte(project+"webhooks: [{on: friendbuy.emailOptOut, url: \"https://hooks.example.com\"}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.core.Apply(t.Context(), file.Project()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.core.RecordShare(t.Context(), s.account, engine.Share{
		Who: engine.Who{Email: "ann@example.com", Server: true}, Code: s.code, Channel: "email",
		Mail: &engine.ShareMail{To: []engine.Recipient{{Email: "bob@example.org"}}},
	}); err != nil {
		t.Fatal(err)
	}
	p := s.post(t)
	s.handler = web.Front(web.Settings{Log: slog.New(slog.DiscardHandler), Now: time.Now}, link.NewMail(s.core))
	return s, p.Token
}

// post sends the one mail that waits.
func (s *stage) post(t *testing.T) engine.Posting {
	t.Helper()
	q := model.Queue{Account: s.account, Kind: model.JobMail}
	jobs, err := s.core.ClaimJobs(t.Context(), q, 10)
	if err != nil {
		t.Fatal(err)
	}
	postings, err := s.core.StartMails(t.Context(), q, jobs)
	if err != nil || len(postings) != 1 {
		t.Fatalf("%d mails, %v", len(postings), err)
	}
	if _, _, err := s.core.EndMail(t.Context(), &postings[0], engine.MailTaken, ""); err != nil {
		t.Fatal(err)
	}
	return postings[0]
}

// metrics are delivered, opens, opened, clicks and clicked of share mails.
func (s *stage) metrics(t *testing.T) [5]int64 {
	t.Helper()
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	m, err := s.core.EmailMetrics(t.Context(), s.account, engine.MetricsQuery{From: day, To: day, Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	return [5]int64{m.Shares.Delivered, m.Shares.Opens, m.Shares.Opened, m.Shares.Clicks, m.Shares.Clicked}
}

const reader = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15"

func TestWhatComesBackFromAMailIsCounted(t *testing.T) {
	t.Parallel()
	s, token := mailed(t)
	for _, step := range []struct {
		what, method, path, agent string
		status                    int
		counted                   [5]int64
	}{
		{"Apple fetches ahead", "GET", "open/" + token + ".gif", "Mozilla/5.0", 200, [5]int64{1, 0, 0, 0, 0}},
		{"a scanner looks", "HEAD", "open/" + token + ".gif", reader, 200, [5]int64{1, 0, 0, 0, 0}},
		{"somebody opens it", "GET", "open/" + token + ".gif", reader, 200, [5]int64{1, 1, 1, 0, 0}},
		{"and again, at Google", "GET", "open/" + token + ".gif", "Mozilla/5.0 (via ggpht.com GoogleImageProxy)", 200, [5]int64{1, 2, 1, 0, 0}},
		{"a picture of no mail", "GET", "open/" + token[1:] + "a.gif", reader, 200, [5]int64{1, 2, 1, 0, 0}},
		{"a scanner follows", "GET", "click/" + token, "BarracudaCentral", 302, [5]int64{1, 2, 1, 0, 0}},
		{"and asks for the head", "HEAD", "click/" + token, reader, 302, [5]int64{1, 2, 1, 0, 0}},
		{"somebody follows", "GET", "click/" + token, reader, 302, [5]int64{1, 2, 1, 1, 1}},
		{"and again, in capitals", "GET", "click/" + strings.ToUpper(token), reader, 302, [5]int64{1, 2, 1, 2, 1}},
		{"a link of no mail", "GET", "click/" + strings.Repeat("a", len(token)), reader, 404, [5]int64{1, 2, 1, 2, 1}},
		{"no token", "GET", "click/", reader, 404, [5]int64{1, 2, 1, 2, 1}},
		{"nothing of ours", "GET", "other/" + token, reader, 404, [5]int64{1, 2, 1, 2, 1}},
		{"a form", "POST", "click/" + token, reader, 405, [5]int64{1, 2, 1, 2, 1}},
	} {
		got := s.visit(step.method, "/mail/"+step.path, "User-Agent", step.agent)
		if got.StatusCode != step.status {
			t.Errorf("%s: got %d, want %d", step.what, got.StatusCode, step.status)
		}
		if to := got.Header.Get("Location"); step.status == http.StatusFound && to != "https://go.example.com/r/"+s.code {
			t.Errorf("%s: leads to %s", step.what, to)
		}
		if counted := s.metrics(t); counted != step.counted {
			t.Errorf("%s: counted %v, want %v", step.what, counted, step.counted)
		}
	}
	report, err := s.core.Verify(context.Background(), s.account)
	if err != nil || len(report.Differences) > 0 {
		t.Errorf("verify: %v, %v", report.Differences, err)
	}
}

func TestOneClickUnsubscribes(t *testing.T) {
	t.Parallel()
	s, token := mailed(t)
	told := func() int {
		jobs, err := s.store.DueQueues(t.Context(), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), 100)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, q := range jobs {
			if q.Kind == model.JobTell {
				n++
			}
		}
		return n
	}
	for _, step := range []struct {
		method, path string
		status       int
		says         string
		told         int
	}{
		{"HEAD", token, 200, "", 0},
		{"GET", token, 200, "Say so, and Acme sends no more mail to bob@example.org.", 0},
		{"PUT", token, 405, "This is a link", 0},
		{"POST", token[1:] + "a", 404, "leads nowhere", 0},
		{"POST", token, 200, "bob@example.org will get no more mail from Acme.", 1},
		{"POST", token, 200, "bob@example.org will get no more mail from Acme.", 1},
		{"GET", token, 200, "That was the last one", 1},
	} {
		got := s.visit(step.method, "/mail/unsubscribe/"+step.path)
		body, err := io.ReadAll(got.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got.StatusCode != step.status || !strings.Contains(string(body), step.says) || told() != step.told {
			t.Errorf("%s %s: %d, told %d\n%s", step.method, step.path, got.StatusCode, told(), body)
		}
	}
	suppressed, err := s.core.Suppressed(t.Context(), s.account, "Bob@example.org")
	if err != nil || suppressed["Bob@example.org"].Reason != model.Unsubscribed {
		t.Errorf("suppressed: %v, %v", suppressed, err)
	}
	if err := s.core.Unsuppress(t.Context(), s.account, suppressed["Bob@example.org"].ID); model.ReasonOf(err) != model.TransitionForbidden {
		t.Errorf("an opt-out is lifted: %v", err)
	}
}
