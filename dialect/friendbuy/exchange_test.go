package friendbuy_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"grapevine/dialect/dialecttest"
)

// TestExchanges plays the documented exchanges. <token> in a request is a
// token of the account.
func TestExchanges(t *testing.T) {
	t.Parallel()
	dialecttest.Exchanges(t, func(t *testing.T, d *dialecttest.Stage) (http.Handler, map[string]string) {
		s := enter(t, d)
		return s.handler, map[string]string{"<token>": s.token(t)}
	})
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
