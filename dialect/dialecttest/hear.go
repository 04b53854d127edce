package dialecttest

import (
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/model"
)

// Writer is how a dialect writes what endpoints are told.
type Writer interface {
	Fits(to *model.Endpoint) int64
	Body(d *model.Delivery, to *model.Endpoint, told []engine.Told, cfg *engine.Config) ([]byte, error)
}

// Heard is a message to an endpoint.
type Heard struct {
	Event, URL string
	Delivery   model.Delivery
}

// Hear sends what is told at this moment to endpoints that take everything, and
// returns it in the order of endpoints.
func (s *Stage) Hear(t testing.TB, w Writer) []Heard {
	t.Helper()
	s.Clock.Jump(time.Second)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	work := func(kind string, do func(model.Queue)) {
		queues, err := s.Core.DueQueues(t.Context())
		must(err)
		for _, q := range queues {
			if q.Kind == kind {
				do(q)
			}
		}
	}
	work(model.JobTell, func(q model.Queue) {
		_, _, err := s.Core.GatherTells(t.Context(), q, w.Fits)
		must(err)
	})
	var heard []Heard
	work(model.JobDeliver, func(q model.Queue) {
		jobs, err := s.Core.ClaimJobs(t.Context(), q, 1000)
		must(err)
		sendings, err := s.Core.StartDeliveries(t.Context(), q, jobs, w.Body, nil)
		must(err)
		for _, to := range sendings {
			heard = append(heard, Heard{to.Endpoint.Event, to.Endpoint.URL, to.Delivery})
			_, err := s.Core.EndDeliveries(t.Context(), []*engine.Ended{{Sending: &to, Outcome: engine.Outcome{State: model.DeliveryDelivered}}})
			must(err)
		}
	})
	return heard
}

// Work does the jobs of one kind that are due, which the engine does itself.
func (s *Stage) Work(t testing.TB, kind string) {
	t.Helper()
	queue := model.Queue{Account: s.Account, Kind: kind}
	jobs, err := s.Core.ClaimJobs(t.Context(), queue, 1000)
	for i := 0; i < len(jobs) && err == nil; i++ {
		var known bool
		if known, err = s.Core.RunJob(t.Context(), jobs[i]); err == nil && !known {
			t.Fatalf("the engine does no job of kind %s", kind)
		}
		if err == nil {
			err = s.Core.FinishJob(t.Context(), jobs[i])
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}
