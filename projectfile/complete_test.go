package projectfile_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/model"
	"grapevine/money"
	"grapevine/projectfile"
)

var update = flag.Bool("update", false, "write what the tests got as what they want")

// fill gives ids and keys to what has none, in a way that is the same each
// time.
func fill(p *model.Project) *model.Applied {
	n := int64(7_000_000_000) // no file that a fuzzer makes has such ids
	next := func() int64 { n++; return n }
	uuid := func() string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", next()) }
	for i := range p.Keys {
		if k := &p.Keys[i]; k.Value == "" {
			k.Value = k.Form.Prefix + fmt.Sprintf("%0*d", k.Form.Hex, next())
			if k.Form.UUID {
				k.Value = uuid()
			}
		}
	}
	for i := range p.Batches {
		number(&p.Batches[i].ID, next())
	}
	text := func(s *string, made string) {
		if *s == "" {
			*s = made
		}
	}
	for i := range p.Settings.Redemption {
		text(&p.Settings.Redemption[i].ID, uuid())
	}
	for i := range p.Settings.Tiers {
		text(&p.Settings.Tiers[i].ID, uuid())
	}
	for i := range p.Campaigns {
		c := &p.Campaigns[i]
		number(&c.ID, next())
		text(&c.UUID, uuid())
		text(&c.Code, fmt.Sprintf("code%d", next()))
		text(&c.ProjectToken, fmt.Sprintf("token%d", next()))
		for r := range c.Rules {
			number(&c.Rules[r].ID, next())
		}
		for w := range c.Widgets {
			text(&c.Widgets[w].ID, uuid())
		}
		for q := range c.Questions {
			number(&c.Questions[q].ID, next())
		}
	}
	return &model.Applied{Account: 17, PublicKey: "-----BEGIN PUBLIC KEY-----\nMII=\n-----END PUBLIC KEY-----\n"}
}

func number[T ~int64](id *T, made int64) {
	if *id == 0 {
		*id = T(made)
	}
}

func parseFull(t testing.TB) *projectfile.File {
	t.Helper()
	data, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	f, err := projectfile.Parse("full.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestACompletedFileKeepsNamesNestingAndOrder(t *testing.T) {
	t.Parallel()
	f := parseFull(t)
	p := f.Project()
	applied := fill(p)
	got, err := f.Complete(p, applied)
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/full.json"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("completed file (-update writes it):\n%s", diff)
	}
	if !json.Valid(got) {
		t.Error("no JSON")
	}

	again, err := projectfile.Parse("full.json", got)
	if err != nil {
		t.Fatalf("the completed file is no project file: %v", err)
	}
	same := again.Project()
	if diff := cmp.Diff(p, same); diff != "" {
		t.Errorf("the completed file says something else:\n%s", diff)
	}
	fixed, err := again.Complete(same, applied)
	if err != nil || string(fixed) != string(got) {
		t.Errorf("completed again: %v\n%s", err, cmp.Diff(string(got), string(fixed)))
	}
}

func TestTheSmallestFileHasEveryDefault(t *testing.T) {
	t.Parallel()
	f, err := projectfile.Parse("f", []byte(`
account: Brightwater & Sons, Cycles!
campaigns:
  - name: One
    rewards:
      - {name: Ten € off!, to: friend, on: yes}
      - {name: Ten OFF!, descriptor: Ten.2, to: advocate, on: purchase, value: {type: ledger, amount: 1}}
`))
	if err != nil {
		t.Fatal(err)
	}
	p := f.Project()
	wantSettings := model.Settings{Name: "Brightwater & Sons, Cycles!", Slug: "brightwater-sons-cycles", Currency: "USD", Timezone: "UTC",
		Fraud: model.FraudChecks{SameCookie: true, SameIPAndAgent: true, SameEmail: true, SimilarEmail: 100, SameCustomerID: true},
	}
	if diff := cmp.Diff(wantSettings, p.Settings); diff != "" {
		t.Errorf("settings:\n%s", diff)
	}
	want := model.Campaign{
		Name: "One", Status: model.Draft, Lang: "en", LinkParam: "ref", SignedLinks: true, AttributionWindow: 90 * 24 * time.Hour,
		Leaderboard: "referrals", SkipAhead: 10, IdleAfter: 30 * 24 * time.Hour, FriendInvitations: 5,
		CodeStyle: model.CodeStyle{Seed: "random"},
		Channels:  []string{"email", "facebook", "twitter", "linkedin", "whatsapp", "messenger", "sms", "purl"},
		Rules: []model.Rule{
			{Name: "Ten € off!", Descriptor: "ten_off", To: model.ToFriend, On: "yes", After: 1, Value: model.Value{Type: model.OtherValue}},
			{Name: "Ten OFF!", Descriptor: "Ten.2", To: model.ToAdvocate, On: "purchase", After: 1, Auto: true,
				Value: model.Value{Type: model.LedgerValue, Amount: money.Unit, Unit: "USD"}},
		},
	}
	if diff := cmp.Diff(want, p.Campaigns[0]); diff != "" {
		t.Errorf("campaign:\n%s", diff)
	}
	var uses []string
	for _, k := range p.Keys {
		uses = append(uses, k.Use)
		if k.Value != "" || k.Form == (model.KeyForm{}) {
			t.Errorf("key %s = %q cannot be made", k.Use, k.Value)
		}
	}
	const all = "friendbuy.merchant_id friendbuy.key friendbuy.secret friendbuy.signing_secret referral_factory.token referral_factory.inbound_token " +
		"irefer.license_key irefer.api_key prefinery.api_key prefinery.signing_secret prefinery.identity_secret prefinery.decoder_key mail.events_token"
	if got := strings.Join(uses, " "); got != all {
		t.Errorf("keys %s, want %s", got, all)
	}
	if len(f.Warnings()) != 0 {
		t.Errorf("warnings of what is not in the file: %v", f.Warnings())
	}
}

func TestFilledInNamesStandInTheContractsOrder(t *testing.T) {
	t.Parallel()
	f, err := projectfile.Parse("f", []byte("account: A\ncampaigns: [{name: One}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	p := f.Project()
	got, err := f.Complete(p, fill(p))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(got)) {
		if name, _, ok := strings.Cut(strings.TrimSpace(line), `":`); ok {
			names = append(names, strings.TrimPrefix(name, `"`))
		}
	}
	const want = "account campaigns name id uuid code project_token slug " +
		"keys friendbuy merchant_id key secret signing_secret public_key referral_factory token inbound_token " +
		"irefer license_key api_key prefinery api_key signing_secret identity_secret decoder_key mail events_token account_id"
	if order := strings.Join(names, " "); order != want {
		t.Errorf("got %s\nwant %s", order, want)
	}
}

func TestAmountsAndTimesAreRead(t *testing.T) {
	t.Parallel()
	p := parseFull(t).Project()
	c := p.Campaigns[0]
	if got := p.Settings.Currencies[0].Cap.String(); got != "1500.5" {
		t.Errorf("cap = %s", got)
	}
	if want := time.Date(2026, 2, 28, 23, 0, 0, 0, time.UTC); !c.StartsAt.Equal(want) || !c.EndsAt.IsZero() {
		t.Errorf("from %v to %v", c.StartsAt, c.EndsAt)
	}
	if r := c.Rules[0]; r.When.MinAmount.String() != "49.9" || r.Hold != 14*24*time.Hour || r.Limit != 12 || !r.Repeat || !r.Auto || r.When.SKUs[1] != "42" {
		t.Errorf("reward %+v", r)
	}
	if got := p.Settings.LinkURL; got != "https://go.brightwater.example" {
		t.Errorf("link_url = %q", got)
	}
	if got := p.Keys[0].Value; got != "0F1E2D3C-1111-4222-8333-444455556666" {
		t.Errorf("merchant_id = %q, want it as the pages carry it", got)
	}
}

func TestWhatHasNoEffectYetIsTold(t *testing.T) {
	t.Parallel()
	f, err := projectfile.Parse("f", []byte(`account: A
timezone: Europe/Vienna
origins: []
callbacks: {email_authorization: ""}
loyalty: {auto_opt_in: false}
keys: {irefer: {api_key: ireferextapi}, prefinery: {identity_secret: hush}}
campaigns:
  - {name: x, lang: de, limits: {signups_per_ip: 3}, project_token: 8h2k9x0a}
webhooks:
  - {on: friendbuy.advocateReward, url: "https://a.example"}
  - {on: prefinery.tester_unsubscribed, url: "https://a.example"}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"f:6: keys.prefinery.identity_secret: has no effect yet",
		"f:8: campaigns[0].project_token: has no effect yet",
	}
	if diff := cmp.Diff(want, f.Warnings()); diff != "" {
		t.Error(diff)
	}
}

func TestProjectsOfOneFileAreApart(t *testing.T) {
	t.Parallel()
	f := parseFull(t)
	fill(f.Project())
	if second := f.Project(); second.Campaigns[1].ID != 0 || second.Keys[1].Value != "" || second.Campaigns[0].Rules[0].ID != 0 {
		t.Error("what was filled into one project shows in the next")
	}
}

func FuzzParse(f *testing.F) {
	full, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		f.Fatal(err)
	}
	golden, err := os.ReadFile("testdata/full.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(full), string(golden), "", "account: A", "account: &a A\nslug: *a", "account: A\ncampaigns: [{name: x, id: 01}]",
		"account: A\ncurrencies: [{code: P, cap: 1e400}]", "account: A\ncoupons: [{batch: a, codes: [\"\\u2028\"]}]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := projectfile.Parse("f", data)
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if !strings.HasPrefix(line, "f:") {
					t.Errorf("problem without a place: %q", line)
				}
			}
			return
		}
		p := file.Project()
		applied := fill(p)
		completed, err := file.Complete(p, applied)
		if err != nil || !json.Valid(completed) {
			t.Fatalf("completed to %q, %v", completed, err)
		}
		again, err := projectfile.Parse("f", completed)
		if err != nil {
			t.Fatalf("the completed file is no project file: %v\n%s", err, completed)
		}
		if diff := cmp.Diff(p, again.Project()); diff != "" {
			t.Errorf("the completed file says something else:\n%s", diff)
		}
	})
}

func TestOriginsAreAsBrowsersSendThem(t *testing.T) {
	t.Parallel()
	file, err := projectfile.Parse("f", []byte("account: A\norigins: [https://Shop.example.com/, \"https://a.example:443\", \"http://a.example:80\", \"http://a.example:443\", \"https://a.example:8443\"]\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"https://shop.example.com", "https://a.example", "http://a.example", "http://a.example:443", "https://a.example:8443"}
	if diff := cmp.Diff(want, file.Project().Settings.Origins); diff != "" {
		t.Error(diff)
	}
}
