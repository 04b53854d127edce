package engine_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/store"
)

const crowded = `
account: Acme
site: https://shop.example.com
campaigns:
  - name: Spring
    status: launched
    rewards:
      - {name: Ten, to: both, on: purchase, repeat: true, value: {type: cash, amount: 10, unit: USD}}
      - {name: Held, to: advocate, on: purchase, repeat: true, hold: 10m, value: {type: cash, amount: 1, unit: USD}}
  - {name: Autumn, status: launched, rewards: [{name: One, to: advocate, on: purchase, repeat: true, issue: auto, value: {type: cash, amount: 1, unit: USD}}]}
`

// crowd acts at random on a stage, as many at once on two nodes.
type crowd struct {
	*stage
	nodes [2]*engine.Engine
	codes []string
	now   sync.RWMutex // held for reading by whoever acts: no turn takes longer than it may

	mu      sync.Mutex
	made    int // clicks and purchases: each has its number
	rewards []model.RewardID
}

func newCrowd(s *stage) *crowd {
	c := &crowd{stage: s, nodes: [2]*engine.Engine{s.core, s.node(2)}}
	for campaign := range 2 {
		for i, channel := range []string{"", "email", "facebook"} {
			links, err := s.core.Links(context.Background(), s.account, []engine.LinkRequest{{
				Who: server("", fmt.Sprintf("a%d@example.com", i)), Campaign: s.project.Campaigns[campaign].UUID, Channel: channel,
			}})
			if err != nil {
				s.t.Fatal(err)
			}
			c.codes = append(c.codes, links[0].Code)
		}
	}
	return c
}

// act does something that is listed, or that moves what is.
func (c *crowd) act(r *rand.Rand) error {
	c.now.RLock()
	defer c.now.RUnlock()
	ctx := context.Background()
	node, code := c.nodes[r.IntN(2)], c.codes[r.IntN(len(c.codes))]
	c.mu.Lock()
	c.made++
	name := fmt.Sprint("n-", c.made)
	c.mu.Unlock()
	switch r.IntN(8) {
	case 0, 1, 2:
		_, err := node.Click(ctx, engine.Visit{Code: code, Agent: name})
		return err
	case 3, 4:
		bought, err := node.RecordPurchase(ctx, c.account, engine.Purchase{
			Who: server(fmt.Sprintf("c-%d", r.IntN(5)), ""), Referral: by(code), OrderID: name, Amount: 10_000, Currency: "USD",
		})
		if err != nil {
			return err
		}
		return c.store.View(ctx, c.account, func(tx *store.Tx) error {
			made, err := tx.RewardsOfEvent(bought.Event)
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, w := range made {
				c.rewards = append(c.rewards, w.ID)
			}
			return err
		})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.rewards) == 0 {
		return nil
	}
	id := c.rewards[r.IntN(len(c.rewards))]
	moves := []func(context.Context, model.AccountID, model.RewardID) (*model.Reward, error){
		node.ApproveReward, node.DeliverReward, node.RevokeReward, node.RejectReward,
	}
	if _, err := moves[r.IntN(len(moves))](ctx, c.account, id); err != nil && !strings.Contains(err.Error(), "cannot become") {
		return err
	}
	return nil
}

// pass lets time pass: mostly little, sometimes hours.
func (c *crowd) pass(r *rand.Rand) {
	c.now.Lock()
	defer c.now.Unlock()
	c.wait(rand.N(40 * time.Second))
	if r.IntN(6) == 0 {
		c.wait(time.Duration(r.IntN(100)) * time.Hour)
	}
}

// rows counts what a filter asks for, row by row.
func (c *crowd) rows(list model.List, q engine.ListQuery) (n int64) {
	c.t.Helper()
	table := map[model.List]string{model.Clicks: "click", model.Purchases: "conversion", model.Rewards: "reward"}[list]
	where, args := "", []any{int64(c.account), string(list), q.From.UnixMilli(), q.To.UnixMilli()}
	and := func(sql string, arg any) {
		args = append(args, arg)
		where += fmt.Sprintf(" AND "+sql, len(args))
	}
	if q.Campaign != "" {
		for _, in := range c.project.Campaigns {
			if in.UUID == q.Campaign {
				and("f.campaign_id = $%d", int64(in.ID))
			}
		}
	}
	if q.Channel != "" {
		and("f.channel = $%d", q.Channel)
	}
	if q.Kind != "" {
		and("k.role = $%d", q.Kind)
	}
	err := c.store.Engine().View(context.Background(), func(conn store.Conn) error {
		return conn.Run(context.Background(), store.Statement{
			SQL: `SELECT COUNT(*) FROM ` + table + ` k JOIN facet f ON f.account_id = k.account_id AND f.id = k.facet_id
				WHERE k.account_id = $1 AND f.list = $2 AND k.at >= $3 AND k.at <= $4` + where,
			Args: args, Row: func(r store.Row) error { return r.Scan(&n) },
		})
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// check holds totals, and the rows of all pages, against the rows themselves.
func (c *crowd) check(r *rand.Rand) {
	c.t.Helper()
	for range 12 {
		var q engine.ListQuery
		end := c.clock().Add(time.Minute)
		q.From = end.Add(-time.Duration(r.Int64N(int64(end.Sub(noon) + time.Hour)))).Truncate(time.Millisecond)
		q.To = q.From.Add(time.Duration(r.Int64N(int64(end.Sub(q.From) + time.Hour)))).Truncate(time.Millisecond)
		if r.IntN(3) == 0 {
			q.From = q.From.Truncate(time.Hour)
		}
		if r.IntN(3) == 0 {
			q.To = q.To.Truncate(time.Minute).Add(-time.Millisecond)
		}
		q.Size = 1 + r.IntN(30)
		if r.IntN(2) == 0 {
			q.Campaign = c.project.Campaigns[r.IntN(2)].UUID
		}
		var total int64
		var list model.List
		seen := map[string]bool{}
		switch r.IntN(3) {
		case 0:
			list = model.Clicks
			q.Channel = []string{"", "email"}[r.IntN(2)]
			total = walk(c.t, q, c.clicked, seen)
		case 1:
			list = model.Purchases
			total = walk(c.t, q, c.bought, seen)
		case 2:
			list = model.Rewards
			q.Kind = []string{"", "advocate", "friend"}[r.IntN(3)]
			total = walk(c.t, q, c.rewarded, seen)
		}
		if want := c.rows(list, q); total != want || int64(len(seen)) != want {
			c.t.Fatalf("%s of %+v: total %d, %d rows on the pages, want %d", list, q, total, len(seen), want)
		}
	}
}

// lister reads a page, and names its rows.
type lister func(engine.ListQuery) (rows []string, total int64, next engine.Cursor, more bool, err error)

func (s *stage) clicked(q engine.ListQuery) ([]string, int64, engine.Cursor, bool, error) {
	page, err := s.core.ListClicks(context.Background(), s.account, q)
	return named(page, err, func(c engine.Clicked) string { return c.Agent })
}

func (s *stage) bought(q engine.ListQuery) ([]string, int64, engine.Cursor, bool, error) {
	page, err := s.core.ListPurchases(context.Background(), s.account, q)
	return named(page, err, func(b engine.Bought) string { return b.OrderID })
}

func (s *stage) rewarded(q engine.ListQuery) ([]string, int64, engine.Cursor, bool, error) {
	page, err := s.core.ListRewards(context.Background(), s.account, q)
	return named(page, err, func(w engine.Rewarded) string { return w.Reward.UUID })
}

func named[T any](page *engine.Listed[T], err error, name func(T) string) ([]string, int64, engine.Cursor, bool, error) {
	if err != nil {
		return nil, 0, engine.Cursor{}, false, err
	}
	names := make([]string, len(page.Rows))
	for i, row := range page.Rows {
		names[i] = name(row)
	}
	return names, page.Total, page.Next, page.More, nil
}

// walk goes through all pages, and returns the total of the first. No row may
// be there twice.
func walk(t testing.TB, q engine.ListQuery, list lister, seen map[string]bool) int64 {
	t.Helper()
	first := int64(-1)
	for {
		rows, total, next, more, err := list(q)
		if err != nil {
			t.Fatal(err)
		}
		if first < 0 {
			first = total
		}
		if len(rows) > q.Size || more && len(rows) != q.Size {
			t.Fatalf("a page of %d has %d rows", q.Size, len(rows))
		}
		for _, name := range rows {
			if seen[name] {
				t.Fatalf("row %s is listed twice", name)
			}
			seen[name] = true
		}
		if !more {
			return first
		}
		q.After = next
	}
}

// work lets many act at once while time passes and both nodes count.
func (c *crowd) work(r *rand.Rand, acts int) {
	c.t.Helper()
	seeds := make([]uint64, 6)
	for i := range seeds {
		seeds[i] = r.Uint64()
	}
	var wg sync.WaitGroup
	errs := make([]error, len(seeds))
	for i, seed := range seeds {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, 1))
			for n := 0; n < acts && errs[i] == nil; n++ {
				switch i {
				case 0:
					c.pass(r)
				case 1, 2:
					_, errs[i] = c.nodes[i-1].RollCounts(context.Background(), c.account)
				default:
					errs[i] = c.act(r)
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			c.t.Fatal(err)
		}
	}
}

// TestTotalsArePlainCounts counts whatever is asked for row by row, in
// between any writes, moments of counting and marks.
func TestTotalsArePlainCounts(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			onBoth(t, crowded, func(t *testing.T, s *stage) {
				r := rand.New(rand.NewPCG(seed, 2))
				c := newCrowd(s)
				for range 8 {
					c.work(r, 25)
					c.check(r)
				}
				// With the marks worked off, nothing is left to explain.
				c.wait(time.Hour)
				if _, err := c.core.RollCounts(context.Background(), c.account); err != nil {
					t.Fatal(err)
				}
				c.check(r)
				if report := c.verify(); report.Checked["facet_count"] == 0 {
					t.Error("nothing is counted")
				}
			})
		})
	}
}

// TestEachRowIsOnOnePage walks through pages while rows arrive at both ends.
func TestEachRowIsOnOnePage(t *testing.T) {
	onBoth(t, crowded, func(t *testing.T, s *stage) {
		r := rand.New(rand.NewPCG(7, 7))
		c := newCrowd(s)
		for range 150 {
			if err := c.act(r); err != nil {
				t.Fatal(err)
			}
			c.pass(r)
		}
		// What these nodes write comes before all that is there.
		early := &stage{t: t, store: s.store, account: s.account, project: s.project, now: noon.Add(-time.Hour)}
		late := &crowd{stage: early, nodes: [2]*engine.Engine{early.node(3), early.node(4)}, codes: c.codes, made: 100_000}
		for _, list := range []lister{c.clicked, c.bought, c.rewarded} {
			before := map[string]bool{}
			walk(t, engine.ListQuery{Size: 1000}, list, before)
			seen := map[string]bool{}
			walk(t, engine.ListQuery{Size: 7}, func(q engine.ListQuery) ([]string, int64, engine.Cursor, bool, error) {
				for range 3 {
					if err := cmp.Or(c.act(r), late.act(r)); err != nil {
						t.Fatal(err)
					}
				}
				c.pass(r)
				return list(q)
			}, seen)
			for name := range before {
				if !seen[name] {
					t.Errorf("row %s is on no page", name)
				}
			}
		}
	})
}
