package engine_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"grapevine/engine"
	"grapevine/engine/zone"
	"grapevine/model"
	"grapevine/store"
)

const countingMail = `
account: Acme
site: https://shop.example.com
email: {reminders: {after: 72h}}
campaigns:
  - name: First
    status: launched
    widgets: [{id: ff83c064-0776-4b99-adcc-c2b93af11b78, name: Overlay, type: advocateShare}]
  - {name: Second, status: launched}
`

// shareWith shares somebody's link of a campaign by mail.
func (s *stage) shareWith(code, widget string, friends ...string) {
	s.t.Helper()
	mail := &engine.ShareMail{}
	for _, f := range friends {
		mail.To = append(mail.To, engine.Recipient{Email: f + "@example.org"})
	}
	_, err := s.core.RecordShare(context.Background(), s.account, engine.Share{
		Who: server("", "ann@example.com"), Code: code, Channel: "email", Widget: widget, Mail: mail,
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// What becomes of mail is counted on the day on which it happens, in the zone
// that is asked for, shares and reminders apart.
func TestMailIsCountedByDay(t *testing.T) {
	t.Parallel()
	onBoth(t, countingMail, func(t *testing.T, s *stage) {
		ctx := context.Background()
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		const overlay = "ff83c064-0776-4b99-adcc-c2b93af11b78"
		// Noon of March 1 is still that day in New York, and the 2nd in Auckland.
		s.shareWith(s.link("ann@example.com", 0), overlay, "bea", "cai", "dee")
		s.shareWith(s.link("ann@example.com", 1), "", "eve")
		tokens := map[string]string{}
		for _, p := range s.post(engine.MailTaken) {
			tokens[p.To] = p.Token
		}
		bea, cai, dee := tokens["bea@example.org"], tokens["cai@example.org"], tokens["dee@example.org"]
		for range 3 {
			check(s.core.MailOpened(ctx, bea, true)) // a program, which is none of those who open
		}
		check(s.core.MailOpened(ctx, bea, false))
		s.wait(24 * time.Hour) // March 2
		check(s.core.MailOpened(ctx, bea, false))
		for _, machine := range []bool{true, false, false} {
			_, err := s.core.MailFollowed(ctx, bea, machine)
			check(err)
		}
		check(s.core.MailReturned(ctx, s.account, engine.MailReturn{News: engine.MailDidNotArrive, Token: cai}))
		check(s.core.MailReturned(ctx, s.account, engine.MailReturn{News: engine.MailIsSpam, Token: dee}))
		check(s.core.MailReturned(ctx, s.account, engine.MailReturn{News: engine.MailIsSpam, Token: dee}))
		s.wait(48 * time.Hour) // March 4: Eve is reminded; Bea followed, Cai's did not arrive, Dee complained
		s.run()
		reminders := s.post(engine.MailTaken)
		if len(reminders) != 1 || reminders[0].To != "eve@example.org" {
			t.Fatalf("reminded %+v", reminders)
		}
		check(s.core.MailOpened(ctx, reminders[0].Token, false))
		_, err := s.core.RollCounts(ctx, s.account)
		check(err)

		type counts = engine.EmailCounts
		for name, c := range map[string]struct {
			zone     string
			campaign string
			widget   string
			want     map[string]engine.Emails // by date
		}{
			"UTC": {zone: "Etc/UTC", want: map[string]engine.Emails{
				"2026-03-01": {Shares: counts{Shares: 2, Recipients: 4, Delivered: 3, Opens: 1, Opened: 1}},
				"2026-03-02": {Shares: counts{Bounced: 1, Spam: 1, Opens: 1, Clicks: 2, Clicked: 1}},
				"2026-03-04": {Reminders: counts{Shares: 1, Recipients: 1, Delivered: 1, Opens: 1, Opened: 1}},
			}},
			"a day later": {zone: "Pacific/Auckland", want: map[string]engine.Emails{
				"2026-03-02": {Shares: counts{Shares: 2, Recipients: 4, Delivered: 3, Opens: 1, Opened: 1}},
				"2026-03-03": {Shares: counts{Bounced: 1, Spam: 1, Opens: 1, Clicks: 2, Clicked: 1}},
				"2026-03-05": {Reminders: counts{Shares: 1, Recipients: 1, Delivered: 1, Opens: 1, Opened: 1}},
			}},
			"a campaign": {zone: "Etc/UTC", campaign: s.project.Campaigns[1].UUID, want: map[string]engine.Emails{
				"2026-03-01": {Shares: counts{Shares: 1, Recipients: 1, Delivered: 1}},
				"2026-03-04": {Reminders: counts{Shares: 1, Recipients: 1, Delivered: 1, Opens: 1, Opened: 1}},
			}},
			"a widget": {zone: "Etc/UTC", widget: overlay, want: map[string]engine.Emails{
				"2026-03-01": {Shares: counts{Shares: 1, Recipients: 3, Delivered: 2, Opens: 1, Opened: 1}},
				"2026-03-02": {Shares: counts{Bounced: 1, Spam: 1, Opens: 1, Clicks: 2, Clicked: 1}},
			}},
		} {
			in, known := zone.Load(c.zone)
			if !known {
				t.Fatalf("no zone %s", c.zone)
			}
			day := func(d int) time.Time { return time.Date(2026, 3, d, 0, 0, 0, 0, time.UTC) }
			got, err := s.core.EmailMetrics(ctx, s.account, engine.MetricsQuery{From: day(1), To: day(5), Zone: in, ByDay: true, Campaign: c.campaign, Widget: c.widget})
			check(err)
			days, sum := map[string]engine.Emails{}, engine.Emails{}
			for _, d := range got.Days {
				if d.Emails != (engine.Emails{}) {
					days[d.Date.Format(time.DateOnly)] = d.Emails
				}
			}
			for _, d := range c.want {
				sum.Shares, sum.Reminders = added(sum.Shares, d.Shares), added(sum.Reminders, d.Reminders)
			}
			if diff := cmp.Diff(c.want, days); diff != "" {
				t.Errorf("%s: days differ (-want +got):\n%s", name, diff)
			}
			if diff := cmp.Diff(sum, got.Emails); diff != "" {
				t.Errorf("%s: sums differ (-want +got):\n%s", name, diff)
			}
		}
	})
}

func added(a, b engine.EmailCounts) engine.EmailCounts {
	return engine.EmailCounts{
		Shares: a.Shares + b.Shares, Recipients: a.Recipients + b.Recipients, Delivered: a.Delivered + b.Delivered, Bounced: a.Bounced + b.Bounced,
		Spam: a.Spam + b.Spam, Opens: a.Opens + b.Opens, Opened: a.Opened + b.Opened, Clicks: a.Clicks + b.Clicks, Clicked: a.Clicked + b.Clicked,
	}
}

// However many nodes follow a share up at once, each friend gets one reminder,
// and the share counts once.
func TestShareThatIsFollowedUpCountsOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, countingMail, func(t *testing.T, s *stage) {
		var friends []string
		for i := range 12 {
			friends = append(friends, fmt.Sprint("friend", i))
		}
		s.shareWith(s.link("ann@example.com", 0), "", friends...)
		s.post(engine.MailTaken)
		s.wait(72 * time.Hour)
		jobs := s.jobs(model.JobRemind)
		nodes := []*engine.Engine{s.core, s.node(2)}
		parallel(t, 2*len(jobs), func(i int) (any, error) {
			return nodes[i%2].RunJob(context.Background(), jobs[i/2])
		})
		if n := len(s.post(engine.MailTaken)); n != len(friends) {
			t.Errorf("%d reminders, want %d", n, len(friends))
		}
		day := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
		m, err := s.core.EmailMetrics(t.Context(), s.account, engine.MetricsQuery{From: day, To: day, Zone: time.UTC})
		if err != nil || m.Reminders.Shares != 1 || m.Reminders.Recipients != int64(len(friends)) {
			t.Errorf("counted %+v, %v", m, err)
		}
	})
}

// An address before the @ of which no token fits gets bounces all the same.
func TestBouncesGoToAnAddressThatServersTake(t *testing.T) {
	t.Parallel()
	for local, own := range map[string]bool{"bounces": true, strings.Repeat("b", 21): true, strings.Repeat("b", 22): false, strings.Repeat("b", 64): false} {
		onBoth(t, strings.Replace(countingMail, "email: {", "email: {bounces: "+local+"@mail.example.com, ", 1), func(t *testing.T, s *stage) {
			s.shareWith(s.link("ann@example.com", 0), "", "bea")
			sent := s.post(engine.MailTaken)[0]
			want := local + "@mail.example.com"
			if own {
				want = local + "+" + sent.Token + "@mail.example.com"
			}
			if sent.Bounces != want || !strings.HasPrefix(sent.MessageID, sent.Token) {
				t.Errorf("bounces go to %s, want %s", sent.Bounces, want)
			}
		})
	}
}

// However many nodes send an account's mail, its rate holds, and what waits is
// spread over the time to come.
func TestSendingRateHoldsAcrossNodes(t *testing.T) {
	t.Parallel()
	onBoth(t, strings.Replace(countingMail, "email: {", "email: {per_minute: 6, ", 1), func(t *testing.T, s *stage) {
		var friends []string
		for i := range 16 {
			friends = append(friends, fmt.Sprint("friend", i))
		}
		s.shareWith(s.link("ann@example.com", 0), "", friends...)
		jobs := s.jobs(model.JobMail)
		nodes := []*engine.Engine{s.core, s.node(2)}
		q := model.Queue{Account: s.account, Kind: model.JobMail}
		var mu sync.Mutex
		sent := 0
		parallel(t, 8, func(i int) (any, error) {
			postings, err := nodes[i%2].StartMails(context.Background(), q, jobs[2*i:2*i+2])
			mu.Lock()
			defer mu.Unlock()
			sent += len(postings)
			return nil, err
		})
		if sent != 1 {
			t.Errorf("%d mails at once, want 1", sent)
		}
		slots := map[time.Time]bool{}
		s.view(func(tx *store.Tx) error {
			all, err := tx.ListMails(0, 100)
			for _, m := range all {
				slots[m.SlotAt] = true
			}
			return err
		})
		for i := range friends {
			if at := noon.Add(time.Duration(i) * 10 * time.Second); !slots[at] {
				t.Errorf("no mail goes at %v", at)
			}
		}
	})
}
