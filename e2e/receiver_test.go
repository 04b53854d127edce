//go:build e2e

package e2e_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// receiver is the merchant's end of webhooks. It refuses each delivery now and
// then, so that retries are seen, and remembers all it was told.
type receiver struct {
	url string

	mu         sync.Mutex
	deliveries map[string]*delivery // by X-Friendbuy-Event-Id
	rewards    map[string]*told     // by rewardId
	earned     map[part][]string    // rewardIds
	faults     []string
	refused    int // deliveries that were not taken at first
}

// delivery is one webhook, over all of its attempts.
type delivery struct {
	body     string
	attempts int
	taken    bool
}

// told is one reward that a delivery spoke of.
type told struct {
	delivery string
	coupon   string
	part     part
}

// part is who earned a reward for whose purchase: each pair earns once.
type part struct {
	kind   string // the webhook's type
	friend string // customer id, which names the order
}

// refuseEvery makes one of so many deliveries fail at first.
const refuseEvery = 7

func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{deliveries: map[string]*delivery{}, rewards: map[string]*told{}, earned: map[part][]string{}}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	r.url = s.URL + "/hooks/rewards"
	return r
}

type webhookJSON struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	Data []struct {
		RewardID   string `json:"rewardId"`
		CustomerID string `json:"customerId"`
		CouponCode string `json:"couponCode"`
		Friends    []struct {
			FriendCustomerID string `json:"friendCustomerId"`
		} `json:"friends"`
	} `json:"data"`
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return // the sender was killed in the middle of it
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.take(q.Header, body) {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// take remembers one attempt and tells whether it is accepted.
func (r *receiver) take(h http.Header, body []byte) bool {
	mac := hmac.New(sha256.New, []byte(signingSecret))
	mac.Write(body)
	if got, want := h.Get("X-Friendbuy-Hmac-SHA256"), base64.StdEncoding.EncodeToString(mac.Sum(nil)); got != want {
		r.fault("signature %q, want %q", got, want)
	}
	var in webhookJSON
	if err := json.Unmarshal(body, &in); err != nil {
		r.fault("webhook is not JSON: %v: %s", err, body)
		return true
	}
	id := h.Get("X-Friendbuy-Event-Id")
	if id == "" || id != in.ID {
		r.fault("header names delivery %q, body %q", id, in.ID)
	}
	d := r.deliveries[id]
	if d == nil {
		d = &delivery{body: string(body)}
		r.deliveries[id] = d
		r.remember(id, in)
	}
	d.attempts++
	if d.body != string(body) {
		r.fault("attempt %d of delivery %s has another body:\n%s\n%s", d.attempts, id, d.body, body)
	}
	if d.attempts == 1 && len(r.deliveries)%refuseEvery == 0 {
		r.refused++
		return false
	}
	d.taken = true
	return true
}

// remember keeps the rewards that a delivery tells of.
func (r *receiver) remember(id string, in webhookJSON) {
	for _, item := range in.Data {
		p := part{in.Type, item.CustomerID}
		if in.Type == "advocateReward" {
			if len(item.Friends) != 1 {
				r.fault("reward %s names %d friends, want one", item.RewardID, len(item.Friends))
				continue
			}
			p.friend = item.Friends[0].FriendCustomerID
		}
		if before := r.rewards[item.RewardID]; before != nil {
			r.fault("reward %s is in deliveries %s and %s", item.RewardID, before.delivery, id)
			continue
		}
		r.rewards[item.RewardID] = &told{delivery: id, coupon: item.CouponCode, part: p}
		r.earned[p] = append(r.earned[p], item.RewardID)
	}
}

func (r *receiver) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// complete tells whether as many rewards were told and every delivery taken.
func (r *receiver) complete(rewards int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.rewards) < rewards {
		return false
	}
	for _, d := range r.deliveries {
		if !d.taken {
			return false
		}
	}
	return true
}

// check holds that each order was rewarded once on both sides, that nothing
// else was, and that no coupon was given twice.
func (r *receiver) check(t *testing.T, orders []int) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.faults {
		t.Error(f)
	}
	expected := map[part]bool{}
	for _, order := range orders {
		for _, kind := range []string{"advocateReward", "friendIncentive"} {
			p := part{kind, friendOf(order)}
			expected[p] = true
			if n := len(r.earned[p]); n != 1 {
				t.Errorf("order %d has %d rewards told as %s, want 1: %v", order, n, kind, r.earned[p])
			}
		}
	}
	coupons := map[string]string{}
	for id, reward := range r.rewards {
		if !expected[reward.part] {
			t.Errorf("reward %s is for %v, which no order of ours earned", id, reward.part)
		}
		if reward.part.kind != "advocateReward" {
			continue
		}
		if other, given := coupons[reward.coupon]; given || reward.coupon == "" {
			t.Errorf("reward %s has coupon %q; other reward with it: %q", id, reward.coupon, other)
		}
		coupons[reward.coupon] = id
	}
	t.Logf("%d orders, %d rewards told in %d deliveries, %d of them refused at first", len(orders), len(r.rewards), len(r.deliveries), r.refused)
}
