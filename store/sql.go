package store

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Times are stored as whole milliseconds of Unix time; 0 stands for no time.

func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func at(milli int64) time.Time {
	if milli == 0 {
		return time.Time{}
	}
	return time.UnixMilli(milli).UTC()
}

// chunks are the row counts that multi-row statements come in, so that few
// distinct texts are prepared. SQLite keeps a journal for a statement of
// several rows, which costs more than two or three statements of one.
var (
	chunks       = []int{64, 16, 4, 3, 2, 1}
	sqliteChunks = []int{64, 16, 1}
)

// waitingRows are rows for one table, and the statement that writes some.
type waitingRows struct {
	insertKey
	rows      [][]any
	statement func(rows [][]any) Statement
}

// insert queues rows as multi-row INSERTs. columns leaves out account_id,
// which is put before each row; tail is what follows the VALUES. Rows that are
// queued for the same table one after the other, or with rows for others
// between them, go out together.
func (tx *Tx) insert(table, columns string, rows [][]any, tail string) {
	tx.gather(insertKey{table: table, columns: columns, tail: tail}, rows, func(some [][]any) Statement {
		return Statement{SQL: insertSQL(table, columns, len(some), len(some[0]), tail), Args: tx.args(slices.Concat(some...))}
	})
}

// gather queues rows that go out in as few statements as may be.
func (tx *Tx) gather(key insertKey, rows [][]any, statement func(some [][]any) Statement) {
	if len(rows) == 0 {
		return
	}
	if w := tx.waitingFor(key, rows); w != nil {
		w.rows = append(w.rows, rows...)
		return
	}
	tx.waiting = append(tx.waiting, &waitingRows{key, rows, statement})
}

// waitingFor finds what rows may join. A statement must not change a row twice,
// and a row that begins alike may be the same.
func (tx *Tx) waitingFor(key insertKey, rows [][]any) *waitingRows {
	at := slices.IndexFunc(tx.waiting, func(w *waitingRows) bool { return w.insertKey == key })
	if at < 0 {
		return nil
	}
	w := tx.waiting[at]
	alike := func(had []any) bool {
		return slices.ContainsFunc(rows, func(row []any) bool { return row[0] == had[0] })
	}
	if strings.Contains(key.tail, "DO UPDATE") && slices.ContainsFunc(w.rows, alike) {
		tx.settle()
		return nil
	}
	return w
}

// settle turns the rows that wait into statements.
func (tx *Tx) settle() {
	for _, w := range tx.waiting {
		for rows := w.rows; len(rows) > 0; {
			n := tx.chunk(len(rows))
			tx.queued = append(tx.queued, w.statement(rows[:n]))
			rows = rows[n:]
		}
	}
	tx.waiting = nil
}

// insertEach is insert for what comes in large numbers: each puts the values of
// an item behind args. It saves a slice a row, and pointers into the items,
// which nobody changes from then on, save a copy of each value.
func insertEach[T any](tx *Tx, table, columns string, items []T, each func(args []any, item *T) []any) {
	width := strings.Count(columns, ",") + 1
	for len(items) > 0 {
		n := tx.chunk(len(items))
		args := make([]any, 0, n*width)
		for i := range items[:n] {
			args = each(args, &items[i])
		}
		tx.write(insertSQL(table, columns, n, width, ""), args...)
		items = items[n:]
	}
}

// chunk is how many of so many rows go into one statement.
func (tx *Tx) chunk(rows int) int {
	sizes := chunks
	if tx.engine.ForUpdate() == "" {
		sizes = sqliteChunks
	}
	return sizes[slices.IndexFunc(sizes, func(size int) bool { return size <= rows })]
}

type insertKey struct {
	table, columns, tail string
	rows                 int
}

var insertTexts sync.Map // insertKey to string

func insertSQL(table, columns string, rows, width int, tail string) string {
	key := insertKey{table: table, columns: columns, tail: tail, rows: rows}
	if text, ok := insertTexts.Load(key); ok {
		return text.(string)
	}
	text := "INSERT INTO " + table + " (account_id, " + columns + ") VALUES " + tuples(rows, width)
	if tail != "" {
		text += "\n" + tail
	}
	insertTexts.Store(key, text)
	return text
}

// tuples writes "($1, $2, …), …": rows that begin with the account.
func tuples(rows, width int) string {
	var b strings.Builder
	for r := range rows {
		if r > 0 {
			b.WriteString(", ")
		}
		b.WriteString("($1")
		for c := range width {
			b.WriteString(", $" + strconv.Itoa(2+r*width+c))
		}
		b.WriteString(")")
	}
	return b.String()
}

// in writes "$n, $n+1, …" for count values, the first of which is $first.
func in(first, count int) string {
	var b strings.Builder
	for i := range count {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(first+i))
	}
	return b.String()
}

func anys[T any](values []T) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
