package deliver

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/model"
)

// A receiver that answers at once is claimed for before it has had all that was
// claimed before, and still gets no more than eight requests at once.
func TestQuickReceiverDoesNotWaitForClaims(t *testing.T) {
	t.Parallel()
	const left = 400
	var sent, running, most atomic.Int64
	hold := make(chan struct{})
	r := newReceiver(t, func(http.ResponseWriter, string) {
		now := running.Add(1)
		defer running.Add(-1)
		for had := most.Load(); now > had && !most.CompareAndSwap(had, now); had = most.Load() {
		}
		if sent.Add(1) > perEndpoint+claimAhead-claimEarly+perEndpoint {
			<-hold
		}
	})
	answer := sync.OnceFunc(func() { close(hold) })
	t.Cleanup(answer) // before the server closes, which waits
	s := newStage(t, onSQLite(t), r.URL)
	s.leave(left)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, err := s.Step(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	begun := func() (n int) {
		for _, d := range s.deliveries() {
			if d.State != model.DeliveryOpen {
				n++
			}
		}
		return n
	}
	within(t, 10*time.Second, func() bool { return begun() == perEndpoint+2*claimAhead })
	answer()
	<-done
	if most.Load() > perEndpoint {
		t.Errorf("%d requests at once, want %d at most", most.Load(), perEndpoint)
	}
	for _, d := range s.deliveries() {
		if attempts := s.attempts(d.ID); d.State != model.DeliveryDelivered || len(attempts) != 1 || attempts[0].Status != http.StatusOK {
			t.Errorf("delivery %d is %s after %+v", d.ID, d.State, attempts)
		}
	}
	if len(s.lanes) != 0 || len(s.outside) != 0 || sent.Load() != left {
		t.Errorf("%d requests; %d lanes and %d slots are left", sent.Load(), len(s.lanes), len(s.outside))
	}
}

// A backlog gives its slots to others who wait for one before it is through.
func TestBacklogSharesSlots(t *testing.T) {
	t.Parallel()
	const left = 600
	var sent, before atomic.Int64
	busy := newReceiver(t, func(http.ResponseWriter, string) { sent.Add(1) })
	other := newReceiver(t, func(http.ResponseWriter, string) { before.CompareAndSwap(0, sent.Load()) })
	s := newStage(t, onSQLite(t), busy.URL, other.URL)
	s.outside = make(chan struct{}, perEndpoint)
	s.leave(left)
	s.clock.Add(engine.Gather)
	s.step()
	if sent.Load() != left || len(other.told(t)) != left {
		t.Fatalf("%d requests to one and %d friends told to the other, want %d", sent.Load(), len(other.told(t)), left)
	}
	if n := before.Load(); n >= left*2/3 {
		t.Errorf("%d requests to the one with a backlog came before the first to another", n)
	}
	if len(s.lanes) != 0 || len(s.outside) != 0 {
		t.Errorf("%d lanes and %d slots are left", len(s.lanes), len(s.outside))
	}
}
