package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const hookProject = `
account: Acme Outdoors
slug: acme
site: https://shop.example.com
keys:
  friendbuy: {key: 3fa85f64-5717-4562-b3fc-2c963f66afa6, secret: 95eb1c78, signing_secret: hush}
campaigns:
  - name: Evergreen
    uuid: ef9befc6-18f1-418c-8914-5ee8d09bb5aa
    status: launched
    rewards: [{name: Ten, to: advocate, on: purchase, repeat: true, value: {type: discount, amount: 10, unit: USD}}]
webhooks: [{on: friendbuy.advocateReward, url: %q}]
`

// An operator sees what an endpoint was told, tries it, holds it back, and has
// it told again, while the server runs.
func TestHooksAreOperatedBesideARunningServer(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, c Config) {
		came := make(chan string, 16)
		receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			came <- r.Header.Get("X-Friendbuy-Event-Id") + " " + string(body)
			fmt.Fprint(w, "thanks")
		}))
		t.Cleanup(receiver.Close)
		applyText(t, c, fmt.Sprintf(hookProject, receiver.URL))
		s := start(t, ServeConfig{Config: c})
		token, _ := call(t, s.url+"/v1/authorization", "", `{"key":"3fa85f64-5717-4562-b3fc-2c963f66afa6","secret":"95eb1c78"}`)["token"].(string)
		code := call(t, s.url+"/v1/personal-referral-link", token, `{"email":"ann@example.com","customerId":"ann","campaignId":"ef9befc6-18f1-418c-8914-5ee8d09bb5aa"}`)["referralCode"]
		buy := func(friend string) {
			t.Helper()
			call(t, s.url+"/v1/event/purchase", token, fmt.Sprintf(`{"orderId":"o-%[1]s","email":"%[1]s@example.com","customerId":"%[1]s","amount":20,"currency":"USD","referralCode":%[2]q}`, friend, code))
		}
		next := func() string {
			t.Helper()
			select {
			case got := <-came:
				return got
			case <-time.After(20 * time.Second):
				t.Fatal("no webhook came")
				return ""
			}
		}
		said := func(err error, out *bytes.Buffer, want ...string) string {
			t.Helper()
			for _, w := range want {
				if err != nil || !strings.Contains(out.String(), w) {
					t.Errorf("got %v, %s\nwant %q", err, out, w)
				}
			}
			return out.String()
		}
		// list waits for what the list begins with.
		list := func(want string) {
			t.Helper()
			var out bytes.Buffer
			for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
				out.Reset()
				if err := ListHooks(t.Context(), c, "", &out); err != nil {
					t.Fatal(err)
				}
				if strings.HasPrefix(out.String(), want) {
					return
				}
				if time.Now().After(end) {
					t.Fatalf("listed %q, want %q", &out, want)
				}
			}
		}

		began := time.Now().Add(-time.Second)
		buy("bob")
		first := next()
		id, body, _ := strings.Cut(first, " ")
		var hook int64
		var listed bytes.Buffer
		if err := ListHooks(t.Context(), c, "", &listed); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscan(listed.String(), &hook); err != nil {
			t.Fatal(err)
		}
		list(fmt.Sprintf("%d\tlistens\t0 waiting\tfriendbuy.advocateReward\t%s\n", hook, receiver.URL))

		all := Deliveries{Event: "friendbuy.advocateReward", From: began, Size: 10, Bodies: true}
		log := func() (string, error) {
			var out bytes.Buffer
			err := HookLog(t.Context(), c, "", all, &out)
			return out.String(), err
		}
		text, err := log()
		for _, want := range []string{id, "\tdelivered\t", "POST " + receiver.URL, body, "  1\t", "\t200\t", `"thanks"`} {
			if err != nil || !strings.Contains(text, want) {
				t.Errorf("the log lacks %q: %v\n%s", want, err, text)
			}
		}

		var out bytes.Buffer
		err = TestHook(t.Context(), c, "", hook, true, &out)
		said(err, &out, "POST "+receiver.URL, "X-Friendbuy-Hmac-Sha256: ", body, "status 200 after ", ", accepted", "thanks")
		if got := next(); got != first {
			t.Errorf("the test sent %s, want %s", got, first)
		}
		out.Reset()
		if err := TestHook(t.Context(), c, "", hook, false, &out); !errors.Is(err, ErrNotAccepted) || !strings.Contains(out.String(), "tried again: 127.0.0.1:") {
			t.Errorf("a private address is tested with %v, %s", err, &out)
		}
		if again, err := log(); again != text || err != nil {
			t.Errorf("the log knows of the test: %v\n%s", err, again)
		}

		out.Reset()
		said(PauseHook(t.Context(), c, "", hook, true, &out), &out, "is paused")
		buy("cyd")
		list(fmt.Sprintf("%d\tpaused\t1 waiting\t", hook))
		select {
		case got := <-came:
			t.Errorf("a paused endpoint got %s", got)
		case <-time.After(time.Second):
		}
		out.Reset()
		said(PauseHook(t.Context(), c, "", hook, false, &out), &out, "listens")
		second := next()
		if second == first || !strings.Contains(second, "cyd@example.com") {
			t.Errorf("got %s", second)
		}
		list(fmt.Sprintf("%d\tlistens\t0 waiting\t", hook))

		out.Reset()
		said(Replay(t.Context(), c, "", id, Deliveries{}, &out), &out, "1 to be sent again")
		if got := next(); got != first {
			t.Errorf("sent again: %s, want %s", got, first)
		}
		list(fmt.Sprintf("%d\tlistens\t0 waiting\t", hook))
		for _, none := range []Deliveries{{Event: "friendbuy.friendIncentive", From: began}, {Event: "prefinery.advocateReward", From: began}, {Event: "advocateReward", From: began.Add(-time.Hour), To: began}} {
			out.Reset()
			said(Replay(t.Context(), c, "", "", none, &out), &out, "0 to be sent again")
		}
		out.Reset()
		said(Replay(t.Context(), c, "", "", all, &out), &out, "2 to be sent again")
		if a, b := next(), next(); a+b != first+second && a+b != second+first {
			t.Errorf("sent again: %s and %s, want %s and %s", a, b, first, second)
		}
	})
}
