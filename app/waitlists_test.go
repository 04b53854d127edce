package app

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/web"
)

func TestANodeWhoseWaitlistsAreBehindIsNotReady(t *testing.T) {
	t.Parallel()
	var late atomic.Int64 // nanoseconds
	c := Config{
		Database: "sqlite:" + filepath.Join(t.TempDir(), "test.db"), Log: quiet,
		Now: func() time.Time { return time.Now().Add(time.Duration(late.Load())) },
	}
	applyText(t, c, strings.Replace(acme, "name: Evergreen", "name: Evergreen\n    id: 1", 1))
	p, err := open(t.Context(), c, writes, "https://grapevine.example")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.close(); err != nil {
			t.Error(err)
		}
	}()
	account, err := p.core.AccountBySlug(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	joined, err := p.core.Join(t.Context(), account.ID, engine.Join{Who: engine.Who{Email: "ann@example.com", Server: true}, Kind: model.SignUp, Campaign: 1})
	if err != nil {
		t.Fatal(err)
	}
	ready := web.Handle((&health{checks: []check{{"waitlists", p.checkWaitlists}}}).ready, web.Plain)
	expect := func(when string, status int) {
		t.Helper()
		w := httptest.NewRecorder()
		ready.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		if w.Code != status || (status != http.StatusOK) != strings.Contains(w.Body.String(), `"waitlists":"failed"`) {
			t.Errorf("%s: got %d %s, want %d", when, w.Code, w.Body, status)
		}
	}
	late.Add(int64(time.Minute))
	expect("nobody asked for a waitlist", http.StatusOK)
	v, err := p.core.ViewParticipant(t.Context(), account.ID, joined.Participant, engine.Relations{Place: true})
	if err != nil || v.Place == nil {
		t.Fatalf("no place: %v", err)
	}
	expect("a waitlist was built", http.StatusOK)
	late.Add(int64(7 * time.Second))
	expect("nothing followed", http.StatusServiceUnavailable)
	if err := p.core.KeepWaitlists(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect("it followed", http.StatusOK)
}
