//go:build e2e

// Package e2e_test runs the built binary as an operator does: it starts it,
// talks HTTP to it, kills it. It knows the command line, the project file and
// the documented calls, and nothing of what is inside.
package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"grapevine/store/pgtest"
)

// binary is the program as it is shipped; TestMain builds it.
var binary string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "grapevine-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "grapevine")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "grapevine/cmd/grapevine")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build grapevine: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// database is where a test's servers keep what they know.
type database struct {
	dsn    string
	secret string
}

// onEachEngine runs a test on SQLite and on PostgreSQL.
func onEachEngine(t *testing.T, test func(*testing.T, database)) {
	t.Run("sqlite", func(t *testing.T) {
		dir := t.TempDir()
		test(t, database{"sqlite:" + filepath.Join(dir, "grapevine.db"), filepath.Join(dir, "secret")})
	})
	t.Run("postgres", func(t *testing.T) {
		test(t, database{pgtest.URL(t), filepath.Join(t.TempDir(), "secret")})
	})
}

// grapevine runs one command to its end and returns what it printed.
func grapevine(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out, err bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Stdout, cmd.Stderr = &out, &err
	cmd.Run()
	return out.String(), err.String(), cmd.ProcessState.ExitCode()
}

// command runs one command on d and returns its standard output; it must
// succeed.
func (d database) command(t *testing.T, name string, args ...string) string {
	t.Helper()
	args = append([]string{name, "--database", d.dsn, "--secret-file", d.secret}, args...)
	stdout, stderr, code := grapevine(t, args...)
	if code != 0 {
		t.Fatalf("grapevine %s ended with %d\n%s%s", name, code, stdout, stderr)
	}
	return stdout
}

// apply makes the database say what the project file says.
func (d database) apply(t *testing.T, project string) (completed string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "project.yaml")
	if err := os.WriteFile(file, []byte(project), 0o600); err != nil {
		t.Fatal(err)
	}
	return d.command(t, "apply", "-f", file)
}

// server is one run of `grapevine serve`.
type server struct {
	addr string
	url  string
	http *http.Client // knows the server's certificate, if it has one
	cmd  *exec.Cmd
	log  *logBuffer
	done chan struct{} // closed when the process has ended
}

// start starts a server on addr and does not wait for it. It ends with the
// test at the latest.
func (d database) start(t *testing.T, addr string, flags ...string) *server {
	t.Helper()
	s := &server{addr: addr, url: "http://" + addr, http: http.DefaultClient, log: new(logBuffer), done: make(chan struct{})}
	s.cmd = exec.Command(binary, append([]string{"serve", "--listen", addr, "--public-url", s.url, "--database", d.dsn, "--secret-file", d.secret,
		"--log", "json", "--allow-private-hooks", "--webhook-retry-every", "1s"}, flags...)...)
	s.cmd.Dir = t.TempDir()                                       // mail that no test asks for is left there
	s.cmd.Env = append(os.Environ(), "GRAPEVINE_RATE_LIMITS=off") // the load is one key's
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		s.cmd.Wait()
		close(s.done)
	}()
	t.Cleanup(s.kill)
	return s
}

// serve starts a server on a free address and returns when it is ready.
func (d database) serve(t *testing.T) *server {
	t.Helper()
	s := d.start(t, freeAddr(t))
	s.awaitReady(t)
	return s
}

func (s *server) awaitReady(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !s.ready(); time.Sleep(2 * time.Millisecond) {
		if s.ended() {
			t.Fatalf("the server ended: %v\n%s", s.cmd.ProcessState, s.log)
		}
		if time.Now().After(end) {
			t.Fatalf("the server was not ready in 30 s\n%s", s.log)
		}
	}
}

func (s *server) ready() bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/readyz", nil)
	if err != nil {
		return false
	}
	a, err := s.http.Do(q)
	if err != nil {
		return false
	}
	a.Body.Close()
	return a.StatusCode == http.StatusOK
}

func (s *server) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// kill ends the process as a power cut would, and returns when it is gone.
func (s *server) kill() {
	s.cmd.Process.Kill()
	<-s.done
}

// stop asks the process to end, which must succeed.
func (s *server) stop(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("stop the server: %v\n%s", err, s.log)
	}
	select {
	case <-s.done:
	case <-time.After(30 * time.Second):
		t.Fatalf("the server did not stop in 30 s\n%s", s.log)
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		t.Fatalf("the stopped server ended with %d\n%s", code, s.log)
	}
}

// freeAddr returns a loopback address that nobody listens on.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// logBuffer keeps the end of what a process writes, for a test that fails.
type logBuffer struct {
	mu   sync.Mutex
	text []byte
}

const logKept = 4000

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = append(b.text, p...)
	if len(b.text) > 4*logKept {
		b.text = append([]byte(nil), b.text[len(b.text)-logKept:]...)
	}
	return len(p), nil
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.text[max(0, len(b.text)-logKept):])
}
