package app

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"grapevine/deliver"
)

// post is how mail leaves the house.
type post struct {
	mailer deliver.Mailer
	dkim   *deliver.DKIM
}

func newPost(c ServeConfig, public string) (*post, error) {
	var p post
	if c.DKIMKey != "" {
		text, err := os.ReadFile(c.DKIMKey)
		if err != nil {
			return nil, fmt.Errorf("read --dkim-key: %w", err)
		}
		if p.dkim, err = deliver.ParseDKIM(text, c.DKIMSelector); err != nil {
			return nil, fmt.Errorf("--dkim-key %s: %w", c.DKIMKey, err)
		}
	}
	if c.SMTP == "" {
		p.mailer = &deliver.Folder{Path: mailDir(c), Log: c.Log}
		return &p, nil
	}
	host := "localhost"
	if u, err := url.Parse(public); err == nil && u.Hostname() != "" {
		host = u.Hostname()
	}
	smtp, err := deliver.NewSMTP(c.SMTP, host, c.Log)
	if err != nil {
		return nil, &InputError{fmt.Errorf("--smtp: %w", err)}
	}
	p.mailer = smtp
	return &p, nil
}

// mailDir is where mail is written that is not sent.
func mailDir(c ServeConfig) string {
	if c.MailDir != "" {
		return c.MailDir
	}
	if file, isSQLite := strings.CutPrefix(c.Database, "sqlite:"); isSQLite {
		return strings.TrimPrefix(file, "//") + ".mail"
	}
	return "mail"
}

// fetchTimeout is how long a service may take to answer.
const fetchTimeout = 10 * time.Second

// fetch opens an address, and fails where that answers anything but yes.
func fetch(client *http.Client) func(context.Context, string) error {
	return func(ctx context.Context, address string) error {
		ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("the service answered %d", response.StatusCode)
		}
		return nil
	}
}
