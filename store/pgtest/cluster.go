package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrMissing says that the machine has no PostgreSQL server programs.
var ErrMissing = errors.New("PostgreSQL is not installed: no initdb and postgres in PATH or /usr/lib/postgresql/*/bin")

// Cluster is a running private PostgreSQL with its data in a temporary folder.
// Its durability is real: fsync and synchronous_commit are on.
type Cluster struct {
	URL string
	Bin string // the folder of the server's programs, pgbench among them

	dir    string
	server *exec.Cmd
	ended  chan error
}

// Start makes and starts a cluster on a free port of loopback. Stop it; should
// this process die first, the server goes with it on Linux.
func Start(ctx context.Context) (*Cluster, error) {
	bin, err := findBin()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "grapevine-pg-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{Bin: bin, dir: dir}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

// findBin finds the server's programs, the newest if there are several.
func findBin() (string, error) {
	folders := filepath.SplitList(os.Getenv("PATH"))
	installed, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.SortFunc(installed, func(a, b string) int { return major(b) - major(a) })
	for _, folder := range append(folders, installed...) {
		_, errInit := exec.LookPath(filepath.Join(folder, "initdb"))
		_, errServer := exec.LookPath(filepath.Join(folder, "postgres"))
		if errInit == nil && errServer == nil {
			return folder, nil
		}
	}
	return "", ErrMissing
}

func major(bin string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	return n
}

func (c *Cluster) start(ctx context.Context) error {
	attr, err := c.owner()
	if err != nil {
		return err
	}
	data := filepath.Join(c.dir, "data")
	// Of the collations that a server may have by default, take one whose order
	// is not that of bytes: a column that forgot its own is found out.
	init := []string{"-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions"}
	_, err = c.output(ctx, attr, "initdb", append(init, "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")...)
	if err != nil {
		if err := os.RemoveAll(data); err != nil {
			return err
		}
		if out, err := c.output(ctx, attr, "initdb", append(init, "--locale=C")...); err != nil {
			return fmt.Errorf("initdb: %w\n%s", err, out)
		}
	}
	for attempt := 1; ; attempt++ {
		err := c.serve(ctx, attr, data)
		if err == nil || attempt == 3 || ctx.Err() != nil { // somebody else may have taken the port
			return err
		}
	}
}

// owner gives the temporary folder to a user who may run a server, which root
// may not.
func (c *Cluster) owner() (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the tests, not for the server
	if os.Geteuid() != 0 {
		return attr, nil
	}
	someone, err := user.Lookup("postgres")
	if err != nil {
		if someone, err = user.Lookup("nobody"); err != nil {
			return nil, fmt.Errorf("root may not run PostgreSQL, and there is no other user: %w", err)
		}
	}
	uid, _ := strconv.Atoi(someone.Uid)
	gid, _ := strconv.Atoi(someone.Gid)
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, os.Chown(c.dir, uid, gid)
}

func (c *Cluster) command(ctx context.Context, attr *syscall.SysProcAttr, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(c.Bin, name), args...)
	cmd.SysProcAttr, cmd.Dir = attr, c.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	return cmd
}

func (c *Cluster) output(ctx context.Context, attr *syscall.SysProcAttr, name string, args ...string) ([]byte, error) {
	return c.command(ctx, attr, name, args...).CombinedOutput()
}

// serve starts the server and waits until it answers.
func (c *Cluster) serve(ctx context.Context, attr *syscall.SysProcAttr, data string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	c.URL = fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port)
	server := c.command(context.WithoutCancel(ctx), attr, "postgres", "-D", data, "-p", strconv.Itoa(port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "max_connections=300", "-c", "shared_buffers=256MB",
		"-c", "fsync=on", "-c", "synchronous_commit=on")
	log, err := os.Create(filepath.Join(c.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	server.Stdout, server.Stderr = log, log
	started, ended := make(chan error), make(chan error, 1)
	go func() {
		// The kernel ends the server when the thread that started it ends.
		runtime.LockOSThread()
		server.SysProcAttr = endWithParent(attr)
		err := server.Start()
		started <- err
		if err == nil {
			ended <- server.Wait()
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	c.server, c.ended = server, ended
	return c.ready(ctx)
}

// ready waits until the server answers.
func (c *Cluster) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, c.URL)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case end := <-c.ended:
			c.server = nil
			return fmt.Errorf("PostgreSQL ended at once (%v)\n%s", end, c.logged())
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// Stop ends the server and removes its data. It fails if the server has ended
// before.
func (c *Cluster) Stop() error {
	var err error
	if c.server != nil {
		select {
		case end := <-c.ended:
			err = fmt.Errorf("PostgreSQL ended on its own (%v)\n%s", end, c.logged())
		default:
			c.end()
		}
		c.server = nil
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}

func (c *Cluster) end() {
	c.server.Process.Signal(syscall.SIGINT) // ends sessions, then the server
	select {
	case <-c.ended:
	case <-time.After(20 * time.Second):
		c.server.Process.Signal(syscall.SIGQUIT) // at once, its children too
		<-c.ended
	}
}

// logged is the end of what the server wrote.
func (c *Cluster) logged() []byte {
	log, _ := os.ReadFile(filepath.Join(c.dir, "log"))
	return bytes.TrimSpace(log[max(0, len(log)-4000):])
}
