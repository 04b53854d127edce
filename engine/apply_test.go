package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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

// processes makes ids that no two engines share.
var processes atomic.Int64

// newEngine is another process on the same database.
func newEngine(db store.Engine) *engine.Engine {
	return engine.New(engine.Settings{
		NewKey: oneKey,
		Store:  store.New(db),
		Secret: secret.New(bytes.Repeat([]byte{7}, secret.Size)),
		Now:    func() time.Time { return noon },
		NewID:  func() (int64, error) { return processes.Add(1), nil },
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
	"coupon":           {{"code"}, {"account_id", "batch_id", "id", "holder_id", "used_at", "voided_at"}},
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

// changedTables tells which tables differ, and by how many rows they grew.
func changedTables(before, after map[string][]string) map[string]int {
	changed := map[string]int{}
	for table := range tables {
		if !slices.Equal(before[table], after[table]) {
			changed[table] = len(after[table]) - len(before[table])
		}
	}
	return changed
}

func TestAChangedCampaignGetsAVersionAndNothingElseChanges(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		first, applied := e.apply(evergreen)
		before := e.everything()
		e.apply(strings.Replace(evergreen, "amount: 10,", "amount: 12,", 1))
		got := changedTables(before, e.everything())
		// The account's row tells the nodes to reload, the campaign's which version is in force.
		want := map[string]int{"account": 0, "campaign": 0, "campaign_version": 1}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("tables that changed:\n%s", diff)
		}
		id := first.Campaigns[0].ID
		old, err := e.CampaignVersion(t.Context(), applied.Account, id, 1)
		if err != nil || old.Rules[0].Value.Amount.String() != "10" {
			t.Errorf("version 1 says %v, %v; want it kept", old, err)
		}
		c, err := e.config(applied.Account).Campaign(id)
		if err != nil || c.Version != 2 || c.Rules[0].Value.Amount.String() != "12" {
			t.Errorf("in force: %+v, %v", c, err)
		}
	})
}

func TestChangedSettingsGetAVersion(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		_, applied := e.apply(evergreen)
		before := e.everything()
		e.apply(strings.Replace(evergreen, "cap: 500", "cap: 600", 1))
		if diff := cmp.Diff(map[string]int{"account": 0, "account_version": 1}, changedTables(before, e.everything())); diff != "" {
			t.Errorf("tables that changed:\n%s", diff)
		}
		old, err := e.SettingsVersion(t.Context(), applied.Account, 1)
		if err != nil || old.Currencies[0].Cap.String() != "500" {
			t.Errorf("version 1: %+v, %v", old, err)
		}
		if limit, _ := e.config(applied.Account).LedgerRules("Points"); limit.String() != "600" {
			t.Errorf("cap in force: %v", limit)
		}
	})
}

// without removes the lines of a file that contain a text.
func without(file, text string) string {
	var kept []string
	for line := range strings.Lines(file) {
		if !strings.Contains(line, text) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

func TestWhatLeavesTheFileEndsAndComesBackWithItsIDs(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		first, applied := e.apply(evergreen)
		less := evergreen
		for _, gone := range []string{"name: Winter", "code: winter", "friendIncentive", "name: Points,", "widgets:", "questions:", "earning:", "prefinery_keys:"} {
			less = without(less, gone)
		}
		e.apply(less)
		c := e.config(applied.Account)
		if live := c.Campaigns(); len(live) != 1 || live[0].Name != "Evergreen" || len(live[0].Rules) != 1 {
			t.Errorf("campaigns left: %+v", live)
		}
		if winter, err := c.Campaign(first.Campaigns[1].ID); err != nil || !winter.Archived {
			t.Errorf("Winter: %+v, %v; want it archived", winter, err)
		}
		if told := c.Endpoints(model.FriendRewardEarned, first.Campaigns[1].ID); len(told) != 0 {
			t.Errorf("still told: %v", told)
		}
		narrow := first.Keys[len(first.Keys)-1]
		if _, err := e.Authenticate(t.Context(), narrow.Use, narrow.Value); model.KindOf(err) != model.Unauthenticated {
			t.Errorf("the ended key: %v", err)
		}
		// A version in between must not hide the ids of the one before it.
		e.apply(strings.Replace(less, "amount: 10", "amount: 11", 1))
		back, _ := e.apply(evergreen)
		if diff := cmp.Diff(ids(first), ids(back)); diff != "" {
			t.Errorf("ids after coming back:\n%s", diff)
		}
		if winter, err := e.config(applied.Account).Campaign(first.Campaigns[1].ID); err != nil || winter.Archived || winter.Version != 1 {
			t.Errorf("Winter is back as %+v, %v", winter, err)
		}
	})
}

// ids are those of a project that other things refer to.
func ids(p *model.Project) []string {
	var all []string
	for _, c := range p.Campaigns {
		all = append(all, fmt.Sprint(c.ID, c.UUID, c.Code, c.ProjectToken))
		for _, r := range c.Rules {
			all = append(all, fmt.Sprint(r.ID, r.Descriptor))
		}
		for _, w := range c.Widgets {
			all = append(all, w.ID)
		}
		for _, q := range c.Questions {
			all = append(all, fmt.Sprint(q.ID))
		}
	}
	for _, b := range p.Batches {
		all = append(all, fmt.Sprint(b.ID))
	}
	for _, r := range p.Settings.Earning {
		all = append(all, fmt.Sprint(r.ID))
	}
	return all
}

func TestEntriesAreFoundByWhatTheyGive(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		const begin = "account: Acme\nslug: acme\ncampaigns:\n"
		first, _ := e.apply(begin + "  - {name: One, code: one, rewards: [{name: A, to: friend, on: sign_up}]}\n")
		one := first.Campaigns[0]
		for _, c := range []struct{ name, file string }{
			{"by id, renamed", fmt.Sprintf("  - {name: Uno, id: %d}\n", one.ID)},
			{"by uuid, renamed", fmt.Sprintf("  - {name: Eins, uuid: %s}\n", strings.ToUpper(one.UUID))},
			{"by code, in another case", "  - {name: Un, code: ONE}\n"},
			{"by name, with another code", "  - {name: Un, code: first}\n"},
		} {
			got, _ := e.apply(begin + c.file)
			if got.Campaigns[0].ID != one.ID || got.Campaigns[0].UUID != one.UUID {
				t.Errorf("%s: campaign %d %s, want %d %s", c.name, got.Campaigns[0].ID, got.Campaigns[0].UUID, one.ID, one.UUID)
			}
		}
		// A reward that left five versions ago.
		got, _ := e.apply(begin + "  - {name: Un, rewards: [{name: B, descriptor: a, to: friend, on: sign_up}, {name: C, to: friend, on: sign_up}]}\n")
		if rules := got.Campaigns[0].Rules; rules[0].ID != one.Rules[0].ID || rules[1].ID == one.Rules[0].ID {
			t.Errorf("rules %+v, want the first one's id %d", rules, one.Rules[0].ID)
		}
		other, _ := e.apply(begin + "  - {name: Un, id: 77}\n")
		if other.Campaigns[0].ID != 77 || other.Campaigns[0].UUID == one.UUID {
			t.Errorf("another id is another campaign, got %+v", other.Campaigns[0])
		}
	})
}

func TestConflictsInsideAnAccountAreRefused(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		const begin = "account: Acme\nslug: acme\n"
		first, _ := e.apply(begin + `
coupons: [{batch: x, id: 5, codes: [K-1]}]
campaigns:
  - {name: One, code: one, id: 10, rewards: [{name: A, descriptor: a, id: 20, to: friend, on: sign_up}]}
  - {name: Two, code: two, id: 11}
`)
		before := e.everything()
		for _, c := range []struct{ name, file, field string }{
			{"a reward with the id of another campaign's", "campaigns: [{name: Two, id: 11, rewards: [{name: A, id: 20, to: friend, on: sign_up}]}]", "campaigns[0].rewards[0].id"},
			{"an id that means another reward", "campaigns: [{name: One, id: 10, rewards: [{name: B, descriptor: b, id: 20, to: friend, on: sign_up}, {name: A, descriptor: a, to: friend, on: sign_up}]}]", "campaigns[0].rewards[0].id"},
			{"the uuid of another campaign", "campaigns: [{name: Two, id: 11, uuid: " + first.Campaigns[0].UUID + "}]", "campaigns[0].uuid"},
			{"a coupon of another batch", "coupons: [{batch: y, codes: [K-0, K-1]}]", "coupons[0].codes[1]"},
			{"the name of another batch", "coupons: [{batch: x, id: 6}]", "coupons[0].batch"},
		} {
			_, _, err := e.try(begin + c.file + "\n")
			var got *model.Error
			if !errors.As(err, &got) || got.Kind != model.Conflict || got.Field != c.field {
				t.Errorf("%s: %v, want a conflict at %s", c.name, err, c.field)
			}
			if diff := cmp.Diff(before, e.everything()); diff != "" {
				t.Fatalf("%s: something was left behind:\n%s", c.name, diff)
			}
		}
	})
}

func TestAnotherAccountsKeysAndCodesAreRefused(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		held, _ := e.apply(evergreen + "keys: {friendbuy: {secret: shared by many}}\n")
		before := e.everything()
		key := map[string]string{}
		for _, k := range held.Keys {
			key[k.Use] = k.Value
		}
		for _, c := range []struct {
			field, file string
			reason      model.Reason
		}{
			{"keys.friendbuy.merchant_id", "keys: {friendbuy: {merchant_id: " + key["friendbuy.merchant_id"] + "}}", model.KeyTaken},
			{"keys.friendbuy.key", "keys: {friendbuy: {key: " + key["friendbuy.key"] + "}}", model.KeyTaken},
			{"keys.referral_factory.token", "keys: {referral_factory: {token: \"" + key["referral_factory.token"] + "\"}}", model.KeyTaken},
			{"keys.irefer.license_key", "keys: {irefer: {license_key: " + key["irefer.license_key"] + "}}", model.KeyTaken},
			{"prefinery_keys[0].api_key", "prefinery_keys: [{name: a, permissions: [users:read], api_key: \"" + key["prefinery.api_key"] + "\"}]", model.KeyTaken},
			{"campaigns[0].code", "campaigns: [{name: A, code: WINTER}]", model.CodeTaken},
			{"campaigns[0].project_token", "campaigns: [{name: A, project_token: \"" + held.Campaigns[0].ProjectToken + "\"}]", model.KeyTaken},
		} {
			_, _, err := e.try("account: Other\n" + c.file + "\n")
			var got *model.Error
			if !errors.As(err, &got) || got.Reason != c.reason || got.Field != c.field {
				t.Errorf("%v, want %s at %s", err, c.reason, c.field)
			}
			if diff := cmp.Diff(before, e.everything()); diff != "" {
				t.Fatalf("%s: something was left behind:\n%s", c.field, diff)
			}
		}
		// What nobody is looked up by may be the same; so may coupon codes.
		_, other := e.apply("account: Other\nkeys: {friendbuy: {secret: shared by many}}\ncoupons: [{batch: ten-off, codes: [TEN-1]}]\n")
		if got := e.config(other.Account).Secret("friendbuy.secret"); got != "shared by many" {
			t.Errorf("secret = %q", got)
		}
	})
}

func TestCodesCanMoveBetweenCampaigns(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		const begin = "account: Acme\ncampaigns:\n"
		first, applied := e.apply(begin + "  - {name: One, id: 1, code: spring}\n  - {name: Two, id: 2, code: summer}\n")
		if _, again := e.apply(begin + "  - {name: One, id: 1, code: summer}\n  - {name: Two, id: 2, code: spring}\n"); !again.Changed {
			t.Error("nothing changed")
		}
		want := []string{
			fmt.Sprint([]string{"spring", "spring"}, []int64{int64(applied.Account), 2, 0, noon.UnixMilli()}),
			fmt.Sprint([]string{"summer", "summer"}, []int64{int64(applied.Account), 1, 0, noon.UnixMilli()}),
		}
		if diff := cmp.Diff(want, e.rows("code")); diff != "" {
			t.Errorf("codes of %v:\n%s", first.Campaigns, diff)
		}
	})
}

func TestBatchesAreToppedUpAndCodesOnlyAdded(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		file := "account: Acme\ncoupons:\n  - {batch: x, codes: [A, B], generate: 5, prefix: X-}\n  - {batch: big, generate: 12000}\n"
		p, applied := e.apply(file)
		coupons := e.rows("coupon")
		if len(coupons) != 12005 {
			t.Fatalf("%d coupons, want 5 and 12000", len(coupons))
		}
		made := slices.DeleteFunc(slices.Clone(coupons), func(row string) bool { return !strings.HasPrefix(row, "[X-") })
		if len(made) != 3 {
			t.Errorf("%d made codes begin with the prefix, want 3", len(made))
		}
		e.apply(strings.Replace(file, "generate: 5", "generate: 8", 1))
		e.apply(strings.Replace(file, "[A, B], generate: 5", "[C]", 1))
		after := e.rows("coupon")
		if len(after) != 12009 {
			t.Errorf("%d coupons, want 8 topped up, one added and none removed", len(after))
		}
		for _, row := range coupons {
			if _, kept := slices.BinarySearch(after, row); !kept {
				t.Errorf("coupon %s is gone", row)
			}
		}
		batches := e.config(applied.Account).Batches()
		if len(batches) != 2 || batches[0].ID != p.Batches[0].ID || batches[0].Size != 9 || batches[1].Size != 12000 {
			t.Errorf("batches %+v", batches)
		}
		if jobs := e.rows("job"); len(jobs) == 0 || !strings.Contains(jobs[0], model.JobBatchFilled) {
			t.Errorf("jobs %v, want word for those who wait", jobs)
		}
	})
}

func TestAppliesAtOnceMakeOneAccount(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		var wg sync.WaitGroup
		for range 4 {
			other := configured{Engine: newEngine(e.db), db: e.db, t: t}
			wg.Go(func() {
				if _, _, err := other.try(evergreen); err != nil {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if _, _, err := other.try("account: Another One\n"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		// One made the account; another may have topped up its coupons.
		if versions, campaigns := len(e.rows("account_version")), len(e.rows("campaign_version")); versions != 2 || campaigns != 2 {
			t.Errorf("%d versions of two accounts, %d of one account's campaigns", versions, campaigns)
		}
		accounts, err := e.Accounts(t.Context())
		if err != nil || len(accounts) != 2 || len(e.rows("coupon")) != 10 {
			t.Errorf("accounts %v, %v; %d coupons", accounts, err, len(e.rows("coupon")))
		}
	})
}

func TestSecretsAreSealed(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		p, _ := e.apply(evergreen)
		all := fmt.Sprint(e.everything())
		for _, k := range p.Keys {
			if k.Value == "" || strings.Contains(all, k.Value) {
				t.Errorf("key %s = %q is in the database, or is none", k.Use, k.Value)
			}
		}
		if strings.Contains(all, "PRIVATE KEY") {
			t.Error("the private key is in the database")
		}
	})
}

func TestUnknownReferenceLeavesNothing(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		f, err := projectfile.Parse("acme.yaml", []byte(evergreen))
		if err != nil {
			t.Fatal(err)
		}
		p := f.Project()
		p.Batches[0].In = "Autumn"
		if _, err := e.Apply(t.Context(), p); model.KindOf(err) != model.Invalid {
			t.Errorf("got %v, want it refused", err)
		}
		for table, rows := range e.everything() {
			if len(rows) > 0 {
				t.Errorf("%s has %v", table, rows)
			}
		}
		if p.Campaigns[0].ID != 0 {
			t.Error("ids were given that nothing has")
		}
	})
}
