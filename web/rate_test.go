package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"grapevine/model"
	"grapevine/web"
)

// sums adds up what nodes tell, as the engine does in the database.
type sums struct {
	mu     sync.Mutex
	calls  map[string]int64
	blocks map[model.RateBlock]time.Time
	told   int
	fail   error
}

func (s *sums) ShareRates(_ context.Context, account model.AccountID, counts []model.RateCount) (*model.RateSums, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return nil, s.fail
	}
	s.told += len(counts)
	var all model.RateSums
	for _, c := range counts {
		key := fmt.Sprint(account, c.Limit.Name, c.Subject, c.Ends)
		if s.calls == nil {
			s.calls = map[string]int64{}
		}
		s.calls[key] += c.Calls
		all.Calls = append(all.Calls, s.calls[key])
		for _, address := range c.Refused {
			s.block(model.RateBlock{Limit: c.Limit.Name, Address: address}, c.Ends.Add(c.Limit.Block))
		}
	}
	all.Blocks = s.blocks
	return &all, nil
}

func (s *sums) block(b model.RateBlock, until time.Time) {
	if s.blocks == nil {
		s.blocks = map[model.RateBlock]time.Time{}
	}
	s.blocks[b] = until
}

func (s *sums) RateBlocks(context.Context, model.AccountID) (map[model.RateBlock]time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.blocks, s.fail
}

// node is one process that counts, at a time that the test says.
type node struct {
	*web.Rates
	at atomic.Int64
}

func newNode(shared web.Shared) *node {
	n := &node{}
	n.at.Store(time.Date(2026, 3, 1, 12, 0, 15, 0, time.UTC).UnixNano())
	n.Rates = web.NewRates(func() time.Time { return time.Unix(0, n.at.Load()).UTC() }, shared)
	return n
}

func (n *node) wait(d time.Duration) { n.at.Add(int64(d)) }

// call returns "" or why and for how many seconds it is refused.
func (n *node) call(t testing.TB, account model.AccountID, address string, uses ...web.Use) string {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = address + ":1"
	err := n.Check(w, r, account, uses...)
	after := w.Header().Get("Retry-After")
	if err == nil {
		if after != "" {
			t.Errorf("a call that passes is told to retry after %s", after)
		}
		return ""
	}
	if model.KindOf(err) != model.Limited {
		t.Fatalf("got %v, want it limited", err)
	}
	return string(model.ReasonOf(err)) + " " + after
}

func TestExactlyAsManyCallsPassAsTheLimitSays(t *testing.T) {
	t.Parallel()
	limit := &model.RateLimit{Name: "calls", Calls: 500, Window: time.Minute}
	n := newNode(&sums{})
	var passed, refused atomic.Int64
	var work sync.WaitGroup
	for range 64 {
		work.Go(func() {
			for range 20 {
				if n.call(t, 1, "192.0.2.1", web.Use{Limit: limit, Subject: "k"}) == "" {
					passed.Add(1)
				} else {
					refused.Add(1)
				}
			}
		})
	}
	for range 20 { // telling others meanwhile loses nothing and adds nothing
		if err := n.Sync(context.Background()); err != nil {
			t.Error(err)
		}
	}
	work.Wait()
	if passed.Load() != 500 || refused.Load() != 780 {
		t.Errorf("%d passed and %d were refused, want 500 and 780", passed.Load(), refused.Load())
	}
}

func TestAWindowEndsAndCallersAreApart(t *testing.T) {
	t.Parallel()
	limit := &model.RateLimit{Name: "calls", Calls: 1, Window: time.Minute}
	other := &model.RateLimit{Name: "others", Calls: 1, Window: time.Minute}
	n := newNode(&sums{})
	for i, step := range []struct {
		account model.AccountID
		use     web.Use
		want    string
	}{
		{1, web.Use{Limit: limit, Subject: "a"}, ""},
		{1, web.Use{Limit: limit, Subject: "a"}, "calls_too_often 45"},
		{1, web.Use{Limit: limit, Subject: "b"}, ""},
		{1, web.Use{Limit: other, Subject: "a"}, ""},
		{2, web.Use{Limit: limit, Subject: "a"}, ""},
	} {
		if got := n.call(t, step.account, "192.0.2.1", step.use); got != step.want {
			t.Errorf("step %d: got %q, want %q", i, got, step.want)
		}
	}
	n.wait(44*time.Second + 500*time.Millisecond)
	if got := n.call(t, 1, "192.0.2.1", web.Use{Limit: limit, Subject: "a"}); got != "calls_too_often 1" {
		t.Errorf("half a second before the end: %q", got)
	}
	n.wait(500 * time.Millisecond)
	if got := n.call(t, 1, "192.0.2.1", web.Use{Limit: limit, Subject: "a"}); got != "" {
		t.Errorf("in the next window: %q", got)
	}
}

func TestACallThatOneLimitRefusesCountsForNone(t *testing.T) {
	t.Parallel()
	project := &model.RateLimit{Name: "project", Calls: 1, Window: time.Minute}
	company := &model.RateLimit{Name: "company", Calls: 2, Window: 15 * time.Minute}
	n := newNode(&sums{})
	use := func(name string) []web.Use {
		return []web.Use{{Limit: project, Subject: name}, {Limit: company}}
	}
	var got []string
	for _, name := range []string{"a", "a", "a", "b", "c"} {
		got = append(got, n.call(t, 1, "192.0.2.1", use(name)...))
	}
	want := []string{"", "calls_too_often 45", "calls_too_often 45", "", "calls_too_often 885"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNodesRefuseByWhatAllCounted(t *testing.T) {
	t.Parallel()
	limit := &model.RateLimit{Name: "calls", Calls: 100, Window: time.Minute}
	shared := &sums{}
	a, b := newNode(shared), newNode(shared)
	use := web.Use{Limit: limit, Subject: "k"}
	sync := func() {
		for _, n := range []*node{a, b} {
			if err := n.Sync(context.Background()); err != nil {
				t.Error(err)
			}
		}
	}
	for range 60 {
		a.call(t, 1, "192.0.2.1", use)
	}
	b.call(t, 1, "192.0.2.1", use)
	sync()
	b.call(t, 1, "192.0.2.1", use)
	sync() // b has learned of a's calls by its second
	passed := 0
	for range 100 {
		if b.call(t, 1, "192.0.2.1", use) == "" {
			passed++
		}
	}
	if passed != 38 {
		t.Errorf("%d more passed on the other node, want 38", passed)
	}

	shared.fail = errors.New("no database")
	if err := a.Sync(context.Background()); err != nil {
		t.Errorf("nothing was to be told, but %v", err)
	}
	b.wait(time.Minute)
	for range 10 {
		b.call(t, 1, "192.0.2.1", use)
	}
	if err := b.Sync(context.Background()); err == nil {
		t.Error("a node that could not tell says nothing")
	}
	shared.fail = nil
	told := shared.told
	if err := b.Sync(context.Background()); err != nil || shared.told == told {
		t.Errorf("what could not be told is lost: %v", err)
	}
}

func TestBlockedAddressesAreRefusedEverywhere(t *testing.T) {
	t.Parallel()
	limit := &model.RateLimit{Name: "calls", Calls: 1, Window: time.Minute, Block: time.Hour}
	other := &model.RateLimit{Name: "others", Calls: 9, Window: time.Minute, Block: time.Hour}
	shared := &sums{}
	a, fresh := newNode(shared), newNode(shared)
	use := web.Use{Limit: limit, Subject: "k"}
	for range 3 {
		a.call(t, 1, "192.0.2.1", use)
	}
	if err := a.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	const hour = "address_blocked 3645" // from the end of the window
	if got := a.call(t, 1, "192.0.2.1", use); got != hour {
		t.Errorf("where it called: %q, want %q", got, hour)
	}
	if got := fresh.call(t, 1, "192.0.2.1", use); got != hour {
		t.Errorf("on a node that starts: %q, want %q", got, hour)
	}
	if got := fresh.call(t, 1, "192.0.2.2", use); got != "" {
		t.Errorf("from another address: %q", got)
	}
	if got := fresh.call(t, 1, "192.0.2.1", web.Use{Limit: other, Subject: "k"}); got != "" {
		t.Errorf("under another limit: %q", got)
	}
	shared.mu.Lock()
	shared.blocks = nil // an operator lifts it
	shared.mu.Unlock()
	if err := a.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	a.wait(time.Minute)
	if got := a.call(t, 1, "192.0.2.1", use); got != "" {
		t.Errorf("once it is lifted: %q", got)
	}
}

func TestCountsAreBoundedInMemory(t *testing.T) {
	t.Parallel()
	limit := &model.RateLimit{Name: "calls", Calls: 1000, Window: time.Minute}
	n := newNode(&sums{})
	refused := 0
	for i := range 1<<16 + 1500 {
		if n.call(t, 0, "192.0.2.1", web.Use{Limit: limit, Subject: strconv.Itoa(i)}) != "" {
			refused++
		}
	}
	if refused != 500 {
		t.Errorf("of those for whom there was no room %d were refused, want 500 of 1500", refused)
	}
	n.wait(time.Minute)
	if err := n.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := n.call(t, 0, "192.0.2.1", web.Use{Limit: limit, Subject: "late"}); got != "" {
		t.Errorf("there is no room again: %q", got)
	}
}

func TestNoRatesRefuseNothing(t *testing.T) {
	t.Parallel()
	var off *web.Rates
	limit := &model.RateLimit{Name: "calls", Calls: 0, Window: time.Minute}
	if err := off.Check(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), 1, web.Use{Limit: limit}); err != nil {
		t.Error(err)
	}
}

func TestAddressesOfOneNetworkCountTogether(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "[2001:db8::1]": "2001:db8::/64", "[2001:db8::ffff:1]": "2001:db8::/64", "[::ffff:192.0.2.7]": "192.0.2.7",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = address + ":1"
		if got := web.ClientNetwork(r); got != want {
			t.Errorf("%s counts as %s, want %s", address, got, want)
		}
	}
}
