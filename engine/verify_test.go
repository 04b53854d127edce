package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"grapevine/engine"
	"grapevine/money"
	"grapevine/store"
)

// Whatever row is damaged, verify names it: it computes from events and
// entries, and reads no counter to compute one.
func TestVerifyNamesEachDamagedRow(t *testing.T) {
	onBoth(t, acme, func(t *testing.T, s *stage) {
		s.damaged = true
		code := s.link("ann@example.com", 0)
		if _, err := s.core.Click(t.Context(), engine.Visit{Code: code, IP: "192.0.2.1"}); err != nil {
			t.Fatal(err)
		}
		if err := s.core.Roll(t.Context()); err != nil { // the click waits for its counters until then
			t.Fatal(err)
		}
		coupon := s.couponOf("o-1", code)
		s.buy("o-2", "c-2", code, "20")
		s.purchase(engine.Purchase{Referral: engine.Referral{CouponCode: coupon}, OrderID: "o-3", Amount: money.Unit, Currency: "USD"})
		s.buy("o-4", "c-4", s.link("bob@example.com", 1), "20")
		if _, err := s.letIn(s.core, "cleo@example.com", "press"); err != nil {
			t.Fatal(err)
		}
		if report := s.verify(); len(report.Differences) != 0 || report.Checked["reward"] != 5 {
			t.Fatalf("before any damage: %+v", report)
		}
		for _, tt := range []struct {
			damage, undo string // statements; the row they touch is told by the key
			want         string // table and the field it names
		}{
			{"UPDATE ledger SET balance = balance + 1 WHERE holder LIKE 'p%'", "UPDATE ledger SET balance = balance - 1", "ledger balance"},
			{"UPDATE ledger SET entries = 7", "UPDATE ledger SET entries = 1", "ledger entries"},
			{"UPDATE ledger_entry SET amount = amount + 1", "UPDATE ledger_entry SET amount = amount - 1", "ledger_entry balance"},
			{"UPDATE ledger_entry SET balance = balance + 1", "UPDATE ledger_entry SET balance = balance - 1", "ledger_entry balance"},
			{"UPDATE ledger_entry SET reward_id = reward_id + 1", "UPDATE ledger_entry SET reward_id = reward_id - 1", "ledger_entry reward"},
			{"UPDATE credit SET remaining = remaining - 1", "UPDATE credit SET remaining = remaining + 1", "credit sum of what is active"},
			{"UPDATE tally SET n = n + 1 WHERE what = 'click'", "UPDATE tally SET n = n - 1 WHERE what = 'click'", "tally sum"},
			{"UPDATE tally SET n = n + 1 WHERE what = 'joined'", "UPDATE tally SET n = n - 1 WHERE what = 'joined'", "tally sum"},
			{"UPDATE holding SET n = n + 1", "UPDATE holding SET n = n - 1", "holding number and amount"},
			{"UPDATE holding SET amount = amount + 1", "UPDATE holding SET amount = amount - 1", "holding number and amount"},
			{"UPDATE person SET purchases = purchases + 1", "UPDATE person SET purchases = purchases - 1", "person purchases"},
			{"UPDATE person SET aliases = aliases + 1", "UPDATE person SET aliases = aliases - 1", "person aliases"},
			{"UPDATE progress SET places = places + 1", "UPDATE progress SET places = places - 1", "progress places"},
			{"UPDATE progress SET friends = friends + 1", "UPDATE progress SET friends = friends - 1", "progress friends"},
			{"UPDATE referral SET number = number + 5", "UPDATE referral SET number = number - 5", "referral number"},
			{"UPDATE coupon SET holder_id = holder_id + 1 WHERE holder_id <> 0", "UPDATE coupon SET holder_id = holder_id - 1 WHERE holder_id <> 0", "coupon holder"},
			{"UPDATE coupon SET used_at = 1 WHERE used_at = 0 AND holder_id <> 0", "UPDATE coupon SET used_at = 0 WHERE used_at = 1", "coupon used"},
			{"UPDATE coupon SET voided_at = 1 WHERE holder_id <> 0", "UPDATE coupon SET voided_at = 0", "coupon void"},
			{"UPDATE invitation_use SET uses = uses + 1", "UPDATE invitation_use SET uses = uses - 1", "invitation_use uses"},
			{"UPDATE invitation_use SET code = 'pass'", "UPDATE invitation_use SET code = 'press'", "invitation_use uses"},
			{"UPDATE coupon_batch SET size = size + 1", "UPDATE coupon_batch SET size = size - 1", "coupon_batch size"},
			{"UPDATE reward SET state = 'revoked' WHERE state = 'delivered' AND kind = 'ledger'", "UPDATE reward SET state = 'delivered' WHERE state = 'revoked'", "reward state"},
			{"UPDATE reward SET amount = amount + 1 WHERE kind = 'ledger'", "UPDATE reward SET amount = amount - 1 WHERE kind = 'ledger'", "reward amount"},
			{"UPDATE reward SET friend_id = friend_id + 1", "UPDATE reward SET friend_id = friend_id - 1", "reward friend"},
			{"UPDATE reward SET at = at + 1", "UPDATE reward SET at = at - 1", "reward time"},
			{"UPDATE reward SET earned_at = earned_at + 1 WHERE earned_at <> 0", "UPDATE reward SET earned_at = earned_at - 1 WHERE earned_at <> 0", "reward time of being earned"},
			{"UPDATE reward SET delivered_at = 1 WHERE delivered_at = 0", "UPDATE reward SET delivered_at = 0 WHERE delivered_at = 1", "reward time of delivery"},
			{"UPDATE reward SET ended_at = ended_at + 1 WHERE ended_at <> 0", "UPDATE reward SET ended_at = ended_at - 1 WHERE ended_at <> 0", "reward time of its end"},
			{"UPDATE reward SET person_id = friend_id WHERE role = 'advocate' AND state = 'not_eligible'", "", "reward state"},
		} {
			n := s.raw(tt.damage)
			if n == 0 {
				t.Errorf("%s: no row to damage", tt.damage)
			}
			report := s.verify()
			if !names(report, tt.want) {
				t.Errorf("%s: verify says %v, want it to name %s", tt.damage, report.Differences, tt.want)
			}
			if tt.undo != "" {
				s.raw(tt.undo)
				if report := s.verify(); len(report.Differences) != 0 {
					t.Fatalf("%s: %v", tt.undo, report.Differences)
				}
			}
		}
	})
}

// A row that is gone, or that nothing explains, is named as well.
func TestVerifyNamesLostAndInventedRows(t *testing.T) {
	for _, tt := range []struct{ damage, want string }{
		{"DELETE FROM reward WHERE role = 'advocate'", "reward state"},
		{"DELETE FROM conversion", "reward state"},
		{"DELETE FROM conversion", "referral number"},
		{"DELETE FROM ledger", "ledger balance"},
		{"DELETE FROM progress", "progress places"},
		{"DELETE FROM tally", "tally sum"},
		{"UPDATE person SET erased_at = 1", "person name"},
		{"DELETE FROM event WHERE kind = 'purchase'", "coupon holder"},
	} {
		onBoth(t, acme, func(t *testing.T, s *stage) {
			s.damaged = true
			s.buy("o-1", "c-1", s.link("ann@example.com", 0), "20")
			s.raw(tt.damage)
			if report := s.verify(); !names(report, tt.want) {
				t.Errorf("%s: verify says %v, want it to name %s", tt.damage, report.Differences, tt.want)
			}
		})
	}
}

func names(report *engine.Report, want string) bool {
	table, what, _ := strings.Cut(want, " ")
	for _, d := range report.Differences {
		if d.Table == table && d.What == what && d.Key != "" && strings.Contains(d.String(), d.Key) {
			return true
		}
	}
	return false
}

// raw runs a statement on the rows of the stage's account, behind the engine's
// back.
func (s *stage) raw(sql string) int64 {
	s.t.Helper()
	glue := " WHERE "
	if strings.Contains(sql, "WHERE") {
		glue = " AND "
	}
	var n int64
	err := s.store.Engine().Update(context.Background(), func(store.Conn) ([]store.Statement, error) {
		return []store.Statement{{SQL: sql + fmt.Sprintf("%saccount_id = %d", glue, s.account), Affected: &n}}, nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}
