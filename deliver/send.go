package deliver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	// dialTimeout is how long connecting may take, of the time that a receiver has.
	dialTimeout = 10 * time.Second
	// excerptSize is how much of an answer is kept, and drainSize how much is
	// read so that the connection can be used again.
	excerptSize = 1 << 10
	drainSize   = 64 << 10
)

// NewClient makes the client that all requests leave the house by. It follows
// no redirect, uses no proxy, and reaches private networks only if allowed.
func NewClient(allowPrivate bool) *http.Client {
	return newClient(allowPrivate, net.DefaultResolver)
}

func newClient(allowPrivate bool, names *net.Resolver) *http.Client {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second, Resolver: names}
	if !allowPrivate {
		dialer.Control = dialPublic
	}
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
			MaxIdleConns:           outside,
			MaxIdleConnsPerHost:    outside,
			IdleConnTimeout:        90 * time.Second,
			TLSHandshakeTimeout:    dialTimeout,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answer is what came of one request.
type answer struct {
	status  int // 0: none came
	excerpt string
	body    []byte // as far as it was read
	trouble string // why none came; without credentials
}

// post sends body and waits for the answer, patience at most. It goes by the
// client's transport alone: as no redirect is followed, the header need not be
// copied for one. The header is its own from then on.
func post(ctx context.Context, client *http.Client, address string, header http.Header, body string, patience time.Duration) answer {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		return answer{trouble: "the address cannot be read"}
	}
	if header != nil {
		request.Header = header
	}
	request.Header.Set("User-Agent", "Grapevine")
	if who := request.URL.User; who != nil && header.Get("Authorization") == "" {
		password, _ := who.Password()
		request.SetBasicAuth(who.Username(), password)
	}
	response, err := client.Transport.RoundTrip(request)
	if err != nil {
		return answer{trouble: trouble(err, patience)}
	}
	defer response.Body.Close()
	// The status is the answer; of its text, what comes in time will do.
	var text bytes.Buffer
	_, _ = io.CopyN(&text, response.Body, excerptSize+drainSize)
	return answer{status: response.StatusCode, excerpt: clean(string(text.Bytes()[:min(text.Len(), excerptSize)])), body: text.Bytes()}
}

// trouble says why no answer came. A transport names no address of a request,
// which may carry credentials.
func trouble(err error, patience time.Duration) string {
	if private, ok := errors.AsType[*privateError](err); ok {
		return private.Error()
	}
	if inTime, ok := errors.AsType[net.Error](err); ok && inTime.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("no answer within %v", patience)
	}
	return clean(err.Error())
}

// clean makes text that any database keeps.
func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}
