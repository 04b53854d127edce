package sqlite

import (
	"os"

	"grapevine/store"
)

// After a commit that leaves logPages in the write-ahead log, SQLite copies it
// to the database, beside readers. But it begins the log anew only when nobody
// happens to read from it, and under constant reading that is never: the log
// would grow for ever. So when it has grown to maxLog the writer makes such a
// moment, by waiting for those who read; who begins to read meanwhile needs the
// log no more.
const (
	logPages   = 4000
	maxLog     = 64 << 20
	logEvery   = 256            // commits between two looks at the size of the log
	logSeldom  = 128 * logEvery // the same where waiting is in vain: a long View holds on to the log
	logWait    = 100            // milliseconds
	checkpoint = `PRAGMA wal_checkpoint(TRUNCATE)`
)

// trimLog is called after each commit.
func (w *writer) trimLog() {
	if w.untilTrim--; w.untilTrim > 0 {
		return
	}
	w.untilTrim = w.trimEvery
	if log, err := os.Stat(w.path + "-wal"); err != nil || log.Size() < w.maxLog {
		return
	}
	var busy int
	var pages, copied int64
	err := w.c.setBusyTimeout(logWait)
	if err == nil {
		err = w.c.run(&store.Statement{SQL: checkpoint, Row: func(r store.Row) error { return r.Scan(&busy, &pages, &copied) }})
		w.c.setBusyTimeout(0)
	}
	w.trimEvery = logEvery
	if err != nil || busy != 0 {
		w.trimEvery = min(2*w.untilTrim, logSeldom)
		w.log.Warn("the write-ahead log is in use and grows", "pages", pages, "copied", copied, "err", err)
	}
	w.untilTrim = w.trimEvery
}
