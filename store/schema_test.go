package store_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"grapevine/store"
	"grapevine/store/pgtest"
	"grapevine/store/postgres"
	"grapevine/store/sqlite"
	"grapevine/store/storetest"
)

func TestSchemasAreEqual(t *testing.T) {
	t.Parallel()
	lite, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "test.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer lite.Close()
	post, err := postgres.Open(t.Context(), postgres.Config{URL: pgtest.URL(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer post.Close()
	for _, e := range []store.Engine{lite, post} {
		if err := e.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	schema := storetest.ReadSchema(t, lite)
	if len(schema.Tables) < len(store.Global) {
		t.Errorf("got %d tables of the migrated schema", len(schema.Tables))
	}
	if diff := cmp.Diff(schema, storetest.ReadSchema(t, post)); diff != "" {
		t.Errorf("schemas differ (-sqlite +postgres):\n%s", diff)
	}

	// What one of them lacks is found, and what both have is read alike.
	for name, change := range map[string]string{
		"table":            `CREATE TABLE extra (account_id BIGINT NOT NULL PRIMARY KEY)`,
		"missing table":    `DROP TABLE node`,
		"missing column":   `ALTER TABLE node DROP COLUMN mark`,
		"renamed column":   `ALTER TABLE node RENAME COLUMN mark TO other`,
		"nullable column":  `ALTER TABLE node ADD COLUMN other BIGINT`,
		"default":          `ALTER TABLE node ADD COLUMN other BIGINT NOT NULL DEFAULT 0`,
		"generated column": `CREATE TABLE extra (account_id BIGINT NOT NULL PRIMARY KEY, n BIGINT NOT NULL GENERATED ALWAYS AS (account_id * 2) STORED)`,
		"type":             `CREATE TABLE extra (account_id BIGINT NOT NULL PRIMARY KEY, name $text NOT NULL)`,
		"key":              `CREATE TABLE extra (account_id BIGINT NOT NULL, id BIGINT NOT NULL, PRIMARY KEY (id, account_id))`,
		"unique":           `CREATE TABLE extra (account_id BIGINT NOT NULL PRIMARY KEY, name $text NOT NULL, UNIQUE (name, account_id))`,
		"check":            `CREATE TABLE extra (account_id BIGINT NOT NULL PRIMARY KEY CHECK (account_id > 0), n BIGINT NOT NULL, CHECK (n >= 0 AND (n < 9 OR account_id = 1)))`,
		"foreign key": `CREATE TABLE extra (account_id BIGINT NOT NULL PRIMARY KEY, id BIGINT NOT NULL,
			FOREIGN KEY (account_id, id) REFERENCES person (account_id, id))`,
		"index":               `CREATE INDEX extra ON node (mark, token DESC)`,
		"unique index":        `CREATE UNIQUE INDEX extra ON node (mark)`,
		"index of some":       `CREATE INDEX extra ON reward (account_id, id) WHERE state = 'pending' AND batch_id <> 0`,
		"index of expression": `CREATE INDEX extra ON node ((mark + 1))`,
		"missing index":       `DROP INDEX job_due`,
		"view":                `CREATE VIEW extra AS SELECT id FROM node`,
	} {
		t.Run(name, func(t *testing.T) {
			changed := storetest.ReadSchema(t, post, change)
			if cmp.Equal(schema, changed) {
				t.Errorf("nothing differs after %s", change)
			}
			if diff := cmp.Diff(storetest.ReadSchema(t, lite, change), changed); diff != "" {
				t.Errorf("schemas differ (-sqlite +postgres) after %s:\n%s", change, diff)
			}
		})
	}
}
