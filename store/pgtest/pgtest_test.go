package pgtest

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
)

// The schemas of two tests do not see each other's tables.
func TestSchemasAreApart(t *testing.T) {
	t.Parallel()
	for range 2 {
		do(t, URL(t), "CREATE TABLE only_here (id BIGINT)")
	}
}

// A column that forgot its collation must not pass for one that has it.
func TestDefaultOrderIsNotThatOfBytes(t *testing.T) {
	t.Parallel()
	address := URL(t)
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	var provider string
	if err := conn.QueryRow(ctx, "SELECT datlocprovider::TEXT FROM pg_database WHERE datname = current_database()").Scan(&provider); err != nil || provider != "i" {
		t.Skipf("this PostgreSQL was made without ICU (error %v)", err)
	}
	var first string
	if err := conn.QueryRow(ctx, "SELECT MIN(x) FROM (VALUES ('B'), ('a')) AS t (x)").Scan(&first); err != nil || first != "a" {
		t.Errorf("got %q (error %v), want a", first, err)
	}
}

func TestClusterStops(t *testing.T) {
	t.Parallel()
	c, err := Start(context.Background())
	if errors.Is(err, ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	do(t, c.URL, "SELECT 1")
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := pgx.Connect(context.Background(), c.URL); err == nil {
		t.Error("the server still answers")
	}
	if _, err := os.Stat(c.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the data is still there (error %v)", err)
	}
}
