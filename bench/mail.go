package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

const (
	queuedMails  = 50_000
	shareFriends = 50  // whom one share goes to
	sharesEach   = 4   // of one person, in a day
	mailConns    = 8   // that one account's mail goes over
	mailMemory   = 100 // megabytes
	mailOrigin   = "https://shop.example.com"
)

// mailProject is a campaign whose links are shared by mail.
func mailProject() string {
	return fmt.Sprintf(project, "origins: ["+mailOrigin+"]\nemail: {from: Load <hello@shop.example.com>}", `
      - name: Five off for a friend
        to: friend
        on: purchase
        value: {type: discount, amount: 5, unit: USD}`)
}

// mail queues mails before a mail server that takes none yet, then lets them
// go: what that costs in memory, and how fast they are sent, each of them
// signed.
func (b *bench) mail() error {
	key, err := b.dkimKey()
	if err != nil {
		return err
	}
	for _, engine := range b.engines() {
		if err := b.mailOn(engine, key); err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
	}
	return nil
}

// dkimKey makes a key that mail is signed with.
func (b *bench) dkimKey() (file string, err error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	file = filepath.Join(b.dir, "dkim.pem")
	return file, os.WriteFile(file, text, 0o600)
}

func (b *bench) mailOn(engine, key string) error {
	to, err := b.sink()
	if err != nil {
		return err
	}
	d, err := b.database(engine, "mail")
	if err != nil {
		return err
	}
	if err := b.apply(d, mailProject()); err != nil {
		return err
	}
	s, err := b.serve(d, "--smtp", "smtp://"+to.addr, "--dkim-key", key, "--dkim-selector", "load")
	if err != nil {
		return err
	}
	defer s.stop()
	codes, err := s.codes(queuedMails / shareFriends / sharesEach)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := s.shareAll(codes); err != nil {
		return err
	}
	queued := time.Since(began)
	waiting, _, err := s.memory()
	if err != nil {
		return err
	}
	ours := &side{Name: "mails, " + engine, run: func() (*round, error) { return s.sendAll(to) }}
	if err := interleave(1, b.out, ours); err != nil {
		return err
	}
	_, peak, err := s.memory()
	if err != nil {
		return err
	}
	if err := s.stop(); err != nil {
		return err
	}
	bare := &side{Name: fmt.Sprintf("a bare client, %d connections", mailConns), run: func() (*round, error) { return to.bare(mailConns, b.length()) }}
	if err := interleave(b.rounds, b.out, bare); err != nil {
		return err
	}
	b.add(result{
		Name: fmt.Sprintf("%d queued mails, %s", queuedMails, engine), Ours: ours, Limit: bare,
		Goals: []goal{{Name: "peak memory", Got: megabytes(peak), Want: mailMemory, AtMost: true, Unit: "MB"}},
		Notes: []string{fmt.Sprintf("queued in %s by shares of %d; memory with all of them waiting %.0f MB; a mail is %d bytes, signed with RSA; sent at %.2f of the bare client",
			short(queued), shareFriends, megabytes(waiting), len(*to.one.Load()), ours.typical().Rate/bare.typical().Rate)},
	})
	return nil
}

// sendAll opens the mail server and returns when all has come. The rate is that
// of the first nine in ten: those that were turned away before come later.
func (s *server) sendAll(to *sink) (*round, error) {
	const counted = queuedMails * 9 / 10
	used, err := s.cpu()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	to.open()
	limit := 10 * time.Minute
	if err := s.until(limit, func() bool { return to.mails.Load() >= counted }); err != nil {
		return nil, fmt.Errorf("%d mails came: %w", to.mails.Load(), err)
	}
	rate := float64(to.mails.Load()) / time.Since(began).Seconds()
	if err := s.until(limit, func() bool { return to.mails.Load() >= queuedMails }); err != nil {
		return nil, fmt.Errorf("%d mails came: %w", to.mails.Load(), err)
	}
	spent, err := s.cpu()
	return &round{Rate: rate, CPU: (spent - used) / queuedMails}, err
}

// shareAll shares each link by mail, until as many mails are queued as are
// wanted.
func (s *server) shareAll(codes []string) error {
	const callers = 8
	failed := make(chan error, callers)
	for i := range callers {
		go func() {
			var err error
			for n := i; n < len(codes)*sharesEach && err == nil; n += callers {
				err = s.share(codes[n/sharesEach], n)
			}
			failed <- err
		}()
	}
	for range callers {
		if err := <-failed; err != nil {
			return err
		}
	}
	return nil
}

// share shares a link with friends whom nobody else knows, as a page does.
func (s *server) share(code string, n int) error {
	type friend struct {
		Email string `json:"email"`
		Name  string `json:"name"`
	}
	var friends []friend
	for i := range shareFriends {
		friends = append(friends, friend{fmt.Sprintf("friend-%d-%d@example.org", n, i), "Fay"})
	}
	body, err := json.Marshal(map[string]any{"events": []any{map[string]any{
		"id": fmt.Sprintf("0d5a9f10-0000-4000-8000-%012d", n), "type": "share",
		"payload": map[string]any{
			"channel": "email", "referralCode": code, "recipients": friends, "message": "I liked this, and thought that you may too.",
		},
	}}})
	if err != nil {
		return err
	}
	q, err := http.NewRequest(http.MethodPost, "http://"+s.addr+"/v1/intake/"+merchantID, bytes.NewReader(body))
	if err != nil {
		return err
	}
	q.Header.Set("Origin", mailOrigin)
	q.Header.Set("Content-Type", "application/json")
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	answer, err := io.ReadAll(a.Body)
	if err == nil && (a.StatusCode != http.StatusOK || !bytes.Contains(answer, fmt.Appendf(nil, `"mailed":%d`, shareFriends))) {
		err = fmt.Errorf("a share was answered %d: %.300s", a.StatusCode, answer)
	}
	return err
}
