//go:build e2e

package main

import (
	"bufio"
	"debug/elf"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// build makes the binary as it is shipped.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "grapevine")
	cmd := exec.Command("go", "build", "-o", binary, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

func TestBinaryStandsAlone(t *testing.T) {
	binary := build(t)
	if runtime.GOOS == "linux" {
		file, err := elf.Open(binary)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		for _, part := range file.Progs {
			if part.Type == elf.PT_INTERP {
				t.Error("the binary needs a loader: it is not static")
			}
		}
	}
	// An empty folder, and an environment in which there is nothing else.
	cmd := exec.Command(binary, "demo", "--once")
	cmd.Dir, cmd.Env = t.TempDir(), []string{"TMPDIR=" + t.TempDir()}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("demo --once: %v\n%s", err, out)
	}
}

func TestBinaryStopsWhenItIsTold(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		cmd := exec.Command(build(t), "serve", "--listen=127.0.0.1:0", "--database=sqlite:"+filepath.Join(t.TempDir(), "test.db"))
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		cmd.Stderr = &log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		overdue := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
		defer overdue.Stop()

		line, err := bufio.NewReader(stdout).ReadString('\n')
		url, ok := strings.CutPrefix(strings.TrimSpace(line), "serving ")
		if err != nil || !ok {
			t.Fatalf("printed %q, %v\n%s", line, err, &log)
		}
		answer, err := http.Get(url + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Errorf("got %s %s", answer.Status, body)
		}
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("after %v: %v\n%s", signal, err, &log)
		}
		if !strings.Contains(log.String(), `"msg":"stopping"`) {
			t.Errorf("the log is not JSON, or does not tell:\n%s", &log)
		}
	}
}
