package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"
)

// browser is what a click says it comes from: link previews are treated apart.
const browser = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"

// bareAs starts a bare handler whose answers are as long as those of ours.
func (b *bench) bareAs(location []byte) (*process, string, error) {
	return b.startBare("-bare-location", strconv.Itoa(len(location)))
}

// startBare starts a bare handler.
func (b *bench) startBare(args ...string) (*process, string, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, "", err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	p, err := b.spawn("bare", self, append([]string{"-bare", addr}, args...)...)
	if err != nil {
		return nil, "", err
	}
	return p, addr, p.until(10*time.Second, func() bool {
		c, err := dial(addr)
		if err == nil {
			c.close()
		}
		return err == nil
	})
}

// clicks is a load of clicks on random codes, each by a new visitor or each by
// the one that the connection's first click made.
func (b *bench) clicks(addr string, codes []string, returning bool) *load {
	return &load{addr: addr, conns: b.conns, want: http.StatusFound, next: func(w *caller) []byte {
		w.buf = append(w.buf[:0], "GET /r/"...)
		w.buf = append(w.buf, codes[w.rand.IntN(len(codes))]...)
		w.buf = append(w.buf, " HTTP/1.1\r\nHost: "...)
		w.buf = append(w.buf, addr...)
		w.buf = append(w.buf, "\r\nUser-Agent: "+browser...)
		if returning && len(w.cookie) > 0 {
			w.buf = append(w.buf, "\r\nCookie: "...)
			w.buf = append(w.buf, w.cookie...)
		}
		return append(w.buf, "\r\n\r\n"...)
	}}
}

// clickSpan is when clicks are counted. Codes are signed once a minute each,
// so that only a whole minute shows what goes on for long.
func (b *bench) clickSpan() span {
	if b.seconds == 0 {
		return minute(warm)
	}
	return after(warm, b.length())
}

// aLocation clicks once and returns where that leads.
func aLocation(addr, code string) ([]byte, error) {
	c, err := dial(addr)
	if err != nil {
		return nil, err
	}
	defer c.close()
	c.conn.SetDeadline(time.Now().Add(callLimit))
	a, err := c.do([]byte("GET /r/" + code + " HTTP/1.1\r\nHost: " + addr + "\r\nUser-Agent: " + browser + "\r\n\r\n"))
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusFound || !bytes.Contains(a.location, []byte("fbuy=")) {
		return nil, fmt.Errorf("a click is answered %d with %q, want a signed address", a.status, a.location)
	}
	return a.location, nil
}

// click measures links: each click durable before it is answered.
func (b *bench) click() error {
	s, codes, err := b.clickServer("click", b.codes)
	if err != nil {
		return err
	}
	defer s.stop()
	location, err := aLocation(s.addr, codes[0])
	if err != nil {
		return err
	}
	bare, bareAddr, err := b.bareAs(location)
	if err != nil {
		return err
	}
	defer bare.stop()

	synced, err := b.syncTime()
	if err != nil {
		return err
	}
	fresh := &side{Name: "click, new visitors", run: func() (*round, error) {
		return b.clicks(s.addr, codes, false).run(s.process, b.clickSpan())
	}}
	returning := &side{Name: "click, returning visitors", run: func() (*round, error) {
		return b.clicks(s.addr, codes, true).run(s.process, b.clickSpan())
	}}
	limit := &side{Name: "bare handler", run: func() (*round, error) {
		return b.clicks(bareAddr, codes, false).run(bare, after(warm, b.length()))
	}}
	if err := interleave(b.rounds, b.out, fresh, returning, limit); err != nil {
		return err
	}

	notes, err := memoryNote(s.process)
	if err != nil {
		return err
	}
	if b.seconds == 0 {
		notes = append(notes, fmt.Sprintf("each round is a whole minute from its beginning, the signing of %d codes in it", len(codes)))
	} else {
		notes = append(notes, fmt.Sprintf("short rounds: the signing of %d codes weighs other than in a whole minute", len(codes)))
	}
	for _, ours := range []*side{fresh, returning} {
		b.add(result{Name: ours.Name + ", SQLite", Sync: synced, Ours: ours, Limit: limit, Notes: notes,
			Goals: []goal{rateGoal(ours, limit, 0.45), cpuGoal(ours, limit, 2.8)}})
	}
	return nil
}

// status measures the read that a shop does before it shows an offer.
func (b *bench) status() error {
	s, codes, err := b.clickServer("status", b.codes)
	if err != nil {
		return err
	}
	defer s.stop()
	location, err := aLocation(s.addr, codes[0])
	if err != nil {
		return err
	}
	bare, bareAddr, err := b.bareAs(location)
	if err != nil {
		return err
	}
	defer bare.stop()

	token, err := s.authorize()
	if err != nil {
		return err
	}
	reads := func(addr string, want int) *load {
		return &load{addr: addr, conns: b.conns, want: want, next: func(w *caller) []byte {
			w.body = append(w.body[:0], "/v1/referral-status?code="...)
			w.body = append(w.body, codes[w.rand.IntN(len(codes))]...)
			w.buf = request(w.buf, http.MethodGet, w.body, addr, token, nil)
			return w.buf
		}}
	}
	ours := &side{Name: "referral status", run: func() (_ *round, err error) {
		if token, err = s.authorize(); err != nil {
			return nil, err
		}
		return reads(s.addr, http.StatusOK).run(s.process, after(warm, b.length()))
	}}
	limit := &side{Name: "bare handler", run: func() (*round, error) {
		return reads(bareAddr, http.StatusFound).run(bare, after(warm, b.length()))
	}}
	if err := interleave(b.rounds, b.out, ours, limit); err != nil {
		return err
	}
	notes, err := memoryNote(s.process)
	if err != nil {
		return err
	}
	b.add(result{Name: ours.Name + ", SQLite", Ours: ours, Limit: limit, Notes: notes,
		Goals: []goal{rateGoal(ours, limit, 0.45)}})
	return nil
}

// clickServer starts a server on SQLite that knows a number of codes.
func (b *bench) clickServer(name string, codes int) (*server, []string, error) {
	d, err := b.database("sqlite", name)
	if err != nil {
		return nil, nil, err
	}
	if err := b.apply(d, clickProject()); err != nil {
		return nil, nil, err
	}
	s, err := b.serve(d)
	if err != nil {
		return nil, nil, err
	}
	made, err := s.codes(codes)
	if err != nil {
		s.stop()
		return nil, nil, err
	}
	return s, made, nil
}

func memoryNote(p *process) ([]string, error) {
	now, peak, err := p.memory()
	if err != nil {
		return nil, err
	}
	return []string{fmt.Sprintf("memory %.0f MB, at most %.0f MB", megabytes(now), megabytes(peak))}, nil
}

func megabytes(n int64) float64 { return float64(n) / (1 << 20) }
