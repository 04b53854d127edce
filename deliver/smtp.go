package deliver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/smtp"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"grapevine/engine"
)

// Mailer brings mails on their way.
type Mailer interface {
	// Send hands a mail over, and says what became of it, in the words of who
	// took it or did not.
	Send(ctx context.Context, m *Message) (engine.MailOutcome, string)
}

const (
	// mailTimeout is how long one mail may take: a job's lease is longer.
	mailTimeout = 20 * time.Second
	// keptConnections are kept open between mails.
	keptConnections = 4
)

// SMTP hands mails to a mail server.
type SMTP struct {
	host, port string
	implicit   bool // TLS from the first byte
	auth       func(offered string) smtp.Auth
	hello      string
	tls        *tls.Config
	log        *slog.Logger

	mu   sync.Mutex
	idle []*smtpConn
}

// smtpConn is a connection that mails go over, one after the other.
type smtpConn struct {
	*smtp.Client
	net.Conn
}

// NewSMTP reads smtp[s]://user:password@host:port. hello is the name by which
// the server introduces itself. What keeps all mail here is told in log.
func NewSMTP(address, hello string, log *slog.Logger) (*SMTP, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || u.Path != "" && u.Path != "/" {
		return nil, errors.New("want smtp://user:password@host:port, or smtps://…") // not as given: it may hold a password
	}
	s := &SMTP{host: u.Hostname(), port: u.Port(), implicit: u.Scheme == "smtps", hello: hello, log: log}
	if s.port == "" {
		s.port = map[bool]string{false: "587", true: "465"}[s.implicit]
	}
	if port, err := strconv.ParseUint(s.port, 10, 16); err != nil || port == 0 {
		return nil, fmt.Errorf("want a port from 1 to 65535, got %s", s.port)
	}
	s.tls = &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12}
	if user := u.User.Username(); user != "" {
		password, _ := u.User.Password()
		s.auth = func(offered string) smtp.Auth {
			if slices.Contains(strings.Fields(offered), "PLAIN") {
				return smtp.PlainAuth("", user, password, s.host)
			}
			return &loginAuth{user: user, password: password}
		}
	} else if !s.implicit {
		// Without a password to protect, TLS that cannot be verified is better than
		// none: that is how mail servers talk to each other.
		s.tls.InsecureSkipVerify = true
	}
	return s, nil
}

// Send hands a mail to the server, over a connection that is kept for others.
func (s *SMTP) Send(ctx context.Context, m *Message) (engine.MailOutcome, string) {
	ctx, cancel := context.WithTimeout(ctx, mailTimeout)
	defer cancel()
	c, err := s.connect(ctx)
	if err != nil {
		said := sayNot(ctx, err)
		s.log.WarnContext(ctx, "mail server not reached", "err", said)
		return engine.MailDeferred, "connect: " + said
	}
	stop := context.AfterFunc(ctx, func() { c.Conn.Close() })
	defer stop()
	outcome, said, err := s.transfer(ctx, c.Client, m)
	if err == nil && stop() && c.Reset() == nil {
		s.keep(c)
	} else {
		c.Client.Close()
	}
	if err != nil {
		said = sayNot(ctx, err)
	}
	return outcome, said
}

// transfer sends one mail over a connection. An error ends the connection.
func (s *SMTP) transfer(ctx context.Context, c *smtp.Client, m *Message) (engine.MailOutcome, string, error) {
	if err := c.Mail(m.From); err != nil {
		// Who is refused as a sender is set up wrongly, and that can be put right.
		if refusal, ok := errors.AsType[*textproto.Error](err); ok {
			s.log.WarnContext(ctx, "mail server refuses the sender", "code", refusal.Code)
		}
		return answered(err, engine.MailDeferred)
	}
	if err := c.Rcpt(m.To); err != nil {
		if unknown(err) {
			return answered(err, engine.MailUnknown)
		}
		return answered(err, engine.MailRefused)
	}
	w, err := c.Data()
	if err != nil {
		return answered(err, engine.MailRefused)
	}
	if _, err := w.Write(m.Data); err != nil {
		return engine.MailDeferred, "", err
	}
	if err := w.Close(); err != nil {
		return answered(err, engine.MailRefused)
	}
	return engine.MailTaken, "", nil
}

// answered is what a refusal means: 4yz is for now, 5yz is as told.
func answered(err error, permanent engine.MailOutcome) (engine.MailOutcome, string, error) {
	refusal, ok := errors.AsType[*textproto.Error](err)
	switch {
	case !ok:
		return engine.MailDeferred, "", err
	case refusal.Code == 421: // it closes the connection
		return engine.MailDeferred, "", err
	case refusal.Code/100 == 5:
		return permanent, clean(err.Error()), nil
	}
	return engine.MailDeferred, clean(err.Error()), nil
}

// unknown reports whether a refusal says that there is no such recipient. An
// enhanced code (RFC 3463) says more than the plain one: 550 is what servers
// answer to all that they do not like.
func unknown(err error) bool {
	refusal, ok := errors.AsType[*textproto.Error](err)
	if !ok || refusal.Code/100 != 5 {
		return false
	}
	if class, detail, ok := strings.Cut(strings.Fields(refusal.Msg + " ?")[0], "."); ok && class == "5" {
		return engine.NoMailbox("5." + detail)
	}
	return slices.Contains([]int{550, 551, 553}, refusal.Code)
}

// connect takes a connection that is open, or opens one.
func (s *SMTP) connect(ctx context.Context) (*smtpConn, error) {
	for {
		s.mu.Lock()
		n := len(s.idle)
		var c *smtpConn
		if n > 0 {
			c, s.idle = s.idle[n-1], s.idle[:n-1]
		}
		s.mu.Unlock()
		if c == nil {
			return s.dial(ctx)
		}
		stop := context.AfterFunc(ctx, func() { c.Conn.Close() })
		err := c.Noop() // it may have been closed at the other end
		stop()
		if err == nil {
			return c, nil
		}
		c.Client.Close()
	}
}

func (s *SMTP) keep(c *smtpConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) == keptConnections {
		c.Client.Close()
		return
	}
	s.idle = append(s.idle, c)
}

// dial opens a connection: with TLS where that is to be had, and signed in
// where there is a password.
func (s *SMTP) dial(ctx context.Context) (*smtpConn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(s.host, s.port))
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	c, err := s.greet(conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &smtpConn{c, conn}, nil
}

func (s *SMTP) greet(conn net.Conn) (*smtp.Client, error) {
	if s.implicit {
		conn = tls.Client(conn, s.tls)
	}
	c, err := smtp.NewClient(conn, s.host)
	if err != nil {
		return nil, err
	}
	if err := c.Hello(s.hello); err != nil {
		return nil, err
	}
	if offered, _ := c.Extension("STARTTLS"); offered && !s.implicit {
		if err := c.StartTLS(s.tls); err != nil {
			return nil, err
		}
	}
	if s.auth == nil {
		return c, nil
	}
	offered, mechanisms := c.Extension("AUTH")
	if !offered {
		return nil, errors.New("the server takes no password, perhaps because it offers no TLS")
	}
	return c, c.Auth(s.auth(mechanisms))
}

// Close closes what is open.
func (s *SMTP) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.idle {
		c.Client.Close()
	}
	s.idle = nil
}

// sayNot says why a mail did not go, where the server said nothing.
func sayNot(ctx context.Context, err error) string {
	if ctx.Err() != nil {
		return fmt.Sprintf("not done within %v", mailTimeout)
	}
	return clean(err.Error())
}

// loginAuth is what servers ask for that do not know PLAIN.
type loginAuth struct{ user, password string }

func (a *loginAuth) Start(server *smtp.ServerInfo) (string, []byte, error) {
	if address, err := netip.ParseAddr(server.Name); !server.TLS && server.Name != "localhost" && (err != nil || !address.IsLoopback()) {
		return "", nil, errors.New("the connection is not encrypted: the password stays here")
	}
	return "LOGIN", nil, nil
}

func (a *loginAuth) Next(asked []byte, more bool) ([]byte, error) {
	switch question := strings.ToLower(string(asked)); {
	case !more:
		return nil, nil
	case strings.HasPrefix(question, "user"):
		return []byte(a.user), nil
	case strings.HasPrefix(question, "pass"):
		return []byte(a.password), nil
	default:
		return nil, fmt.Errorf("the server asks for %q", asked)
	}
}
