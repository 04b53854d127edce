package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/store"
)

const clicking = `
account: Acme
slug: %s
site: https://shop.example.com
blocked: {codes: [evil*]}
campaigns:
  - {name: First, status: launched, code: %[1]s-join, attribution_window: 48h, rewards: [{name: Thanks, to: advocate, on: purchase, repeat: true, value: {type: cash, amount: 1, unit: USD}}]}
  - {name: Plain, status: launched, fbuy: false}
`

// visit follows a link.
func (s *stage) visit(v engine.Visit) *engine.Landing {
	s.t.Helper()
	landing, err := s.core.Click(context.Background(), v)
	if err != nil {
		s.t.Fatal(err)
	}
	return landing
}

// signed is the attribution that a landing address carries.
func signed(l *engine.Landing) string { return between(l.URL, "signed=", ".shop.example.com") }

// clicks counts the rows of clicks on a code, and how many were the owner's.
func (s *stage) clicks(code string) (all, self int64) {
	s.t.Helper()
	id := s.codeID(code)
	err := s.store.Engine().View(context.Background(), func(conn store.Conn) error {
		return conn.Run(context.Background(), store.Statement{
			SQL: `SELECT COUNT(*), CAST(COALESCE(SUM(self), 0) AS BIGINT)
				FROM click
				WHERE account_id = $1 AND code_id = $2`,
			Args: []any{int64(s.account), int64(id)},
			Row:  func(r store.Row) error { return r.Scan(&all, &self) },
		})
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return all, self
}

func TestClickIsCountedBeforeItAnswers(t *testing.T) {
	onBoth(t, fmt.Sprintf(clicking, "acme"), func(t *testing.T, s *stage) {
		ann := s.link("ann@example.com", 0)
		parallel(t, 20, func(i int) (bool, error) {
			before, _ := s.clicks(ann)
			_, err := s.core.Click(context.Background(), engine.Visit{Code: strings.ToUpper(ann), IP: "192.0.2.1", Agent: "test"})
			if after, _ := s.clicks(ann); after <= before {
				t.Errorf("%d clicks after an answer, %d before it", after, before)
			}
			return true, err
		})
		if all, _ := s.clicks(ann); all != 20 {
			t.Errorf("%d clicks, want 20", all)
		}
		if n := s.tally(store.OfCampaign(s.project.Campaigns[0].ID), "click"); n != 20 {
			t.Errorf("the campaign counts %d, want 20", n)
		}
	})
}

// What clicks add to counters waits in rows of its own. Readers see it at once,
// it is added once, however many do that while others click, and verify reads it too.
func TestClicksAreCountedOnce(t *testing.T) {
	onBoth(t, fmt.Sprintf(clicking, "acme"), func(t *testing.T, s *stage) {
		const rounds = 12
		codes := []string{s.link("ann@example.com", 0), s.link("ben@example.com", 0), s.link("cas@example.com", 0)}
		parallel(t, 6, func(i int) (bool, error) {
			for range rounds {
				if i%2 == 0 {
					if err := s.core.Roll(t.Context()); err != nil {
						return false, err
					}
					continue
				}
				if _, err := s.core.Click(t.Context(), engine.Visit{Code: codes[i/2], IP: "192.0.2.1"}); err != nil {
					return false, err
				}
			}
			return true, nil
		})
		s.visit(engine.Visit{Code: codes[0]}) // and one waits
		campaign, ann := store.OfCampaign(s.project.Campaigns[0].ID), int64(0)
		s.view(func(tx *store.Tx) error {
			owner, err := tx.CodeOwner(model.FoldCode(codes[0]))
			if err == nil {
				ann = int64(owner.Participant)
			}
			return err
		})
		for range 2 {
			if all, one := s.tally(campaign, "click"), s.tally(ann, "click"); all != 3*rounds+1 || one != rounds+1 {
				t.Errorf("the campaign counts %d, want %d, one participant %d, want %d", all, 3*rounds+1, one, rounds+1)
			}
			if report := s.verify(); len(report.Differences) != 0 {
				t.Errorf("verify: %v", report.Differences)
			}
			if err := s.core.Roll(t.Context()); err != nil {
				t.Fatal(err)
			}
		}

		s.visit(engine.Visit{Code: codes[0]})
		for damage, undo := range map[string]string{
			"UPDATE tally_due SET body = body || '7 1 '": "UPDATE tally_due SET body = SUBSTR(body, 1, LENGTH(body) - 4)",
			"UPDATE tally_due SET what = 'joined'":       "UPDATE tally_due SET what = 'click'",
			"UPDATE tally SET n = n + 1":                 "UPDATE tally SET n = n - 1",
		} {
			s.raw(damage)
			if report := s.verify(); !names(report, "tally sum") {
				t.Errorf("%s: verify says %v", damage, report.Differences)
			}
			s.raw(undo)
		}
	})
}

func TestVisitorKeepsTheCookie(t *testing.T) {
	onBoth(t, fmt.Sprintf(clicking, "acme"), func(t *testing.T, s *stage) {
		ann, ben := s.link("ann@example.com", 0), s.link("ben@example.com", 0)
		first := s.visit(engine.Visit{Code: ann})
		if first.Cookie == "" {
			t.Fatal("somebody new gets no cookie")
		}
		if again := s.visit(engine.Visit{Code: ben, Cookie: first.Cookie}); again.Cookie != "" {
			t.Error("somebody known gets another cookie")
		}
		broken := []byte(first.Cookie)
		broken[3] ^= 1
		for _, cookie := range []string{string(broken), "x", first.Cookie + "x", strings.Repeat("A", len(first.Cookie))} {
			if got := s.visit(engine.Visit{Code: ann, Cookie: cookie}); got.Cookie == "" || got.Cookie == cookie {
				t.Errorf("a made-up cookie %q is taken", cookie)
			}
		}
	})
}

// The visitor's last click inside the window names the referral.
func TestLastClickAttributes(t *testing.T) {
	onBoth(t, fmt.Sprintf(clicking, "acme"), func(t *testing.T, s *stage) {
		ann, ben := s.link("ann@example.com", 0), s.link("ben@example.com", 0)
		visitor, cookie := s.follow(ann, "")
		buy := func(order string, v model.VisitorID, r engine.Referral) string {
			return s.via(s.purchase(engine.Purchase{Who: engine.Who{CustomerID: "c-" + order, Visitor: v}, Referral: r, OrderID: order, Amount: 1, Currency: "USD"}).Event)
		}
		if got := buy("o-1", visitor, engine.Referral{}); got != "click ann@example.com" {
			t.Errorf("a click on ann's link counts by %q", got)
		}
		s.wait(time.Hour)
		s.follow(ben, cookie)
		if got := buy("o-2", visitor, engine.Referral{}); got != "click ben@example.com" {
			t.Errorf("a later click on ben's counts by %q", got)
		}
		if got := buy("o-3", visitor, by(ann)); got != "code ann@example.com" {
			t.Errorf("a code beside it counts by %q", got)
		}
		if got := buy("o-4", visitor, by("nobody")); got != "" {
			t.Errorf("an unknown code beside it counts by %q", got)
		}
		if got := buy("o-5", visitor+1, engine.Referral{}); got != "" {
			t.Errorf("another visitor counts by %q", got)
		}
		s.wait(48*time.Hour - time.Millisecond)
		if got := buy("o-6", visitor, engine.Referral{}); got != "click ben@example.com" {
			t.Errorf("just inside the window it counts by %q", got)
		}
		s.wait(time.Millisecond)
		if got := buy("o-7", visitor, engine.Referral{}); got != "" {
			t.Errorf("when the window is over it counts by %q", got)
		}
	})
}

// A click with the owner's cookie is recorded as a self-referral, and sent on
// without an attribution.
func TestOwnClickIsRecordedAndCarriesNoAttribution(t *testing.T) {
	onBoth(t, fmt.Sprintf(clicking, "acme"), func(t *testing.T, s *stage) {
		s.know("ann", "")
		asCustomer := s.linkOf(server("ann", ""), 0)
		ann, ben := s.link("ann@example.com", 0), s.link("ben@example.com", 0)
		visitor, cookie := s.follow(ben, "")
		if _, err := s.core.SaveCustomer(t.Context(), s.account, engine.Customer{Who: engine.Who{Email: "ann@example.com", Visitor: visitor}}); err != nil {
			t.Fatal(err)
		}
		if got := s.visit(engine.Visit{Code: ann, Cookie: cookie}); signed(got) != "" || !strings.HasPrefix(got.URL, "https://shop.example.com/?ref="+ann) {
			t.Errorf("ann's click on her own link leads to %s", got.URL)
		}
		if got := s.visit(engine.Visit{Code: ben, Cookie: cookie}); signed(got) == "" {
			t.Errorf("ann's click on ben's link leads to %s", got.URL)
		}
		if all, self := s.clicks(ann); all != 1 || self != 1 {
			t.Errorf("%d clicks on her own link, %d of them her own", all, self)
		}
		if _, self := s.clicks(ben); self != 0 {
			t.Error("her click on another's link is her own")
		}
		s.know("ann", "ann@example.com") // she owns the other link, too
		if got := s.visit(engine.Visit{Code: asCustomer, Cookie: cookie}); signed(got) != "" {
			t.Errorf("after a merge her click on her other link leads to %s", got.URL)
		}
	})
}

func TestUncountedVisitLeavesNothing(t *testing.T) {
	onBoth(t, fmt.Sprintf(clicking, "acme"), func(t *testing.T, s *stage) {
		ann := s.link("ann@example.com", 0)
		got := s.visit(engine.Visit{Code: ann, Uncounted: true})
		if got.Cookie != "" || signed(got) != "" || !strings.Contains(got.URL, "ref="+ann) {
			t.Errorf("it is sent to %+v", got)
		}
		if all, _ := s.clicks(ann); all != 0 {
			t.Errorf("%d clicks", all)
		}
	})
}

func TestClicksOfAMinuteShareAnAttribution(t *testing.T) {
	onBoth(t, fmt.Sprintf(clicking, "acme"), func(t *testing.T, s *stage) {
		ann, ben := s.link("ann@example.com", 0), s.link("ben@example.com", 0)
		shared := parallel(t, 12, func(i int) (string, error) {
			landing, err := s.core.Click(context.Background(), engine.Visit{Code: []string{ann, ben}[i%2]})
			if err != nil {
				return "", err
			}
			return signed(landing), nil
		})
		for i, got := range shared {
			if got == "" || got != shared[i%2] {
				t.Errorf("click %d carries %q, want %q", i, got, shared[i%2])
			}
		}
		if shared[0] == shared[1] {
			t.Error("two codes share an attribution")
		}
		s.wait(time.Minute)
		if next := signed(s.visit(engine.Visit{Code: ann})); next == "" || next == shared[0] {
			t.Errorf("the next minute carries %q", next)
		}
		// The visitor is known by cookie alone: the shared one names the code.
		bought := s.purchase(engine.Purchase{Referral: engine.Referral{AttributionID: strings.ToUpper(shared[1])}, OrderID: "o-1", Amount: 1, Currency: "USD"})
		if got := s.via(bought.Event); got != "attribution ben@example.com" {
			t.Errorf("it counts by %q", got)
		}
		// Another node, which has nothing in memory, finds the same.
		landing, err := s.node(2).Click(t.Context(), engine.Visit{Code: ann})
		if again := signed(s.visit(engine.Visit{Code: ann})); err != nil || signed(landing) != again {
			t.Errorf("another node's click carries %q, %v; want %q", landing.URL, err, again)
		}
		if got := signed(s.visit(engine.Visit{Code: s.link("ann@example.com", 1)})); got != "" {
			t.Errorf("a campaign without signed links carries %q", got)
		}
	})
}

func TestLinkThatIsNotInUseIsNotFound(t *testing.T) {
	onBoth(t, fmt.Sprintf(clicking, "acme"), func(t *testing.T, s *stage) {
		evil := s.codes(engine.LinkRequest{Who: server("", "eve@example.com"), Campaign: s.project.Campaigns[0].UUID, Seed: "evil-eve"})[0]
		for _, code := range []string{evil, "nobody", "", "api"} {
			_, err := s.core.Click(t.Context(), engine.Visit{Code: code})
			fails(t, err, model.NotFound, model.CodeUnknown)
		}
		_, err := s.core.ReferralStatus(t.Context(), s.account, evil)
		fails(t, err, model.Invalid, model.CodeBlocked)
		_, err = s.core.ReferralStatus(t.Context(), s.account, "nobody")
		fails(t, err, model.NotFound, model.CodeUnknown)
		bought := s.buy("o-1", "c-1", evil, "1")
		if got := s.via(bought.Event); got != "" {
			t.Errorf("a blocked code counts by %q", got)
		}
		join := s.visit(engine.Visit{Code: "Acme-Join"})
		if !strings.Contains(join.URL, "ref=acme-join") || signed(join) != "" {
			t.Errorf("the join link leads to %s", join.URL)
		}
	})
}

func TestLinkWithoutAPageLeadsNowhere(t *testing.T) {
	onBoth(t, "account: Acme\ncampaigns: [{name: First, status: launched}]\n", func(t *testing.T, s *stage) {
		_, err := s.core.Click(t.Context(), engine.Visit{Code: s.link("ann@example.com", 0)})
		fails(t, err, model.Invalid, "")
	})
}
