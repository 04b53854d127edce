package demo

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"
)

// told is one thing that a webhook told the shop. Rewards of advocates and of
// friends share some fields.
type told struct {
	Event    string // advocateReward or friendIncentive
	Delivery string
	At       time.Time

	RewardID string      `json:"rewardId"`
	Email    string      `json:"emailAddress"`
	Amount   json.Number `json:"rewardAmount"`
	Unit     string      `json:"rewardUnit"`
	Type     string      `json:"rewardType"`
	Coupon   string      `json:"couponCode"`
	Friends  []struct {
		Email string `json:"friendEmailAddress"`
	} `json:"friends"`
	Advocate string `json:"advocateEmailAddress"`
}

// hooks receives webhooks. Safe for concurrent use.
type hooks struct {
	secret func() string

	mu      sync.Mutex
	heard   []told
	changed chan struct{} // closed when something is heard
}

func newHooks(secret func() string) *hooks {
	return &hooks{secret: secret, changed: make(chan struct{})}
}

// ServeHTTP keeps what a webhook tells, if its signature is right: anybody can
// send something to an address.
func (h *hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, "too much", http.StatusRequestEntityTooLarge)
		return
	}
	if !signed(body, r.Header.Get("X-Friendbuy-Hmac-SHA256"), h.secret()) {
		http.Error(w, "the signature is wrong", http.StatusUnauthorized)
		return
	}
	var delivery struct {
		ID   string `json:"id"`
		Type string `json:"type"`
		Data []told `json:"data"`
	}
	if err := json.Unmarshal(body, &delivery); err != nil {
		http.Error(w, "this cannot be read", http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range delivery.Data {
		t.Event, t.Delivery, t.At = delivery.Type, delivery.ID, time.Now()
		h.heard = append(h.heard, t)
	}
	close(h.changed)
	h.changed = make(chan struct{})
}

// signed reports whether signature is the HMAC of body, compared so that time
// tells nothing.
func signed(body []byte, signature, secret string) bool {
	got, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hmac.Equal(got, mac.Sum(nil))
}

// all returns what was heard, the latest first.
func (h *hooks) all() []told {
	h.mu.Lock()
	defer h.mu.Unlock()
	latest := make([]told, len(h.heard))
	for i, t := range h.heard {
		latest[len(latest)-1-i] = t
	}
	return latest
}

// wait returns the first thing heard of an event, as soon as there is one.
func (h *hooks) wait(ctx context.Context, event string) (told, error) {
	for {
		h.mu.Lock()
		heard, changed := h.heard, h.changed
		h.mu.Unlock()
		for _, t := range heard {
			if t.Event == event {
				return t, nil
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return told{}, ctx.Err()
		}
	}
}
