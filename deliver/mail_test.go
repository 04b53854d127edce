package deliver

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-msgauth/dkim"
	"github.com/emersion/go-smtp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/store"
)

// mailing is a stage that sends its mail somewhere.
func mailing(t *testing.T, open func() store.Engine, to Mailer, set func(*model.EmailSettings)) *stage {
	s := newStage(t, open)
	s.mailer = to
	s.project.Settings.Email = model.EmailSettings{From: "Acme Shop <hello@shop.example.com>"}
	if set != nil {
		set(&s.project.Settings.Email)
	}
	_, err := s.engine.Apply(t.Context(), s.project.Clone())
	must(t, err)
	_, err = s.engine.SaveCustomer(t.Context(), s.account, engine.Customer{
		Who: engine.Who{CustomerID: "ada", Email: "ada@example.com", FirstName: "Ada", Server: true},
	})
	must(t, err)
	return s
}

// share has the advocate share by mail.
func (s *stage) share(to ...string) *engine.LinkShared {
	s.t.Helper()
	var recipients []engine.Recipient
	for _, email := range to {
		recipients = append(recipients, engine.Recipient{Email: email, Name: "Frida"})
	}
	shared, err := s.engine.RecordShare(s.t.Context(), s.account, engine.Share{
		Who: engine.Who{CustomerID: "ada", Email: "ada@example.com", Server: true}, Code: s.code, Channel: "email",
		Mail: &engine.ShareMail{To: recipients, Message: "Zelte, so schön wie nie:\n\n<b>look</b>"},
	})
	must(s.t, err)
	return shared
}

func (s *stage) mails() (all []*model.Mail) {
	s.t.Helper()
	must(s.t, s.store.View(s.t.Context(), s.account, func(tx *store.Tx) error {
		list, err := tx.ListMails(0, 1000)
		all = list
		return err
	}))
	return all
}

// states are how the mails stand, oldest first.
func (s *stage) states() string {
	s.t.Helper()
	var all []string
	for _, m := range s.mails() {
		all = append(all, string(m.State))
	}
	return strings.Join(all, " ")
}

// parsed is a mail as a mail program reads it.
type parsed struct {
	mail.Header
	text, html string
}

func parse(t *testing.T, data []byte) parsed {
	t.Helper()
	r, err := mail.CreateReader(bytes.NewReader(data))
	must(t, err)
	p := parsed{Header: r.Header}
	for {
		part, err := r.NextPart()
		if err == io.EOF {
			return p
		}
		must(t, err)
		body, err := io.ReadAll(part.Body)
		must(t, err)
		if kind, _, _ := part.Header.(*mail.InlineHeader).ContentType(); kind == "text/html" {
			p.html = string(body)
		} else {
			p.text = string(body)
		}
	}
}

func TestMailIsSentOverSMTP(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, open func() store.Engine) {
		to := newMailServer(t, nil, false, "")
		s := mailing(t, open, smtpTo(t, "smtp", "", "", to.address), func(e *model.EmailSettings) { e.Bounces = "bounces@mail.example.com" })
		if shared := s.share("frida@example.org", "fritz@example.org", "FRIDA@example.org"); shared.Mailed != 2 {
			t.Errorf("%d mails, want 2: one address is there twice", shared.Mailed)
		}
		s.step()
		took := to.all()
		slices.SortFunc(took, func(a, b taken) int { return strings.Compare(a.to, b.to) })
		if len(took) != 2 || took[0].to != "frida@example.org" || took[1].to != "fritz@example.org" {
			t.Fatalf("took %d mails", len(took))
		}
		p := parse(t, took[0].data)
		from, _ := p.AddressList("From")
		subject, _ := p.Subject()
		id, _ := p.MessageID()
		token, _, _ := strings.Cut(id, "@")
		if len(from) != 1 || from[0].Name != "Ada via Acme Shop" || from[0].Address != "hello@shop.example.com" || subject != "Ada thought of you" {
			t.Errorf("from %v, subject %q", from, subject)
		}
		if took[0].from != "bounces+"+token+"@mail.example.com" {
			t.Errorf("bounces go to %s, the mail is %s", took[0].from, id)
		}
		unsubscribe := "https://grapevine.example/mail/unsubscribe/" + token
		if got := p.Get("List-Unsubscribe"); got != "<"+unsubscribe+">" || p.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" {
			t.Errorf("List-Unsubscribe %s, %s", got, p.Get("List-Unsubscribe-Post"))
		}
		for _, want := range []string{"Zelte, so schön wie nie:\r\n\r\n<b>look</b>", "https://grapevine.example/mail/click/" + token, "Ada asked Acme", unsubscribe} {
			if !strings.Contains(p.text, want) {
				t.Errorf("the text lacks %q:\n%s", want, p.text)
			}
		}
		for _, want := range []string{"Zelte, so schön wie nie:", "&lt;b&gt;look", "https://grapevine.example/mail/click/" + token, "https://grapevine.example/mail/open/" + token + ".gif", unsubscribe} {
			if !strings.Contains(p.html, want) {
				t.Errorf("the HTML lacks %q:\n%s", want, p.html)
			}
		}
		if got := s.states(); got != "sent sent" {
			t.Errorf("mails are %s", got)
		}
		if to.opened > 2 {
			t.Errorf("%d connections for two mails", to.opened)
		}
		s.verify()
	})
}

func TestConnectionsAreSecureAndSignedIn(t *testing.T) {
	t.Parallel()
	pair, pool := certificate(t)
	m := &Message{From: "a@example.com", To: "b@example.org", Data: []byte("Subject: x\r\n\r\nx\r\n")}
	for name, c := range map[string]struct {
		implicit, trusted bool
		scheme            string
		user, password    string
		want              engine.MailOutcome
	}{
		"STARTTLS":                               {false, true, "smtp", "grapevine", "ge:heim@1", engine.MailTaken},
		"TLS from the start":                     {true, true, "smtps", "grapevine", "ge:heim@1", engine.MailTaken},
		"a wrong password":                       {false, true, "smtp", "grapevine", "other", engine.MailDeferred},
		"a stranger's certificate, and a secret": {false, false, "smtp", "grapevine", "ge:heim@1", engine.MailDeferred},
		"no password":                            {false, true, "smtp", "", "", engine.MailDeferred},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := newMailServer(t, pair, c.implicit, "ge:heim@1")
			s := smtpTo(t, c.scheme, c.user, c.password, to.address)
			if c.trusted {
				s.tls.RootCAs = pool
			}
			var log bytes.Buffer
			s.log = slog.New(slog.NewTextHandler(&log, nil))
			outcome, said := s.Send(t.Context(), m)
			if outcome != c.want || strings.Contains(said+log.String(), "ge:heim") {
				t.Errorf("outcome %d, said %q, logged %s", outcome, said, &log)
			}
			if told := strings.Contains(log.String(), "WARN"); told != (c.want == engine.MailDeferred) || strings.Contains(log.String(), m.To) {
				t.Errorf("logged %q", &log)
			}
			if c.want == engine.MailTaken && (to.secure != 1 || to.signedIn != 1) {
				t.Errorf("%d over TLS, %d signed in", to.secure, to.signedIn)
			}
		})
	}
	t.Run("a password stays here without TLS", func(t *testing.T) {
		t.Parallel()
		to := newMailServer(t, nil, false, "geheim")
		outcome, said := smtpTo(t, "smtp", "grapevine", "geheim", to.address).Send(t.Context(), m)
		if outcome != engine.MailDeferred || to.signedIn != 0 || !strings.Contains(said, "no TLS") {
			t.Errorf("outcome %d, said %q", outcome, said)
		}
	})
	for _, address := range []string{"", "mx.example.com", "http://x", "smtp://", "smtp://u:geheim@h/path"} {
		if _, err := NewSMTP(address, "x", slog.New(slog.DiscardHandler)); err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestMailIsSigned(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(edKey)
	must(t, err)
	spki, err := x509.MarshalPKIXPublicKey(&rsaKey.PublicKey)
	must(t, err)
	for name, c := range map[string]struct{ private, public string }{
		"rsa": {
			string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)})),
			"v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(spki),
		},
		"ed25519": {
			string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})),
			"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(edKey.Public().(ed25519.PublicKey)),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := newMailServer(t, nil, false, "")
			s := mailing(t, onSQLite(t), smtpTo(t, "smtp", "", "", to.address), nil)
			s.dkim, err = ParseDKIM([]byte(c.private), "grape")
			must(t, err)
			s.share("frida@example.org")
			s.step()
			data := to.all()[0].data
			check := func(data []byte) []*dkim.Verification {
				found, err := dkim.VerifyWithOptions(bytes.NewReader(data), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
					if name != "grape._domainkey.shop.example.com" {
						return nil, fmt.Errorf("looked for %s", name)
					}
					return []string{c.public}, nil
				}})
				must(t, err)
				return found
			}
			got := check(data)
			if len(got) != 1 || got[0].Err != nil || got[0].Domain != "shop.example.com" {
				t.Fatalf("%+v", got)
			}
			for _, changed := range [][]byte{
				append([]byte("Subject: another\r\n"), data...),
				append([]byte("List-Unsubscribe: <https://evil.example>\r\n"), data...),
				append([]byte("From: Evil <evil@example.net>\r\n"), data...),
				bytes.Replace(data, []byte("One-Click"), []byte("None"), 1),
				bytes.Replace(data, []byte("Ada"), []byte("Eve"), 1),
			} {
				if got := check(changed); got[0].Err == nil {
					t.Errorf("what was changed is taken for ours:\n%.300s", changed)
				}
			}
		})
	}
	for _, text := range []string{"", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		if _, err := ParseDKIM([]byte(text), "x"); err == nil {
			t.Errorf("%q is taken for a key", text)
		}
	}
}

// What a server says decides what becomes of a mail, and of its recipient.
func TestRefusalsOfMail(t *testing.T) {
	t.Parallel()
	reply := func(code int, enhanced smtp.EnhancedCode) error {
		return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: "frida@example.org? no"}
	}
	for name, c := range map[string]struct {
		refuse   error
		body     bool // it is refused after the text
		state    string
		suppress bool
	}{
		"no such user":              {reply(550, smtp.EnhancedCode{5, 1, 1}), false, "bounced", true},
		"no such user, plainly":     {reply(550, smtp.NoEnhancedCode), false, "bounced", true},
		"a mailbox that is closed":  {reply(550, smtp.EnhancedCode{5, 2, 1}), false, "bounced", true},
		"a policy":                  {reply(550, smtp.EnhancedCode{5, 7, 1}), false, "failed", false},
		"a full mailbox":            {reply(552, smtp.EnhancedCode{5, 2, 2}), false, "failed", false},
		"a text that is not wanted": {reply(554, smtp.EnhancedCode{5, 6, 0}), true, "failed", false},
		"later":                     {reply(451, smtp.EnhancedCode{4, 7, 1}), false, "waiting", false},
		"later, after the text":     {reply(452, smtp.EnhancedCode{4, 3, 1}), true, "waiting", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := newMailServer(t, nil, false, "")
			if c.body {
				to.refuseIt = func([]byte) error { return c.refuse }
			} else {
				to.refuse = func(string) error { return c.refuse }
			}
			s := mailing(t, onSQLite(t), smtpTo(t, "smtp", "", "", to.address), nil)
			s.share("frida@example.org")
			next := s.step()
			if got := s.states(); got != c.state {
				t.Errorf("the mail is %s", got)
			}
			if want := s.now().Add(30 * time.Second); c.state == "waiting" && !next.Equal(want) {
				t.Errorf("tried again at %v, want %v", next, want)
			}
			suppressed, err := s.engine.Suppressed(t.Context(), s.account, "Frida@Example.org")
			must(t, err)
			if (len(suppressed) > 0) != c.suppress {
				t.Errorf("suppressed: %v", suppressed)
			}
			s.verify()
		})
	}
}

func TestMailIsTriedForFiveDays(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, open func() store.Engine) {
		to := newMailServer(t, nil, false, "")
		tries := 0
		to.refuse = func(string) error {
			tries++
			return &smtp.SMTPError{Code: 450, EnhancedCode: smtp.EnhancedCode{4, 2, 0}, Message: "busy"}
		}
		s := mailing(t, open, smtpTo(t, "smtp", "", "", to.address), nil)
		s.share("frida@example.org")
		first := s.now()
		var waits []time.Duration
		for next := s.step(); !next.IsZero(); next = s.step() {
			waits = append(waits, next.Sub(s.now()))
			s.clock.Set(next)
		}
		if got := fmt.Sprint(waits[:8]); got != "[30s 1m0s 2m0s 4m0s 8m0s 16m0s 32m0s 1h0m0s]" {
			t.Errorf("waited %s", got)
		}
		if s.now().Sub(first) < 5*24*time.Hour-time.Hour || tries != 1+len(waits) || s.states() != "failed" {
			t.Errorf("%d tries in %v, the mail is %s", tries, s.now().Sub(first), s.states())
		}
		s.verify()
	})
}

func TestNobodyIsSentMailWhoIsSuppressed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, open func() store.Engine) {
		to := newMailServer(t, nil, false, "")
		s := mailing(t, open, smtpTo(t, "smtp", "", "", to.address), nil)
		s.share("frida@example.org", "fritz@example.org")
		_, err := s.engine.Suppress(t.Context(), s.account, "Frida@example.org", model.SuppressedManually)
		must(t, err)
		s.step()
		if took := to.all(); len(took) != 1 || took[0].to != "fritz@example.org" {
			t.Errorf("took %v", took)
		}
		if got := s.states(); got != "suppressed sent" {
			t.Errorf("mails are %s", got)
		}
		s.verify()
	})
}

func TestSendingRateHolds(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, open func() store.Engine) {
		to := newMailServer(t, nil, false, "")
		s := mailing(t, open, smtpTo(t, "smtp", "", "", to.address), func(e *model.EmailSettings) { e.PerMinute = 6 })
		var friends []string
		for i := range 20 {
			friends = append(friends, fmt.Sprintf("friend%d@example.org", i))
		}
		s.share(friends...)
		first := s.now()
		for next := s.step(); !next.IsZero(); next = s.step() {
			elapsed := s.now().Sub(first)
			if n, most := len(to.all()), int(elapsed/(10*time.Second))+1; n != most {
				t.Errorf("%d mails after %v, want %d", n, elapsed, most)
			}
			if len(to.all()) == 5 { // the server was down for an hour: what waited does not go at once
				next = next.Add(time.Hour)
				first = first.Add(time.Hour)
			}
			s.clock.Set(next)
		}
		if n := len(to.all()); n != 20 {
			t.Errorf("%d mails in all", n)
		}
	})
}

// A reminder goes to whom the share arrived, and who did not follow it.
func TestShareThatNobodyFollowsIsRemindedOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, open func() store.Engine) {
		to := newMailServer(t, nil, false, "")
		to.refuse = func(to string) error {
			if to == "gone@example.org" {
				return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no"}
			}
			return nil
		}
		s := mailing(t, open, smtpTo(t, "smtp", "", "", to.address), func(e *model.EmailSettings) { e.RemindersAfter = 72 * time.Hour })
		s.share("frida@example.org", "gone@example.org", "fritz@example.org", "no@example.org")
		sent := s.now()
		next := s.step()
		if want := sent.Add(72 * time.Hour); !next.Equal(want) {
			t.Errorf("reminded at %v, want %v", next, want)
		}
		_, err := s.engine.Suppress(t.Context(), s.account, "no@example.org", model.Unsubscribed)
		must(t, err)
		s.clock.Set(next)
		if next = s.step(); !next.IsZero() {
			t.Errorf("something is left for %v", next)
		}
		var reminded []string
		for _, m := range to.all()[3:] {
			p := parse(t, m.data)
			if subject, _ := p.Subject(); subject != "Still there for you, from Acme" || !strings.Contains(p.text, "A few days ago Ada") {
				t.Errorf("%s: %s", subject, p.text)
			}
			reminded = append(reminded, m.to)
		}
		slices.Sort(reminded)
		if !slices.Equal(reminded, []string{"frida@example.org", "fritz@example.org"}) {
			t.Errorf("reminded %v", reminded)
		}
		s.verify()
	})
}

// What is worded nowhere is worded by us; what the account says goes before.
func TestMailSaysWhatTheAccountSays(t *testing.T) {
	t.Parallel()
	to := newMailServer(t, nil, false, "")
	s := mailing(t, onSQLite(t), smtpTo(t, "smtp", "", "", to.address), func(e *model.EmailSettings) {
		e.Rewards = true
		e.Wording = map[model.MailKind]model.Share{
			model.NotifyMail: {Subject: "In {{.Campaign}}, {{ .Name }}!", Text: "Dein Link: {{.Link}}. {{.Unknown}}"},
			model.RewardMail: {Subject: "Danke", Text: "{{.Reward}} for {{.Name}}"},
		}
	})
	s.project.Campaigns[0].Share = model.Share{Subject: "Schau mal", Text: "{{.Sender}} says: {{.Message}}"}
	s.project.Campaigns[0].ConfirmEmail = false
	_, err := s.engine.Apply(t.Context(), s.project.Clone())
	must(t, err)
	_, err = s.engine.Join(t.Context(), s.account, engine.Join{
		Who: engine.Who{Email: "nora@example.org", FirstName: "Nora", Server: true}, Kind: model.SignUp, Campaign: s.project.Campaigns[0].ID, Notify: true,
	})
	must(t, err)
	s.share("frida@example.org")
	s.purchase()
	s.step()
	got := map[string][2]string{}
	for _, m := range to.all() {
		p := parse(t, m.data)
		subject, _ := p.Subject()
		text, _, _ := strings.Cut(p.text, "\r\n\r\n-- ")
		got[m.to] = [2]string{subject, text}
	}
	for address, want := range map[string][2]string{
		"nora@example.org":  {"In Evergreen, Nora!", "Dein Link: https://grapevine.example/mail/click/"},
		"frida@example.org": {"Schau mal", "Ada says: Zelte, so schön wie nie:\r\n\r\n<b>look</b>\r\n\r\nhttps://grapevine.example/mail/click/"},
		"ada@example.com":   {"Danke", "10 USD for Ada"},
	} {
		if got[address][0] != want[0] || !strings.HasPrefix(got[address][1], want[1]) {
			t.Errorf("%s got %q, want %q", address, got[address], want)
		}
	}
	if !strings.HasSuffix(got["nora@example.org"][1], ". {{.Unknown}}") {
		t.Errorf("what is no variable: %q", got["nora@example.org"][1])
	}
}

func TestMailWithoutServerIsWritten(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	folder := filepath.Join(t.TempDir(), "made", "mail")
	s := mailing(t, onSQLite(t), &Folder{Path: folder, Log: slog.New(slog.NewTextHandler(&log, nil))}, nil)
	s.share("frida@example.org", "fritz@example.org")
	s.step()
	files, err := os.ReadDir(folder)
	must(t, err)
	if len(files) != 2 || strings.Count(log.String(), "--smtp") != 1 {
		t.Fatalf("%d files, the log says %s", len(files), log.String())
	}
	data, err := os.ReadFile(filepath.Join(folder, files[0].Name()))
	must(t, err)
	if p := parse(t, data); !strings.Contains(p.text, "Ada") || filepath.Ext(files[0].Name()) != ".eml" {
		t.Errorf("%s says\n%s", files[0].Name(), p.text)
	}
}

// The answer is a list; whoever is not in it gets no mail, and neither does
// anybody without an answer.
func TestMerchantSaysWhoGetsShares(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers []string // "" is a failure; the last stands for all that follow
		asked   int
		states  string // of Frida, Fritz, one who is suppressed, and one who is blocked
	}{
		"some":          {[]string{`["FRIDA@example.org"]`}, 1, "sent forbidden suppressed suppressed"},
		"nobody":        {[]string{`[]`}, 1, "forbidden forbidden suppressed suppressed"},
		"after a while": {[]string{"", "no list", `["fritz@example.org","x@y.example"]`}, 3, "forbidden sent suppressed suppressed"},
		"no answer":     {[]string{""}, 97, "forbidden forbidden suppressed suppressed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, open func() store.Engine) {
				asked := 0
				r := newReceiver(t, func(w http.ResponseWriter, _ string) {
					answer := c.answers[min(asked, len(c.answers)-1)]
					if asked++; answer == "" {
						w.WriteHeader(http.StatusServiceUnavailable)
					}
					fmt.Fprint(w, answer)
				})
				to := newMailServer(t, nil, false, "")
				s := mailing(t, open, smtpTo(t, "smtp", "", "", to.address), nil)
				s.project.Endpoints = []model.Endpoint{{Dialect: "plain", Event: "may", Topic: model.RecipientsQuestioned, URL: r.URL}}
				s.project.Settings.Blocked.Emails = []string{"*@blocked.example.org"}
				_, err := s.engine.Apply(t.Context(), s.project.Clone())
				must(t, err)
				_, err = s.engine.Suppress(t.Context(), s.account, "no@example.org", model.SuppressedManually)
				must(t, err)
				s.share("frida@example.org", "fritz@example.org", "no@example.org", "Fay@Blocked.example.org")
				for next := s.step(); !next.IsZero(); next = s.step() {
					if len(to.all()) > 0 {
						t.Fatal("a mail was sent before the answer")
					}
					s.clock.Set(next)
				}
				if got := s.states(); got != c.states || asked != c.asked {
					t.Errorf("mails are %s after %d questions, want %s after %d", got, asked, c.states, c.asked)
				}
				if told := read(t, r.bodies()[0]).Friends; !slices.Equal(told, []string{"frida@example.org", "fritz@example.org"}) {
					t.Errorf("asked about %v", told)
				}
				s.verify()
			})
		})
	}
}

func TestShareIsNotSentWhoseQuestionHasNoAddressAnyMore(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, open func() store.Engine) {
		r := newReceiver(t, status(http.StatusServiceUnavailable))
		to := newMailServer(t, nil, false, "")
		s := mailing(t, open, smtpTo(t, "smtp", "", "", to.address), nil)
		s.project.Endpoints = []model.Endpoint{{Dialect: "plain", Event: "may", Topic: model.RecipientsQuestioned, URL: r.URL}}
		_, err := s.engine.Apply(t.Context(), s.project.Clone())
		must(t, err)
		s.share("frida@example.org")
		next := s.step()
		s.project.Endpoints = nil
		_, err = s.engine.Apply(t.Context(), s.project.Clone())
		must(t, err)
		s.clock.Set(next)
		if next := s.step(); !next.IsZero() || s.states() != "forbidden" || len(to.all()) != 0 {
			t.Errorf("the mail is %s, more at %v", s.states(), next)
		}
	})
}
