package deliver

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/store"
)

func TestPausedEndpointKeepsItsQueue(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, open func() store.Engine) {
		r, up := newOutage(t)
		s := newStage(t, open, r.URL)
		id := model.EndpointID(s.sends.Lane)
		s.purchase()
		retry := s.tell() // refused once
		must(t, s.engine.PauseEndpoint(t.Context(), s.account, id))
		s.purchase()
		s.tell()
		s.clock.Set(retry.Add(48 * time.Hour))
		if next := s.step(); !next.IsZero() || len(r.bodies()) != 1 {
			t.Errorf("%d requests, and more at %v, to a paused endpoint", len(r.bodies()), next)
		}
		hooks, err := s.engine.Hooks(t.Context(), s.account)
		must(t, err)
		if len(hooks) != 1 || !hooks[0].Paused || hooks[0].Waiting != 2 {
			t.Errorf("the endpoint is %+v, want it paused and two deliveries waiting", hooks)
		}
		up.Store(true)
		must(t, s.engine.ResumeEndpoint(t.Context(), s.account, id))
		s.step()
		got := r.bodies() // in whatever order
		if len(got) != 3 || got[0] != got[1] && got[0] != got[2] || got[1] == got[2] {
			t.Errorf("got %q, want the first body again and the second", got)
		}
		for _, d := range s.deliveries() {
			if d.State != model.DeliveryDelivered {
				t.Errorf("delivery %s is %s", d.UUID, d.State)
			}
		}
	})
}

func TestReplaySendsTheSameBytesOnAScheduleOfItsOwn(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, open func() store.Engine) {
		r, up := newOutage(t)
		s := newStage(t, open, r.URL)
		s.purchase()
		for next := s.tell(); !next.IsZero(); next = s.step() {
			s.clock.Set(next)
		}
		failed := s.deliveries()[0]
		if failed.State != model.DeliveryFailed || failed.Attempts != 97 {
			t.Fatalf("the delivery is %s after %d attempts", failed.State, failed.Attempts)
		}
		s.clock.Add(72 * time.Hour)
		must(t, s.engine.Replay(t.Context(), s.account, failed.UUID))
		next := s.step()
		if want := s.clock.Now().Add(15 * time.Minute); !next.Equal(want) {
			t.Errorf("tried again at %v, want %v", next, want)
		}
		if err := s.engine.Replay(t.Context(), s.account, failed.UUID); model.ReasonOf(err) != model.TransitionForbidden {
			t.Errorf("replayed while it is being sent: %v", err)
		}
		up.Store(true)
		s.clock.Set(next)
		s.step()
		all := engine.LogQuery{Event: "earned", From: noon, To: s.clock.Now(), Size: 10}
		n, err := s.engine.ReplayAll(t.Context(), s.account, all)
		must(t, err)
		s.step()
		log, err := s.engine.DeliveryLog(t.Context(), s.account, all)
		must(t, err)
		if n != 1 || len(log) != 1 || log[0].State != model.DeliveryDelivered || len(log[0].Attempts) != 100 || log[0].To.URL != r.URL {
			t.Errorf("replayed %d; the log is %d deliveries, the first is %s after %d attempts", n, len(log), log[0].State, len(log[0].Attempts))
		}
		got := r.bodies()
		if diff := cmp.Diff(got[0], got[len(got)-1]); diff != "" || len(got) != 100 {
			t.Errorf("%d requests, the last differs from the first: %s", len(got), diff)
		}
		for _, other := range []engine.LogQuery{{Event: "else", From: noon, To: s.clock.Now()}, {From: noon.Add(-time.Hour), To: noon.Add(-time.Minute)}, {Endpoint: 99, To: s.clock.Now()}} {
			if n, err := s.engine.ReplayAll(t.Context(), s.account, other); n != 0 || err != nil {
				t.Errorf("%+v: replayed %d, %v", other, n, err)
			}
		}
	})
}
