package link_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/link"
	"grapevine/model"
	"grapevine/projectfile"
	"grapevine/web"
)

func TestAddressIsConfirmedByTheButtonOnly(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	file, err := projectfile.Parse("acme.yaml", []byte(strings.Replace(project, "fbuy: false", "fbuy: false\n    confirm_email: true", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.core.Apply(t.Context(), file.Project()); err != nil {
		t.Fatal(err)
	}
	cfg, err := s.core.Config(t.Context(), s.account)
	if err != nil {
		t.Fatal(err)
	}
	joined, err := s.core.Join(t.Context(), s.account, engine.Join{
		Who: engine.Who{Email: "bob@example.com"}, Kind: model.SignUp, Campaign: cfg.Live(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))[0].ID,
	})
	if err != nil {
		t.Fatal(err)
	}
	token := s.core.ConfirmationToken(s.account, joined.Participant)
	s.handler = web.Front(web.Settings{Log: slog.New(slog.DiscardHandler), Now: time.Now}, link.NewConfirm(s.core))
	for _, step := range []struct {
		method, path string
		status       int
		says         string
	}{
		{"HEAD", "/confirm/" + token, 200, ""},
		{"GET", "/confirm/" + token, 200, "Confirm bob@example.com to take part in Evergreen"},
		{"DELETE", "/confirm/" + token, 405, "This is a link"},
		{"POST", "/confirm/" + token + "x", 404, "leads nowhere"},
		{"POST", "/confirm/", 404, "leads nowhere"},
		{"GET", "/confirm/" + token, 200, "Is this you?"},
		{"POST", "/confirm/" + token, 200, "Your address is confirmed"},
		{"POST", "/confirm/" + token, 200, "Your address is confirmed"},
		{"GET", "/confirm/" + token, 200, `href="https://shop.example.com/welcome?a=1#top"`},
	} {
		got := s.visit(step.method, step.path)
		body, err := io.ReadAll(got.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got.StatusCode != step.status || !strings.Contains(string(body), step.says) {
			t.Errorf("%s %s: %d\n%s", step.method, step.path, got.StatusCode, body)
		}
	}
}

func TestConfirmationOfAnErasedDatabaseIsNoServerError(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	w := httptest.NewRecorder()
	web.Front(web.Settings{Log: slog.New(slog.DiscardHandler), Now: time.Now}, link.NewConfirm(s.core)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/confirm/"+s.core.ConfirmationToken(s.account, 12345), nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("an unknown participant: %d", w.Code)
	}
}
