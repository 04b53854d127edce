package storetest

import (
	"regexp"
	"strings"

	"grapevine/store"
)

// ours picks the tables that neither SQLite nor goose made.
const ours = `t.schema = 'main' AND t.type = 'table' AND substr(t.name, 1, 7) <> 'sqlite_' AND t.name <> '` + store.Versions + `'`

// readSQLite reads the schema from pragmas, and from the statements that made
// it what no pragma tells: CHECK and WHERE.
func readSQLite(r reader) (s Schema, err error) {
	var table, name, column, kind, filled, sql string
	var nullable, unique, descending bool
	var hidden int64
	err = r.each(`SELECT t.name, c.name, c.type, 1 - c."notnull", COALESCE(c.dflt_value, ''), c.hidden
		FROM pragma_table_list AS t
		JOIN pragma_table_xinfo(t.name) AS c
		WHERE `+ours+`
		ORDER BY t.name, c.cid`,
		func() {
			if hidden != 0 {
				filled = "generated"
			}
			s.table(table).Columns = append(s.table(table).Columns, Column{column, kind, nullable, filled})
		}, &table, &column, &kind, &nullable, &filled, &hidden)
	if err != nil {
		return s, err
	}
	indexes := map[string]*Index{}
	var number int64
	var collation string
	err = r.each(`SELECT t.name, i.name, i.origin, i."unique", COALESCE(m.sql, ''),
			x.seqno, COALESCE(x.name, '(expression)'), x."desc", x.coll
		FROM pragma_table_list AS t
		JOIN pragma_index_list(t.name) AS i
		JOIN pragma_index_xinfo(i.name) AS x
		LEFT JOIN sqlite_schema AS m ON m.type = 'index' AND m.name = i.name
		WHERE `+ours+` AND x.key = 1
		ORDER BY t.name, i.name, x.seqno`,
		func() {
			if number == 0 {
				indexes[name] = &Index{Unique: unique}
			}
			part := column
			if collation != "BINARY" {
				part += " COLLATE " + collation
			}
			if descending {
				part += " DESC"
			}
			i := indexes[name]
			i.Columns = append(i.Columns, part)
			if kind == "c" {
				i.Name, i.Where = name, partial(sql)
			}
		}, &table, &name, &kind, &unique, &sql, &number, &column, &descending, &collation)
	if err != nil {
		return s, err
	}
	err = r.each(`SELECT t.name, i.name, i.origin
		FROM pragma_table_list AS t
		JOIN pragma_index_list(t.name) AS i
		WHERE `+ours,
		func() {
			if kind == "pk" {
				s.table(table).Primary = indexes[name].Columns
			} else {
				s.table(table).Indexes = append(s.table(table).Indexes, *indexes[name])
			}
		}, &table, &name, &kind)
	if err != nil {
		return s, err
	}
	var to, key string
	err = r.each(`SELECT t.name, f.seq, f."from", f."table", COALESCE(f."to", '')
		FROM pragma_table_list AS t
		JOIN pragma_foreign_key_list(t.name) AS f
		WHERE `+ours+`
		ORDER BY t.name, f.id, f.seq`,
		func() {
			all := &s.table(table).References
			if number == 0 {
				*all = append(*all, Reference{To: to})
			}
			last := &(*all)[len(*all)-1]
			last.Columns, last.Key = append(last.Columns, column), append(last.Key, key)
		}, &table, &number, &column, &to, &key)
	if err != nil {
		return s, err
	}
	err = r.each(`SELECT t.name, m.sql
		FROM pragma_table_list AS t
		JOIN sqlite_schema AS m ON m.type = 'table' AND m.name = t.name
		WHERE `+ours,
		func() { s.table(table).Checks = checks(sql) }, &table, &sql)
	if err != nil {
		return s, err
	}
	return s, r.each(`SELECT m.type, m.name
		FROM sqlite_schema AS m
		WHERE m.type NOT IN ('table', 'index') OR m.rootpage = 0`,
		func() { s.Others = append(s.Others, kind+" "+name) }, &kind, &name)
}

var (
	comment  = regexp.MustCompile(`--[^\n]*`)
	checking = regexp.MustCompile(`\bCHECK\s*\(`)
	where    = regexp.MustCompile(`\bWHERE\b`)
	casting  = regexp.MustCompile(`::\w+`)
	words    = regexp.MustCompile(`'[^']*'|\w+|[^\s\w()]+`)
)

// checks finds what a CREATE TABLE checks.
func checks(sql string) (all []string) {
	sql = comment.ReplaceAllString(sql, "")
	for _, at := range checking.FindAllStringIndex(sql, -1) {
		open, end := 1, at[1]
		for ; open > 0; end++ {
			switch sql[end] {
			case '(':
				open++
			case ')':
				open--
			}
		}
		all = append(all, plain(sql[at[1]:end-1]))
	}
	return all
}

// partial finds which rows a CREATE INDEX takes up.
func partial(sql string) string {
	sql = comment.ReplaceAllString(sql, "")
	if at := where.FindStringIndex(sql); at != nil {
		return plain(sql[at[1]:])
	}
	return ""
}

// plain writes a condition without what PostgreSQL adds when it tells it: casts
// and parentheses. Both engines get one text, so that these tell nothing apart.
func plain(condition string) string {
	return strings.Join(words.FindAllString(casting.ReplaceAllString(condition, ""), -1), " ")
}
