package store

import (
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func TestTokensAreReplaced(t *testing.T) {
	folder := fstest.MapFS{"00001_a.sql": {Data: []byte("CREATE TABLE a (b $text) $clustered;")}}
	file, err := prepared{folder, strings.NewReplacer("$text", "TEXT", "$clustered", "WITHOUT ROWID")}.Open("00001_a.sql")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(file)
	if want := "CREATE TABLE a (b TEXT) WITHOUT ROWID;"; string(got) != want || err != nil {
		t.Errorf("got %q (error %v), want %q", got, err, want)
	}
}

func TestMigrationsAreEmbedded(t *testing.T) {
	names, err := fs.Glob(migrations(), "*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("got %v, %v", names, err)
	}
}
