package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// process is a program that this one started and that stands under load.
type process struct {
	name string
	log  string // file that has what it wrote
	pid  int
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// spawn starts a program whose output goes to a file in the run's folder.
func (b *bench) spawn(name, program string, args ...string) (*process, error) {
	out, err := os.CreateTemp(b.dir, name+"-*.log")
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &process{name: name, log: out.Name(), cmd: exec.Command(program, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Dir = b.dir
	p.cmd.Env = append(os.Environ(), "GRAPEVINE_RATE_LIMITS=off") // the load is one key's
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p.pid = p.cmd.Process.Pid
	b.atEnd(func() { p.cmd.Process.Kill() })
	go func() {
		p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// stop asks the process to end, and ends it if it does not.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(20 * time.Second):
		p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("%s did not end within 20 s; see %s", p.name, filepath.Base(p.log))
	}
}

// ended says why a process is no longer there, or nil while it runs.
func (p *process) ended() error {
	select {
	case <-p.done:
		out, _ := os.ReadFile(p.log)
		return fmt.Errorf("%s ended: %v: %s", p.name, p.cmd.ProcessState, tail(out, 2000))
	default:
		return nil
	}
}

// until calls ok, again and again, until it holds, the process has ended, or
// the limit has passed.
func (p *process) until(limit time.Duration, ok func() bool) error {
	for end := time.Now().Add(limit); ; time.Sleep(time.Millisecond) {
		switch {
		case ok():
			return nil
		case p.ended() != nil:
			return p.ended()
		case time.Now().After(end):
			return fmt.Errorf("%s was not ready within %v", p.name, limit)
		}
	}
}

// freeAddr returns a loopback address that nobody listens on.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }
