package deliver

import (
	"net/http"
	"testing"

	"grapevine/model"
)

func TestTestOfAnEndpointIsNotLogged(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	s := newStage(t, onSQLite(t), r.URL)
	try := func(want string) (model.Attempt, model.Verdict) {
		t.Helper()
		sample, err := s.engine.HookSample(t.Context(), s.account, model.EndpointID(s.sends.Lane))
		must(t, err)
		if want != "" && sample.Delivery.Body != want {
			t.Errorf("it sends %s, want %s", sample.Delivery.Body, want)
		}
		_, got, verdict := Try(t.Context(), NewClient(true), plain{}, sample, s.now)
		return got, verdict
	}
	if got, verdict := try("{}"); got.Status != http.StatusOK || verdict != model.Accepted {
		t.Errorf("%+v is judged as %v", got, verdict)
	}
	s.purchase()
	s.tell()
	before := s.deliveries()
	r.answer = status(http.StatusTeapot)
	if got, verdict := try(r.bodies()[1]); got.Status != http.StatusTeapot || verdict != model.TryAgain {
		t.Errorf("%+v is judged as %v", got, verdict)
	}
	if after := s.deliveries(); len(after) != len(before) || after[0] != before[0] || len(s.attempts(after[0].ID)) != 1 || len(r.bodies()) != 3 {
		t.Errorf("the log is %+v after %d requests, was %+v", after, len(r.bodies()), before)
	}
}
