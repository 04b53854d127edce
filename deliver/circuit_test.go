package deliver

import (
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/model"
	"grapevine/store"
)

// opensAfter is after how many failures in a row single requests go out.
const opensAfter = 20

// leave leaves n deliveries that are due, each telling of one purchase.
func (s *stage) leave(n int) {
	s.t.Helper()
	for range n {
		s.purchase()
		_, _, err := s.engine.GatherTells(s.t.Context(), s.tells, func(*model.Endpoint) int64 { return 1 })
		must(s.t, err)
	}
}

func (s *stage) circuit() model.Circuit {
	s.t.Helper()
	hooks, err := s.engine.Hooks(s.t.Context(), s.account)
	must(s.t, err)
	return hooks[0].Circuit
}

func TestEndpointThatFailsGetsSingleRequests(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, open func() store.Engine) {
		r, up := newOutage(t)
		s := newStage(t, open, r.URL)
		s.leave(60)
		s.step()
		sent := len(r.bodies())
		if sent < opensAfter || sent > opensAfter+2*perEndpoint || !s.circuit().Open() {
			t.Fatalf("%d requests until the circuit %+v", sent, s.circuit())
		}
		for _, d := range s.deliveries() {
			if d.Attempts != 1 && d.State != model.DeliveryOpen {
				t.Errorf("delivery %d is %s after %d attempts", d.ID, d.State, d.Attempts)
			}
		}
		// One request after each pause, which doubles up to a minute; meanwhile
		// new deliveries come.
		var pauses []time.Duration
		last := s.clock.Now()
		for end := last.Add(10 * time.Minute); ; {
			next := s.circuit().ProbeAt
			if next.After(end) {
				break
			}
			s.leave(1)
			s.clock.Set(next)
			before := len(r.bodies())
			s.step()
			if n := len(r.bodies()) - before; n != 1 {
				t.Errorf("%d requests after %v, want one", n, next.Sub(last))
			}
			pauses = append(pauses, next.Sub(last).Round(time.Second))
			last = next
		}
		want := []time.Duration{1, 2, 4, 8, 16, 32, 60, 60}
		for i := range want {
			want[i] *= time.Second
		}
		if diff := cmp.Diff(want, pauses[:min(len(pauses), len(want))]); diff != "" {
			t.Errorf("pauses (-want +got):\n%s", diff)
		}
		// It is back: all that was kept goes at once.
		up.Store(true)
		s.leave(1)
		s.clock.Set(s.circuit().ProbeAt)
		s.step()
		if c := s.circuit(); c != (model.Circuit{}) {
			t.Errorf("the circuit is %+v, want it closed", c)
		}
		s.clock.Add(15 * time.Minute) // for those whose request failed
		s.step()
		for _, d := range s.deliveries() {
			if d.State != model.DeliveryDelivered {
				t.Errorf("delivery %d is %s after %d attempts", d.ID, d.State, d.Attempts)
			}
			for _, a := range s.attempts(d.ID) {
				if a.Status == 0 && a.Error != "not sent: the latest requests to the endpoint failed" {
					t.Errorf("delivery %d: attempt %+v", d.ID, a)
				}
			}
		}
		told := r.told(t)
		slices.Sort(told)
		if got := len(slices.Compact(told)); got != s.orders {
			t.Errorf("told of %d friends, want %d", got, s.orders)
		}
	})
}

// Whatever the circuit keeps is tried when its schedule says so, as far as the
// log and the end of the schedule go; the last time it is sent in any case.
func TestScheduleGoesOnWhileTheCircuitIsOpen(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, status(http.StatusInternalServerError))
	s := newStage(t, onSQLite(t), r.URL)
	s.leave(50)
	first := s.clock.Now()
	for next := s.step(); !next.IsZero(); next = s.step() {
		s.clock.Set(next)
	}
	sentEach := map[string]int{}
	for _, body := range r.bodies() {
		sentEach[read(t, body).ID]++
	}
	for _, d := range s.deliveries() {
		if d.State != model.DeliveryFailed || d.Attempts != 97 || d.EndedAt.Sub(first) > 24*time.Hour+time.Minute || d.EndedAt.Sub(first) < 24*time.Hour {
			t.Errorf("delivery %d is %s after %d attempts, %v after the first", d.ID, d.State, d.Attempts, d.EndedAt.Sub(first))
		}
		attempts := s.attempts(d.ID)
		if last := attempts[len(attempts)-1]; last.Status != 500 {
			t.Errorf("delivery %d was given up by %+v", d.ID, last)
		}
		made := 0
		for i, a := range attempts {
			if due := first.Add(time.Duration(i) * 15 * time.Minute); a.At.Before(due) || a.At.After(due.Add(time.Minute)) {
				t.Errorf("delivery %d: attempt %d at %v, want %v", d.ID, i+1, a.At, due)
			}
			if a.Status == 500 {
				made++
			} else if a.Error != "not sent: the latest requests to the endpoint failed" {
				t.Errorf("delivery %d: attempt %+v", d.ID, a)
			}
		}
		if made != sentEach[d.UUID] {
			t.Errorf("delivery %d: the log has %d requests, the receiver %d", d.ID, made, sentEach[d.UUID])
		}
	}
	if n := len(r.bodies()); n > 50*10 {
		t.Errorf("%d requests to an endpoint that failed for a day", n)
	}
}

// One bad message does not keep the circuit open for others.
func TestPoisonedDeliveryDoesNotHoldOthers(t *testing.T) {
	t.Parallel()
	s := newStage(t, onSQLite(t), "https://shop.example.com")
	poison := map[string]bool{}
	s.client = &http.Client{Transport: transport(func(q *http.Request) (*http.Response, error) {
		answer := &http.Response{StatusCode: 200, Body: http.NoBody, Request: q}
		body := make([]byte, q.ContentLength)
		if _, err := q.Body.Read(body); err != nil && len(body) == 0 {
			return nil, err
		}
		if poison[read(t, string(body)).Friends[0]] {
			answer.StatusCode = 500
		}
		return answer, nil
	})}
	for n := range 3 {
		poison[friend(n+1)] = true
	}
	s.leave(3)
	for next := s.step(); !s.circuit().Open(); next = s.step() {
		s.clock.Set(next)
	}
	left := s.clock.Now()
	s.leave(2)
	for next := s.step(); s.circuit().Open(); next = s.step() {
		s.clock.Set(next)
	}
	if took := s.clock.Now().Sub(left); took > time.Minute {
		t.Errorf("the others waited %v", took)
	}
	s.step()
	for _, d := range s.deliveries()[3:] {
		if d.State != model.DeliveryDelivered {
			t.Errorf("delivery %d is %s", d.ID, d.State)
		}
	}
}

func friend(n int) string { return "friend" + string(rune('0'+n)) + "@example.com" }

// Two processes send one request between them, and one that dies over it does
// not keep the other from trying.
func TestProcessesShareACircuit(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, open func() store.Engine) {
		r := newReceiver(t, status(http.StatusBadGateway))
		a := newStage(t, open, r.URL)
		a.leave(40)
		a.step()
		b := newProcess(t, open, 2, a.clock.Now)
		sent := len(r.bodies())
		a.leave(8)
		a.clock.Set(a.circuit().ProbeAt)
		jobs, err := a.engine.ClaimJobs(t.Context(), a.sends, 4)
		must(t, err)
		begun, err := a.engine.StartDeliveries(t.Context(), a.sends, jobs, a.render, a.next)
		must(t, err)
		if len(begun) != 1 || !begun[0].Probe {
			t.Fatalf("%d requests may go, want one", len(begun))
		}
		// Here the process dies.
		if _, err := b.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := len(r.bodies()) - sent; n != 0 {
			t.Errorf("%d requests beside the one that is out", n)
		}
		a.clock.Add(25 * time.Second)
		if _, err := b.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := len(r.bodies()) - sent; n != 1 {
			t.Errorf("%d requests once the lease of the first is over, want one", n)
		}
	})
}

func TestResumeClosesACircuit(t *testing.T) {
	t.Parallel()
	r, up := newOutage(t)
	s := newStage(t, onSQLite(t), r.URL)
	s.leave(60)
	s.step()
	s.leave(5)
	s.step()
	up.Store(true)
	sent := len(r.bodies())
	must(t, s.engine.ResumeEndpoint(t.Context(), s.account, model.EndpointID(s.sends.Lane)))
	s.step()
	if n := len(r.bodies()) - sent; n < 20 || s.circuit() != (model.Circuit{}) {
		t.Errorf("%d requests, and the circuit is %+v", n, s.circuit())
	}
	figures, err := s.store.JobFigures(t.Context(), s.clock.Now())
	must(t, err)
	if figures.Failing != 0 {
		t.Errorf("%d endpoints fail", figures.Failing)
	}
}

// A receiver that was quick and hangs gets no more than its eight requests:
// what was claimed ahead is given back, as if it had not begun.
func TestQuickReceiverThatFailsGetsWhatIsReadyLater(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	r := newReceiver(t, func(w http.ResponseWriter, _ string) {
		if sent.Add(1) > 30 {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	s := newStage(t, onSQLite(t), r.URL)
	s.leave(150)
	next := s.step()
	if n := sent.Load(); n > 30+opensAfter+2*perEndpoint {
		t.Errorf("%d requests", n)
	}
	var begun int64
	for _, d := range s.deliveries() {
		for _, a := range s.attempts(d.ID) {
			if a.Error != "not sent: the latest requests to the endpoint failed" {
				begun++
			}
		}
		if d.Tries != int64(len(s.attempts(d.ID))) {
			t.Errorf("delivery %d counts %d tries of %d", d.ID, d.Tries, len(s.attempts(d.ID)))
		}
	}
	if begun != sent.Load() {
		t.Errorf("the log has %d requests, the receiver %d", begun, sent.Load())
	}
	if next.IsZero() {
		t.Error("nothing is left to do")
	}
}
