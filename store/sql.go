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

// insert queues rows as multi-row INSERTs. columns leaves out account_id,
// which is put before each row; tail is what follows the VALUES.
func (tx *Tx) insert(table, columns string, rows [][]any, tail string) {
	for len(rows) > 0 {
		n := tx.chunk(len(rows))
		args := make([]any, 0, n*len(rows[0]))
		for _, row := range rows[:n] {
			args = append(args, row...)
		}
		tx.write(insertSQL(table, columns, n, len(rows[0]), tail), args...)
		rows = rows[n:]
	}
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
	var b strings.Builder
	b.WriteString("INSERT INTO " + table + " (account_id, " + columns + ") VALUES ")
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
	if tail != "" {
		b.WriteString("\n" + tail)
	}
	insertTexts.Store(key, b.String())
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
