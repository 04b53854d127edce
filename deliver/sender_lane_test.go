package deliver

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/model"
)

// quickLane is a lane of the first endpoint's that is worked on by hand.
func (s *stage) quickLane() *lane {
	l := s.newLane(s.sends)
	l.quick, l.claiming = true, true
	s.lanes[s.sends] = l
	return l
}

// begun are n deliveries whose attempts have begun.
func (s *stage) begun(n int) []engine.Sending {
	s.t.Helper()
	s.leave(n)
	begun, _ := s.begin(s.t.Context(), s.sends, n)
	if len(begun) != n {
		s.t.Fatalf("%d deliveries have begun, want %d", len(begun), n)
	}
	return begun
}

// looks counts how often somebody looks whether a context has ended.
type looks struct {
	context.Context
	n atomic.Int64
}

func (l *looks) Err() error {
	l.n.Add(1)
	return l.Context.Err()
}

// While a database is slow to record, a lane waits for it and does not turn.
func TestLaneRestsWhileMuchIsRecorded(t *testing.T) {
	t.Parallel()
	for name, idle := range map[string]int{"slots that wait for more": perEndpoint, "no slot": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, nil)
			s := newStage(t, onSQLite(t), r.URL)
			l := s.quickLane()
			l.recording, l.running = recordAhead+1, idle
			for range idle {
				s.outside <- struct{}{}
				s.working.Go(func() {
					s.nextReady(s.sends, l, 1)
					<-s.outside
				})
			}
			ctx, stop := context.WithCancel(t.Context())
			turns := &looks{Context: ctx}
			s.working.Go(func() { s.feed(turns, s.sends, l) })
			time.Sleep(4 * recordWithin)
			stop()
			s.working.Wait()
			if n := turns.n.Load(); n > 100 {
				t.Errorf("it turned %d times in %v", n, 4*recordWithin)
			}
			if len(s.lanes) != 0 || len(s.outside) != 0 {
				t.Errorf("%d lanes and %d slots are left", len(s.lanes), len(s.outside))
			}
		})
	}
}

// A lane whose slots went to others records what it has sent before it waits
// for another one.
func TestAttemptsAreRecordedBeforeASlotIsFree(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	s := newStage(t, onSQLite(t), r.URL)
	l := s.quickLane()
	begun := s.begun(2)
	ended, err := s.send(t.Context(), &begun[0])
	must(t, err)
	l.ended, l.ready = []*engine.Ended{ended}, begun[1:]
	s.outside = make(chan struct{}, 1)
	s.outside <- struct{}{} // another lane's
	l.slots = s.outside
	s.working.Go(func() { s.feed(t.Context(), s.sends, l) })
	within(t, 5*time.Second, func() bool { return s.deliveries()[0].State == model.DeliveryDelivered })
	<-s.outside
	s.working.Wait()
	if d := s.deliveries(); d[1].State != model.DeliveryDelivered {
		t.Errorf("the other one is %s", d[1].State)
	}
}

// What was claimed ahead so long ago that the lease could end before the answer
// comes is given back: another process may be about to send it.
func TestNothingIsSentAtTheEndOfItsLease(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	s := newStage(t, onSQLite(t), r.URL)
	l := s.quickLane()
	l.claiming = false
	begun := s.begun(3)
	s.clock.Add(20 * time.Second)
	l.running, l.ready = 1, begun[1:]
	s.outside <- struct{}{}
	s.sendOn(t.Context(), s.sends, l, begun[0])
	if n := len(r.bodies()); n != 0 {
		t.Errorf("%d were sent 20 s after they were claimed", n)
	}
	s.step()
	if n := len(r.bodies()); n != 3 {
		t.Errorf("%d requests for 3 deliveries", n)
	}
	for _, d := range s.deliveries() {
		if attempts := s.attempts(d.ID); d.State != model.DeliveryDelivered || len(attempts) != 1 || attempts[0].Status != http.StatusOK {
			t.Errorf("delivery %d is %s after %+v", d.ID, d.State, attempts)
		}
	}
}

// startled panics at what receivers answer, while it is.
type startled struct {
	plain
	by *atomic.Bool
}

func (r startled) Judge(to *model.Endpoint, status int) model.Verdict {
	if r.by.Load() {
		panic("nobody expects " + http.StatusText(status))
	}
	return r.plain.Judge(to, status)
}

// A renderer that panics fails one attempt, and not the process.
func TestRendererThatPanicsFailsOneAttempt(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	s := newStage(t, onSQLite(t), r.URL)
	by := &atomic.Bool{}
	by.Store(true)
	s.renderers = map[string]Renderer{"plain": startled{by: by}}
	s.purchase()
	again := s.tell()
	if want := s.clock.Now().Add(2 * time.Second); !again.Equal(want) {
		t.Errorf("it is tried again at %v, want %v", again, want)
	}
	if len(s.lanes) != 0 || len(s.outside) != 0 {
		t.Errorf("%d lanes and %d slots are left", len(s.lanes), len(s.outside))
	}
	by.Store(false)
	s.clock.Set(again)
	s.step()
	if d := s.deliveries()[0]; d.State != model.DeliveryDelivered || len(r.bodies()) != 2 {
		t.Errorf("the delivery is %s after %d requests", d.State, len(r.bodies()))
	}
}
