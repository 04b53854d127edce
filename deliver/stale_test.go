package deliver

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/store"
)

// meddled has something happen after the next look at a database, before
// whoever looked goes on.
type meddled struct {
	store.Engine
	next atomic.Pointer[func()]
}

func (m *meddled) View(ctx context.Context, fn func(store.Conn) error) error {
	err := m.Engine.View(ctx, fn)
	if do := m.next.Swap(nil); do != nil {
		(*do)()
	}
	return err
}

// An attempt that is recorded at last, while another worker begins the next one
// as the lease is over, is counted before it: two attempts of one number could
// not be recorded, nor could any others with them.
func TestAttemptRecordedWhileTheNextBeginsIsTheOneBefore(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, open func() store.Engine) {
		db := &meddled{}
		s := newStage(t, func() store.Engine { db.Engine = open(); return db }, "https://shop.example.com/hook")
		first := s.begun(2)
		s.clock.Add(26 * time.Second)
		record := func() {
			late := &engine.Ended{Sending: &first[0], Outcome: engine.Outcome{
				State: model.DeliverySending, Next: noon.Add(6 * time.Second), Attempt: model.Attempt{Status: http.StatusTooManyRequests},
			}}
			if lost, err := s.engine.EndDeliveries(t.Context(), []*engine.Ended{late}); err != nil || len(lost) > 0 {
				t.Errorf("the first attempt: lost %v, %v", lost, err)
			}
		}
		db.next.Store(&record)
		var ended []*engine.Ended
		for range 2 {
			begun, _ := s.begin(t.Context(), s.sends, 2)
			for i := range begun {
				ended = append(ended, &engine.Ended{Sending: &begun[i], Outcome: engine.Outcome{State: model.DeliveryDelivered, Attempt: model.Attempt{Status: http.StatusOK}}})
			}
		}
		if len(ended) != 2 {
			t.Fatalf("%d attempts have begun, want one of each delivery", len(ended))
		}
		if lost, err := s.engine.EndDeliveries(t.Context(), ended); err != nil || len(lost) > 0 {
			t.Errorf("lost %v, %v", lost, err)
		}
		for i, d := range s.deliveries() {
			attempts := s.attempts(d.ID)
			if n := 2 - i; d.State != model.DeliveryDelivered || d.Attempts != int64(n) || d.Tries != int64(n) || len(attempts) != n || attempts[n-1].Status != http.StatusOK {
				t.Errorf("delivery %d is %s after %d attempts: %+v", d.ID, d.State, d.Attempts, attempts)
			}
		}
	})
}
