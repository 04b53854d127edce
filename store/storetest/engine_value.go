package storetest

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"grapevine/store"
)

func testUnique(t *testing.T, e store.Engine) {
	must(t, update(e, insert(1, "a")))
	wantError(t, update(e, insert(1, "b")), store.ErrUnique)
	err := update(e, insert(2, "a"))
	wantError(t, err, store.ErrUnique)
	if !strings.Contains(err.Error(), "name") {
		t.Errorf("error %q does not say which key", err)
	}
	wantIDs(t, e, 1)
}

func testCheck(t *testing.T, e store.Engine) {
	must(t, update(e,
		insert(1, "a"),
		statement(`CREATE TABLE part (account_id BIGINT NOT NULL, item_id BIGINT NOT NULL, PRIMARY KEY (account_id, item_id),
			FOREIGN KEY (account_id, item_id) REFERENCES item (account_id, id))`)))
	for _, sql := range []string{
		`UPDATE item SET stock = -1 WHERE account_id = 1`,
		`INSERT INTO item (account_id, id) VALUES (1, 2)`,
		`INSERT INTO part (account_id, item_id) VALUES (1, 7)`,
	} {
		wantError(t, update(e, statement(sql)), store.ErrCheck)
	}
	must(t, update(e, statement(`INSERT INTO part (account_id, item_id) VALUES (1, 1)`)))
	wantError(t, update(e, statement(`DELETE FROM item WHERE account_id = 1`)), store.ErrCheck)
}

func testUniqueAlone(t *testing.T, e store.Engine) {
	wantError(t, update(e, insert(1, "a"), insert(1, "a")), store.ErrUnique)
	must(t, update(e, insert(1, "a")))
	wantIDs(t, e, 1)
}

// values makes a table of one column of each type and puts one row into it.
func values(t *testing.T, e store.Engine, number, name, data any) {
	t.Helper()
	blob := "BLOB"
	if e.Name() == "postgres" {
		blob = "BYTEA"
	}
	must(t, update(e,
		statement(`CREATE TABLE thing (number BIGINT NOT NULL, name `+text(e)+` NOT NULL, data `+blob+` NOT NULL)`),
		statement(`INSERT INTO thing (number, name, data) VALUES ($1, $2, $3)`, number, name, data)))
}

// scan reads columns of the one row of thing.
func scan(e store.Engine, columns string, dest ...any) error {
	ctx := context.Background()
	return e.View(ctx, func(c store.Conn) error {
		return c.Run(ctx, store.Statement{
			SQL: `SELECT ` + columns + ` FROM thing`,
			Row: func(r store.Row) error { return r.Scan(dest...) },
		})
	})
}

func testValues(t *testing.T, e store.Engine) {
	for i, want := range []struct {
		number int64
		name   string
		data   []byte
	}{
		{0, "", []byte{}},
		{math.MaxInt64, "it's \"quoted\" \\ $1 ? %", []byte{0, 1, 255}},
		{math.MinInt64, "žluťoučký kůň 漢字 🍇\n\t", []byte("text")},
		{-1, strings.Repeat("long ", 50_000), bytes.Repeat([]byte{0, 200}, 100_000)},
		{1 << 53, " ", nil},
	} {
		if i > 0 {
			must(t, update(e, statement(`DROP TABLE thing`)))
		}
		values(t, e, want.number, want.name, want.data)
		var number int64
		var name string
		var data, nameBytes []byte
		must(t, scan(e, `number, name, data, name`, &number, &name, &data, &nameBytes))
		if number != want.number || name != want.name || !bytes.Equal(data, want.data) || string(nameBytes) != want.name {
			t.Errorf("got %d, %.40q, %.40q, want %d, %.40q, %.40q", number, name, data, want.number, want.name, want.data)
		}
		if data == nil {
			t.Error("bytes came back as nil")
		}
	}
}

type (
	id    int64
	small int8
	whole uint32
	flag  bool
	word  string
	blob  []byte
)

func testNamedKinds(t *testing.T, e store.Engine) {
	values(t, e, id(-7), word("w"), blob("b"))
	var i id
	var s small
	var n int
	var w word
	var b blob
	var j blob
	must(t, scan(e, `number, number, number, name, data, name`, &i, &s, &n, &w, &b, &j))
	if i != -7 || s != -7 || n != -7 || w != "w" || string(b) != "b" || string(j) != "w" {
		t.Errorf("got %d %d %d %q %q %q", i, s, n, w, b, j)
	}
	for _, arg := range []any{true, flag(true), int8(1), uint8(1), whole(1), uint64(1), 1, new(flag(true)), new(id(1)), new(int64(1))} {
		must(t, update(e, statement(`UPDATE thing SET number = $1`, arg)))
		var yes bool
		var up flag
		var one int64
		var u whole
		must(t, scan(e, `number, number, number, number`, &yes, &up, &one, &u))
		if !yes || !bool(up) || one != 1 || u != 1 {
			t.Errorf("%T: got %t, %t, %d, %d", arg, yes, up, one, u)
		}
	}
	must(t, update(e, statement(`UPDATE thing SET number = $1`, false)))
	yes, is, count, sum := true, false, 0, 0
	must(t, scan(e, `number, EXISTS (SELECT 1 FROM thing WHERE name = 'w'), (SELECT COUNT(*) FROM thing), (SELECT CAST(COALESCE(SUM(number), 0) AS BIGINT) FROM thing)`,
		&yes, &is, &count, &sum))
	if yes || !is || count != 1 || sum != 0 {
		t.Errorf("got %t, %t, %d, %d, want false, true, 1, 0", yes, is, count, sum)
	}
}

func testBadText(t *testing.T, e store.Engine) {
	for _, bad := range []any{"a\x00b", "\x00", "\xff", word("a\x00")} {
		err := update(e, statement(`INSERT INTO item (account_id, id, name) VALUES (1, 1, $1)`, bad))
		wantError(t, err, store.ErrText)
	}
	wantIDs(t, e)
}

func testBadArguments(t *testing.T, e store.Engine) {
	const sql = `INSERT INTO item (account_id, id, name) VALUES (1, $1, 'x')`
	pointer := new(int64(1))
	for _, args := range [][]any{
		{nil}, {1.5}, {&pointer}, {(*int64)(nil)}, {new(1.5)}, {uint64(math.MaxUint64)}, {[]int{1}}, {struct{}{}},
		{},
	} {
		if err := update(e, statement(sql, args...)); err == nil {
			t.Errorf("arguments %v were taken", args)
		}
	}
	for _, sql := range []string{
		``, ` -- nothing`, `SELECT 1; SELECT 2`, `SELECT name FROM "missing"`, `SELECT "missing" FROM item`, `SELEC 1`,
	} {
		if err := update(e, statement(sql)); err == nil {
			t.Errorf("%q ran", sql)
		}
	}
	wantIDs(t, e)
}

func testBadDestinations(t *testing.T, e store.Engine) {
	values(t, e, 300, "w", []byte("b"))
	var n int64
	var s string
	var tiny small
	var yes bool
	var u uint8
	var f float64
	var b []byte
	for _, test := range []struct {
		columns string
		dest    []any
	}{
		{`number`, []any{&s}}, {`name`, []any{&n}}, {`data`, []any{&s}}, {`data`, []any{&n}}, {`number`, []any{&b}},
		{`number`, []any{&tiny}}, {`number`, []any{&yes}}, {`number`, []any{&u}}, {`-number`, []any{&u}},
		{`number`, []any{&f}}, {`number`, []any{n}}, {`number`, []any{nil}}, {`number`, []any{(*id)(nil)}},
		{`number`, []any{}}, {`number`, []any{&n, &n}}, {`number, name`, []any{&n}},
		{`NULLIF(number, 300)`, []any{&n}}, {`NULLIF(name, 'w')`, []any{&s}},
		{`CAST(number AS REAL) / 7`, []any{&n}},
	} {
		if err := scan(e, test.columns, test.dest...); err == nil {
			t.Errorf("%s went into %T", test.columns, test.dest)
		}
	}
}

func testDollar(t *testing.T, e store.Engine) {
	must(t, update(e, statement(`INSERT INTO item (account_id, id, name) VALUES (1, $1, 'costs $2 or ''$3''')`, 1)))
	var name string
	must(t, e.View(context.Background(), func(c store.Conn) error {
		return c.Run(context.Background(), store.Statement{
			SQL:  `SELECT name FROM item WHERE name = 'costs $2 or ''$3''' AND id = $1 -- not $2`,
			Args: []any{1},
			Row:  func(r store.Row) error { return r.Scan(&name) },
		})
	}))
	if name != "costs $2 or '$3'" {
		t.Errorf("got %q", name)
	}
}

func testPlaceholders(t *testing.T, e store.Engine) {
	must(t, update(e, statement(`INSERT INTO item (account_id, id, name, stock) VALUES ($2, $2, $1, $3)`, "n", 1, 5)))
	got := ""
	must(t, e.View(context.Background(), func(c store.Conn) error {
		args := []any{}
		in := []string{}
		for i := range 12 {
			args = append(args, i)
			in = append(in, fmt.Sprintf("$%d", 12-i))
		}
		return c.Run(context.Background(), store.Statement{
			SQL:  `SELECT name FROM item WHERE id IN (` + strings.Join(in, ", ") + `) AND stock > $2 AND account_id = $2`,
			Args: args,
			Row:  func(r store.Row) error { return r.Scan(&got) },
		})
	}))
	if got != "n" {
		t.Errorf("got %q, want n", got)
	}
}

func testOrder(t *testing.T, e store.Engine) {
	for i, name := range []string{"b", "A", "a", "é", "Z", "_", "a b", "aB"} {
		must(t, update(e, insert(int64(i), name)))
	}
	got := ""
	must(t, e.View(context.Background(), func(c store.Conn) error {
		return c.Run(context.Background(), store.Statement{
			SQL: `SELECT name FROM item WHERE account_id = 1 AND name > $1 ORDER BY name`, Args: []any{"A"},
			Row: func(r store.Row) error {
				var name string
				err := r.Scan(&name)
				got += name + ";"
				return err
			},
		})
	}))
	if want := "Z;_;a;a b;aB;b;é;"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
