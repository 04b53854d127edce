//go:build e2e

package e2e_test

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

const (
	mailUser     = "grapevine"
	mailPassword = "ge:heim@1"
)

// mailServer is a mail server that takes mail from who is signed in, which
// needs TLS, and keeps it.
type mailServer struct {
	addr string

	mu   sync.Mutex
	took []taken
}

// taken is a mail, and the envelope it came in.
type taken struct {
	from, to string
	data     []byte
}

func serveMail(t *testing.T, c *certificate) *mailServer {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mailServer{addr: listener.Addr().String()}
	server := smtp.NewServer(m)
	server.Domain, server.TLSConfig, server.ErrorLog = "mx.example.net", &tls.Config{Certificates: []tls.Certificate{pair}}, log.New(io.Discard, "", 0)
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return m
}

func (m *mailServer) NewSession(*smtp.Conn) (smtp.Session, error) {
	return &mailSession{server: m}, nil
}

// await returns the mail number n to an address, from 0, and waits for it.
func (m *mailServer) await(t *testing.T, to string, n int) taken {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if all := m.all(to); len(all) > n {
			return all[n]
		}
	}
	t.Fatalf("%s got %d mails, want %d", to, len(m.all(to)), n+1)
	return taken{}
}

// all are the mails to an address.
func (m *mailServer) all(to string) (all []taken) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, mail := range m.took {
		if mail.to == to {
			all = append(all, mail)
		}
	}
	return all
}

type mailSession struct {
	server   *mailServer
	signedIn bool
	mail     taken
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if s.signedIn = user == mailUser && password == mailPassword; !s.signedIn {
			return errors.New("who is that?")
		}
		return nil
	}), nil
}

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	if !s.signedIn {
		return smtp.ErrAuthRequired
	}
	s.mail.from = from
	return nil
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.to = to
	return nil
}

func (s *mailSession) Data(r io.Reader) (err error) {
	if s.mail.data, err = io.ReadAll(r); err != nil {
		return err
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.took = append(s.server.took, s.mail)
	return nil
}

func (s *mailSession) Reset()        { s.mail = taken{} }
func (s *mailSession) Logout() error { return nil }
