package web_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"grapevine/model"
	"grapevine/web"
)

// front puts h behind Front and returns what it logs.
func front(s web.Settings, h http.Handler) (http.Handler, *bytes.Buffer) {
	log := new(bytes.Buffer)
	s.Log = slog.New(slog.NewJSONHandler(log, nil))
	s.Now = time.Now
	return web.Front(s, h), log
}

// fail is a facade's own shape.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	w.WriteHeader(http.StatusTeapot)
	fmt.Fprintf(w, "facade says %s, reference %s", model.KindOf(err), web.RequestID(r.Context()))
}

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w
}

// line is the only line that was logged.
func line(t *testing.T, log *bytes.Buffer) map[string]any {
	t.Helper()
	var fields map[string]any
	decoder := json.NewDecoder(log)
	if err := decoder.Decode(&fields); err != nil {
		t.Fatalf("log %q: %v", log, err)
	}
	if decoder.More() {
		t.Errorf("more than one line was logged")
	}
	return fields
}

func TestErrorIsAnsweredByTheFacadeAndLoggedOnce(t *testing.T) {
	refused := &model.Error{Kind: model.Conflict, Reason: model.EmailTaken, Msg: "taken", Err: errors.New("the cause")}
	mux := http.NewServeMux()
	mux.Handle("GET /people/{id}", web.Handle(func(http.ResponseWriter, *http.Request) error { return refused }, fail))
	h, log := front(web.Settings{}, mux)

	w := get(h, "/people/ann@example.com")
	id := w.Header().Get("X-Request-Id")
	if want := "facade says conflict, reference " + id; w.Body.String() != want || id == "" {
		t.Errorf("got %q, want %q", w.Body, want)
	}
	got := line(t, log)
	for name, want := range map[string]any{"reference": id, "route": "GET /people/{id}", "level": "INFO", "status": 418.0, "err": refused.Error()} {
		if got[name] != want {
			t.Errorf("log has %s %v, want %v", name, got[name], want)
		}
	}
	if strings.Contains(fmt.Sprint(got), "ann@") {
		t.Errorf("log names a person: %v", got)
	}
}

// What a facade refuses in its own words is no fault of the server, and what
// fails after the answer began is one whatever the status said.
func TestFaultsOfTheServerAloneAreLoggedAsSuch(t *testing.T) {
	for _, tt := range []struct {
		status int
		level  string
	}{{200, "ERROR"}, {400, "INFO"}, {422, "INFO"}, {500, "ERROR"}, {503, "ERROR"}} {
		h, log := front(web.Settings{}, web.Handle(func(http.ResponseWriter, *http.Request) error {
			return errors.New("in nobody's vocabulary")
		}, func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(tt.status) }))
		get(h, "/")
		if got := line(t, log)["level"]; got != tt.level {
			t.Errorf("%d is logged as %v, want %s", tt.status, got, tt.level)
		}
	}
}

func TestPanicIsOne500WithTheReferenceOfTheLog(t *testing.T) {
	for name, h := range map[string]http.Handler{
		"in a handler": web.Handle(func(http.ResponseWriter, *http.Request) error { panic("boom") }, web.Plain),
		"outside one":  http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") }),
	} {
		t.Run(name, func(t *testing.T) {
			h, log := front(web.Settings{}, h)
			w := get(h, "/")
			id := w.Header().Get("X-Request-Id")
			if w.Code != 500 || !strings.Contains(w.Body.String(), id) || strings.Contains(w.Body.String(), "boom") {
				t.Errorf("got %d %q, want a 500 with the reference %s and no more", w.Code, w.Body, id)
			}
			got := line(t, log)
			if got["reference"] != id || got["level"] != "ERROR" || got["err"] != "panic: boom" {
				t.Errorf("log has %v", got)
			}
			if stack, _ := got["stack"].(string); !strings.Contains(stack, "web_test.go") {
				t.Errorf("the stack does not say where: %s", stack)
			}
		})
	}
}

func TestPanicReachesTheFacade(t *testing.T) {
	h, _ := front(web.Settings{}, web.Handle(func(http.ResponseWriter, *http.Request) error { panic("boom") }, fail))
	if w := get(h, "/"); !strings.HasPrefix(w.Body.String(), "facade says internal") {
		t.Errorf("got %q", w.Body)
	}
}

func TestHalfAnAnswerIsCutOff(t *testing.T) {
	h, log := front(web.Settings{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic("boom")
	}))
	server := httptest.NewServer(h)
	answer, err := http.Get(server.URL)
	if err == nil {
		defer answer.Body.Close()
		_, err = io.ReadAll(answer.Body)
	}
	server.Close()
	if err == nil {
		t.Error("the client took half an answer for a whole one")
	}
	if got := line(t, log); got["err"] != "panic: boom" {
		t.Errorf("log has %v", got)
	}
}

func TestSuccessIsNotLogged(t *testing.T) {
	h, log := front(web.Settings{}, web.Handle(func(w http.ResponseWriter, _ *http.Request) error {
		return web.WriteJSON(w, 201, map[string]string{"url": "a&b"})
	}, fail))
	w := get(h, "/")
	if w.Code != 201 || w.Body.String() != `{"url":"a&b"}` || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("got %d %q %v", w.Code, w.Body, w.Header())
	}
	if log.Len() > 0 {
		t.Errorf("logged %s", log)
	}
}

func TestRequestsHaveTheirOwnID(t *testing.T) {
	h, _ := front(web.Settings{}, http.NotFoundHandler())
	if a, b := get(h, "/").Header().Get("X-Request-Id"), get(h, "/").Header().Get("X-Request-Id"); a == b || a == "" {
		t.Errorf("got %q and %q", a, b)
	}
}

func TestRequestsAreMeasuredByRoute(t *testing.T) {
	registry := prometheus.NewRegistry()
	mux := http.NewServeMux()
	mux.Handle("GET /a/{id}", web.Handle(func(w http.ResponseWriter, _ *http.Request) error {
		return &model.Error{Kind: model.NotFound}
	}, web.Plain))
	h, _ := front(web.Settings{Metrics: web.NewMetrics(registry)}, mux)
	for _, path := range []string{"/a/1", "/a/2", "/b"} {
		get(h, path)
	}
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("BREW", "/a/3", nil))

	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]uint64{}
	for _, m := range families[0].GetMetric() {
		labels := map[string]string{}
		for _, l := range m.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		got[labels["method"]+" "+labels["route"]+" "+labels["status"]] = count(m)
	}
	want := map[string]uint64{"GET GET /a/{id} 4xx": 2, "GET none 4xx": 1, "other none 4xx": 1}
	for key, n := range want {
		if got[key] != n {
			t.Errorf("got %v, want %v", got, want)
			break
		}
	}
}

func count(m *dto.Metric) uint64 { return m.GetHistogram().GetSampleCount() }

func TestClientIP(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"no proxy", "192.0.2.1:5", nil, "192.0.2.1"},
		{"a stranger's header is not believed", "192.0.2.1:5", []string{"203.0.113.9"}, "192.0.2.1"},
		{"one proxy", "10.0.0.1:5", []string{"203.0.113.9"}, "203.0.113.9"},
		{"what a client wrote before the proxy", "10.0.0.1:5", []string{"1.1.1.1, 203.0.113.9"}, "203.0.113.9"},
		{"a chain of proxies", "10.0.0.1:5", []string{"1.1.1.1, 203.0.113.9, 10.2.2.2"}, "203.0.113.9"},
		{"two headers are one", "10.0.0.1:5", []string{"203.0.113.9", "10.2.2.2"}, "203.0.113.9"},
		{"only proxies", "10.0.0.1:5", []string{"10.3.3.3, 10.2.2.2"}, "10.3.3.3"},
		{"an entry that is no address", "10.0.0.1:5", []string{"203.0.113.9, unknown"}, "10.0.0.1"},
		{"a proxy that says nothing", "10.0.0.1:5", nil, "10.0.0.1"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:5", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"IPv6", "[::1]:5", []string{"2001:db8::7"}, "2001:db8::7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got string
			h, _ := front(web.Settings{Trusted: trusted}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = web.ClientIP(r) }))
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = c.peer
			r.Header["X-Forwarded-For"] = c.forwarded
			h.ServeHTTP(httptest.NewRecorder(), r)
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestSecureBelievesTrustedProxiesOnly(t *testing.T) {
	for peer, want := range map[string]bool{"10.0.0.1:5": true, "192.0.2.1:5": false} {
		var got bool
		h, _ := front(web.Settings{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
			http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = web.Secure(r) }))
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = peer
		r.Header.Set("X-Forwarded-Proto", "https")
		h.ServeHTTP(httptest.NewRecorder(), r)
		if got != want {
			t.Errorf("%s: got %v, want %v", peer, got, want)
		}
	}
}

func BenchmarkFront(b *testing.B) {
	redirect := web.Handle(func(w http.ResponseWriter, r *http.Request) error {
		w.WriteHeader(http.StatusFound)
		return nil
	}, web.Plain)
	h, _ := front(web.Settings{Metrics: web.NewMetrics(prometheus.NewRegistry())}, redirect)
	for name, h := range map[string]http.Handler{"bare": redirect, "behind": h} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			r := httptest.NewRequest("GET", "/r/abc", nil)
			for b.Loop() {
				h.ServeHTTP(&discard{header: http.Header{}}, r)
			}
		})
	}
}

type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}
