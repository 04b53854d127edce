//go:build e2e

package e2e_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/mail"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const selector = "grape"

// signer is a key that mail is signed with.
type signer struct {
	file   string
	record string // that the DNS has of it
}

func makeSigner(t *testing.T, key crypto.Signer) *signer {
	t.Helper()
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s := &signer{file: filepath.Join(t.TempDir(), "dkim.pem")}
	if err := os.WriteFile(s.file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600); err != nil {
		t.Fatal(err)
	}
	if public, ok := key.Public().(ed25519.PublicKey); ok {
		s.record = "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
		return s
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	s.record = "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(public)
	return s
}

// signed reports whether a mail is signed by the key, in the judgement of a
// program that has nothing in common with ours.
func (s *signer) signed(t *testing.T, data []byte) bool {
	t.Helper()
	if strings.Contains(os.Getenv("GRAPEVINE_TEST_SKIP"), "dkim") {
		t.Skip("GRAPEVINE_TEST_SKIP has dkim")
	}
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "testdata/verify.py", selector+"._domainkey.shop.example.com", s.record)
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("dkimpy: %v (GRAPEVINE_TEST_SKIP=dkim does without)\n%s", err, out)
	}
	return strings.TrimSpace(string(out)) == "valid"
}

// mailed is a server whose mail goes to a mail server, and a page of its
// merchant's.
type mailed struct {
	*server
	mail   *mailServer
	page   *merchant // what browsers send
	api    *merchant
	shares int
	code   string
}

func openMailed(t *testing.T, d database, key *signer) *mailed {
	t.Helper()
	authority := makeCertificate(t, "localhost")
	t.Setenv("SSL_CERT_FILE", authority.cert) // the server trusts no other
	mx := serveMail(t, authority)
	smtp := url.URL{Scheme: "smtp", User: url.UserPassword(mailUser, mailPassword), Host: mx.addr}
	d.apply(t, strings.Replace(project("https://hooks.example.com/", ""), "coupons:", "origins: [https://shop.example.com]\nemail: {from: Acme <hello@shop.example.com>}\ncoupons:", 1))
	s := d.start(t, freeAddr(t), "--smtp", smtp.String(), "--dkim-key", key.file, "--dkim-selector", selector)
	s.awaitReady(t)
	m := &mailed{server: s, mail: mx, api: openMerchant(t, s), page: &merchant{url: s.url, http: s.http, origin: "https://shop.example.com"}}
	link := m.api.must(t, "POST", "/v1/personal-referral-link", fmt.Sprintf(`{"email": "ann@example.com", "customerId": "ann", "firstName": "Ann", "campaignId": %q}`, campaignUUID), http.StatusOK)
	m.code = link["referralCode"].(string)
	return m
}

// share shares the advocate's link by mail.
func (m *mailed) share(t *testing.T, to ...string) {
	t.Helper()
	m.shares++
	var recipients []string
	for _, address := range to {
		recipients = append(recipients, fmt.Sprintf(`{"email": %q, "name": "Frida"}`, address))
	}
	got := m.page.must(t, "POST", "/v1/intake/"+merchantID, fmt.Sprintf(
		`{"events": [{"id": "0d5a9f10-0000-4000-8000-%012d", "type": "share", "payload": {"channel": "email", "referralCode": %q, "message": "Schau – wie schön!", "recipients": [%s]}}]}`,
		m.shares, m.code, strings.Join(recipients, ",")), http.StatusOK)
	if want := fmt.Sprintf("mailed:%d", len(to)); !strings.Contains(fmt.Sprint(got), want) {
		t.Fatalf("the share was answered %v, want %s", got, want)
	}
}

// counted is what is counted of mails that share, in two days around now.
func (m *mailed) counted(t *testing.T) map[string]any {
	t.Helper()
	now := time.Now().UTC()
	got := m.api.must(t, "GET", fmt.Sprintf("/v1/analytics/email-metrics?fromDate=%s&toDate=%s&zone=America/New_York",
		now.AddDate(0, 0, -1).Format(time.DateOnly), now.AddDate(0, 0, 1).Format(time.DateOnly)), "", http.StatusOK)
	return got["shareEmails"].(map[string]any)
}

// visit sends a request as a mail program or a browser does, and returns the
// status.
func (m *mailed) visit(t *testing.T, method, address, form string) int {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("User-Agent", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_14_6) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/79.0.3945.79 Safari/537.36")
	if form != "" {
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	a, err := http.DefaultTransport.RoundTrip(q)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	return a.StatusCode
}

var (
	softBreak = regexp.MustCompile("=\r\n")
	oneClick  = regexp.MustCompile(`^<(https?://[^>]+)>$`)
)

// A mail is handed to a mail server over TLS by who is signed in, bears a
// signature that another program verifies, is ordered off with one POST, and
// is counted.
func TestMailArrivesSignedAndIsOrderedOff(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	by := makeSigner(t, key)
	onEachEngine(t, func(t *testing.T, d database) {
		m := openMailed(t, d, by)
		m.share(t, "frida@example.org", "fritz@example.org")
		got := m.mail.await(t, "frida@example.org", 0)
		m.mail.await(t, "fritz@example.org", 0)
		if !by.signed(t, got.data) {
			t.Errorf("the signature is not valid:\n%s", got.data)
		}
		for name, changed := range map[string][]byte{
			"another text":   bytes.Replace(got.data, []byte("Ann"), []byte("Eve"), 1),
			"one more From":  append([]byte("From: Eve <eve@example.net>\r\n"), got.data...),
			"another header": bytes.Replace(got.data, []byte("One-Click"), []byte("Two-Clicks"), 1),
		} {
			if by.signed(t, changed) {
				t.Errorf("%s is taken for ours", name)
			}
		}
		read, err := mail.ReadMessage(bytes.NewReader(got.data))
		if err != nil {
			t.Fatal(err)
		}
		text := softBreak.ReplaceAllString(string(got.data), "")
		if code := m.visit(t, "GET", regexp.MustCompile(`http://\S+/mail/click/[a-z2-7]+`).FindString(text), ""); code != http.StatusFound {
			t.Errorf("the link answers %d", code)
		}
		if code := m.visit(t, "GET", regexp.MustCompile(`http://[^"]+/mail/open/[a-z2-7]+\.gif`).FindString(text), ""); code != http.StatusOK {
			t.Errorf("the pixel answers %d", code)
		}
		address := oneClick.FindStringSubmatch(read.Header.Get("List-Unsubscribe"))
		if address == nil || read.Header.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" {
			t.Fatalf("headers %v", read.Header)
		}
		if code := m.visit(t, "POST", address[1], "List-Unsubscribe=One-Click"); code != http.StatusOK {
			t.Errorf("the one click answers %d", code)
		}
		// Bob shares: another one of Ann's within a day would be left out anyway.
		m.api.must(t, "POST", "/v1/personal-referral-link", fmt.Sprintf(`{"email": "bob@example.com", "customerId": "bob", "campaignId": %q, "seed": "bobs"}`, campaignUUID), http.StatusOK)
		m.code = "bobs"
		m.share(t, "frida@example.org", "emil@example.org")
		m.mail.await(t, "emil@example.org", 0)
		if n := len(m.mail.all("frida@example.org")); n != 1 {
			t.Errorf("Frida got %d mails, one of them after she ordered them off", n)
		}
		has(t, "counts", m.awaitDelivered(t, 3), map[string]any{
			"shares": 2.0, "recipients": 4.0, "delivered": 3.0, "bounced": 0.0, "spam": 0.0,
			"totalOpens": 1.0, "uniqueOpens": 1.0, "totalClicks": 1.0, "uniqueClicks": 1.0,
		})
		m.stop(t)
		d.command(t, "verify")
	})
}

// awaitDelivered returns the counts once so many mails have arrived: that is
// written down after the mail server took them.
func (m *mailed) awaitDelivered(t *testing.T, n int) (counts map[string]any) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if counts = m.counted(t); counts["delivered"] == float64(n) {
			return counts
		}
	}
	return counts
}

func TestMailIsSignedWithEd25519(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	by := makeSigner(t, key)
	dir := t.TempDir()
	m := openMailed(t, database{"sqlite:" + filepath.Join(dir, "grapevine.db"), filepath.Join(dir, "secret")}, by)
	m.share(t, "frida@example.org")
	if got := m.mail.await(t, "frida@example.org", 0); !by.signed(t, got.data) {
		t.Errorf("the signature is not valid:\n%s", got.data)
	}
}
