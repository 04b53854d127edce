package storetest

import (
	"strings"

	"grapevine/store"
)

// inSchema picks what lies in the schema of the test and is not goose's.
const inSchema = `t.relnamespace = current_schema()::regnamespace AND t.relkind = 'r' AND t.relname <> '` + store.Versions + `'`

// readPostgres reads the schema from the catalogue.
func readPostgres(r reader) (s Schema, err error) {
	var table, name, column, kind, filled, condition string
	var nullable, unique, primary, constraint bool
	err = r.each(`SELECT t.relname, a.attname,
			CASE format_type(a.atttypid, a.atttypmod) WHEN 'text' THEN 'TEXT' WHEN 'bigint' THEN 'BIGINT'
				ELSE format_type(a.atttypid, a.atttypmod) END
			|| CASE WHEN a.attcollation = 0 OR o.collname = 'C' THEN '' ELSE ' COLLATE ' || o.collname END,
			NOT a.attnotnull,
			CASE WHEN a.attidentity <> '' THEN 'identity' WHEN a.attgenerated <> '' THEN 'generated'
				ELSE COALESCE(pg_get_expr(d.adbin, d.adrelid), '') END
		FROM pg_class AS t
		JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
		LEFT JOIN pg_attrdef AS d ON d.adrelid = t.oid AND d.adnum = a.attnum
		LEFT JOIN pg_collation AS o ON o.oid = a.attcollation
		WHERE `+inSchema+`
		ORDER BY t.relname, a.attnum`,
		func() {
			s.table(table).Columns = append(s.table(table).Columns, Column{column, kind, nullable, filled})
		}, &table, &column, &kind, &nullable, &filled)
	if err != nil {
		return s, err
	}
	var columns string
	err = r.each(`SELECT t.relname, c.relname, i.indisunique, i.indisprimary,
			EXISTS (SELECT 1 FROM pg_constraint AS u WHERE u.conindid = i.indexrelid AND u.contype IN ('p', 'u', 'x')),
			COALESCE(pg_get_expr(i.indpred, i.indrelid), ''),
			(SELECT string_agg(COALESCE(a.attname, '(expression)')
					|| CASE WHEN k.coll = 0 OR o.collname = 'C' THEN '' ELSE ' COLLATE ' || o.collname END
					|| CASE WHEN k.opt & 1 = 1 THEN ' DESC' ELSE '' END, ',' ORDER BY k.number)
				FROM unnest(i.indkey::int2[], i.indcollation::oid[], i.indoption::int2[])
					WITH ORDINALITY AS k (attribute, coll, opt, number)
				LEFT JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attribute AND k.attribute <> 0
				LEFT JOIN pg_collation AS o ON o.oid = k.coll
				WHERE k.number <= i.indnkeyatts)
		FROM pg_class AS t
		JOIN pg_index AS i ON i.indrelid = t.oid
		JOIN pg_class AS c ON c.oid = i.indexrelid
		WHERE `+inSchema,
		func() {
			parts := strings.Split(columns, ",")
			if primary {
				s.table(table).Primary = parts
				return
			}
			if constraint {
				name = ""
			}
			s.table(table).Indexes = append(s.table(table).Indexes, Index{name, unique, parts, plain(condition)})
		}, &table, &name, &unique, &primary, &constraint, &condition, &columns)
	if err != nil {
		return s, err
	}
	names := func(numbers, table string) string {
		return `(SELECT string_agg(a.attname, ',' ORDER BY n.number)
			FROM unnest(` + numbers + `) WITH ORDINALITY AS n (attribute, number)
			JOIN pg_attribute AS a ON a.attrelid = ` + table + ` AND a.attnum = n.attribute)`
	}
	var to, keys string
	err = r.each(`SELECT t.relname, f.relname, `+names("k.conkey", "k.conrelid")+`, `+names("k.confkey", "k.confrelid")+`
		FROM pg_class AS t
		JOIN pg_constraint AS k ON k.conrelid = t.oid AND k.contype = 'f'
		JOIN pg_class AS f ON f.oid = k.confrelid
		WHERE `+inSchema,
		func() {
			s.table(table).References = append(s.table(table).References,
				Reference{strings.Split(columns, ","), to, strings.Split(keys, ",")})
		}, &table, &to, &columns, &keys)
	if err != nil {
		return s, err
	}
	err = r.each(`SELECT t.relname, pg_get_expr(k.conbin, k.conrelid)
		FROM pg_class AS t
		JOIN pg_constraint AS k ON k.conrelid = t.oid AND k.contype = 'c'
		WHERE `+inSchema,
		func() { s.table(table).Checks = append(s.table(table).Checks, plain(condition)) }, &table, &condition)
	if err != nil {
		return s, err
	}
	// What a column's value comes from stands with the column.
	return s, r.each(`SELECT CASE t.relkind WHEN 'S' THEN 'sequence' ELSE 'view' END, t.relname
		FROM pg_class AS t
		WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind NOT IN ('r', 'i')
			AND NOT EXISTS (SELECT 1 FROM pg_depend AS d WHERE d.objid = t.oid AND d.deptype IN ('a', 'i') AND d.refclassid = 'pg_class'::regclass)
		UNION ALL
		SELECT 'trigger', g.tgname
		FROM pg_class AS t
		JOIN pg_trigger AS g ON g.tgrelid = t.oid AND NOT g.tgisinternal
		WHERE `+inSchema+`
		UNION ALL
		SELECT 'function', p.proname
		FROM pg_proc AS p
		WHERE p.pronamespace = current_schema()::regnamespace`,
		func() { s.Others = append(s.Others, kind+" "+name) }, &kind, &name)
}
