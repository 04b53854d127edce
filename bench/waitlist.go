package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"grapevine/bench/feed"
)

const (
	prefineryKey = "0f1e2d3c4b5a69788796a5b4c3d2e1f001234567"

	waitCampaign = 1 // whom the goals are about
	restCampaign = 2 // nobody in it waits
	smallOnes    = 3 // the first of many small waitlists
	smallPeople  = 1000
	restPeople   = 20_000

	rebuildGoal = time.Second
	seenGoal    = 5 * time.Second
	ranksGoal   = 40 // megabytes for a million
	referrals   = 10 // that are credited, and looked for
)

// waitlistProject is campaigns with waitlists.
func waitlistProject(small int) string {
	var text strings.Builder
	text.WriteString(`account: Load
slug: load
site: https://shop.example.com
keys:
  prefinery:
    api_key: ` + prefineryKey + `
campaigns:
`)
	for i := range smallOnes - 1 + small {
		fmt.Fprintf(&text, "  - {id: %d, name: Campaign %d, status: launched}\n", i+1, i+1)
	}
	return text.String()
}

// queue is a server whose account is full of people who wait.
type queue struct {
	*server
	bench  *bench
	small  int // waitlists beside the large one
	feed   *feed.Feed
	client *client
	result result
}

// waitlist measures positions on waitlists: what a read of one costs, what the
// ranks take of memory and time, and how soon they know of a referral.
func (b *bench) waitlist() error {
	for _, engine := range b.engines() {
		for _, small := range []int{0, b.rows / smallPeople} {
			if err := b.waitlistOn(engine, small); err != nil {
				return fmt.Errorf("%s, %d others: %w", engine, small, err)
			}
		}
	}
	return nil
}

func (b *bench) waitlistOn(engine string, small int) error {
	q, err := b.crowd(engine, small)
	if err != nil {
		return err
	}
	defer q.feed.Close()
	defer func() { q.stop() }()
	q.result.Name = fmt.Sprintf("waitlist of %d, %s", b.rows, engine)
	if small > 0 {
		q.result.Name = fmt.Sprintf("waitlist of %d beside %d of %d, %s", b.rows, small, smallPeople, engine)
	}
	if q.client, err = dial(q.addr); err != nil {
		return err
	}
	defer q.client.close()
	for _, measure := range []func() error{q.ranks, q.seen} {
		if err := measure(); err != nil {
			return err
		}
	}
	b.add(q.result)
	return nil
}

// crowd makes an account full of people.
func (b *bench) crowd(engine string, small int) (*queue, error) {
	d, err := b.database(engine, fmt.Sprint("waitlist", small))
	if err != nil {
		return nil, err
	}
	if err := b.apply(d, waitlistProject(small)); err != nil {
		return nil, err
	}
	q := &queue{bench: b, small: small}
	if q.feed, err = feed.Open(context.Background(), d.dsn, "load"); err != nil {
		return nil, err
	}
	crowds := []feed.Crowd{
		{Campaign: waitCampaign, Waits: true, First: 0, People: b.rows},
		{Campaign: restCampaign, First: b.rows, People: restPeople},
	}
	for i := range small {
		crowds = append(crowds, feed.Crowd{Campaign: int64(smallOnes + i), Waits: true, First: q.firstOf(i), People: smallPeople})
	}
	if err := q.feed.FillPeople(context.Background(), crowds, b.out); err != nil {
		return nil, err
	}
	q.server, err = b.serve(d)
	return q, err
}

// firstOf is the number of the first person on a small waitlist.
func (q *queue) firstOf(i int) int { return q.bench.rows + restPeople + i*smallPeople }

func testerPath(campaign, person int) string {
	return "/api/v2/betas/" + strconv.Itoa(campaign) + "/testers/" + strconv.FormatInt(feed.Participant(person), 10)
}

// tester is what is read of somebody.
type tester struct {
	Position int `json:"waitlist_position"`
	Length   int `json:"waitlist_length"`
}

func (q *queue) read(path string) (t tester, err error) {
	err = q.call(q.client, prefineryKey, http.MethodGet, path, nil, &t)
	return t, err
}

// reads is a load of reads of random people among n of a campaign, the first
// of whom has that number.
func (q *queue) reads(addr string, campaign, first, n int) *load {
	return &load{addr: addr, conns: q.bench.conns, want: http.StatusOK, next: func(w *caller) []byte {
		w.body = append(w.body[:0], "/api/v2/betas/"...)
		w.body = strconv.AppendInt(w.body, int64(campaign), 10)
		w.body = append(w.body, "/testers/"...)
		w.body = strconv.AppendInt(w.body, feed.Participant(first+w.rand.IntN(n)), 10)
		w.buf = request(w.buf, http.MethodGet, w.body, addr, prefineryKey, nil)
		return w.buf
	}}
}

// ranks has the waitlists built under load, and compares reads of positions
// with a bare handler.
func (q *queue) ranks() error {
	b := q.bench
	// Whatever reads leave in memory is there before the ranks are.
	if _, err := q.reads(q.addr, restCampaign, b.rows, restPeople).run(q.process, after(warm, b.length())); err != nil {
		return err
	}
	before, _, err := q.memory()
	if err != nil {
		return err
	}
	started := time.Now()
	last, err := q.read(testerPath(waitCampaign, b.rows-1))
	if err != nil {
		return err
	}
	built := time.Since(started)
	if last.Length != b.rows {
		return fmt.Errorf("the waitlist has %d people, want %d", last.Length, b.rows)
	}
	started = time.Now()
	for i := range q.small {
		if _, err := q.read(testerPath(smallOnes+i, q.firstOf(i))); err != nil {
			return err
		}
	}
	builtOthers := time.Since(started)
	if err := q.compare(); err != nil {
		return err
	}
	after, peak, err := q.memory()
	if err != nil {
		return err
	}
	waiting := float64(b.rows+q.small*smallPeople) / 1e6
	q.result.Goals = append(q.result.Goals,
		goal{Name: "memory that the ranks take, under load", Got: megabytes(after - before), Want: ranksGoal * max(1, waiting), AtMost: true, Unit: "MB"},
		goal{Name: "first read, which builds the waitlist", Got: built.Seconds(), Want: rebuildGoal.Seconds(), AtMost: true, Unit: "s"})
	q.result.Notes = append(q.result.Notes, fmt.Sprintf("memory %.0f MB without ranks, %.0f MB with them, at most %.0f MB", megabytes(before), megabytes(after), megabytes(peak)))
	if q.small > 0 {
		q.result.Notes = append(q.result.Notes, fmt.Sprintf("%d small waitlists were built and read in %v", q.small, builtOthers.Round(time.Millisecond)))
	}
	return nil
}

// compare holds reads of positions against a bare handler that checks a key
// and writes the same bytes.
func (q *queue) compare() error {
	b := q.bench
	if err := q.call(q.client, prefineryKey, http.MethodGet, testerPath(waitCampaign, b.rows/2), nil, nil); err != nil {
		return err
	}
	file := filepath.Join(b.dir, "tester.json")
	if err := os.WriteFile(file, q.client.answer.body, 0o600); err != nil {
		return err
	}
	bare, addr, err := b.startBare("-bare-body", file, "-bare-key", prefineryKey)
	if err != nil {
		return err
	}
	defer bare.stop()
	ours := &side{Name: "position of anybody", run: func() (*round, error) {
		return q.reads(q.addr, waitCampaign, 0, b.rows).run(q.process, after(warm, b.length()))
	}}
	few := &side{Name: "position of one of a thousand", run: func() (*round, error) {
		return q.reads(q.addr, waitCampaign, b.rows/2, min(1000, b.rows/2)).run(q.process, after(warm, b.length()))
	}}
	limit := &side{Name: "bare handler", run: func() (*round, error) {
		return q.reads(addr, waitCampaign, 0, b.rows).run(bare, after(warm, b.length()))
	}}
	if err := interleave(b.rounds, b.out, ours, few, limit); err != nil {
		return err
	}
	q.result.Ours, q.result.Limit = ours, limit
	q.result.Goals = append(q.result.Goals, rateGoal(ours, limit, 0.45))
	again := rateGoal(few, limit, 0.45)
	again.Name += ", of the same thousand people"
	q.result.Goals = append(q.result.Goals, again)
	return nil
}

// seen credits referrals, and looks how soon they show, on this node and where
// the database serves several on another.
func (q *queue) seen() error {
	nodes := map[string]*server{"this node": q.server}
	if q.database.engine == "postgres" {
		other, err := q.bench.serve(q.database)
		if err != nil {
			return err
		}
		defer other.stop()
		nodes["another node"] = other
	}
	for name, s := range nodes {
		slowest := time.Duration(0)
		for i := range referrals {
			took, err := q.credit(s, name, i)
			if err != nil {
				return err
			}
			slowest = max(slowest, took)
		}
		q.result.Goals = append(q.result.Goals, goal{
			Name: "a referral shows on " + name + ", the slowest of " + strconv.Itoa(referrals), Got: slowest.Seconds(), Want: seenGoal.Seconds(), AtMost: true, Unit: "s",
		})
	}
	return nil
}

// credit has somebody who brought nobody bring somebody, and waits until they
// have passed the others who did not.
func (q *queue) credit(s *server, node string, i int) (time.Duration, error) {
	advocate := q.bench.rows/2 + i*10 + 5 // of 10 people the last seven brought nobody
	if node != "this node" {
		advocate += 1000
	}
	c, err := dial(s.addr)
	if err != nil {
		return 0, err
	}
	defer c.close()
	path := testerPath(waitCampaign, advocate)
	var stood, stands tester
	if err := s.call(c, prefineryKey, http.MethodGet, path, nil, &stood); err != nil {
		return 0, err
	}
	friend := map[string]any{"tester": map[string]any{
		"email": fmt.Sprintf("friend-%d-%d@example.org", advocate, time.Now().UnixNano()), "referrer_id": feed.Code(advocate),
	}}
	if err := q.call(q.client, prefineryKey, http.MethodPost, "/api/v2/betas/1/testers", friend, nil); err != nil {
		return 0, err
	}
	for started := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if err := s.call(c, prefineryKey, http.MethodGet, path, nil, &stands); err != nil {
			return 0, err
		}
		took := time.Since(started)
		if stands.Position < stood.Position {
			return took, nil
		}
		if took > time.Minute {
			return 0, fmt.Errorf("a referral does not show on %s: %d of %d", node, stands.Position, stands.Length)
		}
	}
}
