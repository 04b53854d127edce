package link_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/engine/secret"
	"grapevine/link"
	"grapevine/model"
	"grapevine/projectfile"
	"grapevine/store"
	"grapevine/store/sqlite"
	"grapevine/web"
)

const project = `
account: Acme
site: https://shop.example.com
campaigns:
  - name: Evergreen
    uuid: ef9befc6-18f1-418c-8914-5ee8d09bb5aa
    status: launched
    landing: https://shop.example.com/welcome?a=1#top
    link_param: iref
    fbuy: false
  - name: Nowhere
    uuid: ef9befc6-18f1-418c-8914-5ee8d09bb5ab
    status: paused
`

// stage is the facade on the real engine, with a link of Ann's.
type stage struct {
	core    *engine.Engine
	account model.AccountID
	store   *store.Store
	handler http.Handler
	code    string
	log     *bytes.Buffer
}

func newStage(t *testing.T) *stage {
	t.Helper()
	database, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "test.db")})
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{store: store.New(database), log: &bytes.Buffer{}}
	t.Cleanup(func() { s.store.Close() })
	if err := database.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	noon := func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }
	log := slog.New(slog.NewJSONHandler(s.log, nil))
	core := engine.New(engine.Settings{
		Store:   s.store,
		Secret:  secret.New(bytes.Repeat([]byte("s"), secret.Size)),
		Now:     noon,
		NewID:   model.NewMaker(noon, 1, 0, 1<<40).Next,
		LinkURL: "https://go.example.com/r",
		Log:     log,
	})
	file, err := projectfile.Parse("acme.yaml", []byte(project))
	if err != nil {
		t.Fatal(err)
	}
	applied, err := core.Apply(t.Context(), file.Project())
	if err != nil {
		t.Fatal(err)
	}
	links, err := core.Links(t.Context(), applied.Account, []engine.LinkRequest{{
		Who:      engine.Who{Email: "ann@example.com", Server: true},
		Campaign: "ef9befc6-18f1-418c-8914-5ee8d09bb5aa",
		Seed:     "Ann",
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.code, s.core, s.account = links[0].Code, core, applied.Account
	s.handler = web.Front(web.Settings{Log: log, Now: noon}, link.New(core))
	return s
}

func (s *stage) visit(method, path string, header ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w.Result()
}

// clicks counts what is kept, and by how many visitors.
func (s *stage) clicks(t *testing.T) (clicks, visitors int) {
	t.Helper()
	err := s.store.Engine().View(t.Context(), func(conn store.Conn) error {
		return conn.Run(t.Context(), store.Statement{
			SQL: `SELECT COUNT(*), COUNT(DISTINCT visitor_id) FROM click`,
			Row: func(row store.Row) error { return row.Scan(&clicks, &visitors) },
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return clicks, visitors
}

func TestVisitorIsSentOnAndKnownAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	first := s.visit("GET", "/r/"+s.code)
	if first.StatusCode != http.StatusFound {
		t.Fatalf("got %d", first.StatusCode)
	}
	want := "https://shop.example.com/welcome?a=1&iref=" + s.code + "#top"
	if got := first.Header.Get("Location"); got != want {
		t.Errorf("sent to %s, want %s", got, want)
	}
	if got := first.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q: a cached redirect is a lost click", got)
	}
	cookies := first.Cookies()
	if len(cookies) != 1 {
		t.Fatalf("got cookies %v", cookies)
	}
	c := cookies[0]
	if !c.HttpOnly || c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.MaxAge < 365*24*3600 {
		t.Errorf("cookie %+v", c)
	}

	again := s.visit("GET", "/r/"+s.code, "Cookie", c.Name+"="+c.Value)
	if got := again.Cookies(); len(got) != 0 {
		t.Errorf("a known visitor got %v", got)
	}
	if clicks, visitors := s.clicks(t); clicks != 2 || visitors != 1 {
		t.Errorf("%d clicks of %d visitors, want 2 of 1", clicks, visitors)
	}
	forged := s.visit("GET", "/r/"+s.code, "Cookie", c.Name+"="+strings.Repeat("A", len(c.Value)))
	if len(forged.Cookies()) != 1 {
		t.Error("a made-up cookie was taken for a visitor")
	}
	if s.log.Len() > 0 {
		t.Errorf("logged %s", s.log)
	}
}

func TestLinkIsFoundHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, path := range []string{"/" + s.code, "/r/" + strings.ToUpper(s.code), "/r/" + s.code + "/", "/" + s.code + "?utm_source=x"} {
		if got := s.visit("GET", path).StatusCode; got != http.StatusFound {
			t.Errorf("%s: got %d", path, got)
		}
	}
}

func TestCookieIsSecureOverHTTPS(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	cookies := s.visit("GET", "https://go.example.com/r/"+s.code).Cookies()
	if len(cookies) != 1 || !cookies[0].Secure {
		t.Errorf("got %v", cookies)
	}
}

func TestWhoLooksHowTheyStandIsNoFriend(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	const ann = "0b6d1f0e-2f6a-4a52-9c37-6a1d8f5f2c11"
	got := s.visit("GET", "/r/"+s.code+"?check="+ann)
	want := "https://shop.example.com/welcome?a=1&iref=" + s.code + "&check=" + ann + "#top"
	if to := got.Header.Get("Location"); got.StatusCode != http.StatusFound || to != want || len(got.Cookies()) > 0 {
		t.Errorf("got %d to %s with %v, want %s", got.StatusCode, to, got.Cookies(), want)
	}
	if clicks, _ := s.clicks(t); clicks != 0 {
		t.Errorf("counted %d clicks", clicks)
	}
	for _, other := range []string{"?check=", "?check=1", "?check=%00", "?check=%zz", "?checked=" + ann} {
		to := s.visit("GET", "/r/"+s.code+other).Header.Get("Location")
		if to != "https://shop.example.com/welcome?a=1&iref="+s.code+"#top" {
			t.Errorf("%s led to %s", other, to)
		}
	}
	if clicks, _ := s.clicks(t); clicks != 5 {
		t.Errorf("counted %d of 5 clicks", clicks)
	}
}

func TestWhoOnlyLooksIsNotCounted(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, c := range []struct {
		name, method string
		header       []string
	}{
		{"HEAD", "HEAD", nil},
		{"a browser ahead of time", "GET", []string{"Sec-Purpose", "prefetch;prerender"}},
		{"an older browser ahead of time", "GET", []string{"Purpose", "prefetch"}},
		{"Firefox ahead of time", "GET", []string{"X-Moz", "prefetch"}},
		{"a preview", "GET", []string{"User-Agent", "facebookexternalhit/1.1"}},
		{"a messenger", "GET", []string{"User-Agent", "WhatsApp/2.23.20.0"}},
		{"a search engine", "GET", []string{"User-Agent", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}},
	} {
		got := s.visit(c.method, "/r/"+s.code, c.header...)
		if got.StatusCode != http.StatusFound || got.Header.Get("Location") == "" {
			t.Errorf("%s: got %d, want to be sent on", c.name, got.StatusCode)
		}
		if len(got.Cookies()) > 0 {
			t.Errorf("%s: got a cookie", c.name)
		}
	}
	if clicks, _ := s.clicks(t); clicks != 0 {
		t.Errorf("%d clicks were counted", clicks)
	}
	s.visit("GET", "/r/"+s.code, "User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1")
	s.visit("GET", "/r/"+s.code, "User-Agent", "curl/8.5.0")
	if clicks, _ := s.clicks(t); clicks != 2 {
		t.Errorf("%d clicks of people were counted, want 2", clicks)
	}
}

func TestLinkThatLeadsNowhereIsAFriendlyPage(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, path := range []string{"/r/nobody", "/nobody", "/r/", "/r/a/b", "/r/%00", "/r/%ff", "/r/" + strings.Repeat("x", 5000)} {
		got := s.visit("GET", path)
		var page bytes.Buffer
		page.ReadFrom(got.Body)
		if got.StatusCode != http.StatusNotFound || !strings.Contains(page.String(), "This link leads nowhere") {
			t.Errorf("%.20s: got %d %.200s", path, got.StatusCode, &page)
		}
		if kind := got.Header.Get("Content-Type"); kind != "text/html; charset=utf-8" {
			t.Errorf("%.20s: got %s", path, kind)
		}
	}
	if s.log.Len() > 0 {
		t.Errorf("strangers fill the log: %s", s.log)
	}
}

func TestAgentIsAnyBytes(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	if got := s.visit("GET", "/r/"+s.code, "User-Agent", "\xff\xfe\"{}").StatusCode; got != http.StatusFound {
		t.Errorf("got %d", got)
	}
	if clicks, _ := s.clicks(t); clicks != 1 {
		t.Errorf("%d clicks", clicks)
	}
}

func TestLinkIsOpenedOnly(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	got := s.visit("POST", "/r/"+s.code)
	if got.StatusCode != http.StatusMethodNotAllowed || got.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("got %d, Allow %q", got.StatusCode, got.Header.Get("Allow"))
	}
	if clicks, _ := s.clicks(t); clicks != 0 {
		t.Errorf("%d clicks were counted", clicks)
	}
}

func TestTroubleIsAPageWithItsReference(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	if err := s.store.Engine().Close(); err != nil {
		t.Fatal(err)
	}
	got := s.visit("GET", "/r/"+s.code)
	var page bytes.Buffer
	page.ReadFrom(got.Body)
	reference := got.Header.Get("X-Request-Id")
	if got.StatusCode != http.StatusInternalServerError || !strings.Contains(page.String(), reference) {
		t.Errorf("got %d %s", got.StatusCode, &page)
	}
	if !strings.Contains(s.log.String(), reference) {
		t.Errorf("the log does not have %s: %s", reference, s.log)
	}
}
