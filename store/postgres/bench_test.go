package postgres_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"grapevine/store"
	"grapevine/store/pgtest"
	"grapevine/store/postgres"
)

// BenchmarkFiveStatements is a transaction of one read and four writes, two
// round trips, by 16 callers at once.
func BenchmarkFiveStatements(b *testing.B) { benchmark(b, 1, 4) }

// BenchmarkPurchase has the five reads and twenty writes of a purchase, in three
// round trips.
func BenchmarkPurchase(b *testing.B) { benchmark(b, 5, 20) }

// BenchmarkView reads one row, 16 callers at once.
func BenchmarkView(b *testing.B) {
	ctx := context.Background()
	e := openBench(b)
	run(b, e, `INSERT INTO item (account_id, id, name, sum) VALUES (1, 1, 'x', 0)`)
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			var name string
			err := e.View(ctx, func(c store.Conn) error {
				return c.Run(ctx, store.Statement{
					SQL:  `SELECT name FROM item WHERE account_id = $1 AND id = $2`,
					Args: []any{1, 1},
					Row:  func(r store.Row) error { return r.Scan(&name) },
				})
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "views/s")
}

func openBench(b *testing.B) *postgres.Engine {
	e, err := postgres.Open(context.Background(), postgres.Config{URL: pgtest.URL(b), MaxConns: 16})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { e.Close() })
	run(b, e, `CREATE TABLE item (account_id BIGINT NOT NULL, id BIGINT NOT NULL, name TEXT COLLATE "C" NOT NULL, sum BIGINT NOT NULL,
		PRIMARY KEY (account_id, id))`)
	return e
}

func benchmark(b *testing.B, reads, writes int) {
	ctx := context.Background()
	e := openBench(b)
	var ids atomic.Int64
	b.SetParallelism(8)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			id := ids.Add(100)
			err := e.Update(ctx, func(c store.Conn) ([]store.Statement, error) {
				var name string
				var ask, last []store.Statement
				for i := range reads {
					ask = append(ask, store.Statement{
						SQL:  `SELECT name FROM item WHERE account_id = $1 AND id = $2`,
						Args: []any{int64(1), id - 100 - int64(i)},
						Row:  func(r store.Row) error { return r.Scan(&name) },
					})
				}
				if err := c.Run(ctx, ask...); err != nil {
					return nil, err
				}
				for i := range int64(writes) {
					if i%4 == 3 {
						last = append(last, store.Statement{
							SQL:  `UPDATE item SET sum = sum + $3 WHERE account_id = $1 AND id = $2`,
							Args: []any{int64(1), id, i},
						})
						continue
					}
					last = append(last, store.Statement{
						SQL:  `INSERT INTO item (account_id, id, name, sum) VALUES ($1, $2, $3, $4)`,
						Args: []any{int64(1), id + i, fmt.Sprint("somebody@example.com", i), i},
					})
				}
				return last, nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tx/s")
}
