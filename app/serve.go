package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"grapevine/deliver"
	"grapevine/dialect/friendbuy"
	"grapevine/dialect/irefer"
	"grapevine/dialect/prefinery"
	"grapevine/dialect/referralfactory"
	"grapevine/feedback"
	"grapevine/link"
	"grapevine/web"
)

// ServeConfig is what a server needs.
type ServeConfig struct {
	Config
	Listen     string // host:port; port 0 is any free one
	PublicURL  string // "" is the address of the listener
	TLSCert    string // file; "" is plain HTTP
	TLSKey     string
	TrustProxy []netip.Prefix // whose X-Forwarded-… headers are believed

	SMTP         string // smtp[s]://user:password@host:port; "" writes mail to MailDir
	MailDir      string // "" is beside an SQLite database, else in the working directory
	DKIMKey      string // file; "" signs no mail
	DKIMSelector string

	AllowPrivateHooks bool
	RateLimits        bool // the documented ones hold; false: none does
	WebhookRetryEvery time.Duration
	WebhookGiveUp     time.Duration
	ValidationGiveUp  time.Duration

	// Ready is told the server's own address once it answers.
	Ready func(url string)
}

const (
	// grace is how long requests may take to finish when the server stops.
	grace        = 30 * time.Second
	refreshEvery = 2 * time.Second
)

// slackSize is how much memory is counted as in use beyond what is. The garbage
// collector runs when as much again has been allocated as is in use, and a small
// server has so little that it would run dozens of times a second.
const slackSize = 8 << 20

// Serve runs the server until ctx ends, and returns when all it started has
// ended: requests are finished, jobs returned, the node number given back.
func Serve(ctx context.Context, c ServeConfig) error {
	slack := make([]byte, slackSize) // never touched, so it takes no memory
	defer runtime.KeepAlive(slack)
	listener, own, err := listen(ctx, c)
	if err != nil {
		return err
	}
	defer listener.Close()
	public, err := publicURL(c.PublicURL, own)
	if err != nil {
		return err
	}
	c.PublicURL = public
	post, err := newPost(c, public)
	if err != nil {
		return err
	}
	p, err := open(ctx, c.Config, begins, public)
	if err != nil {
		return err
	}
	// The number is renewed until the last request is done, so its renewal does
	// not end with ctx.
	err = p.keepNode(context.WithoutCancel(ctx), func(work context.Context) error {
		return p.serve(ctx, work, c, post, listener, own)
	})
	return errors.Join(err, p.close())
}

// listen opens the port and says how it is reached from here.
func listen(ctx context.Context, c ServeConfig) (net.Listener, string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", c.Listen)
	if wrong, ok := errors.AsType[*net.AddrError](err); ok {
		return nil, "", &InputError{fmt.Errorf("--listen %s: want HOST:PORT: %s", c.Listen, wrong.Err)}
	}
	if err != nil {
		return nil, "", err
	}
	scheme := "http"
	if c.TLSCert != "" || c.TLSKey != "" {
		pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
		if err != nil {
			return nil, "", errors.Join(fmt.Errorf("read --tls-cert and --tls-key: %w", err), listener.Close())
		}
		listener = tls.NewListener(listener, &tls.Config{
			Certificates: []tls.Certificate{pair},
			MinVersion:   tls.VersionTLS12,
			NextProtos:   []string{"h2", "http/1.1"},
		})
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return nil, "", errors.Join(err, listener.Close())
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return listener, scheme + "://" + net.JoinHostPort(host, port), nil
}

// publicURL is where visitors reach the server, without a slash at its end. A
// user and password would stand in every link.
func publicURL(given, own string) (string, error) {
	if given == "" {
		return own, nil
	}
	u, err := url.Parse(given)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		shown := ""
		if err == nil {
			shown = " " + u.Redacted()
		}
		return "", &InputError{fmt.Errorf("--public-url%s: want https://host", shown)}
	}
	return strings.TrimSuffix(given, "/"), nil
}

// serve answers requests until ctx ends. What works for them ends with work,
// at the latest when serve returns.
func (p *program) serve(ctx, work context.Context, c ServeConfig, post *post, listener net.Listener, own string) error {
	work, stop := context.WithCancel(work)
	defer stop()
	var loops sync.WaitGroup
	fresh := &freshness{core: p.core, try: p.tryConfig}
	chores := []chore{fresh.chore(), p.rolls(), p.follows(), p.ranks()}
	rates := p.rates(c)
	if rates != nil {
		chores = append(chores, shares(rates))
	}
	for _, c := range chores {
		loops.Go(func() { c.keep(work, p.log) })
	}
	runner := p.runner(c, post)
	p.store.OnJob(runner.Kick)
	var runs atomic.Bool
	runs.Store(true)
	loops.Go(func() {
		defer runs.Store(false)
		runner.Run(work)
	})

	health := &health{checks: []check{
		{"database", p.store.Ping},
		{"node", p.checkNode},
		{"config", fresh.check},
		{"waitlists", p.checkWaitlists},
		{"jobs", func(context.Context) error {
			if !runs.Load() {
				return errors.New("nobody runs jobs")
			}
			return nil
		}},
	}}
	registry := p.registry()
	server := &http.Server{
		Handler: web.Front(web.Settings{
			Log:     p.log,
			Now:     p.now,
			Metrics: web.NewMetrics(registry),
			Trusted: c.TrustProxy,
		}, &facades{
			friendbuy: friendbuy.New(p.core, friendbuy.Options{Now: p.now, Rates: rates}),
			irefer:    irefer.New(p.core),
			factory:   referralfactory.New(p.core, referralfactory.Options{Rates: rates, PublicURL: c.PublicURL}),
			socials:   referralfactory.NewSocials(p.core),
			prefinery: prefinery.New(p.core, prefinery.Options{Rates: rates}),
			link:      link.New(p.core),
			confirm:   link.NewConfirm(p.core),
			mail:      link.NewMail(p.core),
			feedback:  feedback.New(p.core, fetch(deliver.NewClient(c.AllowPrivateHooks))),
			health:    web.Handle(health.alive, web.Plain),
			ready:     web.Handle(health.ready, web.Plain),
			metrics:   promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
		}),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(p.log.Handler(), slog.LevelInfo),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	p.log.Info("serving", "address", own, "database", p.store.Engine().Name(), "node", p.node.lease.Number)
	if c.Ready != nil {
		c.Ready(own)
	}

	var err error
	select {
	case <-ctx.Done():
		p.log.Info("stopping", "cause", context.Cause(ctx))
	case <-work.Done(): // the node number is lost
	case err = <-served:
	}
	health.stopping.Store(true)
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if shutdown := server.Shutdown(finish); shutdown != nil {
		err = errors.Join(err, fmt.Errorf("requests did not finish: %w", shutdown), server.Close())
	}
	stop()
	loops.Wait()
	return err
}

// renderers are how each dialect tells merchants.
func renderers(c ServeConfig) map[string]deliver.Renderer {
	return map[string]deliver.Renderer{
		"friendbuy":        friendbuy.NewRenderer(friendbuy.Pace{RetryEvery: c.WebhookRetryEvery, GiveUp: c.WebhookGiveUp, GiveUpAsk: c.ValidationGiveUp}),
		"prefinery":        prefinery.Renderer{},
		"referral_factory": referralfactory.NewRenderer(c.PublicURL, c.WebhookRetryEvery, c.WebhookGiveUp),
	}
}

// runner runs the jobs that requests leave behind, and tells merchants.
func (p *program) runner(c ServeConfig, post *post) *deliver.Runner {
	return deliver.New(deliver.Config{
		Engine:    p.core,
		Renderers: renderers(c),
		RunJob:    p.core.RunJob,
		Client:    deliver.NewClient(c.AllowPrivateHooks),
		Mailer:    post.mailer,
		DKIM:      post.dkim,
		Now:       p.now,
		Log:       p.log,
	})
}

func (p *program) checkNode(context.Context) error {
	if !p.node.held() {
		return errors.New("the lease of the node number ran out")
	}
	return nil
}
