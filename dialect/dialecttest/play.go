package dialecttest

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

// Exchanges plays each file of testdata on a stage of its own, on both
// databases, and afterwards recomputes every figure. enter makes the handler
// of a stage, and names what requests may send.
//
// A file has N.request and N.response from 1 on, as on the wire, without a
// length; "N.request 60 times" is sent so often, and answered alike each time.
// In a response <uuid>, <time>, <second>, <token>, <number> and <any> stand for
// any text of that shape. With a name, as in <uuid first>, it must be the same
// text wherever the name stands, and a request may send it.
func Exchanges(t *testing.T, enter func(t *testing.T, s *Stage) (http.Handler, map[string]string)) {
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
			OnBoth(t, func(t *testing.T, s *Stage) {
				handler, named := enter(t, s)
				played := play(t, handler, archive, named)
				if played == 0 || 2*played != len(archive.Files) {
					t.Errorf("%d exchanges in %d files", played, len(archive.Files))
				}
				s.Verify(t)
			})
		})
	}
}

// play sends each N.request and compares the answer with N.response.
func play(t *testing.T, handler http.Handler, archive *txtar.Archive, named map[string]string) (played int) {
	files, times := map[string]string{}, map[string]int{}
	for _, f := range archive.Files {
		name, often, repeated := strings.Cut(strings.TrimSuffix(f.Name, " times"), " ")
		files[name], times[name] = string(f.Data), 1
		if repeated {
			var err error
			if times[name], err = strconv.Atoi(often); err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
		}
	}
	named = maps.Clone(named)
	if named == nil {
		named = map[string]string{}
	}
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
		for range times[strconv.Itoa(n)+".request"] {
			got := flat(send(t, handler, sent))
			if err := Match(flat(want), got, named); err != nil {
				t.Errorf("exchange %d: %v\ngot\n%s\nwant\n%s", n, err, got, want)
				break
			}
		}
		played++
	}
}

// send plays a request that is written as on the wire, without a length.
func send(t *testing.T, handler http.Handler, text string) string {
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
	handler.ServeHTTP(w, r)

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
// order of fields and the spelling of numbers stay. What is no JSON stays as
// it is.
func flat(answer string) string {
	head, body, _ := strings.Cut(answer, "\n\n")
	var out bytes.Buffer
	if json.Compact(&out, []byte(bareNumber.ReplaceAllString(body, `$1"!$2!"`))) != nil {
		return strings.TrimSpace(head) + "\n\n" + strings.TrimSpace(body)
	}
	return strings.TrimSpace(head) + "\n\n" + strings.NewReplacer(`"!<`, "<", `>!"`, ">").Replace(out.String())
}

// bareNumber is what stands for a number where JSON has one, without quotes.
var bareNumber = regexp.MustCompile(`([:\[,]\s*)(<number(?: [a-z0-9]+)?>)`)

var (
	placeholder = regexp.MustCompile(`<(uuid|time|second|token|number|any)( [a-z0-9]+)?>`)
	shapes      = map[string]string{
		"uuid":   `[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`,
		"time":   `[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z`,
		"second": `[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z`,
		"number": `[1-9][0-9]*`,
		"token":  `[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+`,
		"any":    `[^"]+`,
	}
)

// Match compares got with a pattern, and learns what names stand for.
func Match(pattern, got string, named map[string]string) error {
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
