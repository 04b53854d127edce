package deliver

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/store"
)

// Whatever workers do to deliveries, and in whatever order they come between
// each other, all that is counted and kept of them fits together, and each is
// brought to its end.
func TestWorkersInAnyOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, open func() store.Engine) {
				db := &meddled{}
				s := newStage(t, func() store.Engine { db.Engine = open(); return db }, "https://shop.example.com/hook")
				s.renderers["plain"] = hasty{}
				w := &workers{stage: s, db: db, rand: rand.New(rand.NewPCG(seed, 0)), bodies: map[string]string{}}
				w.leave(3)
				for i := range 300 {
					w.act(0)
					if i%10 == 0 {
						w.check()
					}
				}
				w.finish()
			})
		})
	}
}

// hasty tries four times, soon.
type hasty struct{ plain }

func (hasty) Next(d *model.Delivery, _ *model.Endpoint, now time.Time) (time.Time, bool) {
	return now.Add(5*time.Second + time.Duration(d.Tries*d.Tries)*time.Second), d.Tries <= 3
}

// workers are several processes that send to one endpoint.
type workers struct {
	*stage
	db     *meddled
	rand   *rand.Rand
	begun  []engine.Sending
	made   []*engine.Ended   // and not recorded yet
	bodies map[string]string // by delivery, and how often it was redacted
	down   bool              // the receiver is
}

// act does something, and perhaps something else while that is half done.
func (w *workers) act(within int) {
	if within < 2 && w.rand.IntN(2) == 0 {
		other := func() { w.act(within + 1) }
		w.db.next.Store(&other)
	}
	ctx, endpoint := w.t.Context(), model.EndpointID(w.sends.Lane)
	switch n := w.rand.IntN(26); {
	case n < 6:
		w.beginSome()
	case n < 10:
		w.make(func() bool { return w.down && w.rand.IntN(10) > 0 || w.rand.IntN(6) == 0 })
	case n < 14:
		w.record()
	case n < 16:
		begun := w.take()
		if w.rand.IntN(2) == 0 { // else their process dies
			must(w.t, w.engine.ReturnDeliveries(ctx, begun))
		}
	case n < 17:
		w.leave(1 + w.rand.IntN(3))
	case n < 18:
		w.clock.Add(time.Duration(w.rand.IntN(40)) * time.Second)
	case n < 19:
		w.clock.Add(time.Duration(w.rand.IntN(3000)) * time.Millisecond)
	case n < 20:
		must(w.t, w.engine.PauseEndpoint(ctx, w.account, endpoint))
	case n < 21:
		must(w.t, w.engine.ResumeEndpoint(ctx, w.account, endpoint))
	case n < 22:
		d := w.any()
		if err := w.engine.Replay(ctx, w.account, d.UUID); err != nil && model.KindOf(err) != model.Conflict {
			w.t.Errorf("replay: %v", err)
		}
	case n < 23:
		d := w.any()
		must(w.t, w.store.InTx(ctx, w.account, func(tx *store.Tx) error {
			items, err := tx.Items([]model.DeliveryID{d.ID})
			if err != nil {
				return err
			}
			return store.Redact(tx, []int64{items[0].Subject})
		}))
	case n < 24:
		w.down = !w.down
	default: // leases end, and retries are due, before all is recorded
		w.clock.Add(26 * time.Second)
		record := w.record
		w.db.next.Store(&record)
		w.beginSome()
	}
}

func (w *workers) any() model.Delivery {
	all := w.deliveries()
	return all[w.rand.IntN(len(all))]
}

// beginSome begins attempts, whose bodies are never twice the same.
func (w *workers) beginSome() {
	w.t.Helper()
	render := func(d *model.Delivery, to *model.Endpoint, told []engine.Told, cfg *engine.Config) ([]byte, error) {
		body, err := w.render(d, to, told, cfg)
		return append(body, strconv.FormatUint(w.rand.Uint64(), 10)...), err
	}
	begun, _, err := w.engine.BeginDeliveries(w.t.Context(), w.sends, 1+w.rand.IntN(5), render, w.next)
	must(w.t, err)
	for _, s := range begun {
		key := fmt.Sprintf("%s, redacted %d times,", s.Delivery.UUID, s.Delivery.Redacted)
		if first, sent := w.bodies[key]; sent && first != s.Delivery.Body {
			w.t.Errorf("%s has two bodies", key)
		}
		w.bodies[key] = s.Delivery.Body
	}
	w.begun = append(w.begun, begun...)
}

// take takes some of those that have begun.
func (w *workers) take() []engine.Sending {
	w.rand.Shuffle(len(w.begun), func(i, j int) { w.begun[i], w.begun[j] = w.begun[j], w.begun[i] })
	n := min(len(w.begun), w.rand.IntN(6))
	some := w.begun[:n:n]
	w.begun = w.begun[n:]
	return some
}

// make makes attempts, whose answers say of how much they may tell.
func (w *workers) make(fails func() bool) {
	some := w.take()
	for i := range some {
		status := http.StatusOK
		if fails() {
			status = http.StatusInternalServerError
		}
		o := outcome(hasty{}, &some[i], status, w.now())
		o.Attempt = model.Attempt{At: w.now(), Status: status, Excerpt: fmt.Sprint(some[i].Delivery.Redacted)}
		w.made = append(w.made, &engine.Ended{Sending: &some[i], Outcome: o})
	}
}

func (w *workers) record() {
	w.t.Helper()
	made := w.made
	w.made = nil
	if len(made) > 0 {
		_, err := w.engine.EndDeliveries(w.t.Context(), made)
		must(w.t, err)
	}
}

// check compares what is kept of all deliveries.
func (w *workers) check() {
	w.t.Helper()
	w.db.next.Store(nil)
	jobs := map[model.DeliveryID]int{}
	must(w.t, w.store.Engine().View(w.t.Context(), func(c store.Conn) error {
		return c.Run(w.t.Context(), store.Statement{SQL: `SELECT subject_id FROM job WHERE kind = 'deliver'`, Row: func(r store.Row) error {
			var id model.DeliveryID
			err := r.Scan(&id)
			jobs[id]++
			return err
		}})
	}))
	for _, d := range w.deliveries() {
		kept := w.attempts(d.ID)
		for i, a := range kept {
			if a.Number != int64(i+1) || a.Excerpt != "" && a.Excerpt != fmt.Sprint(d.Redacted) {
				w.t.Errorf("delivery %d, redacted %d times: attempt %d is %+v", d.ID, d.Redacted, i+1, a)
			}
		}
		if int64(len(kept)) != d.Attempts || d.Tries < 0 || d.Tries > d.Attempts || d.Tries > 0 && d.Since.IsZero() {
			w.t.Errorf("%d attempts are kept of %+v", len(kept), d)
		}
		left := 0
		if slices.Contains([]model.DeliveryState{model.DeliveryOpen, model.DeliverySending}, d.State) {
			left = 1
		}
		if jobs[d.ID] != left || d.EndedAt.IsZero() != (left == 1) {
			w.t.Errorf("%d jobs are left of %+v", jobs[d.ID], d)
		}
		if d.State == model.DeliveryFailed && (d.Tries != 4 || kept[len(kept)-1].Status == 0) {
			w.t.Errorf("given up after %+v: %+v", kept[len(kept)-1], d)
		}
	}
	if w.t.Failed() {
		w.t.FailNow()
	}
}

// finish has the receiver accept all that is left.
func (w *workers) finish() {
	w.t.Helper()
	must(w.t, w.engine.ResumeEndpoint(w.t.Context(), w.account, model.EndpointID(w.sends.Lane)))
	w.begun, w.made = nil, nil
	for range 1000 {
		w.clock.Add(26 * time.Second)
		w.beginSome()
		for len(w.begun) > 0 {
			w.make(func() bool { return false })
		}
		w.record()
		w.check()
		if !slices.ContainsFunc(w.deliveries(), func(d model.Delivery) bool { return d.EndedAt.IsZero() }) {
			return
		}
	}
	w.t.Error("deliveries wait for good")
}
