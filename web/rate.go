package web

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"grapevine/model"
)

// Shared is where the nodes of a server add up what each counted.
type Shared interface {
	ShareRates(ctx context.Context, account model.AccountID, counts []model.RateCount) (*model.RateSums, error)
	RateBlocks(ctx context.Context, account model.AccountID) (map[model.RateBlock]time.Time, error)
}

// Use is one limit that a call counts against, and who is limited: a key, a
// network, a project.
type Use struct {
	Limit   *model.RateLimit // the same one each time: it is not compared by what it says
	Subject string
}

const (
	// mostWindows bounds the memory for counts; who comes when it is full
	// shares one count with all who come then.
	mostWindows = 1 << 16
	// shareFrom is the part of a limit from which on a node tells its count:
	// what 32 nodes keep to themselves is at most half a limit.
	shareFrom = 64
	// mostRefused bounds how many addresses of one window are remembered.
	mostRefused = 64
)

// Rates counts calls and refuses those past a limit, exactly on one node. What
// other nodes counted is known after Sync, which its owner calls every second.
// Calls that belong to account 0, as nobody is known yet, are not shared. A nil
// Rates refuses nothing. Safe for concurrent use.
type Rates struct {
	now    func() time.Time
	shared Shared

	mu       sync.Mutex
	accounts map[model.AccountID]*callers // guarded by mu, and all below it
	windows  int                          // how many there are in all accounts
}

// callers are who calls one account.
type callers struct {
	windows map[windowKey]*window
	blocks  map[model.RateBlock]time.Time
	known   bool // blocks were read
	called  bool // since the last Sync
}

type windowKey struct {
	limit   *model.RateLimit
	subject string
	ends    int64 // Unix nanoseconds
	others  bool  // for who came when memory was full
}

// window is what is counted of one subject.
type window struct {
	summed  int64 // of all nodes, when last told
	untold  int64 // counted here since
	told    bool
	refused []string // addresses, since last told
}

// NewRates makes Rates that count nothing yet.
func NewRates(now func() time.Time, shared Shared) *Rates {
	return &Rates{now: now, shared: shared, accounts: map[model.AccountID]*callers{}}
}

// Check counts a call against each limit, or against none: where one is spent,
// or the caller's address is blocked, it says in Retry-After when to come again
// and fails with Limited.
func (rs *Rates) Check(w http.ResponseWriter, r *http.Request, account model.AccountID, uses ...Use) error {
	if rs == nil {
		return nil
	}
	address := ClientIP(r)
	now := rs.now()
	if err := rs.learnBlocks(r.Context(), account, uses); err != nil {
		return err
	}
	until, err := rs.count(account, address, now, uses)
	if err != nil {
		w.Header().Set("Retry-After", strconv.FormatInt(max(1, int64(math.Ceil(until.Sub(now).Seconds()))), 10))
	}
	return err
}

// learnBlocks reads an account's blocks where nobody here has called it yet.
func (rs *Rates) learnBlocks(ctx context.Context, account model.AccountID, uses []Use) error {
	if account == 0 || !slices.ContainsFunc(uses, func(u Use) bool { return u.Limit.Block > 0 }) {
		return nil
	}
	rs.mu.Lock()
	known := rs.of(account).known
	rs.mu.Unlock()
	if known {
		return nil
	}
	blocks, err := rs.shared.RateBlocks(ctx, account)
	if err != nil {
		return err
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if c := rs.of(account); !c.known {
		c.blocks, c.known = blocks, true
	}
	return nil
}

func (rs *Rates) of(account model.AccountID) *callers {
	c := rs.accounts[account]
	if c == nil {
		c = &callers{windows: map[windowKey]*window{}}
		rs.accounts[account] = c
	}
	return c
}

// count fails with when the caller may come again.
func (rs *Rates) count(account model.AccountID, address string, now time.Time, uses []Use) (until time.Time, err error) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	c := rs.of(account)
	c.called = true
	var room [4]*window
	open := room[:0]
	for _, u := range uses {
		if end := c.blocks[model.RateBlock{Limit: u.Limit.Name, Address: address}]; end.After(now) {
			return end, &model.Error{Kind: model.Limited, Reason: model.AddressBlocked,
				Msg: "the address was refused too often and is blocked until " + end.UTC().Format(time.RFC3339)}
		}
		ends := now.Truncate(u.Limit.Window).Add(u.Limit.Window)
		v := rs.window(c, u, ends)
		open = append(open, v)
		if v.summed+v.untold < u.Limit.Calls {
			continue
		}
		v.refuse(u.Limit, address)
		if ends.After(until) {
			until = ends
		}
	}
	if !until.IsZero() {
		return until, &model.Error{Kind: model.Limited, Reason: model.CallsTooOften, Msg: "too many calls, try again later"}
	}
	for _, v := range open {
		v.untold++
	}
	return until, nil
}

// window is what counts a use; ends is when it is over.
func (rs *Rates) window(c *callers, u Use, ends time.Time) *window {
	key := windowKey{limit: u.Limit, subject: u.Subject, ends: ends.UnixNano()}
	if v := c.windows[key]; v != nil {
		return v
	}
	if rs.windows >= mostWindows {
		key.subject, key.others = "", true
		if v := c.windows[key]; v != nil {
			return v
		}
	}
	v := &window{}
	c.windows[key] = v
	rs.windows++
	return v
}

// refuse remembers an address where that may get it blocked.
func (v *window) refuse(limit *model.RateLimit, address string) {
	if limit.Block > 0 && address != "" && len(v.refused) < mostRefused && !slices.Contains(v.refused, address) {
		v.refused = append(v.refused, address)
	}
}

// Sync tells what was counted here, learns what other nodes counted and who is
// blocked, and forgets windows that are over. What could not be told is told
// next time. One goroutine at a time calls it.
func (rs *Rates) Sync(ctx context.Context) error {
	var failed []error
	for _, account := range rs.called() {
		counts, of := rs.untold(account)
		sums, err := rs.shared.ShareRates(ctx, account, counts)
		if err != nil {
			failed = append(failed, err)
			rs.again(account)
			continue
		}
		rs.learn(account, counts, of, sums)
	}
	rs.forget()
	return errors.Join(failed...)
}

// called are the accounts whose callers have to be told of or learned about.
func (rs *Rates) called() []model.AccountID {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	var accounts []model.AccountID
	for account, c := range rs.accounts {
		if account == 0 || !c.called {
			continue
		}
		if c.known || slices.ContainsFunc(c.counts(), func(v *window) bool { return v.untold > 0 }) {
			accounts = append(accounts, account)
		}
	}
	slices.Sort(accounts)
	return accounts
}

// counts are the windows that are worth telling of.
func (c *callers) counts() []*window {
	var list []*window
	for key, v := range c.windows {
		if key.worthTelling(v) {
			list = append(list, v)
		}
	}
	return list
}

func (k windowKey) worthTelling(v *window) bool {
	if k.others || v.untold == 0 && len(v.refused) == 0 {
		return false
	}
	return v.told || len(v.refused) > 0 || v.untold*shareFrom >= k.limit.Calls
}

// untold is what to tell of an account, and the window that each count is of.
func (rs *Rates) untold(account model.AccountID) (counts []model.RateCount, of []*window) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	c := rs.accounts[account]
	c.called = false
	for key, v := range c.windows {
		if key.worthTelling(v) {
			of = append(of, v)
			counts = append(counts, model.RateCount{
				Limit: key.limit, Subject: key.subject, Ends: time.Unix(0, key.ends).UTC(), Calls: v.untold, Refused: slices.Clone(v.refused),
			})
		}
	}
	return counts, of
}

// again leaves an account to the next Sync.
func (rs *Rates) again(account model.AccountID) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.of(account).called = true
}

// learn takes in what all nodes counted. What was counted here meanwhile is
// still to be told.
func (rs *Rates) learn(account model.AccountID, counts []model.RateCount, of []*window, sums *model.RateSums) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for i, v := range of {
		v.summed, v.told = sums.Calls[i], true
		v.untold -= counts[i].Calls
		v.refused = v.refused[len(counts[i].Refused):]
	}
	c := rs.of(account)
	c.blocks, c.known = sums.Blocks, true
}

// forget drops windows that are over and were told of, and accounts that
// nobody calls.
func (rs *Rates) forget() {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	now := rs.now().UnixNano()
	for account, c := range rs.accounts {
		for key, v := range c.windows {
			if key.ends <= now && (account == 0 || len(v.refused) == 0) {
				delete(c.windows, key)
				rs.windows--
			}
		}
		if len(c.windows) == 0 {
			delete(rs.accounts, account)
		}
	}
}

// ClientNetwork is who a limit per address counts: an address of IPv4, or the
// network of one of IPv6, whose owner has all its addresses.
func ClientNetwork(r *http.Request) string {
	text := ClientIP(r)
	address, err := netip.ParseAddr(text)
	if err != nil || address.Is4() {
		return text
	}
	network, err := address.Prefix(64)
	if err != nil {
		return text
	}
	return network.String()
}
