//go:build e2e

package e2e_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// cyclesProject has a waitlist and a leaderboard of points, and a key for each
// way in which an automation is set up.
const cyclesProject = `account: Meridian Cycles
site: https://cycles.example.com
link_url: https://ride.example.com
keys:
  prefinery: {api_key: cycles-all, decoder_key: cycles-decoder}
prefinery_keys:
  - {name: sign-ups, api_key: cycles-signups, permissions: [users:create, users:read]}
campaigns:
  - name: Cargo bike
    id: 21
    code: cargo
    status: launched
    rewards:
      - {name: A helmet, descriptor: helmet, id: 1, to: advocate, on: first_ride, repeat: true, limit: 2, value: {type: cash, amount: 30, unit: USD}}
  - name: Riders
    id: 22
    code: riders
    status: launched
    leaderboard: points
    points: {sign_up: 5}
`

// automation calls the server as a no-code tool does: with curl, and with what
// earlier steps brought, each by a name.
type automation struct {
	url    string
	dir    string
	named  map[string]string
	walked map[string]bool
}

// response is what a request brings.
type response struct {
	status int
	header textproto.MIMEHeader
	body   string
}

// request is a step of an automation. {name} in it is what an earlier one
// brought.
type request struct {
	what    string
	method  string
	target  string
	auth    []string // of curl; nil: the key as the user of Basic
	body    string   // JSON, unless it is no object
	status  int
	has     map[string]any    // fields of the answer, or of the only row of it
	bring   map[string]string // name -> field of the answer that it stands for from here on
	pages   string            // what X-Pagination says of the rows: count and total
	answers string            // all of the answer; "" is any
}

func (a *automation) fill(text string) string {
	for name, value := range a.named {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return text
}

// curl makes a call.
func (a *automation) curl(t *testing.T, args ...string) response {
	t.Helper()
	head, body := filepath.Join(a.dir, "head"), filepath.Join(a.dir, "body")
	if err := os.WriteFile(body, nil, 0o600); err != nil { // curl leaves it as it is where an answer has none
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "curl", append([]string{"-sS", "--max-time", "30", "-D", head, "-o", body, "-w", "%{http_code}"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("curl %q: %v: %s", args, err, out)
	}
	status, err := strconv.Atoi(string(out))
	if err != nil {
		t.Fatalf("curl %q: %s", args, out)
	}
	text, err := os.ReadFile(body)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(head)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader := textproto.NewReader(bufio.NewReader(file))
	if _, err := reader.ReadLine(); err != nil {
		t.Fatal(err)
	}
	header, err := reader.ReadMIMEHeader()
	if err != nil {
		t.Fatal(err)
	}
	return response{status, header, string(text)}
}

func (a *automation) run(t *testing.T, s request) {
	t.Helper()
	args := s.auth
	if args == nil {
		args = []string{"-u", "cycles-all:"}
	}
	if s.method != "GET" {
		args = append(args, "-X", s.method)
	}
	if body := a.fill(s.body); strings.HasPrefix(body, "{") {
		args = append(args, "-H", "Content-Type: application/json", "--data", body)
	} else if body != "" {
		args = append(args, "--data", body)
	}
	got := a.curl(t, append(args, a.url+"/api/v2/betas"+a.fill(s.target))...)
	a.walked[s.method+" "+documented(s.target)] = true
	if got.status != s.status {
		t.Fatalf("%s: %d %s, want %d", s.what, got.status, got.body, s.status)
	}
	if s.answers != "" && got.body != a.fill(s.answers) || s.status == http.StatusAccepted && got.body != "" {
		t.Errorf("%s: got %q, want %q", s.what, got.body, a.fill(s.answers))
	}
	if s.pages != "" {
		var at struct{ Count, Total int }
		if err := json.Unmarshal([]byte(got.header.Get("X-Pagination")), &at); err != nil || fmt.Sprint(at.Count, " of ", at.Total) != s.pages {
			t.Errorf("%s: the page is said to be %q, want %s: %v", s.what, got.header.Get("X-Pagination"), s.pages, err)
		}
	}
	if s.has == nil && s.bring == nil {
		return
	}
	answer := objectOf(t, s.what, got.body)
	want := map[string]any{}
	for name, value := range s.has {
		if text, ok := value.(string); ok {
			value = a.fill(text)
		}
		want[name] = value
	}
	has(t, s.what, answer, want)
	for name, field := range s.bring {
		switch value := answer[field].(type) {
		case json.Number:
			a.named[name] = value.String()
		case string:
			a.named[name] = value
		default:
			t.Fatalf("%s: the answer has no %s: %s", s.what, field, got.body)
		}
	}
}

// objectOf is an answer that is an object, or a list with one. What stands
// within is found by its path, with dots.
func objectOf(t *testing.T, what, body string) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("%s: %v: %s", what, err, body)
	}
	if list, ok := value.([]any); ok {
		if len(list) != 1 {
			t.Fatalf("%s: %d rows, want one: %s", what, len(list), body)
		}
		value = list[0]
	}
	flat := map[string]any{}
	var add func(path string, value any)
	add = func(path string, value any) {
		inner, ok := value.(map[string]any)
		if !ok {
			flat[path] = value
			return
		}
		for name, value := range inner {
			add(strings.TrimPrefix(path+"."+name, "."), value)
		}
	}
	add("", value)
	return flat
}

// documented is an address as the document lists it.
func documented(target string) string {
	path, _, _ := strings.Cut(target, "?")
	path = strings.TrimSuffix(path, ".json")
	path = regexp.MustCompile(`^/(\d+)`).ReplaceAllString(path, "/{beta}")
	return "/api/v2/betas" + regexp.MustCompile(`/(testers|rewards|suppressions)/\{\w+\}`).ReplaceAllString(path, "/$1/{id}")
}

// TestNoCodeAutomation makes each call that the guide for no-code tools lists,
// and the few that the API has beside, one after the other as a company would
// set them up.
func TestNoCodeAutomation(t *testing.T) {
	onEachEngine(t, func(t *testing.T, d database) {
		d.apply(t, cyclesProject)
		s := d.serve(t)
		a := &automation{url: s.url, dir: t.TempDir(), named: map[string]string{}, walked: map[string]bool{}}
		for _, s := range waitlistRequests() {
			a.run(t, s)
		}
		a.awaitPlace(t)
		for _, s := range riderRequests() {
			a.run(t, s)
		}
		for _, operation := range documentedOperations(t, s, "prefinery.yaml") {
			if !a.walked[operation] {
				t.Errorf("%s was not called", operation)
			}
		}
		s.stop(t)
		d.command(t, "verify")
	})
}

// awaitPlace waits until the waitlist shows that Rosa brought somebody, which
// it does within five seconds.
func (a *automation) awaitPlace(t *testing.T) {
	t.Helper()
	var places []any
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		got := a.curl(t, "-u", "cycles-all:", a.url+a.fill("/api/v2/betas/21/testers/{rosa}"))
		at := objectOf(t, "Rosa", got.body)
		places = []any{at["waitlist_position"], at["waitlist_ahead"], at["waitlist_behind"], at["waitlist_length"]}
		if fmt.Sprint(places) == "[1 0 2 3]" {
			return
		}
	}
	t.Errorf("Rosa, who brought somebody, is at %v of the waitlist, want first of three", places)
}
