package postgres_test

import (
	"context"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"grapevine/store/pgtest"
	"grapevine/store/postgres"
)

// Where rows are on several machines, the one that is asked for its snapshot
// need not know what was committed on the others.
func TestNoMarkOnCitus(t *testing.T) {
	pgtest.URL(t) // there is a PostgreSQL, or this is passed over
	ctx := context.Background()
	base := os.Getenv(pgtest.EnvURL)
	admin, err := pgx.Connect(ctx, base)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(ctx)
	if _, err := admin.Exec(ctx, "CREATE DATABASE mark_on_citus"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := admin.Exec(ctx, "DROP DATABASE mark_on_citus WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	}()
	address, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	address.Path = "/mark_on_citus"
	mark := func() int64 {
		t.Helper()
		e, err := postgres.Open(ctx, postgres.Config{URL: address.String()})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		return e.Mark(ctx)
	}
	if mark() == 0 {
		t.Error("a database on one machine has no mark")
	}
	inside, err := pgx.Connect(ctx, address.String())
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close(ctx)
	_, err = inside.Exec(ctx, strings.Join([]string{
		"SET allow_system_table_mods = on",
		`INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion) SELECT 1, 'citus', extowner, extnamespace, false, '1' FROM pg_extension LIMIT 1`,
	}, ";"))
	if err != nil {
		t.Skip("only a superuser may pretend: ", err)
	}
	if n := mark(); n != 0 {
		t.Errorf("the mark is %d", n)
	}
}
