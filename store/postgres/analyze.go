package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/bits"
	"strings"

	"github.com/jackc/pgx/v5"
)

// PostgreSQL plans a prepared statement once, by the rows that a table had when
// it was last analyzed. A plan made for fifty rows reads all of an account's to
// find one, and is kept while they become a million. Autovacuum mends that
// within minutes; a new server is busy long before. So tables that have grown
// are analyzed when a number of rows are written, each time twice as many as
// before. Plans are made anew after it.
const (
	analyzeFirst = 1 << 7
	analyzeLast  = 1 << 21 // by then autovacuum has taken over
)

// wrote counts rows, and now and then has tables analyzed.
func (e *Engine) wrote(rows int64) {
	n := e.rows.Add(rows)
	if before := n - rows; n >= analyzeFirst && before < analyzeLast && bits.Len64(uint64(n)) > bits.Len64(uint64(before)) {
		e.working.Go(e.analyze)
	}
}

// analyze brings the statistics of tables up to date that have more than
// doubled. It goes by their size: PostgreSQL counts changes late.
func (e *Engine) analyze() {
	ctx := e.life
	rows, err := e.reads.Query(ctx, `SELECT relname
		FROM pg_class
		WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
			AND pg_relation_size(oid) > 2 * current_setting('block_size')::bigint * relpages
		ORDER BY relname`)
	if err != nil {
		e.analyzed(ctx, err)
		return
	}
	tables, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var name string
		err := row.Scan(&name)
		return pgx.Identifier{name}.Sanitize(), err
	})
	if err == nil && len(tables) > 0 {
		_, err = e.reads.Exec(ctx, "ANALYZE "+strings.Join(tables, ", "))
	}
	e.analyzed(ctx, err)
}

func (e *Engine) analyzed(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		e.log.Warn("tables could not be analyzed", "err", err)
	}
}

// assumeLargeAccounts has plans made as if the largest account were asked for.
// Otherwise they are made for one of average size: where a thousand accounts are
// small, to read all of an account's rows looks as good as to search for one of
// them, and is what the large one would get. PostgreSQL heeds it from the next
// time on that it analyzes the table.
func assumeLargeAccounts(ctx context.Context, db *sql.DB) (err error) {
	tables, err := withoutAssumption(ctx, db)
	if err != nil || len(tables) == 0 {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	lock := migrationLock{}
	if err := lock.SessionLock(ctx, conn); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.SessionUnlock(context.WithoutCancel(ctx), conn)) }()
	for _, table := range tables {
		if _, err := conn.ExecContext(ctx, "ALTER TABLE "+pgx.Identifier{table}.Sanitize()+" ALTER COLUMN account_id SET (n_distinct = 1)"); err != nil {
			return fmt.Errorf("assume large accounts in %s: %w", table, err)
		}
	}
	return nil
}

// withoutAssumption lists the tables of accounts that are planned for one of
// average size.
func withoutAssumption(ctx context.Context, db *sql.DB) (tables []string, err error) {
	rows, err := db.QueryContext(ctx, `SELECT c.relname
		FROM pg_class c
		JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attname = 'account_id' AND NOT a.attisdropped
			AND a.attoptions IS NULL
		ORDER BY c.relname`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			return nil, err
		}
		tables = append(tables, table)
	}
	return tables, rows.Err()
}
