package demo

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// screen is what the demo prints, readable while it does.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func config(t *testing.T, once bool) (Config, *screen) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	out := new(screen)
	return Config{Once: once, Out: out, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))}, out
}

func leavesNothing(t *testing.T) {
	t.Helper()
	left, err := os.ReadDir(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("files were left: %v", left)
	}
}

func TestWalkGoesThrough(t *testing.T) {
	c, out := config(t, true)
	if err := Run(t.Context(), c); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"authorize", "Ann shares http", `Ann mails it to Bea: "Ann thought of you"`,
		"no mail server is named", "3 mails are in", "to ann@example.com: You have earned a reward", "1 recipient, 1 delivered, 1 followed", "signed attribution, verified", "recorded as event",
		"Ann earned 10 USD", "code HELLO-", "advocateReward, delivery", "a forged one was refused", "$6 are left", "no difference"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q was not printed:\n%s", want, out)
		}
	}
	leavesNothing(t)
}

func TestDemoStaysUpUntilItIsTold(t *testing.T) {
	c, out := config(t, false)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, c) }()
	for began := time.Now(); !strings.Contains(out.String(), "Ctrl-C ends"); time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v\n%s", err, out)
		default:
		}
		if time.Since(began) > 2*stepLimit {
			t.Fatalf("it invites nobody:\n%s", out)
		}
	}

	// Somebody takes up the invitation: a friend of Ann's, who passes it on.
	link := regexp.MustCompile(`as Ann's friend +(\S+)`).FindStringSubmatch(out.String())[1]
	for _, friend := range []string{"Cai", "Dee"} {
		link = buyBy(t, link, friend)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	leavesNothing(t)
}

// buyBy follows a link in a browser, buys as friend, waits for word of the
// reward, and returns the friend's own link.
func buyBy(t *testing.T, link, friend string) string {
	t.Helper()
	page, at := open(t, link)
	if !strings.Contains(page, "sent you.") {
		t.Errorf("%s is not greeted: %s", friend, page)
	}
	ref := at.Query().Get("ref")
	email := strings.ToLower(friend) + "@example.com"
	answer, err := http.PostForm("http://"+at.Host+"/buy", url.Values{"sku": {"TENT-2"}, "name": {friend}, "email": {email}, "ref": {ref}})
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		page, _ := open(t, answer.Request.URL.String())
		if strings.Contains(page, email+" earned 10 USD off the next order") && strings.Contains(page, "of store credit") {
			return regexp.MustCompile(`class="link" href="([^"]+)"`).FindStringSubmatch(page)[1]
		}
		if time.Since(began) > stepLimit {
			t.Fatalf("no reward for %s: %s", friend, page)
		}
	}
}

func open(t *testing.T, address string) (string, *url.URL) {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", address, answer.Status, err)
	}
	return string(text), answer.Request.URL
}

func TestStepThatFailsFailsTheDemo(t *testing.T) {
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no", http.StatusInternalServerError)
	}))
	defer broken.Close()
	s, err := openShop("127.0.0.1:0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	a := new(account)
	s.open(a, broken.URL)
	var out bytes.Buffer
	err = (&walk{account: a, shop: s, server: broken.URL}).run(t.Context(), &out)
	if err == nil || !strings.Contains(err.Error(), "step authorize") || !strings.Contains(out.String(), "FAILED") {
		t.Errorf("got %v:\n%s", err, &out)
	}
}

func TestShopKeepsOnlyWhatIsSigned(t *testing.T) {
	h := newHooks(func() string { return "secret" })
	body := `{"id":"d-1","type":"advocateReward","data":[{"emailAddress":"ann@example.com"}]}`
	mac := hmac.New(sha256.New, []byte("secret"))
	mac.Write([]byte(body))
	for name, c := range map[string]struct {
		signature string
		want      int
	}{
		"right":     {base64.StdEncoding.EncodeToString(mac.Sum(nil)), http.StatusOK},
		"wrong":     {strings.Repeat("A", 43) + "=", http.StatusUnauthorized},
		"none":      {"", http.StatusUnauthorized},
		"no base64": {"!", http.StatusUnauthorized},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/hooks/rewards", strings.NewReader(body))
		r.Header.Set("X-Friendbuy-Hmac-SHA256", c.signature)
		h.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: got %d, want %d", name, w.Code, c.want)
		}
	}
	if got := h.all(); len(got) != 1 || got[0].Email != "ann@example.com" {
		t.Errorf("kept %+v", got)
	}
}

func TestPagesOfTheShopRender(t *testing.T) {
	s, err := openShop("127.0.0.1:0", slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	s.orders = []placed{{order: order{ID: "o-1", By: person{Name: "<b>Bea"}, Product: products[0], Ref: "ann"}, Event: "e", Link: "http://x/r/bea"}}
	for path, want := range map[string]string{
		"/":                      "Nook tent",
		"/?ref=annk2x9":          "Ann sent you.",
		"/?ref=%3Cscript%3E1234": "&lt;script&gt; sent you.",
		"/orders/o-1":            "Thank you, &lt;b&gt;Bea",
		"/hooks":                 "Nothing yet",
	} {
		page, _ := open(t, s.url+path)
		if !strings.Contains(page, want) || !strings.Contains(page, "</html>") {
			t.Errorf("%s lacks %q:\n%s", path, want, page)
		}
	}
	answer, err := http.Get(s.url + "/orders/o-9")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusNotFound {
		t.Errorf("an order that is not there: %s", answer.Status)
	}
}
