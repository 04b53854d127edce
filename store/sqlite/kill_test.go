package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"grapevine/store"
	"grapevine/store/sqlite"
)

const killedFile = "GRAPEVINE_TEST_KILLED_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(killedFile); path != "" {
		writeUntilKilled(path)
	}
	os.Exit(m.Run())
}

// writeUntilKilled is the process that TestKilled kills. It prints each id after
// its commit.
func writeUntilKilled(path string) {
	e, err := sqlite.Open(context.Background(), sqlite.Config{Path: path})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	base := rand.Int64N(1 << 40)
	for worker := range int64(8) {
		go func() {
			for i := int64(0); ; i++ {
				id := base + worker<<20 + i
				err := e.Update(context.Background(), func(store.Conn) ([]store.Statement, error) {
					return []store.Statement{{SQL: `INSERT INTO item (id) VALUES ($1)`, Args: []any{id}}}, nil
				})
				if err != nil {
					fmt.Println(err)
					os.Exit(1)
				}
				fmt.Println(id)
			}
		}()
	}
	select {}
}

func TestKilledProcessLosesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "killed.db")
	e := openFile(t, path)
	ctx := context.Background()
	if err := e.Update(ctx, func(store.Conn) ([]store.Statement, error) {
		return []store.Statement{{SQL: `CREATE TABLE item (id BIGINT NOT NULL PRIMARY KEY)`}}, nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	answered := map[string]bool{}
	for range 5 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), killedFile+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		var once sync.Once
		for lines.Scan() {
			answered[lines.Text()] = true
			once.Do(func() {
				time.AfterFunc(rand.N(100*time.Millisecond), func() { cmd.Process.Kill() })
			})
		}
		cmd.Wait()
	}
	e = openFile(t, path)
	found := map[string]bool{}
	sound := ""
	if err := e.View(ctx, func(c store.Conn) error {
		return c.Run(ctx, store.Statement{SQL: `SELECT id FROM item`, Row: func(r store.Row) error {
			var id int64
			err := r.Scan(&id)
			found[fmt.Sprint(id)] = true
			return err
		}}, store.Statement{SQL: `PRAGMA integrity_check`, Row: func(r store.Row) error { return r.Scan(&sound) }})
	}); err != nil {
		t.Fatal(err)
	}
	if sound != "ok" {
		t.Errorf("integrity check says %q", sound)
	}
	for id := range answered {
		if !found[id] {
			t.Errorf("%s was answered and is not there", id)
		}
	}
	if len(answered) < 10 {
		t.Errorf("only %d transactions were answered: nothing was tested", len(answered))
	}
}
