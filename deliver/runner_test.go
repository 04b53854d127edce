package deliver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/store"
)

func TestRewardIsToldOnceAndSigned(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, open func() store.Engine) {
		r := newReceiver(t, nil)
		s := newStage(t, open, r.URL)
		s.purchase()
		if s.step(); len(r.bodies()) != 0 {
			t.Errorf("told %d times before what happens in quick succession was gathered", len(r.bodies()))
		}
		if next := s.tell(); !next.IsZero() {
			t.Errorf("a job is left, due at %v", next)
		}
		d := s.deliveries()
		if len(d) != 1 || len(r.bodies()) != 1 {
			t.Fatalf("%d deliveries and %d requests, want one", len(d), len(r.bodies()))
		}
		want := model.Delivery{
			ID: d[0].ID, UUID: d[0].UUID, Endpoint: model.EndpointID(s.sends.Lane), State: model.DeliveryDelivered, Items: 1, Attempts: 1,
			Body: fmt.Sprintf(`{"id":%q,"friends":["friend1@example.com"]}`, d[0].UUID),
			At:   noon.Add(engine.Gather), FirstAt: noon.Add(engine.Gather), Since: noon.Add(engine.Gather), Tries: 1, EndedAt: noon.Add(engine.Gather),
		}
		if diff := cmp.Diff(want, d[0]); diff != "" {
			t.Errorf("delivery (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{want.Body}, r.bodies()); diff != "" {
			t.Errorf("what arrived (-want +got):\n%s", diff)
		}
		if got, want := r.header[0].Get("X-Signature"), "hush"+fmt.Sprint(len(want.Body)); got != want {
			t.Errorf("signature %q, want %q", got, want)
		}
	})
}

func TestRefusedDeliveryIsTriedEveryQuarterHourForADay(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, open func() store.Engine) {
		r := newReceiver(t, status(http.StatusInternalServerError))
		s := newStage(t, open, r.URL)
		s.purchase()
		first := noon.Add(engine.Gather)
		var at []time.Duration
		for next := first; !next.IsZero(); next = s.step() {
			s.clock.Set(next)
			at = append(at, next.Sub(first))
		}
		var want []time.Duration
		for after := time.Duration(0); after <= 24*time.Hour; after += 15 * time.Minute {
			want = append(want, after)
		}
		if diff := cmp.Diff(want, at); diff != "" {
			t.Errorf("tries (-want +got):\n%s", diff)
		}
		if got := slices.Compact(r.bodies()); len(r.bodies()) != len(want) || len(got) != 1 {
			t.Errorf("%d requests with %d different bodies, want %d with one", len(r.bodies()), len(got), len(want))
		}
		d := s.deliveries()[0]
		if d.State != model.DeliveryFailed || d.Attempts != 97 || !d.EndedAt.Equal(first.Add(24*time.Hour)) {
			t.Errorf("delivery is %s after %d attempts at %v", d.State, d.Attempts, d.EndedAt)
		}
		attempts := s.attempts(d.ID)
		if len(attempts) != 97 || attempts[96].Status != 500 || attempts[96].Number != 97 || attempts[96].Error != "answered 500" {
			t.Errorf("%d attempts, the last is %+v", len(attempts), attempts[len(attempts)-1])
		}
	})
}

func TestBodyIsFrozenByTheFirstAttempt(t *testing.T) {
	t.Parallel()
	r, up := newOutage(t)
	s := newStage(t, onSQLite(t), r.URL)
	s.purchase()
	retry := s.tell()
	s.purchase() // joins no delivery that was tried
	up.Store(true)
	s.tell()
	s.clock.Set(retry)
	s.step()
	got := r.bodies()
	if len(got) != 3 || got[0] != got[2] {
		t.Fatalf("got %q, want the first body again as the third", got)
	}
	if diff := cmp.Diff([]string{"friend1@example.com", "friend2@example.com", "friend1@example.com"}, r.told(t)); diff != "" {
		t.Errorf("told of (-want +got):\n%s", diff)
	}
}

func TestWhatHappensInQuickSuccessionGoesTogether(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, open func() store.Engine) {
		r := newReceiver(t, nil)
		s := newStage(t, open, r.URL)
		for range 60 {
			s.purchase()
		}
		s.gather()
		for range 150 { // 40 join the open delivery of 60
			s.purchase()
		}
		s.gather() // a runner may send the open one first, which is as good
		s.tell()
		var sizes []int
		for _, body := range r.bodies() {
			sizes = append(sizes, len(read(t, body).Friends))
		}
		slices.Sort(sizes)
		if diff := cmp.Diff([]int{10, 100, 100}, sizes); diff != "" {
			t.Errorf("items of deliveries (-want +got):\n%s", diff)
		}
		told := r.told(t)
		slices.Sort(told)
		if len(slices.Compact(told)) != 210 {
			t.Errorf("told of %d friends, want 210", len(slices.Compact(told)))
		}
	})
}

func TestWorkOfADeadProcessIsDoneAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		down  time.Duration
		up    bool
		state model.DeliveryState
	}{
		"within 30 seconds":              {29 * time.Second, true, model.DeliveryDelivered},
		"once more after giving up":      {48 * time.Hour, true, model.DeliveryDelivered},
		"only once more after giving up": {48 * time.Hour, false, model.DeliveryFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, func(w http.ResponseWriter, _ string) {
				if !c.up {
					w.WriteHeader(http.StatusBadGateway)
				}
			})
			s := newStage(t, onSQLite(t), r.URL)
			s.purchase()
			s.gather()
			jobs, err := s.engine.ClaimJobs(t.Context(), s.sends, 8)
			must(t, err)
			begun, err := s.engine.StartDeliveries(t.Context(), s.sends, jobs, s.render, s.next)
			must(t, err)
			if len(begun) != 1 {
				t.Fatalf("began %d deliveries, want 1", len(begun))
			}
			// Here the process dies. Nobody else may have the job for now.
			if s.step(); len(r.bodies()) != 0 {
				t.Fatal("a job was run while its lease stood")
			}
			s.clock.Add(c.down)
			s.step()
			if diff := cmp.Diff([]string{begun[0].Delivery.Body}, r.bodies()); diff != "" {
				t.Errorf("what arrived (-want +got):\n%s", diff)
			}
			d := s.deliveries()[0]
			if kept := s.attempts(d.ID); d.State != c.state || d.Attempts != 1 || len(kept) != 1 || kept[0].Status == 0 {
				t.Errorf("delivery is %s after %d attempts, %+v, want %s after the one that was answered", d.State, d.Attempts, kept, c.state)
			}
			late := &engine.Ended{Sending: &begun[0], Outcome: engine.Outcome{Attempt: model.Attempt{Status: 200}, State: model.DeliveryDelivered}}
			lost, err := s.engine.EndDeliveries(t.Context(), []*engine.Ended{late})
			if err != nil || len(lost) != 1 || lost[0].ID != begun[0].Job.ID {
				t.Errorf("the first worker's record: lost %v, %v, want its job lost", lost, err)
			}
		})
	}
}

func TestRunnersShareADatabase(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, open func() store.Engine) {
		const purchases = 120
		r, other := newReceiver(t, nil), newReceiver(t, status(http.StatusBadRequest))
		a := newProcess(t, open, 1, time.Now)
		a.apply(r.URL, other.URL)
		a.store.OnJob(a.Kick)
		b := newProcess(t, open, 2, time.Now)
		var running sync.WaitGroup
		ctx, stop := context.WithCancel(t.Context())
		running.Go(func() { a.Run(ctx) })
		running.Go(func() { b.Run(ctx) })
		for range purchases {
			a.purchase()
		}
		within(t, 10*time.Second, func() bool { return len(r.told(t)) >= purchases && len(other.told(t)) >= purchases })
		stop()
		running.Wait()
		for _, r := range []*receiver{r, other} {
			told := r.told(t)
			slices.Sort(told)
			if len(told) != purchases || len(slices.Compact(told)) != purchases {
				t.Errorf("told of %d, want %d, each once", len(told), purchases)
			}
		}
		for _, d := range a.deliveries() {
			if d.Attempts != 1 {
				t.Errorf("delivery %s had %d attempts, want one", d.UUID, d.Attempts)
			}
		}
	})
}

func TestDeadEndpointDelaysNoOther(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	dead := newReceiver(t, func(http.ResponseWriter, string) { <-hang })
	t.Cleanup(func() { close(hang) }) // before the server closes, which waits
	r := newReceiver(t, nil)
	s := newProcess(t, onSQLite(t), 1, time.Now)
	s.apply(dead.URL, r.URL)
	s.store.OnJob(s.Kick)
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	go s.Run(ctx)
	for round := 1; round <= 3*perEndpoint/2; round++ {
		left := time.Now()
		s.purchase()
		within(t, 2*time.Second, func() bool { return len(r.told(t)) == round })
		if took := time.Since(left); took > 2*time.Second {
			t.Errorf("webhook %d left after %v", round, took)
		}
	}
	if n := len(dead.bodies()); n > perEndpoint {
		t.Errorf("%d requests wait for the dead endpoint, want %d at most", n, perEndpoint)
	}
}

func TestStopLetsWhatRunsEnd(t *testing.T) {
	t.Parallel()
	arrived, answer := make(chan struct{}), make(chan struct{})
	r := newReceiver(t, func(http.ResponseWriter, string) { close(arrived); <-answer })
	s := newProcess(t, onSQLite(t), 1, time.Now)
	s.apply(r.URL)
	s.store.OnJob(s.Kick)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { s.Run(ctx); close(ended) }()
	s.purchase()
	<-arrived
	stop()
	select {
	case <-ended:
		t.Fatal("Run returned while a request was out")
	case <-time.After(50 * time.Millisecond):
	}
	close(answer)
	<-ended
	if d := s.deliveries()[0]; d.State != model.DeliveryDelivered {
		t.Errorf("delivery is %s, want delivered", d.State)
	}
}

func TestStopReturnsWhatWasNotSent(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	s := newStage(t, onSQLite(t), r.URL)
	s.purchase()
	q := s.sends
	s.gather()
	stopped, stop := context.WithCancel(t.Context())
	l := s.newLane(q)
	l.claiming = true
	n, slots := s.wanted(stopped, l, true)
	begun, _ := s.begin(stopped, q, n)
	stop()
	s.handOut(stopped, q, l, begun, false, slots)
	if len(begun) != 1 || l.running != 0 || len(s.outside) != 0 {
		t.Errorf("%d began, %d run in %d slots; want one, none, none", len(begun), l.running, len(s.outside))
	}
	if d := s.deliveries()[0]; d.Attempts != 0 || len(s.attempts(d.ID)) != 0 {
		t.Errorf("%d attempts of a delivery that was not sent", d.Attempts)
	}
	if s.step(); len(r.bodies()) != 1 {
		t.Errorf("%d requests, want one at once: the delivery was given back", len(r.bodies()))
	}
}

func TestEndedEndpointIsToldNoMore(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, status(http.StatusInternalServerError))
	s := newStage(t, onSQLite(t), r.URL)
	s.purchase()
	retry := s.tell()
	s.purchase()
	must(t, s.store.InTx(t.Context(), s.account, func(tx *store.Tx) error { tx.EndEndpoint(model.EndpointID(s.sends.Lane)); return nil }))
	s.clock.Set(retry)
	if next := s.step(); !next.IsZero() {
		t.Errorf("a job is left, due at %v", next)
	}
	d := s.deliveries()
	if len(r.bodies()) != 1 || len(d) != 1 || d[0].State != model.DeliveryFailed {
		t.Errorf("%d requests, %d deliveries, the first is %s: want 1, 1, failed", len(r.bodies()), len(d), d[0].State)
	}
}

func TestReceiverThatIsGoneIsToldNoMore(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, open func() store.Engine) {
		r := newReceiver(t, status(http.StatusGone))
		s := newStage(t, open, r.URL)
		s.purchase()
		s.tell()
		if _, err := s.config().Endpoint(model.EndpointID(s.sends.Lane)); model.KindOf(err) != model.Gone {
			t.Errorf("the endpoint: %v", err)
		}
		s.purchase()
		s.tell()
		d := s.deliveries()
		if len(r.bodies()) != 1 || len(d) != 1 || d[0].State != model.DeliveryFailed {
			t.Errorf("%d requests, %d deliveries, the first is %s: want 1, 1, failed", len(r.bodies()), len(d), d[0].State)
		}
	})
}

func TestDeliveryThatCannotBeWrittenHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	s := newStage(t, onSQLite(t), r.URL)
	_, err := s.engine.RecordPurchase(t.Context(), s.account, engine.Purchase{
		Who: engine.Who{Email: "poison@example.com", Server: true}, Referral: engine.Referral{ReferralCode: s.code},
		OrderID: "p", Amount: 1_0000, Currency: "USD",
	})
	must(t, err)
	s.gather()
	for range itemsOfADelivery {
		s.purchase()
	}
	s.gather()
	if next := s.step(); next.IsZero() {
		t.Error("the delivery that cannot be written was forgotten")
	}
	if diff := cmp.Diff([]string{"friend100@example.com"}, r.told(t)); diff != "" {
		t.Errorf("told of (-want +got):\n%s", diff)
	}
}

// itemsOfADelivery fill one that has an item already, and begin the next.
const itemsOfADelivery = 100

func TestJobsInsideTheHouse(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, open func() store.Engine) {
		s := newStage(t, open)
		var mu sync.Mutex
		runs := map[model.JobID][]time.Duration{}
		s.runJob = func(_ context.Context, j model.Job) (bool, error) {
			mu.Lock()
			defer mu.Unlock()
			runs[j.ID] = append(runs[j.ID], s.clock.Now().Sub(noon))
			switch {
			case j.Kind == "odd":
				return false, nil
			case j.Subject == 1 && len(runs[j.ID]) < 4:
				return true, errOurs
			case j.Subject == 2 && len(runs[j.ID]) < 2:
				panic("ours")
			}
			return true, nil
		}
		must(t, s.store.InTx(t.Context(), s.account, func(tx *store.Tx) error {
			tx.Enqueue(
				model.Job{ID: 1, Kind: "failing", Subject: 1, RunAt: noon},
				model.Job{ID: 2, Kind: "panicking", Subject: 2, RunAt: noon},
				model.Job{ID: 3, Kind: "odd", RunAt: noon},
				model.Job{ID: 4, Kind: "fine", RunAt: noon.Add(time.Minute)},
			)
			return nil
		}))
		for next := s.step(); !next.IsZero(); next = s.step() {
			s.clock.Set(next)
		}
		want := map[model.JobID][]time.Duration{
			1: {0, 2 * time.Second, 6 * time.Second, 14 * time.Second},
			2: {0, 2 * time.Second},
			3: {0},
			4: {time.Minute},
		}
		if diff := cmp.Diff(want, runs); diff != "" {
			t.Errorf("when jobs ran (-want +got):\n%s", diff)
		}
		figures, err := s.store.JobFigures(t.Context(), s.clock.Now().Add(time.Hour))
		must(t, err)
		if diff := cmp.Diff(store.JobFigures{Dead: 1}, figures); diff != "" {
			t.Errorf("jobs left (-want +got):\n%s", diff)
		}
	})
}

var errOurs = errors.New("ours")

// within waits until what holds, d at most.
func within(t *testing.T, d time.Duration, what func() bool) {
	t.Helper()
	end := time.After(d)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !what() {
		select {
		case <-end:
			t.Fatalf("did not happen within %v", d)
		case <-tick.C:
		}
	}
}

// What came late of an attempt that was overtaken changes nothing, also where
// it is recorded together with the one that overtook it.
func TestOvertakenAttemptIsRecordedBesideTheOther(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]func(first, second *engine.Ended) []*engine.Ended{
		"before": func(first, second *engine.Ended) []*engine.Ended { return []*engine.Ended{first, second} },
		"after":  func(first, second *engine.Ended) []*engine.Ended { return []*engine.Ended{second, first} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, open func() store.Engine) {
				s := newStage(t, open, "https://shop.example.com/hook")
				first := s.begun(1)
				s.clock.Add(26 * time.Second)
				second, _ := s.begin(t.Context(), s.sends, 1)
				if len(second) != 1 {
					t.Fatalf("%d begun after the lease had ended, want 1", len(second))
				}
				lost, err := s.engine.EndDeliveries(t.Context(), of(
					&engine.Ended{Sending: &first[0], Outcome: engine.Outcome{State: model.DeliveryRefused, Attempt: model.Attempt{Status: http.StatusBadRequest}}},
					&engine.Ended{Sending: &second[0], Outcome: engine.Outcome{State: model.DeliveryDelivered, Attempt: model.Attempt{Status: http.StatusOK}}},
				))
				must(t, err)
				if len(lost) != 1 || lost[0].Attempt != first[0].Job.Attempt {
					t.Errorf("lost are %+v, want the first", lost)
				}
				d := s.deliveries()[0]
				if attempts := s.attempts(d.ID); d.State != model.DeliveryDelivered || len(attempts) != 1 || attempts[0].Status != http.StatusOK {
					t.Errorf("the delivery is %s after %+v", d.State, attempts)
				}
			})
		})
	}
}
