package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
)

// PostgreSQL plans a prepared statement once, and for a table without
// statistics one index is as good to it as another: on a new database a search
// for one e-mail address would read all of the account's. Autovacuum mends that
// within minutes; a new server is busy long before. So tables are analyzed when
// a number of transactions are done, each time twice as many as before, by the
// rule that autovacuum has. Plans are made anew after it.

// analyzeLast is the last number of transactions after which tables are
// analyzed: by then autovacuum has taken over.
const analyzeLast = 100_000

// committed counts a transaction, and now and then has tables analyzed.
func (e *Engine) committed() {
	n := e.commits.Add(1)
	if n > analyzeLast {
		return
	}
	if n&(n-1) == 0 { // 1, 2, 4 …
		e.working.Go(e.analyze)
	}
}

// analyze brings the statistics of tables up to date that have changed by more
// than a tenth.
func (e *Engine) analyze() {
	ctx := e.life
	rows, err := e.reads.Query(ctx, `SELECT relname
		FROM pg_stat_user_tables
		WHERE schemaname = current_schema() AND n_mod_since_analyze > 50 + n_live_tup / 10
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
