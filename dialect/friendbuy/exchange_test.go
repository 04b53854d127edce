package friendbuy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// TestExchanges plays the documented exchanges of testdata against the real
// engine on a database of its own each, of both kinds, and afterwards recomputes
// every figure.
//
// In a response <uuid>, <time>, <token> and <any> stand for any text of that
// shape. With a name, as in <uuid first>, it must be the same text wherever
// the name stands, and a request may send it. <token> in a request is a token
// of the account.
func TestExchanges(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no exchanges found: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !regexp.MustCompile(`(?m)^source: \S`).Match(archive.Comment) {
				t.Error("the exchange does not name its source")
			}
			onBoth(t, func(t *testing.T, s *stage) {
				played := play(t, s, archive)
				if played == 0 || 2*played != len(archive.Files) {
					t.Errorf("%d exchanges in %d files", played, len(archive.Files))
				}
				s.verify(t)
			})
		})
	}
}

// play sends each N.request and compares the answer with N.response.
func play(t *testing.T, s *stage, archive *txtar.Archive) (played int) {
	files := map[string]string{}
	for _, f := range archive.Files {
		files[f.Name] = string(f.Data)
	}
	named := map[string]string{"<token>": s.token(t)}
	for n := 1; ; n++ {
		sent, ok := files[strconv.Itoa(n)+".request"]
		if !ok {
			return played
		}
		want, ok := files[strconv.Itoa(n)+".response"]
		if !ok {
			t.Fatalf("request %d has no response", n)
		}
		for mark, text := range named {
			sent = strings.ReplaceAll(sent, mark, text)
		}
		got := flat(t, s.send(t, sent))
		if err := match(flat(t, want), got, named); err != nil {
			t.Errorf("exchange %d: %v\ngot\n%s\nwant\n%s", n, err, got, want)
		}
		played++
	}
}

// send plays a request that is written as on the wire, without a length.
func (s *stage) send(t *testing.T, text string) string {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(strings.TrimSpace(head), "\n")
	method, rest, _ := strings.Cut(lines[0], " ")
	target, proto, _ := strings.Cut(rest, " ")
	if proto != "HTTP/1.1" {
		t.Fatalf("no request line: %q", lines[0])
	}
	r := httptest.NewRequest(method, target, strings.NewReader(strings.TrimSuffix(body, "\n")))
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ": ")
		if !ok {
			t.Fatalf("no header: %q", line)
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)

	var out strings.Builder
	fmt.Fprintf(&out, "%d %s\n", w.Code, w.Header().Get("Content-Type"))
	for _, name := range slices.Sorted(maps.Keys(w.Header())) {
		switch name {
		case "Content-Type", "X-Request-Id":
		default:
			fmt.Fprintf(&out, "%s: %s\n", name, w.Header().Get(name))
		}
	}
	fmt.Fprintf(&out, "\n%s", w.Body)
	return out.String()
}

// flat takes the blanks out of the JSON of an answer, and nothing else: the
// order of fields and the spelling of numbers stay.
func flat(t *testing.T, answer string) string {
	t.Helper()
	head, body, _ := strings.Cut(answer, "\n\n")
	var out bytes.Buffer
	if err := json.Compact(&out, []byte(body)); err != nil {
		t.Fatalf("the answer is no JSON: %v\n%s", err, answer)
	}
	return strings.TrimSpace(head) + "\n\n" + out.String()
}

var (
	placeholder = regexp.MustCompile(`<(uuid|time|token|any)( [a-z0-9]+)?>`)
	shapes      = map[string]string{
		"uuid":  `[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`,
		"time":  `[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z`,
		"token": `[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+`,
		"any":   `[^"]+`,
	}
)

// match compares got with a pattern, and learns what names stand for.
func match(pattern, got string, named map[string]string) error {
	var re strings.Builder
	var marks []string
	at := 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(pattern, -1) {
		re.WriteString(regexp.QuoteMeta(pattern[at:m[0]]))
		re.WriteString("(" + shapes[pattern[m[2]:m[3]]] + ")")
		marks = append(marks, pattern[m[0]:m[1]])
		at = m[1]
	}
	re.WriteString(regexp.QuoteMeta(pattern[at:]))
	found := regexp.MustCompile(`\A` + re.String() + `\z`).FindStringSubmatch(got)
	if found == nil {
		return fmt.Errorf("the answer differs")
	}
	for i, mark := range marks {
		if !strings.Contains(mark, " ") {
			continue
		}
		if was, ok := named[mark]; ok && was != found[i+1] {
			return fmt.Errorf("%s was %s and is %s", mark, was, found[i+1])
		}
		named[mark] = found[i+1]
	}
	return nil
}

func TestMatchFinds(t *testing.T) {
	t.Parallel()
	named := map[string]string{}
	for _, c := range []struct {
		pattern, got string
		want         bool
	}{
		{`{"a":"<uuid first>"}`, `{"a":"3fa85f64-5717-4562-b3fc-2c963f66afa6"}`, true},
		{`{"a":"<uuid first>"}`, `{"a":"3fa85f64-5717-4562-b3fc-2c963f66afa7"}`, false},
		{`{"a":"<uuid>"}`, `{"a":"3fa85f64-5717-4562-b3fc-2c963f66afa7"}`, true},
		{`{"a":"<time>"}`, `{"a":"2020-03-05T01:07:38Z"}`, false},
		{`{"a":"<any>"}`, `{"a":""}`, false},
		{`{"a":1}`, `{"a":1.0}`, false},
		{`{"a":1}`, `{"a":1,"b":2}`, false},
	} {
		if err := match(c.pattern, c.got, named); (err == nil) != c.want {
			t.Errorf("%s on %s: %v", c.pattern, c.got, err)
		}
	}
}

// answer is one answer, for tests that are not written as exchanges.
type answer struct {
	*httptest.ResponseRecorder
}

func (s *stage) call(method, target, token, body string) answer {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return answer{w}
}

// token is a fresh token of the account on the stage.
func (s *stage) token(t testing.TB) string {
	t.Helper()
	w := s.call(http.MethodPost, "/v1/authorization", "", `{"key":"`+stageKey+`","secret":"`+stageSecret+`"}`)
	var got struct{ Token string }
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Token == "" {
		t.Fatalf("no token: %d %s", w.Code, w.Body)
	}
	return got.Token
}
