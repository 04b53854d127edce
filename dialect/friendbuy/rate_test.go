package friendbuy_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"grapevine/dialect/friendbuy"
	"grapevine/web"
)

func TestCallsPastTheLimitAreRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	rates := web.NewRates(func() time.Time { return noon }, s.core)
	handler := web.Front(web.Settings{Log: slog.New(slog.DiscardHandler), Now: s.clock.now},
		friendbuy.New(s.core, friendbuy.Options{Now: s.clock.now, Rates: rates, Limits: friendbuy.Limits{Calls: 2, Authorizations: 1}}))
	token := s.token(t)
	call := func(method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Authorization", token)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	authorize := `{"key":"` + stageKey + `","secret":"` + stageSecret + `"}`
	for i, step := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/v1/authorization", authorize, http.StatusOK},
		{"POST", "/v1/authorization", authorize, http.StatusTooManyRequests},
		{"GET", "/v1/referral-status?code=nobody", "", http.StatusNotFound}, // it counts, too
		{"POST", "/v1/customer", `{"customerId":"ann","email":"ann@example.com"}`, http.StatusCreated},
		{"POST", "/v1/customer", `{"customerId":"bob","email":"bob@example.com"}`, http.StatusTooManyRequests},
	} {
		w := call(step.method, step.path, step.body)
		if w.Code == http.StatusTooManyRequests {
			if after := w.Header().Get("Retry-After"); after != "60" {
				t.Errorf("step %d: retry after %q, want 60", i, after)
			}
			if !strings.HasPrefix(w.Body.String(), `{"error":"Too Many Requests","message":"too many calls, try again later","code":429,"reference":"`) {
				t.Errorf("step %d: %s", i, w.Body)
			}
		}
		if w.Code != step.status {
			t.Errorf("step %d: got %d %s, want %d", i, w.Code, w.Body, step.status)
		}
	}
}
