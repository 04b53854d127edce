package deliver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// mailServer is a real mail server that keeps what it takes.
type mailServer struct {
	address string
	server  *smtp.Server

	mu       sync.Mutex
	took     []taken
	opened   int                   // connections
	refuse   func(to string) error // nil takes everybody
	refuseIt func(data []byte) error
	password string // asked for, if any
	signedIn int
	secure   int // mails that came over TLS
}

type taken struct {
	from, to string
	data     []byte
}

// newMailServer starts a server; certificate offers STARTTLS.
func newMailServer(t *testing.T, certificate *tls.Certificate, implicit bool, password string) *mailServer {
	m := &mailServer{password: password}
	m.server = smtp.NewServer(m)
	m.server.Domain, m.server.AllowInsecureAuth = "mx.example.net", false
	m.server.ErrorLog = nothing{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	m.address = listener.Addr().String()
	if certificate != nil {
		m.server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*certificate}}
		if implicit {
			listener = tls.NewListener(listener, m.server.TLSConfig)
		}
	}
	go m.server.Serve(listener)
	t.Cleanup(func() { m.server.Close() })
	return m
}

type nothing struct{}

func (nothing) Printf(string, ...any) {}
func (nothing) Println(...any)        {}

func (m *mailServer) NewSession(c *smtp.Conn) (smtp.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.opened++
	_, secure := c.TLSConnectionState()
	return &mailSession{server: m, secure: secure}, nil
}

func (m *mailServer) all() []taken {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]taken{}, m.took...)
}

type mailSession struct {
	server   *mailServer
	secure   bool
	known    bool
	from, to string
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "grapevine" || password != s.server.password {
			return errors.New("wrong password")
		}
		s.known = true
		s.server.mu.Lock()
		s.server.signedIn++
		s.server.mu.Unlock()
		return nil
	}), nil
}

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	if s.server.password != "" && !s.known {
		return smtp.ErrAuthRequired
	}
	s.from = from
	return nil
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.server.refuse != nil {
		return s.server.refuse(to)
	}
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.server.refuseIt != nil {
		if err := s.server.refuseIt(data); err != nil {
			return err
		}
	}
	if s.secure {
		s.server.secure++
	}
	s.server.took = append(s.server.took, taken{s.from, s.to, data})
	return nil
}

func (s *mailSession) Reset()        {}
func (s *mailSession) Logout() error { return nil }

// certificate is for 127.0.0.1, with who vouches for it.
func certificate(t *testing.T) (*tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mx"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	parsed, err := x509.ParseCertificate(der)
	must(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func smtpTo(t *testing.T, scheme, user, password, address string) *SMTP {
	t.Helper()
	u := url.URL{Scheme: scheme, Host: address}
	if user != "" {
		u.User = url.UserPassword(user, password)
	}
	s, err := NewSMTP(u.String(), "grapevine.example", slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(s.Close)
	return s
}
