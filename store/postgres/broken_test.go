package postgres_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"grapevine/store"
	"grapevine/store/pgtest"
	"grapevine/store/postgres"
)

// proxy stands between the engine and the server, and breaks the connection
// once, when trigger goes by: before it is passed on, or else after.
type proxy struct {
	url     string
	trigger []byte
	before  bool
	armed   atomic.Bool
}

func startProxy(t *testing.T, address, trigger string, before bool) *proxy {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	server := u.Host
	u.Host = l.Addr().String()
	p := &proxy{url: u.String(), trigger: []byte(trigger), before: before}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.pass(client, server)
		}
	}()
	return p
}

func (p *proxy) pass(client net.Conn, address string) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	var cut atomic.Bool
	ended := make(chan bool)
	go func() {
		defer close(ended)
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if !cut.Load() {
				client.Write(buf[:n])
			}
			if err != nil {
				if !cut.Load() {
					client.Close()
				}
				return
			}
		}
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			server.Close()
			return
		}
		if !bytes.Contains(buf[:n], p.trigger) || !p.armed.CompareAndSwap(true, false) {
			server.Write(buf[:n])
			continue
		}
		cut.Store(true)
		if !p.before {
			server.Write(buf[:n])
		}
		// The server sees the end of its client when it has done its work, and only
		// then does the client see that the connection broke.
		server.(*net.TCPConn).CloseWrite()
		<-ended
		server.Close()
		return
	}
}

const addsItem = `INSERT INTO item (id, name) VALUES ($1, $2)`

func openProxy(t *testing.T, trigger string, before bool) (store.Engine, *proxy) {
	t.Helper()
	p := startProxy(t, pgtest.URL(t), trigger, before)
	e := openURL(t, p.url)
	run(t, e, `CREATE TABLE item (id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)`)
	// With its statements prepared, what goes over the wire is what a busy
	// server sends.
	if calls, err := add(e, 1); err != nil || calls != 1 {
		t.Fatalf("%d calls, error %v", calls, err)
	}
	return e, p
}

func run(t testing.TB, e store.Engine, sql string) {
	t.Helper()
	if err := e.Update(context.Background(), func(store.Conn) ([]store.Statement, error) {
		return []store.Statement{{SQL: sql}}, nil
	}); err != nil {
		t.Fatal(err)
	}
}

// add inserts an item, in two round trips.
func add(e store.Engine, id int64) (calls int, err error) {
	ctx := context.Background()
	err = e.Update(ctx, func(c store.Conn) ([]store.Statement, error) {
		calls++
		err := c.Run(ctx, store.Statement{SQL: `SELECT id FROM item WHERE name = $1`, Args: []any{"first round trip"}})
		return []store.Statement{{SQL: addsItem, Args: []any{id, "item to be added"}}}, err
	})
	return calls, err
}

func count(t *testing.T, e store.Engine) (n int) {
	t.Helper()
	ctx := context.Background()
	if err := e.View(ctx, func(c store.Conn) error {
		return c.Run(ctx, store.Statement{SQL: `SELECT COUNT(*) FROM item`, Row: func(r store.Row) error { return r.Scan(&n) }})
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestLostAnswerToCommitIsAnError(t *testing.T) {
	t.Parallel()
	e, p := openProxy(t, "item to be added", false)
	p.armed.Store(true)
	calls, err := add(e, 2)
	if !errors.Is(err, store.ErrUnsure) || calls != 1 {
		t.Errorf("%d calls, error %v, want an error of the only call that says what is not known", calls, err)
	}
	if n := count(t, e); n != 2 {
		t.Errorf("%d items: the server did commit", n)
	}
	if _, err := add(e, 3); err != nil {
		t.Errorf("after a lost connection: %v", err)
	}
}

func TestConnectionLostBeforeCommitRunsAgain(t *testing.T) {
	t.Parallel()
	for _, before := range []bool{true, false} {
		e, p := openProxy(t, "first round trip", before)
		p.armed.Store(true)
		calls, err := add(e, 2)
		if err != nil || calls != 2 {
			t.Errorf("%d calls, error %v, want two and none", calls, err)
		}
		if n := count(t, e); n != 2 {
			t.Errorf("%d items, want 2", n)
		}
	}
}

func TestTerminatedConnectionsAreReplaced(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	address := pgtest.URL(t)
	name := "victim_" + rand.Text()
	e := openURL(t, address+"&application_name="+name)
	run(t, e, `CREATE TABLE item (id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)`)
	killer, err := pgconn.Connect(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer killer.Close(ctx)
	for id := range int64(3) {
		if _, err := add(e, id); err != nil {
			t.Errorf("after its connection was terminated: %v", err)
		}
		kill := "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '" + name + "'"
		if _, err := killer.Exec(ctx, kill).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
}

// Whoever waits for a connection that another holds is not left hanging.
func TestWaitForConnectionEndsWithContext(t *testing.T) {
	t.Parallel()
	e, err := postgres.Open(context.Background(), postgres.Config{URL: pgtest.URL(t), MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	err = e.Update(context.Background(), func(store.Conn) ([]store.Statement, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		inner := e.Update(ctx, func(store.Conn) ([]store.Statement, error) { return nil, nil })
		if !errors.Is(inner, context.DeadlineExceeded) {
			t.Errorf("got error %v, want the deadline's", inner)
		}
		return nil, nil
	})
	if err != nil {
		t.Error(err)
	}
}
