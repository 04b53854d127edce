package postgres_test

import (
	"context"
	"testing"

	"grapevine/store"
	"grapevine/store/pgtest"
	"grapevine/store/postgres"
	"grapevine/store/storetest"
)

// openSchema opens an empty schema that ends with the test.
func openSchema(t *testing.T) store.Engine { return openURL(t, pgtest.URL(t)) }

func openURL(t *testing.T, url string) *postgres.Engine {
	t.Helper()
	e, err := postgres.Open(context.Background(), postgres.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func TestEngine(t *testing.T) { storetest.RunEngine(t, openSchema) }

func TestJobs(t *testing.T) { storetest.RunJobs(t, openSchema) }

func TestSchema(t *testing.T) { storetest.RunSchema(t, openSchema) }
