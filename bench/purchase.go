package main

import (
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	rewardsPerPurchase = 2      // the advocate's and the friend's
	mostPurchases      = 20_000 // a second, for which there are coupons
	commitCounter      = "grapevine_store_commits_total"
)

// shop sends purchases of ever new friends to one server.
type shop struct {
	*server
	bench  *bench
	codes  []string
	hook   *receiver
	orders atomic.Int64 // numbers given out
	bought int64        // answered purchases
	left   *rows        // what they leave in SQLite

	commits []float64       // per purchase, one a round
	late    []time.Duration // from the load's end to the last webhook, one a round
}

// openShop starts a server that rewards purchases.
func (b *bench) openShop(engine string) (*shop, error) {
	d, err := b.database(engine, "purchase")
	if err != nil {
		return nil, err
	}
	hook, err := b.receive()
	if err != nil {
		return nil, err
	}
	coupons := b.rounds * int((b.length()+2*warm)/time.Second) * mostPurchases
	if err := b.apply(d, purchaseProject(coupons, hook.url)); err != nil {
		return nil, err
	}
	s, err := b.serve(d)
	if err != nil {
		return nil, err
	}
	codes, err := s.codes(b.codes)
	if err != nil {
		s.stop()
		return nil, err
	}
	p := &shop{server: s, bench: b, codes: codes, hook: hook}
	if engine == "sqlite" {
		if p.left, err = b.countRows(d.sqliteFile()); err != nil {
			s.stop()
			return nil, err
		}
	}
	return p, nil
}

// purchases is the load: each a new friend, an order of its own, an advocate's
// code.
func (s *shop) purchases(token string) *load {
	return &load{addr: s.addr, conns: s.bench.conns, want: http.StatusCreated, next: func(w *caller) []byte {
		code := s.codes[0]
		if !s.bench.hot {
			code = s.codes[w.rand.IntN(len(s.codes))]
		}
		n := s.orders.Add(1)
		w.body = append(w.body[:0], `{"orderId":"order-`...)
		w.body = strconv.AppendInt(w.body, n, 10)
		w.body = append(w.body, `","customerId":"friend-`...)
		w.body = strconv.AppendInt(w.body, n, 10)
		w.body = append(w.body, `","email":"friend-`...)
		w.body = strconv.AppendInt(w.body, n, 10)
		w.body = append(w.body, `@example.org","firstName":"Fay","amount":57.87,"currency":"USD","referralCode":"`...)
		w.body = append(w.body, code...)
		w.body = append(w.body, `","products":[{"sku":"tent-2","name":"Tent","quantity":1,"price":57.87}]}`...)
		w.buf = request(w.buf, http.MethodPost, "/v1/event/purchase", s.addr, token, w.body)
		return w.buf
	}}
}

// round runs the load and waits until all of it was told, so that nothing is
// left to do while the next side is measured.
func (s *shop) round() (*round, error) {
	token, err := s.authorize()
	if err != nil {
		return nil, err
	}
	before, err := s.commitCount()
	if err != nil {
		return nil, err
	}
	got, err := s.purchases(token).run(s.process, after(warm, s.bench.length()))
	if err != nil {
		return nil, err
	}
	done, err := s.commitCount()
	if err != nil {
		return nil, err
	}
	s.bought += got.answered
	late, err := s.hook.wait(s.bought * rewardsPerPurchase)
	if err != nil {
		return nil, err
	}
	s.commits = append(s.commits, (done-before)/float64(got.answered))
	s.late = append(s.late, late)
	return got, nil
}

// commitCount is how many commits the server made; PostgreSQL counts for itself.
func (s *shop) commitCount() (float64, error) {
	if s.database.engine != "sqlite" {
		return 0, nil
	}
	return s.counter(commitCounter)
}

// purchase measures the main job: person, event, attribution, two rewards, a
// coupon, a ledger entry and the webhooks' jobs, durable before the answer.
func (b *bench) purchase() error {
	pg, err := b.postgres()
	if err != nil {
		return err
	}
	limit := &side{Name: "pgbench, 16 clients", run: func() (*round, error) { return pg.tpcb(b.length()) }}
	if err := pg.prepareTPCB(); err != nil {
		return err
	}
	synced, err := b.syncTime()
	if err != nil {
		return err
	}

	var shops []*shop
	var sides []*side
	for _, engine := range b.engines() {
		s, err := b.openShop(engine)
		if err != nil {
			return err
		}
		defer s.stop()
		shops = append(shops, s)
		sides = append(sides, &side{Name: "purchase, " + engine, run: s.round})
	}
	if err := interleave(b.rounds, b.out, append(sides, limit)...); err != nil {
		return err
	}
	for i, s := range shops {
		r, err := s.result(sides[i], limit)
		if err != nil {
			return err
		}
		r.Sync = synced
		b.add(r)
		if err := s.stop(); err != nil {
			return err
		}
		if err := s.beside(sides[i]); err != nil {
			return err
		}
	}
	return nil
}

// beside has the bare database write what the purchases left, when their server
// is gone.
func (s *shop) beside(ours *side) error {
	if s.left == nil {
		return nil
	}
	if err := s.left.read(s.database.sqliteFile(), s.bought); err != nil {
		return err
	}
	bare := &side{Name: "SQLite writing the rows", run: func() (*round, error) { return s.left.write(s.bench.length()) }}
	if err := interleave(s.bench.rounds, s.bench.out, bare); err != nil {
		return err
	}
	share := ours.typical().Rate / bare.typical().Rate
	s.bench.add(result{Name: "the bare database", Ours: ours, Limit: bare, Notes: []string{
		fmt.Sprintf("purchases are %.2f of what SQLite alone does with the %.1f rows that each leaves, %d purchases a commit, nothing read",
			share, s.left.each(), rowsBatch)}})
	return nil
}

func (s *shop) result(ours, limit *side) (result, error) {
	notes, err := memoryNote(s.process)
	if err != nil {
		return result{}, err
	}
	spread := fmt.Sprintf("%d codes", len(s.codes))
	if s.bench.hot {
		spread = "one code"
	}
	notes = append(notes,
		fmt.Sprintf("%d connections, %s; %d purchases in all, %d rewards told in %d webhooks, the last %s after the load's end",
			s.bench.conns, spread, s.bought, s.hook.items.Load(), s.hook.posts.Load(), short(median(s.late))))
	r := result{Name: "a purchase with its rewards, " + s.database.engine, Ours: ours, Limit: limit, Notes: notes}
	if s.database.engine == "sqlite" {
		r.Goals = []goal{rateGoal(ours, limit, 1), {Name: "commits per event", Got: median(s.commits), Want: 0.2, AtMost: true}}
	} else {
		r.Goals = []goal{rateGoal(ours, limit, 0.5)}
	}
	return r, nil
}
