// Package demo shows the program at work: a database of its own, a sample
// account, a small shop that calls the API as shops do, and one referral that
// walks through all of it over HTTP. It uses nothing but what every customer
// has: the commands, the API and webhooks.
package demo

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"text/template"
	"time"

	"grapevine/app"
)

// The ports are these where they are free, else any.
const (
	serverPort = "127.0.0.1:8480"
	shopPort   = "127.0.0.1:8481"
)

// stepLimit bounds each step of the walk, and starting and stopping.
const stepLimit = 20 * time.Second

// Config says how the demo runs.
type Config struct {
	Once bool // ends after the walk
	Out  io.Writer
	Log  *slog.Logger
}

// Run walks one referral and, unless it is to end then, stays up until ctx
// ends. It fails where a step failed. Nothing of it stays behind.
func Run(ctx context.Context, c Config) (err error) {
	dir, err := os.MkdirTemp("", "grapevine-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	shop, err := openShop(free(shopPort), c.Log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shop.close()) }()

	place := app.Config{Database: "sqlite:" + filepath.Join(dir, "demo.db"), Log: c.Log}
	account, err := applySample(ctx, place, dir, shop.url)
	if err != nil {
		return fmt.Errorf("apply the sample account: %w", err)
	}
	mailDir := filepath.Join(dir, "mail")
	server, err := serve(ctx, place, mailDir, c.Log)
	if err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	shop.open(account, server.url)

	fmt.Fprintf(c.Out, "Grapevine demo: one referral, from a link to a reward.\n\n")
	w := &walk{account: account, shop: shop, server: server.url, place: place, mailDir: mailDir}
	if err := w.run(ctx, c.Out); err != nil || c.Once {
		return err
	}
	w.invite(c.Out)
	select {
	case <-ctx.Done():
		return nil
	case err := <-server.ended:
		return err
	}
}

// free is address, or any port of loopback where somebody else has that.
func free(address string) string {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "127.0.0.1:0"
	}
	l.Close()
	return address
}

//go:embed acme.yaml
var sample string

// account is what the demo needs to know of the sample account, as apply
// prints it.
type account struct {
	Keys struct {
		Friendbuy struct {
			MerchantID    string `json:"merchant_id"`
			Key           string `json:"key"`
			Secret        string `json:"secret"`
			SigningSecret string `json:"signing_secret"`
			PublicKey     string `json:"public_key"`
		} `json:"friendbuy"`
	} `json:"keys"`
	Campaigns []struct {
		UUID string `json:"uuid"`
	} `json:"campaigns"`
}

func applySample(ctx context.Context, place app.Config, dir, shop string) (*account, error) {
	var text bytes.Buffer
	if err := template.Must(template.New("sample").Parse(sample)).Execute(&text, map[string]string{"Shop": shop}); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "acme.yaml")
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	var out bytes.Buffer
	if err := app.Apply(ctx, place, file, nil, &out, io.Discard); err != nil {
		return nil, err
	}
	a := new(account)
	if err := json.Unmarshal(out.Bytes(), a); err != nil {
		return nil, err
	}
	if len(a.Campaigns) == 0 {
		return nil, errors.New("apply printed no campaign")
	}
	return a, nil
}

// server is the program, in this process.
type server struct {
	url   string
	stop  func() error
	ended chan error
}

func serve(ctx context.Context, place app.Config, mailDir string, log *slog.Logger) (*server, error) {
	ctx, cancel := context.WithCancel(ctx)
	ready := make(chan string, 1)
	s := &server{ended: make(chan error, 1)}
	done := make(chan struct{})
	var result error
	go func() {
		defer close(done)
		result = app.Serve(ctx, app.ServeConfig{
			Config:            place,
			Listen:            free(serverPort),
			MailDir:           mailDir,
			AllowPrivateHooks: true, // the shop is on loopback
			WebhookRetryEvery: 15 * time.Minute,
			WebhookGiveUp:     24 * time.Hour,
			ValidationGiveUp:  72 * time.Hour,
			Ready:             func(url string) { ready <- url },
		})
		s.ended <- result
	}()
	s.stop = func() error {
		cancel()
		<-done
		return result
	}
	select {
	case s.url = <-ready:
		return s, nil
	case <-done:
		return nil, result
	case <-time.After(stepLimit):
		return nil, errors.Join(fmt.Errorf("it is not ready after %v", stepLimit), s.stop())
	}
}
