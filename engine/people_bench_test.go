package engine_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/engine/sheet"
	"grapevine/store"
	"grapevine/store/pgtest"
	"grapevine/store/postgres"
	"grapevine/store/sqlite"
)

// BenchmarkListPeople asks for pages of many participants: 20,000, or as many as
// GRAPEVINE_BENCH_PEOPLE says. It reports the median.
func BenchmarkListPeople(b *testing.B) {
	count := 20_000
	if n, err := strconv.Atoi(os.Getenv("GRAPEVINE_BENCH_PEOPLE")); err == nil {
		count = n
	}
	b.Run("sqlite", func(b *testing.B) {
		database, err := sqlite.Open(b.Context(), sqlite.Config{Path: filepath.Join(b.TempDir(), "test.db")})
		if err != nil {
			b.Fatal(err)
		}
		benchmarkPeople(b, database, count)
	})
	b.Run("postgres", func(b *testing.B) {
		database, err := postgres.Open(b.Context(), postgres.Config{URL: pgtest.URL(b)})
		if err != nil {
			b.Fatal(err)
		}
		benchmarkPeople(b, database, count)
	})
}

func benchmarkPeople(b *testing.B, database store.Engine, count int) {
	s := newStage(b, database, peopleFile)
	s.damaged = true // rows without events
	s.crowd(count)
	if database.Name() == "postgres" { // as a server does now and then
		err := database.Update(b.Context(), func(store.Conn) ([]store.Statement, error) {
			return []store.Statement{{SQL: "ANALYZE"}}, nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	ask := func(q engine.PeopleQuery) {
		q.Size = 25
		if _, err := s.core.ListPeople(context.Background(), s.account, q); err != nil {
			b.Fatal(err)
		}
	}
	began := time.Now()
	ask(engine.PeopleQuery{})
	b.Logf("the first question of %d: %v", count, time.Since(began))
	half := noon.Add(time.Duration(count/2) * time.Second).UnixMilli()
	two := engine.Relations{Referrer: true, Due: true}
	for _, c := range []struct {
		name string
		q    engine.PeopleQuery
	}{
		{"campaign, qualified between, by date", engine.PeopleQuery{With: two, By: sheet.Order{Column: engine.PeopleJoinedAt, Down: true}, Where: []sheet.Condition{
			number(engine.PeopleCampaign, int64(s.project.Campaigns[0].ID)), sheet.Between(engine.PeopleQualifiedAt, noon.UnixMilli(), half)}}},
		{"email like, rare", engine.PeopleQuery{By: sheet.Order{Column: sheet.ID}, Where: []sheet.Condition{sheet.Text(engine.PeopleEmail, sheet.Contains, "n77777@")}}},
		{"email like, common", engine.PeopleQuery{By: sheet.Order{Column: sheet.ID}, Where: []sheet.Condition{sheet.Text(engine.PeopleEmail, sheet.Contains, "@example")}}},
		{"by name", engine.PeopleQuery{By: sheet.Order{Column: engine.PeopleFirstName, Text: true}}},
		{"by referrals, down", engine.PeopleQuery{By: sheet.Order{Column: engine.PeopleReferrals, Down: true}}},
		{"the page in the middle by id", engine.PeopleQuery{By: sheet.Order{Column: sheet.ID}, Skip: count / 2}},
		{"the page in the middle by qualification", engine.PeopleQuery{By: sheet.Order{Column: engine.PeopleQualifiedAt}, Skip: count / 2}},
		{"reach", engine.PeopleQuery{By: sheet.Order{Column: engine.PeopleReach, Down: true}, Reach: true}},
		{"code as shown", engine.PeopleQuery{By: sheet.Order{Column: sheet.ID}, Where: []sheet.Condition{
			sheet.ShownText(engine.PeopleCode, func(code string) string { return "https://go.example.com/" + code }, sheet.Contains, "com/code77")}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				ask(c.q)
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms(median)")
		})
	}
}

// crowd makes participants, some thousands at a time: half of the first
// campaign, a third of all qualified, most brought by an earlier one.
func (s *stage) crowd(count int) {
	s.t.Helper()
	const piece = 25_000
	first, second := s.project.Campaigns[0].ID, s.project.Campaigns[1].ID
	for from := 0; from < count; from += piece {
		to := min(count, from+piece)
		each := fmt.Sprintf("(WITH RECURSIVE n(i) AS (SELECT CAST(%d AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i, %d AS a FROM n) m",
			from+1, to, s.account)
		at := fmt.Sprintf("%d + i * 1000", noon.UnixMilli())
		statements := []string{
			`INSERT INTO person (account_id, id, alias_of, aliases, purchases, turns, loyalty, created_at, erased_at) SELECT a, i, 0, 0, 0, 0, '', ` + at + `, 0 FROM ` + each,
			`INSERT INTO identity (account_id, kind, value, person_id, shown, main, at) SELECT a, 2, 'person' || CAST(i AS TEXT) || '@example.com', i, 'person' || CAST(i AS TEXT) || '@example.com', 1, ` + at + ` FROM ` + each,
			`INSERT INTO profile (account_id, person_id, first_name, last_name, ip, agent, body) SELECT a, i, 'Name' || CAST(i % 1000 AS TEXT), '', '', '', '' FROM ` + each,
			`INSERT INTO code (account_id, folded, id, shown, campaign_id, participant_id, person_id, seed, place, channel, params, named, made_at)
				SELECT a, 'code' || CAST(i AS TEXT), 100000000 + i, 'code' || CAST(i AS TEXT), 1, 10000000 + i, i, '', '', '', '', 0, ` + at + ` FROM ` + each,
			fmt.Sprintf(`INSERT INTO participant (account_id, id, uuid, campaign_id, person_id, code_id, referrer_id, referred_at, signed_up_at, captured_at, confirmed_at, qualified_at,
				source, joined_at, state, state_before, imported_at, applied_at, invited_at, active_at, seen_at, changed_at)
				SELECT a, 10000000 + i, '', CASE WHEN i %% 2 = 0 THEN %d ELSE %d END, i, 100000000 + i, CASE WHEN i > 10 THEN 10000000 + i / 10 ELSE 0 END, 0, %s, 0, 1,
				CASE WHEN i %% 3 = 0 THEN %s ELSE 0 END, '', %s, '', '', 0, 0, 0, 0, 0, 0 FROM `, first, second, at, at, at) + each,
			`INSERT INTO tally (account_id, subject_id, what, slot, n) SELECT a, 10000000 + i, 'click', 0, i % 50 FROM ` + each,
		}
		for _, sql := range statements {
			err := s.store.Engine().Update(context.Background(), func(store.Conn) ([]store.Statement, error) {
				return []store.Statement{{SQL: sql}}, nil
			})
			if err != nil {
				s.t.Fatal(err)
			}
		}
	}
}
