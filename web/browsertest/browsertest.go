// Package browsertest opens pages in a real Chromium, for tests of what we
// send to browsers.
package browsertest

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// EnvSkip is shared with the tests that need PostgreSQL.
const EnvSkip = "GRAPEVINE_TEST_SKIP"

// Open opens a page, lets its scripts come to an end, and returns its HTML as
// it is then. Names below .localhost are this machine's; no other is found.
// Without a Chromium the test fails, unless GRAPEVINE_TEST_SKIP contains
// "chromium".
func Open(t testing.TB, address string) string {
	t.Helper()
	if strings.Contains(os.Getenv(EnvSkip), "chromium") {
		t.Skip("no Chromium, and " + EnvSkip + " says so")
	}
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("no Chromium (%v): install Debian's package chromium, or set %s=chromium to do without", err, EnvSkip)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, program,
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
		"--disable-background-networking", "--disable-sync", "--metrics-recording-only", "--mute-audio",
		"--user-data-dir="+t.TempDir(), "--host-resolver-rules=MAP *.localhost 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE *.localhost",
		"--virtual-time-budget=20000", "--dump-dom", address)
	command.WaitDelay = 5 * time.Second
	var complaints strings.Builder
	command.Stderr = &complaints
	html, err := command.Output()
	if err != nil {
		t.Fatalf("open %s: %v\n%s", address, err, complaints.String())
	}
	return string(html)
}
