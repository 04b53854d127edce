package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"grapevine/model"
)

// Settings is what Front is made of.
type Settings struct {
	Log     *slog.Logger
	Now     func() time.Time
	Metrics *Metrics
	// Trusted are the proxies whose X-Forwarded-… headers are believed.
	Trusted []netip.Prefix
}

// Front is what every request passes before any facade. It gives the request
// an id (X-Request-Id), measures it, turns a panic into one 500, and logs an
// error where it stops; what goes well is counted, not logged.
func Front(s Settings, next http.Handler) http.Handler {
	ids := &requestIDs{prefix: rand.Text()[:8] + "-"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{Context: r.Context(), ResponseWriter: w, settings: &s, fail: Plain}
		x.id[0] = ids.next()
		w.Header()["X-Request-Id"] = x.id[:]
		r = r.WithContext(x)
		x.request = r
		began := s.Now()
		defer func() { x.end(recover(), s.Now().Sub(began)) }()
		next.ServeHTTP(x, r)
	})
}

// requestIDs are unique over processes and cheap.
type requestIDs struct {
	prefix string
	last   atomic.Uint64
}

func (i *requestIDs) next() string {
	var b [32]byte
	return string(strconv.AppendUint(append(b[:0], i.prefix...), i.last.Add(1), 36))
}

// exchange is one request with its answer: the writer that handlers get and
// the context that they get, in one allocation.
type exchange struct {
	context.Context
	http.ResponseWriter
	settings *Settings
	id       [1]string
	request  *http.Request // as the innermost handler got it
	route    string        // the pattern that Handle was reached by
	fail     Fail
	status   int   // 0 until the answer begins
	err      error // what the handler returned
}

type exchangeKey struct{}

// Value finds the exchange itself among the values of its context.
func (x *exchange) Value(key any) any {
	if key == (exchangeKey{}) {
		return x
	}
	return x.Context.Value(key)
}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

func (x *exchange) WriteHeader(status int) {
	if x.status == 0 && status >= 200 {
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

func (x *exchange) Write(b []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	return x.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// Panic is a bug that a handler ran into.
type Panic struct {
	Value any
	Stack []byte
}

func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Trace is where it happened.
func (p *Panic) Trace() []byte { return p.Stack }

// end runs when the handler has returned or panicked.
func (x *exchange) end(panicked any, took time.Duration) {
	begun := x.status != 0
	if panicked == http.ErrAbortHandler {
		panic(panicked)
	}
	if panicked != nil {
		x.err = &Panic{Value: panicked, Stack: debug.Stack()}
		if !begun {
			x.fail(x, x.request, x.err)
		}
	}
	if x.status == 0 {
		x.status = http.StatusOK
	}
	gone := x.Context.Err() != nil
	x.settings.Metrics.observe(x.pattern(), x.request.Method, x.status, gone, took)
	if x.err != nil {
		x.log(gone, took)
	}
	if panicked != nil && begun {
		panic(http.ErrAbortHandler) // half an answer must not look whole
	}
}

// pattern is the route, which names no one: a path may hold a token.
func (x *exchange) pattern() string {
	if x.route != "" {
		return x.route
	}
	return x.request.Pattern
}

// log writes the one line of a request that failed.
func (x *exchange) log(gone bool, took time.Duration) {
	level, text := slog.LevelInfo, "request refused"
	var panicked interface{ Trace() []byte }
	bug := errors.As(x.err, &panicked)
	switch {
	case bug:
		level, text = slog.LevelError, "request panicked"
	case gone:
		text = "client went away"
	case x.status >= 500 || x.status < 400 && model.KindOf(x.err) == model.Internal: // a facade's own 4xx has no kind of ours
		level, text = slog.LevelError, "request failed"
	}
	log := x.settings.Log
	if !log.Enabled(x, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("reference", x.id[0]),
		slog.String("method", x.request.Method),
		slog.String("route", x.pattern()),
		slog.Int("status", x.status),
		slog.Duration("took", took),
		slog.Any("err", x.err),
	}
	if bug {
		attrs = append(attrs, slog.String("stack", strings.TrimSpace(string(panicked.Trace()))))
	}
	log.LogAttrs(x, level, text, attrs...)
}
