package store

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// across lists the functions whose queries read the rows of all accounts, and
// why they may: all they do is read. Global says the same of its tables.
var across = map[string]string{
	"DueQueues":  "somebody has to find out which accounts have work",
	"NextJob":    "whoever runs jobs sleeps until the next one is due, whosever it is",
	"JobFigures": "the figures of a server count over its accounts",
}

// unportable are constructs that one of the databases lacks, or takes to mean
// something else.
var unportable = []struct{ pattern, why string }{
	{`\bFOR (NO KEY |KEY )?(UPDATE|SHARE)\b|\bSKIP LOCKED\b|\bNOWAIT\b`, "SQLite locks no rows: ForUpdate, ForShare and SkipLocked of the engine stand for it"},
	{`\bAS (NOT MATERIALIZED |MATERIALIZED )?\( ?(INSERT|UPDATE|DELETE)\b`, "SQLite's WITH cannot write"},
	{`->|(?i:\bjsonb?_)`, "engines look into JSON differently: what is asked for is a column"},
	{`\b(ANY|SOME|ALL) ?\(`, "SQLite has no arrays: in writes a list"},
	{`\b(I?LIKE|GLOB|REGEXP|SIMILAR)\b|~`, "engines match text differently: ask for a column that was folded in Go"},
	{`(?i)\b(lower|upper|initcap)\(`, "engines fold text differently: ask for a column that was folded in Go"},
	{`\bINSERT .*\bVALUES .*\( ?SELECT\b`, "Citus plans no subquery among VALUES: look up, then insert"},
	{`(?i)\b(now|date|datetime|strftime|julianday|unixepoch|date_trunc|date_part|extract|to_timestamp) ?\(|\bCURRENT_`, "time comes from outside, and windows are computed in Go"},
}

var (
	literal   = regexp.MustCompile(`'[^']*'`)
	common    = regexp.MustCompile(`(?:\bWITH|\),) (\w+) AS\b`)
	reference = regexp.MustCompile(`\b(FROM|JOIN|INTO|UPDATE) (\w+)(?: (?:AS )?([a-z]\w*))?`)
	bare      = regexp.MustCompile(`(?:^|[^.\w])account_id = \$1\b`)
	bound     = regexp.MustCompile(`\baccount_id = \$1\b`)
	inserted  = regexp.MustCompile(`^INSERT INTO \w+ \(account_id, [^)]*\) (VALUES \(|SELECT )\$1\b`)
)

// faults tells what keeps a query from running alike on every database, or on
// one that is distributed by account.
func (q query) faults() (all []string) {
	text := literal.ReplaceAllString(strings.Join(strings.Fields(q.text), " "), "''")
	for _, u := range unportable {
		if found := regexp.MustCompile(u.pattern).FindString(text); found != "" {
			all = append(all, fmt.Sprintf("%q is not portable: %s", found, u.why))
		}
	}
	all = append(all, q.strays(strings.ReplaceAll(text, "DO UPDATE SET", "DO SET"))...)
	for i, fault := range all {
		all[i] = fmt.Sprintf("%s: %s: %s\n%s", q.at, q.fn, fault, q.text)
	}
	return all
}

// strays tells where a query, whose text is given without literals, may leave
// its account.
func (q query) strays(text string) (all []string) {
	report := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	insert := strings.HasPrefix(text, "INSERT")
	var with []string
	for _, c := range common.FindAllStringSubmatch(text, -1) {
		with = append(with, c[1])
	}
	tables, unnamed := 0, 0 // unnamed: whose columns stand without a name before them
	for _, r := range reference.FindAllStringSubmatch(text, -1) {
		verb, table, alias := r[1], r[2], r[3]
		if slices.Contains(with, table) {
			continue
		}
		if global, listed := Global[table]; listed {
			if key := global.Key; key != "" && !insert && !says(text, key, `\$\d`) {
				report("%s is read without its %s: every machine would be asked", table, key)
			}
			continue
		}
		tables++
		switch {
		case verb == "INTO":
		case alias == "":
			unnamed++
		case !says(text, alias+`.account_id`, `(\$1\b|\w+\.account_id)`) && across[q.fn] == "":
			report("%s %s is not held to the account: it needs %s.account_id = …", table, alias, alias)
		}
	}
	switch {
	case tables == 0:
	case across[q.fn] != "":
		if !strings.HasPrefix(text, "SELECT") {
			report("it does more than read, in all accounts")
		}
	case !q.bound:
		report("$1 is not the account: only arguments of tx.args begin with it")
	case insert && !inserted.MatchString(text):
		report("account_id is not the first column inserted, or $1 not its value")
	case len(bare.FindAllString(text, -1)) < unnamed || !insert && !bound.MatchString(text):
		report("not every table is held to the account: each needs account_id = $1")
	}
	return all
}

// says reports whether a text compares a column with what a pattern matches.
func says(text, column, pattern string) bool {
	return regexp.MustCompile(`\b` + regexp.QuoteMeta(column) + ` = ` + pattern).MatchString(text)
}

func TestQueriesKeepToTheirAccount(t *testing.T) {
	t.Parallel()
	queries, err := readQueries(".")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, q := range queries {
		used[q.fn] = true
		for _, fault := range q.faults() {
			t.Error(fault)
		}
	}
	for fn := range across {
		if !used[fn] {
			t.Errorf("%s is listed among those that read all accounts, but asks nothing", fn)
		}
	}
	if len(queries) < 100 {
		t.Errorf("found %d queries only", len(queries))
	}
}

func TestQueriesFinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, body, want string }{
		{"a query without the account", "tx.write(`DELETE FROM job WHERE id = $2`)", "each needs account_id = $1"},
		{"a subquery without the account", "tx.write(`DELETE FROM job WHERE account_id = $1 AND id IN (SELECT job_id FROM delivery)`)", "each needs account_id = $1"},
		{"a joined table without the account", "tx.read(`SELECT w.id FROM reward w JOIN coupon c ON c.id = w.coupon_id WHERE w.account_id = $1`)", "it needs c.account_id"},
		{"tables that hold each other only", "tx.read(`SELECT a.id FROM code a JOIN code b ON a.account_id = b.account_id AND b.account_id = a.account_id`)", "each needs account_id = $1"},
		{"another column first", "tx.write(`INSERT INTO job (id, account_id) VALUES ($2, $1)`)", "not the first column inserted"},
		{"another account inserted", "tx.write(`INSERT INTO job (account_id, id) VALUES ($2, $1)`)", "$1 not its value"},
		{"an insert from all accounts", "tx.write(`INSERT INTO job (account_id, id) SELECT $1, id FROM reward`)", "each needs account_id = $1"},
		{"arguments without the account", "tx.run(Statement{SQL: `DELETE FROM job WHERE account_id = $1`, Args: []any{id}})", "$1 is not the account"},
		{"a directory read by what is not its key", "tx.read(`SELECT folded FROM code_directory WHERE account_id = $1`)", "without its folded"},
		{"what a parameter brings", "tx.some(`id = $2 AND lower(name) = $3`)", "engines fold text differently"},
		{"what a variable may hold", "where := `id = $2`; if big { where = `name LIKE $2` }; tx.some(where)", "engines match text differently"},
		{"what a constant says", "const where = ` WHERE id = $2`; tx.write(`DELETE FROM job` + where)", "each needs account_id = $1"},
		{"the tail of an insert", `tx.insert("job", "id", rows, "RETURNING now()")`, "time comes from outside"},
		{"what a function returns", "tx.write(due())", "each needs account_id = $1"},
		{"a write in all accounts", "}\nfunc (tx *Tx) NextJob() { tx.write(`DELETE FROM job`)", "does more than read"},
		{"a lock", "tx.some(`id = $2 FOR UPDATE`)", "SQLite locks no rows"},
		{"a WITH that writes", "tx.read(`WITH gone AS (DELETE FROM job WHERE account_id = $1 RETURNING id) SELECT id FROM gone`)", "cannot write"},
		{"a look into JSON", "tx.some(`spec ->> 'name' = $2`)", "into JSON"},
		{"an array", "tx.some(`id = ANY ($2)`)", "no arrays"},
		{"a subquery among VALUES", "tx.write(`INSERT INTO job (account_id, id) VALUES ($1, (SELECT MAX(id) FROM job WHERE account_id = $1))`)", "look up, then insert"},
		{"text that cannot be followed", "tx.write(strings.ToUpper(text))", "cannot be followed"},
		{"text from elsewhere", "tx.write(sql)", "nobody in this package passes"},
		{"text that is set later", "statement.SQL = text", "is set apart"},

		{"a query of the account", "tx.read(`SELECT w.id FROM reward w LEFT JOIN coupon c ON c.account_id = w.account_id WHERE w.account_id = $1 AND w.id IN (` + in(2, n) + `)` + tx.engine.ForUpdate())", ""},
		{"an insert of the account", `tx.insert("job", "id", rows, "ON CONFLICT (account_id, id) DO UPDATE SET id = excluded.id")`, ""},
		{"an update from another row", "tx.write(`UPDATE person SET n = (SELECT o.n FROM person o WHERE o.account_id = $1) WHERE account_id = $1`)", ""},
		{"a WITH that reads", "tx.read(`WITH due AS (SELECT id FROM job WHERE account_id = $1) DELETE FROM job WHERE account_id = $1 AND id IN (SELECT id FROM due)`)", ""},
		{"a directory read by its key", "tx.run(Statement{SQL: `SELECT account_id FROM code_directory WHERE folded = $1`})", ""},
		{"a table of the server", "tx.run(Statement{SQL: `SELECT id FROM node`})", ""},
		{"words in a literal", "tx.some(`kind = 'FROM now() ~'`)", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			queries, err := followQueries(map[string]string{"a.go": plumbing, "b.go": "package store\nfunc (tx *Tx) Use(sql string) {" + c.body + "}"})
			if err != nil {
				got = err.Error()
			}
			for _, q := range queries {
				got += strings.Join(q.faults(), "\n")
			}
			if !strings.Contains(got, c.want) || c.want == "" && got != "" {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// plumbing is how statements of this package come to be, in short.
const plumbing = `package store
func (tx *Tx) write(sql string, args ...any) { tx.run(Statement{SQL: sql, Args: tx.args(args)}) }
func (tx *Tx) read(sql string, args ...any) { tx.run(Statement{SQL: sql, Args: tx.args(args)}) }
func (tx *Tx) insert(table, columns string, rows [][]any, tail string) { tx.write(insertSQL(table, columns, 1, 1, tail)) }
func (tx *Tx) some(where string) { tx.read("SELECT id FROM job WHERE account_id = $1 AND " + where) }
func (tx *Tx) Some() { tx.some("id = $2"); tx.insert("job", "id", nil, "") }
func due() string { return "DELETE FROM job" }
`
