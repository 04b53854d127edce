// Package pgtest gives tests a PostgreSQL of their own. It starts private
// clusters and makes empty schemas in them; it knows nothing of Grapevine.
package pgtest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// The environment says which PostgreSQL tests use, and which kinds of test the
// machine cannot run.
const (
	EnvURL  = "GRAPEVINE_TEST_POSTGRES"
	EnvSkip = "GRAPEVINE_TEST_SKIP"
)

// URL returns the address of an empty schema that ends with the test. Without
// PostgreSQL the test fails, unless GRAPEVINE_TEST_SKIP contains "postgres".
func URL(t testing.TB) string {
	t.Helper()
	base := os.Getenv(EnvURL)
	if base == "" {
		if strings.Contains(os.Getenv(EnvSkip), "postgres") {
			t.Skip("no PostgreSQL, and " + EnvSkip + " says so")
		}
		t.Fatal("no PostgreSQL: run `go run ./store/pgtest/pg -- go test ./...`, which starts one, set " +
			EnvURL + " to the address of one, or set " + EnvSkip + "=postgres to do without")
	}
	address, err := url.Parse(base)
	if err != nil {
		t.Fatalf("%s: %v", EnvURL, err)
	}
	schema := "test_" + strings.ToLower(rand.Text())
	do(t, base, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { do(t, base, "DROP SCHEMA "+schema+" CASCADE") })
	query := address.Query()
	query.Set("search_path", schema)
	address.RawQuery = query.Encode()
	return address.String()
}

func do(t testing.TB, address, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatalf("connect to the PostgreSQL of %s: %v", EnvURL, err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}
