package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"modernc.org/libc"
	_ "modernc.org/sqlite" // registers the driver that migrations use
	lib "modernc.org/sqlite/lib"

	"grapevine/store"
	"grapevine/store/value"
)

// maxStatements bounds the prepared statements that one connection keeps.
const maxStatements = 400

// keepArguments is how much memory for text arguments a connection keeps
// between statements.
const keepArguments = 64 << 10

// pragmas are set on every connection. With temp_store in memory a savepoint
// writes no temporary file.
const pragmas = `
PRAGMA busy_timeout = 10000;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA temp_store = MEMORY;
PRAGMA journal_size_limit = 67108864;
`

// openSQL opens the database for goose, which wants database/sql.
func openSQL(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_txlock=immediate")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // so that the pragmas hold for all that follows
	if _, err := db.Exec(pragmas); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// conn is one connection to SQLite. It speaks to the C interface of the driver
// directly: through database/sql a small statement costs half as much again,
// and through database/sql/driver a third, most of it allocations. One
// goroutine at a time may use it, except for interrupt.
type conn struct {
	tls   *libc.TLS
	db    uintptr
	stmts map[string]*stmt
	uses  uint64
	row   row
	inRow bool

	values []value.Value // the arguments of the running statement
	args   memory        // where its text and bytes wait while SQLite reads them

	guard sync.Mutex // guards armed
	armed bool       // whether interrupt may interrupt
}

// stmt is a prepared statement.
type stmt struct {
	handle  uintptr
	params  int
	columns int
	reads   bool // changes nothing
	used    uint64
}

// open opens the database file at path, making it if need be.
func open(path string, extra string) (*conn, error) {
	c := &conn{tls: libc.NewTLS(), stmts: make(map[string]*stmt)}
	c.row.c = c
	name, err := libc.CString(path)
	if err != nil {
		c.tls.Close()
		return nil, err
	}
	defer libc.Xfree(c.tls, name)
	handle := c.tls.Alloc(8)
	defer c.tls.Free(8)
	// A connection is used by one goroutine at a time, so it needs no mutex.
	const flags = lib.SQLITE_OPEN_READWRITE | lib.SQLITE_OPEN_CREATE | lib.SQLITE_OPEN_NOMUTEX | lib.SQLITE_OPEN_EXRESCODE
	rc := lib.Xsqlite3_open_v2(c.tls, name, handle, flags, 0)
	c.db = *at[uintptr](handle)
	if rc != lib.SQLITE_OK {
		return nil, errors.Join(c.fault(rc), c.close())
	}
	// A misspelt "name" is an error, as it is on PostgreSQL, and not a string.
	c.configure(lib.SQLITE_DBCONFIG_DQS_DML, 0)
	c.configure(lib.SQLITE_DBCONFIG_DQS_DDL, 0)
	// Plans go by no argument: a statement with LIMIT $1 would be planned anew
	// whenever it runs, which takes ten times as long as most run.
	c.configure(lib.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
	// Of several that open a new file at once, SQLite tells all but one at once
	// that it is locked, whatever the timeout.
	for waited := time.Duration(0); ; waited += lockPoll {
		err := c.exec(pragmas + extra)
		if err == nil {
			return c, nil
		}
		if !isBusy(err) || waited >= lockWait {
			return nil, errors.Join(err, c.close())
		}
		time.Sleep(lockPoll)
	}
}

func (c *conn) configure(option, on int32) {
	args := c.tls.Alloc(16)
	defer c.tls.Free(16)
	lib.Xsqlite3_db_config(c.tls, c.db, option, libc.VaList(args, on, uintptr(0)))
}

func (c *conn) close() error {
	for _, s := range c.stmts {
		lib.Xsqlite3_finalize(c.tls, s.handle)
	}
	clear(c.stmts)
	c.args.free(c.tls)
	var err error
	if rc := lib.Xsqlite3_close_v2(c.tls, c.db); rc != lib.SQLITE_OK {
		err = c.fault(rc)
	}
	c.db = 0
	c.tls.Close()
	return err
}

// exec runs a script that takes no arguments.
func (c *conn) exec(script string) error {
	text, err := libc.CString(script)
	if err != nil {
		return err
	}
	defer libc.Xfree(c.tls, text)
	if rc := lib.Xsqlite3_exec(c.tls, c.db, text, 0, 0, 0); rc != lib.SQLITE_OK {
		return c.fault(rc)
	}
	return nil
}

// command runs one prepared statement without arguments or rows.
func (c *conn) command(text string) error {
	s, err := c.prepare(text)
	if err != nil {
		return err
	}
	rc := lib.Xsqlite3_step(c.tls, s.handle)
	if rc != lib.SQLITE_DONE {
		err = c.fault(rc)
	}
	lib.Xsqlite3_reset(c.tls, s.handle)
	return err
}

// number runs one prepared statement without arguments, and reads the integer
// that it answers.
func (c *conn) number(text string) (int64, error) {
	s, err := c.prepare(text)
	if err != nil {
		return 0, err
	}
	defer lib.Xsqlite3_reset(c.tls, s.handle)
	if rc := lib.Xsqlite3_step(c.tls, s.handle); rc != lib.SQLITE_ROW {
		return 0, c.fault(rc)
	}
	return lib.Xsqlite3_column_int64(c.tls, s.handle, 0), nil
}

// run runs one statement and hands over its rows.
func (c *conn) run(statement *store.Statement) error {
	if c.inRow {
		return errors.New("a statement was run from the Row of another")
	}
	s, err := c.prepare(statement.SQL)
	if err != nil {
		return err
	}
	if err := c.bind(s, statement.Args); err != nil {
		return err
	}
	defer c.reset(s)
	rc, err := c.step(s, statement.Row)
	if statement.Affected != nil {
		*statement.Affected = 0
		if rc == lib.SQLITE_DONE && !s.reads {
			*statement.Affected = lib.Xsqlite3_changes64(c.tls, c.db)
		}
	}
	if rc != lib.SQLITE_DONE && rc != lib.SQLITE_ROW {
		err = c.fault(rc)
	}
	return err
}

// reset ends s and lets go of its arguments.
func (c *conn) reset(s *stmt) {
	lib.Xsqlite3_reset(c.tls, s.handle)
	clear(c.values)
	if c.args.size > keepArguments {
		c.args.free(c.tls)
	}
}

// step runs s to its end and returns SQLite's last answer. The error is one of
// each.
func (c *conn) step(s *stmt, each func(store.Row) error) (int32, error) {
	for {
		rc := lib.Xsqlite3_step(c.tls, s.handle)
		if rc != lib.SQLITE_ROW {
			return rc, nil
		}
		if each == nil {
			continue
		}
		if err := c.hand(s, each); err != nil {
			return rc, err
		}
	}
}

// hand gives the row under s to each, which may panic.
func (c *conn) hand(s *stmt, each func(store.Row) error) error {
	c.inRow, c.row.s = true, s
	defer func() { c.inRow, c.row.s = false, nil }()
	return each(&c.row)
}

// prepare returns the statement of a text, from the cache if it is there. To
// SQLite $1 is a name, which it looks up among all others, and ?1 a number: a
// statement of many rows is prepared many times as fast with numbers.
func (c *conn) prepare(text string) (*stmt, error) {
	c.uses++
	if s, ok := c.stmts[text]; ok {
		s.used = c.uses
		return s, nil
	}
	if len(c.stmts) >= maxStatements {
		c.forget()
	}
	sql, err := libc.CString(numbered(text))
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, sql)
	out := c.tls.Alloc(16)
	defer c.tls.Free(16)
	rc := lib.Xsqlite3_prepare_v3(c.tls, c.db, sql, int32(len(text)+1), lib.SQLITE_PREPARE_PERSISTENT, out, out+8)
	if rc != lib.SQLITE_OK {
		return nil, c.fault(rc)
	}
	s := &stmt{handle: *at[uintptr](out), used: c.uses}
	if s.handle == 0 {
		return nil, errors.New("statement is empty")
	}
	if *at[byte](*at[uintptr](out + 8)) != 0 {
		lib.Xsqlite3_finalize(c.tls, s.handle)
		return nil, errors.New("text has more than one statement")
	}
	s.params = int(lib.Xsqlite3_bind_parameter_count(c.tls, s.handle))
	s.columns = int(lib.Xsqlite3_column_count(c.tls, s.handle))
	s.reads = lib.Xsqlite3_stmt_readonly(c.tls, s.handle) != 0
	c.stmts[text] = s
	return s, nil
}

// numbered writes ?1 for $1 wherever it is no part of a literal or name.
func numbered(text string) string {
	b := []byte(text)
	quote := byte(0)
	for i, c := range b {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '$':
			b[i] = '?'
		}
	}
	return string(b)
}

// forget closes the statement that was used longest ago.
func (c *conn) forget() {
	var oldest string
	used := c.uses + 1
	for text, s := range c.stmts {
		if s.used < used {
			oldest, used = text, s.used
		}
	}
	lib.Xsqlite3_finalize(c.tls, c.stmts[oldest].handle)
	delete(c.stmts, oldest)
}

// bind gives s its arguments. Text and bytes are copied to memory that does not
// move, where SQLite reads them until the statement is reset.
func (c *conn) bind(s *stmt, args []any) error {
	if len(args) != s.params {
		return fmt.Errorf("statement takes %d arguments, got %d", s.params, len(args))
	}
	c.values = c.values[:0]
	need := 1 // so that empty text has an address too
	for i, arg := range args {
		v, err := value.Of(arg)
		if err != nil {
			return fmt.Errorf("$%d: %w", i+1, err)
		}
		c.values = append(c.values, v)
		need += len(v.Data)
	}
	c.args.reserve(c.tls, need)
	for i := range c.values {
		v := &c.values[i]
		var rc int32
		switch v.Kind {
		case value.Int:
			rc = lib.Xsqlite3_bind_int64(c.tls, s.handle, int32(i+1), v.Int)
		case value.Text:
			rc = lib.Xsqlite3_bind_text(c.tls, s.handle, int32(i+1), c.args.put(v.Data), int32(len(v.Data)), 0)
		case value.Bytes:
			rc = lib.Xsqlite3_bind_blob(c.tls, s.handle, int32(i+1), c.args.put(v.Data), int32(len(v.Data)), 0)
		}
		if rc != lib.SQLITE_OK {
			return c.fault(rc)
		}
	}
	return nil
}

// inTransaction reports whether a transaction is open. Some errors end it.
func (c *conn) inTransaction() bool {
	return lib.Xsqlite3_get_autocommit(c.tls, c.db) == 0
}

// setBusyTimeout says how long a statement waits for a lock.
func (c *conn) setBusyTimeout(milliseconds int32) error {
	if rc := lib.Xsqlite3_busy_timeout(c.tls, c.db, milliseconds); rc != lib.SQLITE_OK {
		return c.fault(rc)
	}
	return nil
}

// arm lets interrupt interrupt, or forbids it.
func (c *conn) arm(on bool) {
	c.guard.Lock()
	c.armed = on
	c.guard.Unlock()
}

// interrupt ends the statement that runs, if the connection is armed. Any
// goroutine may call it.
func (c *conn) interrupt() {
	c.guard.Lock()
	defer c.guard.Unlock()
	if c.armed {
		tls := libc.NewTLS()
		lib.Xsqlite3_interrupt(tls, c.db)
		tls.Close()
	}
}

// row is the row that a statement stands on.
type row struct {
	c *conn
	s *stmt // nil outside of a call of Row
}

func (r *row) Scan(dest ...any) error {
	if r.s == nil {
		return errors.New("a row was kept beyond its call")
	}
	if len(dest) != r.s.columns {
		return fmt.Errorf("row has %d columns, got %d destinations", r.s.columns, len(dest))
	}
	for i, d := range dest {
		if err := r.scan(int32(i), d); err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return nil
}

func (r *row) scan(i int32, dest any) error {
	tls, s := r.c.tls, r.s.handle
	switch kind := lib.Xsqlite3_column_type(tls, s, i); kind {
	case lib.SQLITE_INTEGER:
		return value.SetInt(dest, lib.Xsqlite3_column_int64(tls, s, i))
	case lib.SQLITE_TEXT:
		text := lib.Xsqlite3_column_text(tls, s, i)
		return value.SetText(dest, view(text, lib.Xsqlite3_column_bytes(tls, s, i)))
	case lib.SQLITE_BLOB:
		bytes := lib.Xsqlite3_column_blob(tls, s, i)
		return value.SetBytes(dest, view(bytes, lib.Xsqlite3_column_bytes(tls, s, i)))
	case lib.SQLITE_NULL:
		return errors.New("is NULL")
	default:
		return errors.New("is a REAL")
	}
}

// fault makes an error of SQLite's answer to the last call.
func (c *conn) fault(rc int32) error {
	text := libc.GoString(lib.Xsqlite3_errstr(c.tls, rc))
	if c.db != 0 {
		text = libc.GoString(lib.Xsqlite3_errmsg(c.tls, c.db))
	}
	switch rc {
	case lib.SQLITE_CONSTRAINT_UNIQUE, lib.SQLITE_CONSTRAINT_PRIMARYKEY, lib.SQLITE_CONSTRAINT_ROWID:
		return fmt.Errorf("%w: %s", store.ErrUnique, text)
	case lib.SQLITE_CONSTRAINT_CHECK, lib.SQLITE_CONSTRAINT_NOTNULL, lib.SQLITE_CONSTRAINT_FOREIGNKEY:
		return fmt.Errorf("%w: %s", store.ErrCheck, text)
	}
	switch rc & 0xff {
	case lib.SQLITE_CANTOPEN, lib.SQLITE_IOERR: // the system knows why
		if errno := syscall.Errno(lib.Xsqlite3_system_errno(c.tls, c.db)); errno != 0 {
			text += ": " + errno.Error()
		}
	}
	return &fault{code: rc, text: text}
}

// fault is an error of SQLite that callers do not tell apart.
type fault struct {
	code int32
	text string
}

func (f *fault) Error() string { return fmt.Sprintf("sqlite: %s (%d)", f.text, f.code) }

// isBusy reports whether another process holds the lock.
func isBusy(err error) bool {
	f, ok := errors.AsType[*fault](err)
	return ok && f.code&0xff == lib.SQLITE_BUSY
}

// isInterrupt reports whether err comes of conn.interrupt.
func isInterrupt(err error) bool {
	f, ok := errors.AsType[*fault](err)
	return ok && f.code&0xff == lib.SQLITE_INTERRUPT
}

// memory is a piece of memory outside of Go's, which SQLite may keep pointers to.
type memory struct {
	start uintptr
	size  int
	used  int
}

// reserve empties m and makes room for n bytes.
func (m *memory) reserve(tls *libc.TLS, n int) {
	m.used = 0
	if n <= m.size {
		return
	}
	m.free(tls)
	m.size = max(n, 1<<10)
	m.start = libc.Xmalloc(tls, libc.Tsize_t(m.size))
	if m.start == 0 {
		panic("sqlite: out of memory")
	}
}

// put copies s and returns where it is. There is room, reserve saw to it.
func (m *memory) put(s string) uintptr {
	p := m.start + uintptr(m.used)
	m.used += copy(view(p, int32(len(s))), s)
	return p
}

func (m *memory) free(tls *libc.TLS) {
	libc.Xfree(tls, m.start)
	*m = memory{}
}

// view shows n bytes of memory that is not Go's.
func view(p uintptr, n int32) []byte {
	if n == 0 {
		return nil
	}
	return unsafe.Slice(at[byte](p), n)
}

// at makes a pointer of an address that is not Go's.
func at[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }
