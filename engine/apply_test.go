package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/engine/secret"
	"grapevine/model"
	"grapevine/projectfile"
	"grapevine/store"
	"grapevine/store/pgtest"
	"grapevine/store/postgres"
	"grapevine/store/sqlite"
)

// configured is an engine on a database of its own, for tests of what apply
// writes.
type configured struct {
	*engine.Engine
	db store.Engine
	t  *testing.T
}

// onEachEngine runs a test on SQLite and on PostgreSQL.
func onEachEngine(t *testing.T, test func(t *testing.T, e configured)) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		db, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "g.db")})
		if err != nil {
			t.Fatal(err)
		}
		test(t, configure(t, db))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		db, err := postgres.Open(t.Context(), postgres.Config{URL: pgtest.URL(t), MaxConns: 4})
		if err != nil {
			t.Fatal(err)
		}
		test(t, configure(t, db))
	})
}

func configure(t *testing.T, db store.Engine) configured {
	t.Helper()
	if err := db.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return configured{Engine: newEngine(db), db: db, t: t}
}

// newEngine is another process on the same database.
func newEngine(db store.Engine) *engine.Engine {
	var last atomic.Int64
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return engine.New(engine.Settings{
		Store:  store.New(db),
		Secret: secret.New(bytes.Repeat([]byte{7}, secret.Size)),
		Now:    func() time.Time { return noon },
		NewID:  func() (int64, error) { return last.Add(1), nil },
		Log:    slog.New(slog.DiscardHandler),
	})
}

// try applies a file.
func (e configured) try(file string) (*model.Project, *model.Applied, error) {
	e.t.Helper()
	f, err := projectfile.Parse("acme.yaml", []byte(file))
	if err != nil {
		e.t.Fatal(err)
	}
	p := f.Project()
	applied, err := e.Apply(e.t.Context(), p)
	return p, applied, err
}

// apply applies a file that can be applied.
func (e configured) apply(file string) (*model.Project, *model.Applied) {
	e.t.Helper()
	p, applied, err := e.try(file)
	if err != nil {
		e.t.Fatal(err)
	}
	return p, applied
}

// config returns what the engine uses.
func (e configured) config(id model.AccountID) *engine.Config {
	e.t.Helper()
	c, err := e.Config(e.t.Context(), id)
	if err != nil {
		e.t.Fatal(err)
	}
	return c
}

// tables are the columns that apply writes: texts, then integers.
var tables = map[string][2][]string{
	"account":          {{"slug", "public_key"}, {"id", "version", "changed", "created_at"}},
	"key_directory":    {{"hash"}, {"account_id"}},
	"code_directory":   {{"folded"}, {"account_id"}},
	"account_version":  {{"spec"}, {"account_id", "version", "at"}},
	"account_key":      {{"hash", "name_of_use", "sealed", "name", "permissions"}, {"account_id"}},
	"campaign":         {{"uuid"}, {"account_id", "id", "version", "archived", "created_at"}},
	"campaign_version": {{"spec"}, {"account_id", "campaign_id", "version", "at"}},
	"endpoint":         {{"dialect", "event", "topic", "url"}, {"account_id", "id", "campaign_id", "from_file", "ended"}},
	"code":             {{"folded", "shown"}, {"account_id", "campaign_id", "participant_id", "made_at"}},
	"coupon_batch":     {{"name", "prefix"}, {"account_id", "id", "campaign_id", "size"}},
	"coupon":           {{"code"}, {"account_id", "batch_id", "id", "reward_id", "used_at", "voided_at"}},
	"job":              {{"kind"}, {"account_id", "id", "subject_id"}},
}

// rows returns what a table holds, sorted.
func (e configured) rows(table string) []string {
	e.t.Helper()
	texts, integers := tables[table][0], tables[table][1]
	var all []string
	err := e.db.View(e.t.Context(), func(conn store.Conn) error {
		return conn.Run(e.t.Context(), store.Statement{
			SQL: "SELECT " + strings.Join(append(slices.Clone(texts), integers...), ", ") + " FROM " + table,
			Row: func(row store.Row) error {
				text, integer := make([]string, len(texts)), make([]int64, len(integers))
				var dest []any
				for i := range text {
					dest = append(dest, &text[i])
				}
				for i := range integer {
					dest = append(dest, &integer[i])
				}
				err := row.Scan(dest...)
				all = append(all, fmt.Sprint(text, integer))
				return err
			},
		})
	})
	if err != nil {
		e.t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// everything is every row of every table.
func (e configured) everything() map[string][]string {
	e.t.Helper()
	all := map[string][]string{}
	for table := range tables {
		all[table] = e.rows(table)
	}
	return all
}

const evergreen = `
account: Acme Outdoors
slug: acme
site: https://shop.example.com
currencies: [{code: Points, cap: 500}]
coupons:
  - {batch: ten-off, codes: [TEN-1, TEN-2, TEN-3], campaign: Evergreen}
  - {batch: made, generate: 7, prefix: M-}
redemptions: [{name: Coupon, cost: 50, currency: Points, coupons: ten-off}]
tiers: [{name: Gold, points: 100, currency: Points}]
earning: [{name: Bonus, on: sign_up, amount: 40, currency: Points}]
prefinery_keys: [{name: read only, permissions: [users:read]}]
campaigns:
  - name: Evergreen
    status: launched
    questions: [{text: How did you hear of us?}]
    rewards:
      - {name: Ten off, to: advocate, on: purchase, value: {type: discount, amount: 10, coupons: ten-off}}
      - {name: Points, to: friend, on: sign_up, value: {type: ledger, amount: 5, unit: Points}}
    widgets: [{name: Overlay}]
  - name: Winter
    code: winter
webhooks:
  - {on: friendbuy.advocateReward, url: "https://shop.example.com/hooks"}
  - {on: friendbuy.friendIncentive, url: "https://shop.example.com/hooks", campaign: Winter}
`

func TestApplyingTwiceChangesNothing(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		first, applied := e.apply(evergreen)
		if !applied.Changed || applied.Account == 0 || !strings.Contains(applied.PublicKey, "PUBLIC KEY") {
			t.Errorf("first apply: %+v", applied)
		}
		before := e.everything()
		for table, rows := range before {
			if len(rows) == 0 {
				t.Errorf("nothing was written into %s", table)
			}
		}
		second, again := e.apply(evergreen)
		if again.Changed {
			t.Error("the second apply says that something changed")
		}
		if diff := cmp.Diff(before, e.everything()); diff != "" {
			t.Errorf("the second apply changed rows:\n%s", diff)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("the second apply gave other ids or keys:\n%s", diff)
		}
		other := configured{Engine: newEngine(e.db), db: e.db, t: t}
		if _, again := other.apply(evergreen); again.Changed {
			t.Error("applying by another process changed something")
		}
	})
}
