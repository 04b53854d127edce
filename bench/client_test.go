package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

func serve(t *testing.T, h http.HandlerFunc) (addr string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestClientReadsAnswersOneAfterTheOther(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long ", 2000)
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/r/abc":
			http.SetCookie(w, &http.Cookie{Name: "visitor", Value: "1", Path: "/", HttpOnly: true})
			w.Header().Set("Location", "https://shop.example.com/")
			w.WriteHeader(http.StatusFound)
		case "/long":
			fmt.Fprint(w, long) // in chunks, as it does not fit net/http's buffer
		case "/echo":
			fmt.Fprintf(w, "%s %s %s", r.Method, r.Header.Get("Authorization"), readAll(t, r))
		}
	})
	c, err := dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()

	for _, step := range []struct {
		name    string
		request []byte
		want    answer
	}{
		{"a redirect", request(nil, "GET", "/r/abc", addr, "", nil),
			answer{status: 302, location: []byte("https://shop.example.com/"), cookie: []byte("visitor=1")}},
		{"chunks", request(nil, "GET", "/long", addr, "", nil), answer{status: 200, body: []byte(long)}},
		{"a body", request(nil, "POST", "/echo", addr, "t", []byte(`{"a":1}`)),
			answer{status: 200, body: []byte(`POST Bearer t {"a":1}`)}},
		{"nothing", request(nil, "GET", "/none", addr, "", nil), answer{status: 200}},
	} {
		got, err := c.do(step.request)
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got.status != step.want.status || string(got.location) != string(step.want.location) ||
			string(got.cookie) != string(step.want.cookie) || string(got.body) != string(step.want.body) {
			t.Errorf("%s: got %d %q %q %.40q, want %d %q %q %.40q", step.name, got.status, got.location, got.cookie, got.body,
				step.want.status, step.want.location, step.want.cookie, step.want.body)
		}
	}
}

func readAll(t *testing.T, r *http.Request) []byte {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	return body
}

func TestLoadFailsOnAWrongAnswer(t *testing.T) {
	t.Parallel()
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no such code", http.StatusNotFound) })
	l := &load{addr: addr, conns: 2, want: http.StatusFound, next: func(w *caller) []byte {
		return request(nil, "GET", "/r/abc", addr, "", nil)
	}}
	_, err := l.run(&process{name: "self", pid: os.Getpid()}, after(0, 50*time.Millisecond))
	if err == nil || !strings.Contains(err.Error(), "no such code") {
		t.Errorf("got %v, want the answer's text", err)
	}
}

func TestLoadCountsWhatIsInsideItsSpan(t *testing.T) {
	t.Parallel()
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {})
	l := &load{addr: addr, conns: 4, want: http.StatusOK, next: func(w *caller) []byte {
		return request(nil, "GET", "/", addr, "", nil)
	}}
	got, err := l.run(&process{name: "self", pid: os.Getpid()}, after(100*time.Millisecond, 100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	if got.counted == 0 || got.counted >= got.answered {
		t.Errorf("%d counted of %d answered, want a part", got.counted, got.answered)
	}
	if rate := float64(got.counted) / 0.1; got.Rate != rate {
		t.Errorf("rate %v, want %v", got.Rate, rate)
	}
	if got.P50 <= 0 || got.P99 < got.P50 {
		t.Errorf("p50 %v, p99 %v", got.P50, got.P99)
	}
}

func TestPgbenchIsRead(t *testing.T) {
	t.Parallel()
	got, err := readPgbench("number of failed transactions: 0 (0.000%)\nlatency average = 3.7 ms\ntps = 4301.250000 (without initial connection time)\n")
	if err != nil || got.Rate != 4301.25 {
		t.Errorf("got %v, %v, want 4301.25", got, err)
	}
	for _, bad := range []string{"", "number of failed transactions: 12 (0.1%)\ntps = 1.0 (x)\n"} {
		if got, err := readPgbench(bad); err == nil {
			t.Errorf("%q is read as %v", bad, got)
		}
	}
}
