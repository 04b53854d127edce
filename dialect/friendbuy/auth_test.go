package friendbuy_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const statusURL = "/v1/referral-status?code=nobody"

func TestTokenLivesTwentyMinutes(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	token := s.token(t)
	for _, c := range []struct {
		wait time.Duration
		want int
	}{
		{0, http.StatusNotFound},
		{19 * time.Minute, http.StatusNotFound},
		{time.Minute, http.StatusUnauthorized},
	} {
		s.clock.jump(c.wait)
		if w := s.call("GET", statusURL, token, ""); w.Code != c.want {
			t.Errorf("%v later: %d, want %d: %s", c.wait, w.Code, c.want, w.Body)
		}
	}
}

func TestTokenThatNobodySawYetExpiresToo(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	token := s.token(t)
	s.clock.jump(20 * time.Minute)
	if w := s.call("GET", statusURL, token, ""); w.Code != http.StatusUnauthorized {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestTokenEndsWithItsKeyPair(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"key: 3fa85f64", "secret: \"95eb1c78"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			seen, unseen := s.token(t), s.token(t)
			s.clock.jump(2 * time.Second)
			unseen2 := s.token(t)
			if w := s.call("GET", statusURL, seen, ""); w.Code != http.StatusNotFound {
				t.Fatalf("before: %d %s", w.Code, w.Body)
			}
			s.apply(t, func(text string) string { return strings.Replace(text, key, key[:len(key)-1]+"9", 1) })
			if err := s.core.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, token := range []string{seen, unseen, unseen2} {
				if w := s.call("GET", statusURL, token, ""); w.Code != http.StatusUnauthorized {
					t.Errorf("after: %d %s", w.Code, w.Body)
				}
			}
		})
	}
}

// TestForgedTokensAreRefused makes tokens that are wrong in one thing each.
func TestForgedTokensAreRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	sign := s.core.SigningKey("friendbuy token")
	var pair string
	{
		var c jwt.MapClaims
		if _, _, err := jwt.NewParser().ParseUnverified(s.token(t), &c); err != nil {
			t.Fatal(err)
		}
		pair, _ = c["pair"].(string)
	}
	good := func() jwt.MapClaims {
		return jwt.MapClaims{
			"iss":  "grapevine/friendbuy",
			"sub":  strconv.FormatInt(int64(s.account), 10),
			"exp":  s.clock.now().Add(time.Minute).Unix(),
			"pair": pair,
		}
	}
	for _, c := range []struct {
		name   string
		method jwt.SigningMethod
		key    any
		change func(jwt.MapClaims)
		want   int
	}{
		{"right in everything", jwt.SigningMethodHS256, sign, func(jwt.MapClaims) {}, http.StatusNotFound},
		{"unsigned", jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, func(jwt.MapClaims) {}, http.StatusUnauthorized},
		{"another method", jwt.SigningMethodHS512, sign, func(jwt.MapClaims) {}, http.StatusUnauthorized},
		{"another key", jwt.SigningMethodHS256, []byte("guessed"), func(jwt.MapClaims) {}, http.StatusUnauthorized},
		{"another issuer", jwt.SigningMethodHS256, sign, func(c jwt.MapClaims) { c["iss"] = "x" }, http.StatusUnauthorized},
		{"no issuer", jwt.SigningMethodHS256, sign, func(c jwt.MapClaims) { delete(c, "iss") }, http.StatusUnauthorized},
		{"no expiry", jwt.SigningMethodHS256, sign, func(c jwt.MapClaims) { delete(c, "exp") }, http.StatusUnauthorized},
		{"an account that is no number", jwt.SigningMethodHS256, sign, func(c jwt.MapClaims) { c["sub"] = "acme" }, http.StatusUnauthorized},
		{"an account that is not there", jwt.SigningMethodHS256, sign, func(c jwt.MapClaims) { c["sub"] = "4711" }, http.StatusUnauthorized},
		{"another key pair", jwt.SigningMethodHS256, sign, func(c jwt.MapClaims) { c["pair"] = "x" }, http.StatusUnauthorized},
		{"no key pair", jwt.SigningMethodHS256, sign, func(c jwt.MapClaims) { delete(c, "pair") }, http.StatusUnauthorized},
	} {
		claims := good()
		c.change(claims)
		token, err := jwt.NewWithClaims(c.method, claims).SignedString(c.key)
		if err != nil {
			t.Fatal(err)
		}
		if w := s.call("GET", statusURL, token, ""); w.Code != c.want {
			t.Errorf("%s: %d, want %d: %s", c.name, w.Code, c.want, w.Body)
		}
	}
}

func TestBodyOverAMegabyteIsRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	body := `{"orderId":"o","amount":1,"currency":"USD","firstName":"` + strings.Repeat("x", 1<<20) + `"}`
	w := s.call("POST", "/v1/event/purchase", s.token(t), body)
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"error":"Bad Request"`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// TestReferenceIsInTheLog holds that what a caller is told can be looked up.
func TestReferenceIsInTheLog(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	w := s.call("GET", statusURL, s.token(t), "")
	var got struct{ Reference string }
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Reference == "" {
		t.Fatalf("%v: %s", err, w.Body)
	}
	if !strings.Contains(s.log.String(), got.Reference) {
		t.Errorf("%s is not in the log:\n%s", got.Reference, s.log)
	}
	if id := w.Header().Get("X-Request-Id"); id != got.Reference {
		t.Errorf("the header says %q, the body %q", id, got.Reference)
	}
}
