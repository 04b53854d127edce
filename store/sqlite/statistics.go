package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// SQLite plans by statistics, and without any takes it that ten rows share a
// value of an index's first column. Ours is the account, which all rows may
// share: every search by a person or a click would walk the whole account. So
// the statistics say what is true of a large server, whatever a small one has:
// plans are the same everywhere, and nobody has to run ANALYZE.
const (
	rowsOfTable   = 1_000_000
	rowsOfPartial = 10_000 // of an index with a condition
	rowsOfValue   = 10     // that share a value of a column that tells rows apart
	coarseness    = 10     // values of a column that does not
)

// coarse are columns that tell few rows apart.
var coarse = []string{
	"batch_id", "campaign_id", "currency", "day", "dead", "endpoint_id", "ends", "facet_id", "kind", "lane", "level", "limit_name", "list", "minute",
	"role", "rule_id", "run_at", "slot", "state", "version", "what",
}

// index is an index as the statistics see it.
type index struct {
	table, name string
	columns     []string
	unique      bool
	partial     bool
}

// setStatistics writes what plans go by, unless it is written. Connections
// read it when they next see that the schema has changed.
func setStatistics(ctx context.Context, db *sql.DB) error {
	indexes, err := listIndexes(ctx, db)
	if err != nil {
		return fmt.Errorf("list indexes: %w", err)
	}
	known, err := knowsStatistics(ctx, db, indexes)
	if err != nil || known {
		return err
	}
	// To analyze a table makes sqlite_stat1; this one is always small.
	script := "BEGIN IMMEDIATE;\nANALYZE node;\nDELETE FROM sqlite_stat1;\n"
	for _, i := range indexes {
		script += fmt.Sprintf("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('%s', '%s', '%s');\n", i.table, i.name, i.statistics())
	}
	if _, err := db.ExecContext(ctx, script+"COMMIT;"); err != nil {
		return fmt.Errorf("write statistics: %w", err)
	}
	return nil
}

// knowsStatistics reports whether the database has the statistics of indexes.
func knowsStatistics(ctx context.Context, db *sql.DB, indexes []index) (bool, error) {
	var made int
	if err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_schema WHERE name = 'sqlite_stat1'`).Scan(&made); err != nil || made == 0 {
		return false, err
	}
	rows, err := db.QueryContext(ctx, `SELECT tbl, idx, stat FROM sqlite_stat1`)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	known := map[[3]string]bool{}
	for rows.Next() {
		var row [3]string
		if err := rows.Scan(&row[0], &row[1], &row[2]); err != nil {
			return false, err
		}
		known[row] = true
	}
	for _, i := range indexes {
		if !known[[3]string{i.table, i.name, i.statistics()}] {
			return false, rows.Err()
		}
	}
	return len(known) == len(indexes), rows.Err()
}

// statistics are the number of rows, and how many of them share the first
// column, the first two, and so on.
func (i *index) statistics() string {
	rows := rowsOfTable
	if i.partial {
		rows = rowsOfPartial
	}
	numbers := []string{fmt.Sprint(rows)}
	for at, column := range i.columns {
		switch {
		case i.unique && at == len(i.columns)-1:
			rows = 1
		case column == "account_id":
		case slices.Contains(coarse, column):
			rows = max(rows/coarseness, min(rows, rowsOfValue))
		default:
			rows = min(rows, rowsOfValue)
		}
		numbers = append(numbers, fmt.Sprint(rows))
	}
	return strings.Join(numbers, " ")
}

// listIndexes lists the indexes of all tables but SQLite's own, primary keys
// among them.
func listIndexes(ctx context.Context, db *sql.DB) ([]index, error) {
	rows, err := db.QueryContext(ctx, `
SELECT t.name, CASE WHEN l.origin = 'pk' AND t.wr = 1 THEN t.name ELSE l.name END, l."unique", l.partial, i.name
FROM pragma_table_list AS t
JOIN pragma_index_list(t.name) AS l
JOIN pragma_index_info(l.name) AS i
WHERE t.schema = 'main'
	AND t.type = 'table'
	AND t.name NOT LIKE 'sqlite\_%' ESCAPE '\'
ORDER BY t.name, l.name, i.seqno`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []index
	for rows.Next() {
		var next index
		var column string
		if err := rows.Scan(&next.table, &next.name, &next.unique, &next.partial, &column); err != nil {
			return nil, err
		}
		if last := len(list) - 1; last < 0 || list[last].table != next.table || list[last].name != next.name {
			list = append(list, next)
		}
		last := &list[len(list)-1]
		last.columns = append(last.columns, column)
	}
	return list, rows.Err()
}
