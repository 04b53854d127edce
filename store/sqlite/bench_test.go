package sqlite_test

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"

	"grapevine/store"
)

// BenchmarkPurchase is what a purchase costs the writer: five reads, fifteen
// inserts and five updates, by 64 callers at once.
func BenchmarkPurchase(b *testing.B) {
	ctx := context.Background()
	e := openFile(b, filepath.Join(b.TempDir(), "bench.db"))
	var ddl []store.Statement
	for _, table := range []string{"a", "b", "c", "d", "e"} {
		ddl = append(ddl, store.Statement{SQL: `CREATE TABLE ` + table + ` (account_id BIGINT NOT NULL, id BIGINT NOT NULL,
			name TEXT NOT NULL, sum BIGINT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (account_id, id)) WITHOUT ROWID`})
	}
	if err := e.Update(ctx, func(store.Conn) ([]store.Statement, error) { return ddl, nil }); err != nil {
		b.Fatal(err)
	}
	inserts, updates, reads := []string{}, []string{}, []string{}
	for _, table := range []string{"a", "b", "c", "d", "e"} {
		inserts = append(inserts, `INSERT INTO `+table+` (account_id, id, name, sum, at) VALUES ($1, $2, $3, $4, $5)`)
		updates = append(updates, `UPDATE `+table+` SET sum = sum + $3 WHERE account_id = $1 AND id = $2`)
		reads = append(reads, `SELECT name, sum, at FROM `+table+` WHERE account_id = $1 AND id = $2`)
	}
	var ids atomic.Int64
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			id := ids.Add(3)
			err := e.Update(ctx, func(c store.Conn) ([]store.Statement, error) {
				var name string
				var sum, at int64
				found := func(r store.Row) error { return r.Scan(&name, &sum, &at) }
				for i := range reads {
					if err := c.Run(ctx, store.Statement{SQL: reads[i], Args: []any{int64(1), id - 3}, Row: found}); err != nil {
						return nil, err
					}
				}
				last := make([]store.Statement, 0, 20)
				for i := range inserts {
					for n := range int64(3) {
						last = append(last, store.Statement{SQL: inserts[i], Args: []any{int64(1), id + n, "somebody@example.com", n, id}})
					}
					last = append(last, store.Statement{SQL: updates[i], Args: []any{int64(1), id, int64(5)}})
				}
				return last, nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/25, "ns/statement")
}

// BenchmarkView reads one row, with a context that can be cancelled.
func BenchmarkView(b *testing.B) {
	e := openFile(b, filepath.Join(b.TempDir(), "bench.db"))
	seed(b, e)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			var sum int64
			err := e.View(ctx, func(c store.Conn) error {
				return c.Run(ctx, store.Statement{
					SQL:  `SELECT sum FROM click WHERE account_id = $1 AND id = $2`,
					Args: []any{int64(1), int64(1)},
					Row:  func(r store.Row) error { return r.Scan(&sum) },
				})
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkClick inserts one row and adds to a counter, by 64 callers at once.
func BenchmarkClick(b *testing.B) {
	ctx := context.Background()
	e := openFile(b, filepath.Join(b.TempDir(), "bench.db"))
	seed(b, e)
	var ids atomic.Int64
	ids.Store(1)
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			id := ids.Add(1)
			err := e.Update(ctx, func(store.Conn) ([]store.Statement, error) {
				return []store.Statement{
					{SQL: `INSERT INTO click (account_id, id, name, sum) VALUES ($1, $2, $3, 0)`, Args: []any{int64(1), id, "Mozilla/5.0"}},
					{SQL: `UPDATE click SET sum = sum + 1 WHERE account_id = $1 AND id = $2`, Args: []any{int64(1), int64(1)}},
				}, nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func seed(b *testing.B, e store.Engine) {
	if err := e.Update(context.Background(), func(store.Conn) ([]store.Statement, error) {
		return []store.Statement{
			{SQL: `CREATE TABLE click (account_id BIGINT NOT NULL, id BIGINT NOT NULL, name TEXT NOT NULL, sum BIGINT NOT NULL,
				PRIMARY KEY (account_id, id)) WITHOUT ROWID`},
			{SQL: `INSERT INTO click (account_id, id, name, sum) VALUES (1, 1, 'x', 0)`},
		}, nil
	}); err != nil {
		b.Fatal(err)
	}
}
