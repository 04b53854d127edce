package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
	"grapevine/store"
)

const pages = `
account: Acme
site: https://shop.example.com
loyalty: {auto_opt_in: true}
earning:
  - {name: Page, on: /club, amount: 1, currency: USD}
campaigns:
  - name: Evergreen
    uuid: ef9befc6-18f1-418c-8914-5ee8d09bb5aa
    status: launched
    rewards:
      - {name: Thanks, to: advocate, on: email_capture, repeat: true, value: {type: cash, amount: 1, unit: USD}}
      - {name: Visit, to: customer, on: /thanks, repeat: true, value: {type: cash, amount: 1, unit: USD}}
    widgets:
      - {id: ff83c064-0776-4b99-adcc-c2b93af11b78, name: Overlay, type: advocateShare}
      - {id: ff83c064-0776-4b99-adcc-c2b93af11b79, name: Offer, type: emailCapture}
  - name: Winter
    uuid: 0a1b2c3d-0000-4000-8000-000000000001
    status: paused
    widgets:
      - {id: ff83c064-0776-4b99-adcc-c2b93af11b80, name: Overlay, type: advocateShare}
`

const (
	evergreenID = "ef9befc6-18f1-418c-8914-5ee8d09bb5aa"
	overlay     = "ff83c064-0776-4b99-adcc-c2b93af11b78"
	offer       = "ff83c064-0776-4b99-adcc-c2b93af11b79"
)

// browser is who a page names, with nothing to show for it.
func (s *stage) browser(customer, email string) engine.Who {
	s.t.Helper()
	id, _, err := s.core.Visitor(s.account)
	if err != nil {
		s.t.Fatal(err)
	}
	return engine.Who{CustomerID: customer, Email: email, Visitor: id, IP: "192.0.2.7", Agent: "Firefox"}
}

// sent is the same with an id of the event.
func sent(who engine.Who, n int) engine.Who {
	who.Browser = &engine.Browser{EventID: fmt.Sprintf("00000000-0000-4000-8000-%012d", n), URL: "https://shop.example.com/a?b=c", Title: "A"}
	return who
}

func view(who engine.Who, widget string) engine.Sight {
	return engine.Sight{Who: who, Kind: model.WidgetViewed, Widget: widget}
}

// kept reads an event's detail.
func (s *stage) kept(event model.EventID) (detail map[string]any) {
	s.t.Helper()
	err := s.store.Engine().View(context.Background(), func(conn store.Conn) error {
		var body string
		err := conn.Run(context.Background(), store.Statement{
			SQL: `SELECT body FROM detail WHERE account_id = $1 AND id = $2`, Args: []any{s.account, event},
			Row: func(r store.Row) error { return r.Scan(&body) },
		})
		if err != nil || body == "" {
			return err
		}
		return json.Unmarshal([]byte(body), &detail)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return detail
}

func (s *stage) count(kind model.EventKind) (n int) {
	s.t.Helper()
	err := s.store.Engine().View(context.Background(), func(conn store.Conn) error {
		return conn.Run(context.Background(), store.Statement{
			SQL: `SELECT COUNT(*) FROM event WHERE account_id = $1 AND kind = $2`, Args: []any{s.account, string(kind)},
			Row: func(r store.Row) error { return r.Scan(&n) },
		})
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func TestSightIsKeptWithWhatTheBrowserTold(t *testing.T) {
	onBoth(t, pages, func(t *testing.T, s *stage) {
		who := sent(s.browser("", ""), 1)
		who.Browser.Device = &engine.Device{Language: "de-AT", ColorDepth: 24, Platform: "MacIntel", ScreenSize: "3072x1920"}
		action := engine.Sight{Who: who, Kind: model.WidgetActed, Campaign: evergreenID, Widget: "Overlay", Action: &engine.WidgetAction{Name: "facebookShare", Screen: "Share"}}
		recorded, errs := s.core.RecordSights(t.Context(), s.account, []engine.Sight{action})
		if errs[0] != nil {
			t.Fatal(errs[0])
		}
		want := map[string]any{
			"ip": "192.0.2.7", "agent": "Firefox", "url": "https://shop.example.com/a?b=c", "title": "A",
			"device": map[string]any{"language": "de-AT", "colorDepth": 24.0, "platform": "MacIntel", "screenSize": "3072x1920"},
			"action": map[string]any{"name": "facebookShare", "screen": "Share"},
		}
		if diff := cmp.Diff(want, s.kept(recorded[0].Event)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSightMakesNobody(t *testing.T) {
	onBoth(t, pages, func(t *testing.T, s *stage) {
		s.know("c-1", "ann@example.com")
		ann := s.personOf("c-1")
		stranger := s.browser("c-2", "bob@example.com")
		_, errs := s.core.RecordSights(t.Context(), s.account, []engine.Sight{
			view(s.browser("c-1", ""), overlay), view(s.browser("", "ANN@example.com"), overlay), view(stranger, offer),
			view(s.browser("c-2", "ann@example.com"), offer), // the customer id decides, and nobody has it
		})
		for _, err := range errs {
			if err != nil {
				t.Error(err)
			}
		}
		if s.personOf("c-2") != 0 || s.personOf("bob@example.com") != 0 {
			t.Error("looking at a widget made a person")
		}
		var seen []string
		s.view(func(tx *store.Tx) error {
			events, err := tx.EventsOf([]model.PersonID{0, ann})
			for _, e := range events {
				if e.Kind == model.WidgetViewed {
					seen = append(seen, fmt.Sprint(e.Person == ann, e.Turn > 0, e.Subject == int64(stranger.Visitor)))
				}
			}
			return err
		})
		slices.Sort(seen)
		if diff := cmp.Diff([]string{"false false false", "false false true", "true true false", "true true false"}, seen); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSightOfWhatTheFileLacksIsRefusedAlone(t *testing.T) {
	onBoth(t, pages, func(t *testing.T, s *stage) {
		who := s.browser("", "")
		long := sent(who, 1)
		long.Browser.EventID = strings.Repeat("x", 300)
		recorded, errs := s.core.RecordSights(t.Context(), s.account, []engine.Sight{
			view(who, "Nothing"),
			view(who, "Overlay"), // a name says nothing without its campaign
			{Who: who, Kind: model.WidgetViewed, Campaign: "0a1b2c3d-0000-4000-8000-00000000000f", Widget: overlay},
			{Who: who, Kind: model.WidgetViewed, Campaign: evergreenID, Widget: "ff83c064-0776-4b99-adcc-c2b93af11b80"},
			{Who: who, Kind: model.WidgetActed, Widget: overlay, Action: &engine.WidgetAction{Name: strings.Repeat("x", 300)}},
			view(long, overlay),
			view(who, strings.ToUpper(overlay)),
		})
		for i, kind := range []model.Kind{model.NotFound, model.NotFound, model.NotFound, model.NotFound, model.Invalid, model.Invalid, ""} {
			if got := errs[i]; (got == nil) != (kind == "") || got != nil && model.KindOf(got) != kind || (recorded[i] == nil) != (got != nil) {
				t.Errorf("%d: %v, want %s", i, got, kind)
			}
		}
		if n := s.count(model.WidgetViewed); n != 1 {
			t.Errorf("%d views are kept", n)
		}
	})
}

func TestPageThatARuleWaitsForCounts(t *testing.T) {
	onBoth(t, pages, func(t *testing.T, s *stage) {
		viewed := func(who engine.Who, url string) engine.Sight {
			who.Browser = &engine.Browser{URL: url}
			return engine.Sight{Who: who, Kind: model.PageReached}
		}
		recorded, errs := s.core.RecordSights(t.Context(), s.account, []engine.Sight{
			viewed(s.browser("", ""), "https://shop.example.com/thanks"),
			viewed(s.browser("", "ann@example.com"), "https://shop.example.com/thanks?order=1#top"),
			viewed(s.browser("", "ann@example.com"), "https://shop.example.com/elsewhere"),
			viewed(s.browser("", "ann@example.com"), "%zz"),
		})
		for i, want := range []int{0, 1, 0, 0} {
			if errs[i] != nil {
				t.Fatal(errs[i])
			}
			if got := s.rewards(recorded[i].Event); len(got) != want {
				t.Errorf("page %d earned %v", i, got)
			}
		}
	})
}

// Everything that a browser sends again, even at once and to another node, is
// what it was.
func TestBrowserSendsAgain(t *testing.T) {
	onBoth(t, pages, func(t *testing.T, s *stage) {
		nodes := []*engine.Engine{s.core, s.node(2)}
		who := s.browser("", "ann@example.com")
		ask := func(core *engine.Engine) (answers []string) {
			ctx := context.Background()
			recorded, errs := core.RecordSights(ctx, s.account, []engine.Sight{
				view(sent(who, 1), overlay), view(sent(who, 2), overlay), view(sent(who, 1), overlay),
				{Who: sent(who, 1), Kind: model.PageReached},
			})
			for i, r := range recorded {
				if errs[i] != nil {
					t.Error(errs[i])
					return nil
				}
				answers = append(answers, r.UUID)
			}
			share, err := core.RecordShare(ctx, s.account, engine.Share{Who: sent(who, 3), Campaign: evergreenID, Channel: "sms"})
			if err != nil {
				t.Error(err)
				return nil
			}
			joined, err := core.Join(ctx, s.account, engine.Join{Who: sent(who, 4), Kind: model.EmailCapture, Widget: offer})
			if err != nil {
				t.Error(err)
				return nil
			}
			saved, err := core.SaveCustomer(ctx, s.account, engine.Customer{Who: sent(who, 5)})
			if err != nil {
				t.Error(err)
				return nil
			}
			custom, err := core.RecordCustom(ctx, s.account, engine.CustomEvent{Who: sent(who, 6), Name: "demo"})
			if err != nil {
				t.Error(err)
				return nil
			}
			return append(answers, share.UUID, share.Link.Code, joined.UUID, saved.UUID, custom.UUID)
		}
		all := make([][]string, 12)
		var each sync.WaitGroup
		for i := range all {
			each.Go(func() { all[i] = ask(nodes[i%2]) })
		}
		each.Wait()
		for _, got := range all {
			if diff := cmp.Diff(all[0], got); diff != "" {
				t.Fatal(diff)
			}
		}
		if all[0][0] != all[0][2] || all[0][0] == all[0][1] || all[0][0] == all[0][3] {
			t.Errorf("answers %v", all[0])
		}
		for kind, want := range map[model.EventKind]int{
			model.WidgetViewed: 2, model.PageViewed: 1, model.Shared: 1, model.EmailCapture: 1, model.CustomerKept: 1, model.Custom: 1,
		} {
			if got := s.count(kind); got != want {
				t.Errorf("%d events of kind %s, want %d", got, kind, want)
			}
		}
	})
}

// Anybody may have a page say that they are Ann.
func TestBrowserChangesNobodyWhoIsThere(t *testing.T) {
	onBoth(t, pages, func(t *testing.T, s *stage) {
		ann := server("c-1", "ann@example.com")
		ann.FirstName, ann.IP, ann.Loyalty = "Ann", "192.0.2.1", model.LoyaltyIn
		ann.Extra = map[string]json.RawMessage{"city": json.RawMessage(`"Graz"`)}
		if _, err := s.core.SaveCustomer(t.Context(), s.account, engine.Customer{Who: ann}); err != nil {
			t.Fatal(err)
		}
		before := s.known("c-1")
		for _, who := range []engine.Who{s.browser("c-1", "mallory@example.com"), s.browser("c-1", ""), s.browser("", "ann@example.com")} {
			who.FirstName, who.Loyalty = "Buy at evil.example", model.LoyaltyBlocked
			who.Extra = map[string]json.RawMessage{"city": json.RawMessage(`"x"`)}
			if _, err := s.core.SaveCustomer(t.Context(), s.account, engine.Customer{Who: who}); err != nil {
				t.Fatal(err)
			}
			s.joinAs(engine.Join{Who: who, Kind: model.SignUp})
			s.purchase(engine.Purchase{Who: who, OrderID: who.CustomerID + who.Email, Amount: money.Unit, Currency: "USD"})
		}
		if diff := cmp.Diff(before, s.known("c-1")); diff != "" {
			t.Error(diff)
		}
		if s.personOf("mallory@example.com") == s.personOf("c-1") {
			t.Error("a stranger's address names Ann")
		}
		// What the merchant has signed counts.
		signed := s.browser("c-1", "ann.new@example.com")
		signed.Signed, signed.LastName, signed.Loyalty = true, "Lee", model.LoyaltyOut
		s.joinAs(engine.Join{Who: signed, Kind: model.SignUp})
		if s.personOf("ann.new@example.com") != s.personOf("c-1") || s.known("c-1") == before {
			t.Error("what the merchant signed was not believed")
		}
	})
}

// known is all that is kept of a person.
func (s *stage) known(name string) string {
	s.t.Helper()
	var text strings.Builder
	id := s.personOf(name)
	s.view(func(tx *store.Tx) error {
		names, err := tx.Identities([]model.PersonID{id})
		if err != nil {
			return err
		}
		profile, err := tx.Profile(id)
		if err != nil {
			return err
		}
		changes, err := tx.LoyaltyChanges([]model.PersonID{id})
		fmt.Fprintf(&text, "%v %v %d", names, profile, len(changes))
		return err
	})
	return text.String()
}

// Who says first that a customer has their address does not get the
// customer's mail: the merchant's word comes first whenever it comes.
func TestMerchantsWordGoesBeforeABrowsers(t *testing.T) {
	onBoth(t, pages, func(t *testing.T, s *stage) {
		mallory := s.browser("c-1", "mallory@example.com")
		if _, err := s.core.SaveCustomer(t.Context(), s.account, engine.Customer{Who: mallory}); err != nil {
			t.Fatal(err)
		}
		victim := s.personOf("c-1")
		s.purchase(engine.Purchase{Who: server("c-1", "ann@example.com"), OrderID: "o-1", Amount: money.Unit, Currency: "USD"})
		if s.personOf("ann@example.com") != victim || s.personOf("mallory@example.com") != 0 {
			t.Error("the stranger's address still names the customer, or the customer's own does not")
		}
		// A second address of the merchant's is one more.
		s.purchase(engine.Purchase{Who: server("c-1", "ann.lee@example.com"), OrderID: "o-2", Amount: money.Unit, Currency: "USD"})
		s.view(func(tx *store.Tx) error {
			names, err := tx.Identities([]model.PersonID{victim})
			var list []string
			for _, n := range names {
				list = append(list, fmt.Sprint(n.Shown, n.Main))
			}
			if diff := cmp.Diff([]string{"c-1true", "ann@example.comtrue", "ann.lee@example.comfalse"}, list); diff != "" {
				t.Error(diff)
			}
			return err
		})
	})
}

// Nor does who says first that an address is theirs keep it from who has it.
func TestMerchantGivesAnAddressToWhoseItIs(t *testing.T) {
	onBoth(t, pages, func(t *testing.T, s *stage) {
		s.joinAs(engine.Join{Who: s.browser("mallory", "ann@example.com"), Kind: model.SignUp})
		s.joinAs(engine.Join{Who: s.browser("mallory-2", "bob@example.com"), Kind: model.SignUp})
		mallory := s.personOf("mallory")
		s.know("ann", "ann@example.com")
		s.know("bob", "")
		s.know("bob", "bob@example.com")
		if got := s.personOf("ann@example.com"); got == mallory || got != s.personOf("ann") {
			t.Errorf("ann@example.com is %d, Ann %d, Mallory %d", got, s.personOf("ann"), mallory)
		}
		if got := s.personOf("bob@example.com"); got != s.personOf("bob") {
			t.Errorf("bob@example.com is %d, Bob %d", got, s.personOf("bob"))
		}
		// Between two whom the merchant named, the first stays.
		s.know("other", "ann@example.com")
		if s.personOf("ann@example.com") != s.personOf("ann") {
			t.Error("what the merchant said first was taken away")
		}
	})
}

func TestMerchantConfirmsWhatABrowserSaid(t *testing.T) {
	onBoth(t, pages, func(t *testing.T, s *stage) {
		s.joinAs(engine.Join{Who: s.browser("", "ann@example.com"), Kind: model.EmailCapture, Widget: offer})
		s.know("c-1", "ann@example.com")
		s.know("c-2", "")
		s.joinAs(engine.Join{Who: s.browser("", "bob@example.com"), Kind: model.EmailCapture, Widget: offer})
		s.know("c-2", "bob@example.com")
		s.view(func(tx *store.Tx) error {
			for _, customer := range []string{"c-1", "c-2"} {
				contacts, err := tx.Contacts([]model.PersonID{s.personOf(customer)})
				if err != nil {
					return err
				}
				if c := contacts[s.personOf(customer)]; c.Email == "" || c.CustomerID != customer {
					t.Errorf("%s: %+v", customer, c)
				}
			}
			for _, email := range []string{"ann@example.com", "bob@example.com"} {
				if found, err := tx.Look(store.Lookup{Email: email}); err != nil || !found.EmailIsMain {
					t.Errorf("%s is not the main address: %v", email, err)
				}
			}
			return nil
		})
	})
}

// A signed name gives a customer id to who left an address, as a server's call
// does; two who are there become one by a server's call alone.
func TestSignedBrowserNamesAndNeverMerges(t *testing.T) {
	onBoth(t, pages, func(t *testing.T, s *stage) {
		s.joinAs(engine.Join{Who: s.browser("", "ann@example.com"), Kind: model.EmailCapture, Widget: offer})
		ann := s.personOf("ann@example.com")
		unsigned := s.browser("c-0", "ann@example.com")
		s.joinAs(engine.Join{Who: unsigned, Kind: model.SignUp})
		signed := s.browser("c-1", "ann@example.com")
		signed.Signed = true
		s.joinAs(engine.Join{Who: signed, Kind: model.SignUp})
		if s.personOf("c-0") == ann || s.personOf("c-1") != ann {
			t.Error("an unsigned customer id was believed, or a signed one was not")
		}
		s.know("c-2", "")
		s.joinAs(engine.Join{Who: s.browser("", "bob@example.com"), Kind: model.EmailCapture, Widget: offer})
		both := s.browser("c-2", "bob@example.com")
		both.Signed = true
		s.joinAs(engine.Join{Who: both, Kind: model.SignUp})
		if s.personOf("c-2") == s.personOf("bob@example.com") {
			t.Error("a browser's event made two persons one")
		}
	})
}
