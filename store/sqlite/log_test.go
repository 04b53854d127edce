package sqlite

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"grapevine/store"
)

// There is always somebody who reads, and yet the log does not grow for ever.
func TestLogIsTrimmedUnderConstantReading(t *testing.T) {
	t.Parallel()
	e := openTable(t)
	const limit = 1 << 20
	must(t, e.Update(context.Background(), func(store.Conn) ([]store.Statement, error) {
		w := e.writer // whose fields belong to the goroutine that this runs on
		w.maxLog, w.trimEvery, w.untilTrim = limit, 16, 0
		return []store.Statement{{SQL: `PRAGMA wal_autocheckpoint = 50`}}, nil
	}))
	stop := readAlways(t, e)
	text := strings.Repeat("x", 5000)
	largest := int64(0)
	for id := range int64(600) {
		must(t, runAlone(e, store.Statement{SQL: insert, Args: []any{id, text}}))
		log, err := os.Stat(e.path + "-wal")
		must(t, err)
		largest = max(largest, log.Size())
	}
	stop()
	// Each transaction writes some 17 kB: 10 MB in all, 4.5 MB between two looks.
	if largest > 6*limit {
		t.Errorf("the log grew to %d bytes", largest)
	}
}

// readAlways reads without a pause: a View ends only when the next one has begun.
func readAlways(t *testing.T, e *Engine) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan bool)
	view := func(begun chan<- bool, end <-chan bool) {
		err := e.View(context.Background(), func(c store.Conn) error {
			err := c.Run(context.Background(), store.Statement{SQL: `SELECT COUNT(*) FROM item`})
			begun <- true
			<-end
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	start := func() (end chan bool) {
		begun, end := make(chan bool), make(chan bool)
		go view(begun, end)
		<-begun
		return end
	}
	go func() {
		defer close(done)
		last := start()
		for ctx.Err() == nil {
			time.Sleep(time.Millisecond)
			next := start()
			close(last)
			last = next
		}
		close(last)
	}()
	return func() {
		cancel()
		<-done
	}
}
