package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// load is one kind of request, sent over and over on a number of connections.
type load struct {
	addr  string
	conns int
	want  int // status of every answer; any other ends the round as failed
	// next builds the caller's next request, in its own buffers.
	next func(*caller) []byte
}

// caller is one connection of a load.
type caller struct {
	number int // among the callers of this load
	calls  int // sent before
	rand   *rand.Rand
	buf    []byte
	body   []byte
	cookie []byte // the last that was set; next may send it
}

// round is what one run of a load came to.
type round struct {
	Rate float64       `json:"per_second"`
	P50  time.Duration `json:"p50_ns"`
	P99  time.Duration `json:"p99_ns"`
	CPU  time.Duration `json:"cpu_per_request_ns"` // of the process under load

	counted  int64 // answers inside the span
	answered int64 // all answers
}

// span is when a run takes place: it starts, and counts what is answered from
// begin to end.
type span struct{ start, begin, end time.Time }

// after returns the span that starts at once.
func after(warm, length time.Duration) span {
	now := time.Now()
	return span{now, now.Add(warm), now.Add(warm + length)}
}

// minute returns the span that counts the whole of the next minute.
func minute(warm time.Duration) span {
	begin := time.Now().Add(warm).Truncate(time.Minute).Add(time.Minute)
	return span{begin.Add(-warm), begin, begin.Add(time.Minute)}
}

// run loads p during s, and says how that went. The first wrong answer ends it.
func (l *load) run(p *process, s span) (*round, error) {
	time.Sleep(time.Until(s.start))
	callers := make([]*client, l.conns)
	for i := range callers {
		c, err := dial(l.addr)
		if err != nil {
			return nil, err
		}
		defer c.close()
		c.conn.SetDeadline(s.end.Add(callLimit))
		callers[i] = c
	}

	var (
		group    sync.WaitGroup
		answered atomic.Int64
		counts   = make([]latencies, l.conns)
		failed   = make(chan error, l.conns)
	)
	for i, c := range callers {
		group.Go(func() {
			n, err := l.call(i, c, s, &counts[i])
			answered.Add(int64(n))
			if err != nil {
				failed <- err
			}
		})
	}
	time.Sleep(time.Until(s.begin))
	before, err := p.cpu()
	if err != nil {
		return nil, err
	}
	time.Sleep(time.Until(s.end))
	after, err := p.cpu()
	if err != nil {
		return nil, err
	}
	group.Wait()

	select {
	case err := <-failed:
		return nil, err
	default:
	}
	all := &counts[0]
	for i := range counts[1:] {
		all.merge(&counts[i+1])
	}
	if all.n == 0 {
		return nil, fmt.Errorf("no answer in %v", s.end.Sub(s.begin))
	}
	return &round{
		Rate: float64(all.n) / s.end.Sub(s.begin).Seconds(),
		P50:  all.quantile(0.50),
		P99:  all.quantile(0.99),
		CPU:  (after - before) / time.Duration(all.n),

		counted:  all.n,
		answered: answered.Load(),
	}, nil
}

// call sends one request after the other until the span has ended, and returns
// how many were answered.
func (l *load) call(number int, c *client, s span, count *latencies) (int, error) {
	w := &caller{number: number, rand: rand.New(rand.NewPCG(1, uint64(number)))}
	sent := time.Now()
	for ; sent.Before(s.end); w.calls++ {
		a, err := c.do(l.next(w))
		if err != nil {
			return w.calls, fmt.Errorf("call %d on connection %d: %w", w.calls, number, err)
		}
		if a.status != l.want {
			return w.calls, fmt.Errorf("answer %d, want %d: %.300s", a.status, l.want, bytes.TrimSpace(a.body))
		}
		if len(a.cookie) > 0 {
			w.cookie = append(w.cookie[:0], a.cookie...)
		}
		got := time.Now()
		if got.After(s.begin) && got.Before(s.end) {
			count.add(got.Sub(sent))
		}
		sent = got
	}
	return w.calls, nil
}
