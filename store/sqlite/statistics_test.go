package sqlite

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"grapevine/store"
)

// Without statistics SQLite walked all rows of the account for each of these.
func TestSearchesGoByTheirIndex(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	e, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for range 2 { // the second finds what the first wrote
		if err := e.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ query, index string }{
		{`SELECT shown FROM identity WHERE account_id = 1 AND person_id = 2`, "identity_person"},
		{`SELECT shown FROM identity WHERE account_id = 1 AND person_id IN (2, 3, 4, 5)`, "identity_person"},
		{`SELECT shown FROM identity WHERE account_id = 1 AND kind = 2 AND value = 'a'`, "PRIMARY KEY"},
		{`SELECT created_at FROM person WHERE account_id = 1 AND alias_of = 2 AND alias_of <> 0`, "person_alias"},
		{`SELECT uuid FROM participant WHERE account_id = 1 AND person_id = 2`, "participant_person"},
		{`SELECT uuid FROM participant WHERE account_id = 1 AND referrer_id = 2 AND referrer_id <> 0`, "participant_referrer"},
		{`SELECT shown FROM code WHERE account_id = 1 AND participant_id = 2`, "code_participant"},
		{`SELECT a.uuid, c.shown FROM participant a LEFT JOIN code c ON c.account_id = a.account_id AND c.id = a.code_id WHERE a.account_id = 1 AND a.id = 2`, "COVERING INDEX code_id"},
		{`SELECT code_id FROM click WHERE account_id = 1 AND visitor_id = 3 ORDER BY id DESC LIMIT 1`, "click_visitor"},
		{`SELECT uuid FROM event WHERE account_id = 1 AND person_id = 3 ORDER BY id DESC LIMIT 50`, "event_person"},
		{`SELECT why FROM reward WHERE account_id = 1 AND person_id IN (2, 3) AND rule_id = 4 AND role = 'friend' ORDER BY id DESC`, "reward_person"},
		{`SELECT why FROM reward WHERE account_id = 1 AND batch_id = 2 AND state = 'pending' AND batch_id <> 0 ORDER BY id LIMIT 9`, "reward_waiting"},
		{`SELECT code FROM coupon WHERE account_id = 1 AND batch_id = 2 AND holder_id = 0 ORDER BY id LIMIT 1`, "coupon_free"},
		{`SELECT code FROM coupon WHERE account_id = 1 AND person_id IN (2, 3) AND person_id <> 0 AND voided_at = 0 ORDER BY handed_at DESC, batch_id DESC, id DESC LIMIT 9`, "coupon_person"},
		{`SELECT facts FROM event e WHERE e.account_id = 1 AND e.person_id IN (2, 3) AND e.kind = 'loyalty' ORDER BY e.at, e.id`, "event_loyalty"},
		{`SELECT remaining FROM credit WHERE account_id = 1 AND holder = 'p2' AND currency = 'USD' AND ended_at = 0 AND (expires_at, earned_at, id) > (3, 4, 5) ORDER BY expires_at, earned_at, id LIMIT 9`, "credit_active"},
		{`UPDATE credit SET remaining = 0 WHERE account_id = 1 AND holder = 'p2' AND currency = 'USD' AND ended_at = 0 AND expires_at <= 3`, "credit_active"},
		{`SELECT items FROM delivery WHERE account_id = 1 AND endpoint_id = 2 AND first_at = 0 AND state = 'open' ORDER BY id LIMIT 1`, "delivery_open"},
		{`SELECT subject_id FROM job WHERE account_id = 1 AND kind = 'tell' AND lane = 2 AND dead = 0 AND run_at <= 3 ORDER BY run_at, id LIMIT 9`, "job_lane"},
	} {
		var lines []string
		// The writer was open before there was a schema.
		err := e.Update(context.Background(), func(conn store.Conn) ([]store.Statement, error) {
			return nil, conn.Run(context.Background(), store.Statement{
				SQL: "EXPLAIN QUERY PLAN " + c.query,
				Row: func(r store.Row) error {
					var id, parent, unused int64
					var line string
					err := r.Scan(&id, &parent, &unused, &line)
					lines = append(lines, line)
					return err
				},
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(lines, "\n"); !strings.Contains(got, c.index+" (") {
			t.Errorf("%s\nwant a search by %s, got\n%s", c.query, c.index, got)
		}
	}
}
