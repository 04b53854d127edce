package engine_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"grapevine/model"
	"grapevine/projectfile"
)

func TestWhatOneProcessAppliesAnotherSeesAfterRefresh(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		first, applied := e.apply(evergreen)
		other := configured{Engine: newEngine(e.db), db: e.db, t: t}
		key := first.Keys[1]
		if id, err := other.Authenticate(t.Context(), key.Use, key.Value); err != nil || id != applied.Account {
			t.Fatalf("Authenticate = %v, %v; want %v", id, err, applied.Account)
		}
		token := first.Campaigns[0].ProjectToken
		if id, err := other.Authenticate(t.Context(), model.ProjectToken, token); err != nil || id != applied.Account {
			t.Fatalf("by project token: %v, %v", id, err)
		}
		held := other.config(applied.Account)

		e.apply(evergreen + "keys: {friendbuy: {key: another}}\nblocked: {codes: [bad]}\n")
		if _, err := e.Authenticate(t.Context(), key.Use, key.Value); model.KindOf(err) != model.Unauthenticated {
			t.Errorf("the ended key, where it was applied: %v", err)
		}
		if err := other.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Authenticate(t.Context(), key.Use, key.Value); model.ReasonOf(err) != model.KeyUnknown {
			t.Errorf("the ended key, elsewhere: %v", err)
		}
		if id, err := other.Authenticate(t.Context(), key.Use, "another"); err != nil || id != applied.Account {
			t.Errorf("the new key: %v, %v", id, err)
		}
		if !other.config(applied.Account).BlockedCode("bad") {
			t.Error("the blocked code is not in force")
		}
		if held.BlockedCode("bad") {
			t.Error("a configuration that somebody holds was changed")
		}
		before := other.config(applied.Account)
		if err := other.Refresh(t.Context()); err != nil || other.config(applied.Account) != before {
			t.Errorf("read again though nothing changed: %v", err)
		}
	})
}

func TestAKeyCanMoveToAnotherAccount(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		const key = "keys: {friendbuy: {key: moving}}\n"
		e.apply("account: One\n" + key)
		if _, err := e.Authenticate(t.Context(), "friendbuy.key", "moving"); err != nil {
			t.Fatal(err)
		}
		e.apply("account: One\nkeys: {friendbuy: {key: staying}}\n")
		_, two := e.apply("account: Two\n" + key)
		if id, err := e.Authenticate(t.Context(), "friendbuy.key", "moving"); err != nil || id != two.Account {
			t.Errorf("Authenticate = %v, %v; want %v", id, err, two.Account)
		}
	})
}

func TestUnknownKeysAndAccounts(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		p, _ := e.apply(evergreen)
		if _, err := e.Authenticate(t.Context(), p.Keys[0].Use, p.Keys[1].Value); model.KindOf(err) != model.Unauthenticated {
			t.Errorf("a key in another place: %v", err)
		}
		if _, err := e.Config(t.Context(), 99); model.KindOf(err) != model.NotFound {
			t.Errorf("an unknown account: %v", err)
		}
		if _, err := e.AccountBySlug(t.Context(), "nobody"); model.KindOf(err) != model.NotFound {
			t.Errorf("an unknown slug: %v", err)
		}
		if a, err := e.AccountBySlug(t.Context(), "acme"); err != nil || a.Slug != "acme" {
			t.Errorf("AccountBySlug = %+v, %v", a, err)
		}
	})
}

func TestKeysCarryTheirPermissions(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		p, applied := e.apply(evergreen)
		c := e.config(applied.Account)
		narrow := p.Keys[len(p.Keys)-1]
		got, err := c.Key(narrow.Use, narrow.Value)
		if err != nil || got.Name != "read only" || fmt.Sprint(got.Permissions) != "[users:read]" {
			t.Errorf("Key = %+v, %v", got, err)
		}
		if main := c.Secret(narrow.Use); main == narrow.Value || main == "" {
			t.Errorf("the key with all permissions is %q", main)
		}
		if _, err := c.Key(narrow.Use, "nobody's"); model.KindOf(err) != model.Unauthenticated {
			t.Errorf("an unknown key: %v", err)
		}
	})
}

func TestThePublicKeyChecksWhatThePrivateOneSigns(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		_, applied := e.apply("account: Acme\n")
		c := e.config(applied.Account)
		block, _ := pem.Decode([]byte(applied.PublicKey))
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte("signed"))
		signature, err := rsa.SignPKCS1v15(rand.Reader, c.PrivateKey(), crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		if err := rsa.VerifyPKCS1v15(public.(*rsa.PublicKey), crypto.SHA256, sum[:], signature); err != nil {
			t.Error(err)
		}
		if c.PublicKey != applied.PublicKey {
			t.Error("the configuration has another public key than apply showed")
		}
		_, again := e.apply("account: Acme\nsite: https://shop.example.com\n")
		if again.PublicKey != applied.PublicKey {
			t.Error("the second apply made another key")
		}
	})
}

func TestBlockedCodesMayHaveStars(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		_, applied := e.apply(`
account: Acme
blocked: {codes: [Exact, "spam-*", "*-end", "a*b*c", "x**y"]}
`)
		c := e.config(applied.Account)
		for code, want := range map[string]bool{
			"exact": true, "EXACT": true, "exactly": false, "spam-": true, "Spam-1": true, "spam": false, "my-end": true, "-end": true,
			"end": false, "abc": true, "axbxc": true, "acb": false, "abcc": true, "xy": true, "xzzy": true, "": false,
		} {
			if got := c.BlockedCode(code); got != want {
				t.Errorf("BlockedCode(%q) = %v, want %v", code, got, want)
			}
		}
	})
}

func TestCampaignsAreLiveInTheirTime(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		_, applied := e.apply(`
account: Acme
campaigns:
  - {name: Later, id: 3, status: launched, starts_at: 2026-03-02T00:00:00Z}
  - {name: Always, id: 1, status: launched}
  - {name: Over, id: 2, status: launched, ends_at: 2026-03-01T12:00:00Z}
  - {name: Draft, id: 4}
  - {name: Paused, id: 5, status: paused}
`)
		c := e.config(applied.Account)
		for at, want := range map[time.Time]string{
			noon:                      "[Always]",
			noon.Add(-1):              "[Always Over]",
			noon.Add(24 * time.Hour):  "[Always Later]",
			noon.Add(-24 * time.Hour): "[Always Over]",
		} {
			var names []string
			for _, campaign := range c.Live(at) {
				names = append(names, campaign.Name)
			}
			if got := fmt.Sprint(names); got != want {
				t.Errorf("live at %v: %v, want %v", at, got, want)
			}
		}
		if limit, expires := c.LedgerRules("EUR"); limit != 0 || expires != 0 {
			t.Errorf("a currency without rules: %v, %v", limit, expires)
		}
	})
}

func TestEndpointsAreToldOfTheirCampaigns(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		p, applied := e.apply(evergreen)
		c := e.config(applied.Account)
		evergreenID, winter := p.Campaigns[0].ID, p.Campaigns[1].ID
		for _, want := range []struct {
			topic    model.Topic
			campaign model.CampaignID
			told     int
		}{
			{model.AdvocateRewardEarned, evergreenID, 1}, {model.AdvocateRewardEarned, winter, 1}, {model.AdvocateRewardEarned, 0, 1},
			{model.FriendRewardEarned, evergreenID, 0}, {model.FriendRewardEarned, winter, 1}, {model.FriendRewardEarned, 0, 0},
			{model.RewardRevoked, winter, 0},
		} {
			if got := c.Endpoints(want.topic, want.campaign); len(got) != want.told {
				t.Errorf("%s in campaign %d: told %v, want %d", want.topic, want.campaign, got, want.told)
			}
		}
		if _, err := c.Endpoint(9999); model.KindOf(err) != model.Gone {
			t.Errorf("an unknown endpoint: %v", err)
		}
	})
}

func TestTheCompletedFileIsAProjectFileThatChangesNothing(t *testing.T) {
	onEachEngine(t, func(t *testing.T, e configured) {
		f, err := projectfile.Parse("acme.yaml", []byte(evergreen))
		if err != nil {
			t.Fatal(err)
		}
		p := f.Project()
		applied, err := e.Apply(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		completed, err := f.Complete(p, applied)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(completed), fmt.Sprintf("%q: %d", "account_id", applied.Account)) {
			t.Errorf("no account id in %s", completed)
		}
		if _, again := e.apply(string(completed)); again.Changed {
			t.Errorf("applying the completed file changed something:\n%s", completed)
		}
	})
}
