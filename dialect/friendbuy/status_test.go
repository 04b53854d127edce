package friendbuy_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkReferralStatus is one read with a token that was seen before.
func BenchmarkReferralStatus(b *testing.B) {
	s := newStage(b)
	token := s.token(b)
	s.call("POST", "/v1/personal-referral-link", token,
		`{"email":"ann@example.com","campaignId":"ef9befc6-18f1-418c-8914-5ee8d09bb5aa","seed":"ann"}`)
	r := httptest.NewRequest("GET", "/v1/referral-status?code=ann", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
	}
}
