package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	crowd      = 64  // endpoints that are told at once, dead and slow ones among them
	hookRate   = 200 // deliveries a second to those that are neither
	slowAnswer = 5 * time.Second

	backlogHooks  = 8 // endpoints that a backlog waits for; each gets eight requests at once
	backlogPeople = 2500
	inFlight      = 64
)

// hooksProject is a campaign of whose people all addresses are told, each by a
// webhook of its own.
func hooksProject(urls []string) string {
	entries := "webhooks:"
	for _, url := range urls {
		entries += fmt.Sprintf("\n  - {on: prefinery.tester_created, url: %q}", url)
	}
	return fmt.Sprintf(project, "  prefinery:\n    signing_secret: another-signing-secret\n"+entries, `
      - name: Five off for a friend
        to: friend
        on: purchase
        value: {type: discount, amount: 5, unit: USD}`)
}

// hooks measures what telling merchants costs, and that nobody waits for
// another's receiver.
func (b *bench) hooks() error {
	for _, engine := range b.engines() {
		if err := b.hookLatency(engine); err != nil {
			return err
		}
		if err := b.hookThroughput(engine); err != nil {
			return err
		}
	}
	return nil
}

// hookServer starts a server that tells of rewards, and its first code.
func (b *bench) hookServer(engine, name string, urls []string) (*server, string, error) {
	d, err := b.database(engine, name)
	if err != nil {
		return nil, "", err
	}
	if err := b.apply(d, hooksProject(urls)); err != nil {
		return nil, "", err
	}
	s, err := b.serve(d)
	if err != nil {
		return nil, "", err
	}
	codes, err := s.codes(1)
	if err != nil {
		s.stop()
		return nil, "", err
	}
	return s, codes[0], nil
}

// joiner has people sign up on one connection.
type joiner struct {
	*server
	client *client
	token  string
	code   string
}

func (s *server) joiner(code string) (*joiner, error) {
	token, err := s.authorize()
	if err != nil {
		return nil, err
	}
	c, err := dial(s.addr)
	return &joiner{server: s, client: c, token: token, code: code}, err
}

func (p *joiner) join(n int) error {
	name := "friend-" + strconv.Itoa(n)
	return p.call(p.client, p.token, http.MethodPost, "/v1/event/account-sign-up", map[string]string{
		"customerId": name, "email": name + "@example.org", "firstName": "Fay", "referralCode": p.code,
	}, nil)
}

// square has a receiver for each endpoint: the first never answers, the second
// takes its time, the third cannot be reached.
type square struct {
	mu      sync.Mutex
	arrived map[arrival]time.Time // guarded by mu; at those that answer at once
	posts   int
}

// arrival is somebody whom a receiver is told of.
type arrival struct {
	endpoint string
	person   int
}

func (b *bench) square() (*square, []string, error) {
	s := &square{arrived: map[arrival]time.Time{}}
	server, url, err := listen(s)
	if err != nil {
		return nil, nil, err
	}
	b.atEnd(func() { server.Close() })
	nobody, err := freeAddr()
	if err != nil {
		return nil, nil, err
	}
	urls := []string{url + "/dead", url + "/slow", "http://" + nobody + "/refused"}
	for i := len(urls); i < crowd; i++ {
		urls = append(urls, url+"/"+strconv.Itoa(i))
	}
	return s, urls, nil
}

func (s *square) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return
	}
	switch q.URL.Path {
	case "/dead":
		<-q.Context().Done()
		return
	case "/slow":
		select {
		case <-q.Context().Done():
		case <-time.After(slowAnswer):
		}
		return
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.posts++
	for _, part := range strings.Split(string(body), `"email":"friend-`)[1:] {
		digits, _, _ := strings.Cut(part, "@")
		if person, err := strconv.Atoi(digits); err == nil {
			s.arrived[arrival{q.URL.Path, person}] = now
		}
	}
}

// hookLatency tells a crowd, in which one is dead, one slow and one gone, and
// sees how long the others wait.
func (b *bench) hookLatency(engine string) error {
	to, urls, err := b.square()
	if err != nil {
		return err
	}
	s, code, err := b.hookServer(engine, "crowd", urls)
	if err != nil {
		return err
	}
	defer s.stop()
	p, err := s.joiner(code)
	if err != nil {
		return err
	}
	defer p.client.close()
	well := len(urls) - 3
	committed := map[int]time.Time{}
	people := int(b.length().Seconds()*float64(b.rounds)) * hookRate / well
	began := time.Now()
	for n := 1; n <= people; n++ {
		time.Sleep(time.Until(began.Add(time.Duration(n) * time.Second * time.Duration(well) / hookRate)))
		if err := p.join(n); err != nil {
			return err
		}
		committed[n] = time.Now()
	}
	took := time.Since(began)
	if err := s.until(drainLimit, func() bool {
		to.mu.Lock()
		defer to.mu.Unlock()
		return len(to.arrived) >= people*well
	}); err != nil {
		return fmt.Errorf("not all was told: %w", err)
	}
	to.mu.Lock()
	defer to.mu.Unlock()
	var late latencies
	for a, at := range to.arrived {
		late.add(at.Sub(committed[a.person]))
	}
	b.add(result{
		Name: "webhooks to a crowd, " + engine,
		Goals: []goal{
			{Name: "p99 from commit to arrival", Got: late.quantile(0.99).Seconds(), Want: 1, AtMost: true, Unit: "s"},
		},
		Notes: []string{fmt.Sprintf("%d endpoints: one never answers, one takes %v, one cannot be reached; %.0f deliveries a second to the others for %v, p50 %s, longest %s",
			len(urls), slowAnswer, float64(to.posts)/took.Seconds(), took.Round(time.Second), short(late.quantile(0.5)), short(late.quantile(0.99999)))},
	})
	return s.stop()
}

// counted takes all that comes, and counts it.
type counted struct {
	posts atomic.Int64
	body  atomic.Pointer[[]byte] // one of them
}

func (c *counted) ServeHTTP(_ http.ResponseWriter, q *http.Request) {
	body := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(body)
	body.Reset()
	if _, err := io.Copy(body, q.Body); err != nil {
		return
	}
	if c.posts.Add(1) == 1 {
		kept := bytes.Clone(body.Bytes())
		c.body.Store(&kept)
	}
}

// backlog is a server with deliveries that are sent again, all together, in
// each round.
type backlog struct {
	*server
	bench *bench
	to    *counted
	urls  []string
	whole int64 // deliveries of a round
}

// hookThroughput compares deliveries, claim and record included, with a client
// that sends the same to the same receiver and remembers nothing.
func (b *bench) hookThroughput(engine string) error {
	l := &backlog{bench: b, to: &counted{}, whole: backlogHooks * backlogPeople}
	server, url, err := listen(l.to)
	if err != nil {
		return err
	}
	b.atEnd(func() { server.Close() })
	for i := range backlogHooks {
		l.urls = append(l.urls, url+"/"+strconv.Itoa(i))
	}
	var code string
	if l.server, code, err = b.hookServer(engine, "backlog", l.urls); err != nil {
		return err
	}
	defer func() { l.stop() }() // the last one
	if err := l.fill(code); err != nil {
		return err
	}
	ours := &side{Name: "webhooks, " + engine, run: l.again}
	bare := &side{Name: fmt.Sprintf("a bare client, %d in flight", inFlight), run: l.bare}
	if err := interleave(b.rounds, b.out, ours, bare); err != nil {
		return err
	}
	notes, err := memoryNote(l.process)
	if err != nil {
		return err
	}
	b.add(result{Name: "webhooks of a backlog, " + engine, Ours: ours, Limit: bare, Goals: []goal{rateGoal(ours, bare, 0.5)},
		Notes: append(notes, fmt.Sprintf("%d endpoints, %d deliveries a round of %d bytes each", backlogHooks, l.whole, len(*l.to.body.Load())))})
	return l.stop()
}

// fill makes the people that the deliveries tell of.
func (l *backlog) fill(code string) error {
	const joiners = 16
	failed := make(chan error, joiners)
	for i := range joiners {
		go func() {
			p, err := l.joiner(code)
			if err != nil {
				failed <- err
				return
			}
			defer p.client.close()
			for n := i + 1; n <= backlogPeople && err == nil; n += joiners {
				err = p.join(n)
			}
			failed <- err
		}()
	}
	for range joiners {
		if err := <-failed; err != nil {
			return err
		}
	}
	_, err := l.drained(l.whole)
	return err
}

// drained returns when so many deliveries have come and all are recorded, and
// says when that was. To ask takes as long as the record of what came last: it
// counts where something was not recorded at the first look.
func (l *backlog) drained(posts int64) (time.Time, error) {
	if err := l.until(drainLimit, func() bool { return l.to.posts.Load() >= posts }); err != nil {
		return time.Time{}, fmt.Errorf("%d of %d webhooks came: %w", l.to.posts.Load(), posts, err)
	}
	for came, end := time.Now(), time.Now(); ; end = time.Now() {
		out, err := l.hook("list")
		if err != nil || strings.Count(out, "\t0 waiting\t") == backlogHooks {
			return end, err
		}
		if time.Since(came) > drainLimit {
			return end, fmt.Errorf("deliveries are not recorded:\n%s", out)
		}
	}
}

func (l *backlog) hook(args ...string) (string, error) {
	args = append([]string{"hook", args[0], "--database", l.database.dsn, "--secret-file", l.database.secret}, args[1:]...)
	out, err := exec.Command(l.bench.binary, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("grapevine %s: %w: %s", strings.Join(args, " "), err, tail(out, 2000))
	}
	return string(out), nil
}

// again has all deliveries sent once more, by a server that finds them waiting
// when it starts: so all endpoints have their backlog at the same moment. Its
// rate counts from the first that comes.
func (l *backlog) again() (*round, error) {
	if err := l.stop(); err != nil {
		return nil, err
	}
	if _, err := l.hook("replay", "--event", "tester_created"); err != nil {
		return nil, err
	}
	l.to.posts.Store(0)
	server, err := l.bench.serve(l.database)
	if err != nil {
		return nil, err
	}
	l.server = server
	if err := l.until(drainLimit, func() bool { return l.to.posts.Load() > 0 }); err != nil {
		return nil, err
	}
	began, before := time.Now(), l.to.posts.Load()
	cpu, err := l.cpu()
	if err != nil {
		return nil, err
	}
	ended, err := l.drained(l.whole)
	if err != nil {
		return nil, err
	}
	took, sent := ended.Sub(began), l.to.posts.Load()-before
	after, err := l.cpu()
	if err != nil {
		return nil, err
	}
	return &round{Rate: float64(sent) / took.Seconds(), CPU: (after - cpu) / time.Duration(sent)}, nil
}

// bare sends as many, signed likewise, from a process of its own, as ours are.
func (l *backlog) bare() (*round, error) {
	file := filepath.Join(l.bench.dir, "webhook.json")
	if err := os.WriteFile(file, *l.to.body.Load(), 0o600); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "-bare-send", file, "-bare-to", strings.Join(l.urls, ","), "-bare-count", strconv.FormatInt(l.whole, 10))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("the bare client: %w", err)
	}
	took, err := time.ParseDuration(strings.TrimSpace(string(out)))
	if err != nil {
		return nil, fmt.Errorf("the bare client said %q", out)
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return &round{Rate: float64(l.whole) / took.Seconds(), CPU: cpu / time.Duration(l.whole)}, nil
}
