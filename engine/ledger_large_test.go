package engine_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/money"
	"grapevine/store"
)

// hoard adds n credits of 1 each to the points of somebody who has some. They
// expire a thousand a minute, from a time on.
func (s *stage) hoard(name string, n int, from time.Time) {
	s.t.Helper()
	head := fmt.Sprintf("account_id = %d AND holder = '%s' AND currency = 'Points'", s.account, store.PersonHolder(s.personOf(name)))
	err := s.store.Engine().Update(context.Background(), func(store.Conn) ([]store.Statement, error) {
		return []store.Statement{
			{SQL: fmt.Sprintf(`INSERT INTO credit (account_id, holder, currency, id, amount, remaining, expires_at, ended_at, ended, reward_id, earned_at)
				WITH RECURSIVE counted (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM counted WHERE i < %d)
				SELECT account_id, holder, currency, i, 10000, 10000, %d + (i - 1) / 1000 * 60000, 0, '', 0, %d
				FROM counted, ledger
				WHERE `+head, n, from.UnixMilli(), noon.UnixMilli())},
			{SQL: fmt.Sprintf(`INSERT INTO ledger_entry (account_id, holder, currency, number, id, kind, amount, balance, reward_id, event_id, note, at)
				SELECT account_id, holder, currency, entries + 1, 1, 'add', %[1]d, balance + %[1]d, 0, 0, '', %[2]d
				FROM ledger
				WHERE `+head, n*10000, noon.UnixMilli())},
			{SQL: fmt.Sprintf(`UPDATE ledger SET balance = balance + %d, entries = entries + 1, next_expiry = %d WHERE `+head, n*10000, from.UnixMilli())},
		}, nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// A ledger may have any number of credits: what touches few of them reads few,
// and what touches all of them still ends in its time.
func TestLedgerOfAHundredThousandCredits(t *testing.T) {
	inWriteLimit(t)
	const n = 100_000
	onBoth(t, reading, func(t *testing.T, s *stage) {
		s.know("c-1", "")
		from := noon.Add(time.Hour)
		s.adjust("c-1", "Points", -7, time.Time{}) // which expires last
		s.hoard("c-1", n, from)
		left := (n + 7) * money.Unit
		took := func(what string, do func()) {
			began := time.Now()
			do()
			t.Logf("%s: %v", what, time.Since(began))
		}
		read := func(expires time.Time) {
			t.Helper()
			got := s.balanceOf(engine.LedgerOf{CustomerID: "c-1", Currency: "Points"})
			if got.Total != left || len(got.Credits) != engine.CreditsListed || !got.ExpiresAt.Equal(expires) {
				t.Errorf("%v in %d credits, expires %v; want %v, %v", got.Total, len(got.Credits), got.ExpiresAt, left, expires)
			}
		}
		take := func(units money.Amount, expires time.Time) {
			t.Helper()
			left -= units * money.Unit
			got := s.adjust("c-1", "Points", units, time.Time{})
			if got.Total != left || len(got.Credits) > engine.CreditsListed || !got.ExpiresAt.Equal(expires) {
				t.Errorf("%v left, %d credits touched, expires %v; want %v, %v", got.Total, len(got.Credits), got.ExpiresAt, left, expires)
			}
		}
		took("read", func() { read(from) })
		took("take 1", func() { take(1, from) })
		took("take 40,000", func() { take(40_000, from.Add(40*time.Minute)) })
		s.wait(time.Hour + 60*time.Minute)
		left -= 20_999 * money.Unit // 40 to 60 minutes are over
		took("read what is due", func() { read(from.Add(61 * time.Minute)) })
		took("post what is due, and take 1", func() { take(1, from.Add(61*time.Minute)) })
		took("take the rest", func() { take(left/money.Unit, time.Time{}) })
	})
}

// A merge takes a ledger with it, however many credits it has.
func TestMergeOfALargeLedger(t *testing.T) {
	inWriteLimit(t)
	const n = 20_000
	onBoth(t, reading, func(t *testing.T, s *stage) {
		s.know("c-1", "")
		s.custom(engine.CustomEvent{Who: engine.Who{Email: "ann@example.com"}, Name: "trial"})
		s.hoard("ann@example.com", n, noon.Add(time.Hour))
		s.know("c-1", "ann@example.com")
		if got := s.balance("c-1", "Points"); got != (n+7)*money.Unit {
			t.Errorf("%v after the merge, want %d", got, n+7)
		}
		got := s.adjust("c-1", "Points", n-1, time.Time{})
		if got.Total != 8*money.Unit || !got.ExpiresAt.Equal(noon.Add(time.Hour+(n/1000-1)*time.Minute)) {
			t.Errorf("%v left, expires %v", got.Total, got.ExpiresAt)
		}
	})
}

// inWriteLimit leaves out, with -short, what the race detector makes so slow that
// it does not end within store.WriteLimit: SQLite is Go as well.
func inWriteLimit(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("slow under the race detector, which runs with -short")
	}
}
