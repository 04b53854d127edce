//go:build e2e

package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// merchant calls the Merchant API as its reference says.
type merchant struct {
	url    string
	http   *http.Client
	token  string
	origin string // of a page, "" for a server
}

// openMerchant has a token.
func openMerchant(t *testing.T, s *server) *merchant {
	t.Helper()
	m := &merchant{url: s.url, http: s.http}
	got := m.must(t, "POST", "/v1/authorization", fmt.Sprintf(`{"key": %q, "secret": %q}`, apiKey, apiSecret), http.StatusOK)
	m.token, _ = got["token"].(string)
	return m
}

// do makes one call. Its answer is JSON: an object, or what "" holds. Of a
// redirect, which it does not follow, there is none.
func (m *merchant) do(t *testing.T, method, target, body string) (status int, answer map[string]any) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, m.url+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		q.Header.Set("Content-Type", "application/json")
	}
	if m.token != "" {
		q.Header.Set("Authorization", "Bearer "+m.token)
	}
	if m.origin != "" {
		q.Header.Set("Origin", m.origin)
		q.Header.Set("User-Agent", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_14_6) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/79.0.3945.79 Safari/537.36")
	}
	client := *m.http
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	a, err := client.Do(q)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	if a.StatusCode/100 == 3 {
		return a.StatusCode, nil
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("%s %s: %d: %v: %s", method, target, a.StatusCode, err, text)
	}
	answer, ok := value.(map[string]any)
	if !ok {
		answer = map[string]any{"": value}
	}
	return a.StatusCode, answer
}

func (m *merchant) must(t *testing.T, method, target, body string, want int) map[string]any {
	t.Helper()
	status, answer := m.do(t, method, target, body)
	if status != want {
		t.Errorf("%s %s: %d %v, want %d", method, target, status, answer, want)
	}
	return answer
}

// list is what a list of today has.
func (m *merchant) list(t *testing.T, name, filters string) []map[string]any {
	t.Helper()
	now := time.Now().UTC()
	period := url.Values{"fromDate": {now.Add(-time.Hour).Format(time.RFC3339)}, "toDate": {now.Add(time.Hour).Format(time.RFC3339)}}
	got := m.must(t, "GET", "/v1/analytics/"+name+"?"+period.Encode()+filters, "", http.StatusOK)
	rows, _ := got["results"].([]any)
	if total, _ := got["totalResults"].(float64); int(total) != len(rows) {
		t.Errorf("%s: %v results in all, and %d shown", name, got["totalResults"], len(rows))
	}
	list := make([]map[string]any, len(rows))
	for i, row := range rows {
		list[i], _ = row.(map[string]any)
	}
	return list
}

// has fails unless got has what want has, as JSON writes it.
func has(t *testing.T, what string, got map[string]any, want map[string]any) {
	t.Helper()
	for name, value := range want {
		a, _ := json.Marshal(got[name])
		b, _ := json.Marshal(value)
		if string(a) != string(b) {
			t.Errorf("%s: %s is %s, want %s", what, name, a, b)
		}
	}
}

// only is the one row of a list.
func only(t *testing.T, what string, rows []map[string]any) map[string]any {
	t.Helper()
	if len(rows) != 1 {
		t.Errorf("%s: %d rows, want one: %v", what, len(rows), rows)
		return nil
	}
	return rows[0]
}
