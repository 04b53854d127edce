package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// grapevine runs the command line as the shell does.
func grapevine(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var out bytes.Buffer
	code = run(&process{ctx: t.Context(), stdin: strings.NewReader(""), stdout: &out, stderr: file}, args)
	text, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return code, out.String(), string(text)
}

func TestDurationsInLogsHaveTheirUnit(t *testing.T) {
	for _, format := range []string{"json", "text"} {
		file, err := os.Create(filepath.Join(t.TempDir(), "log"))
		if err != nil {
			t.Fatal(err)
		}
		(&process{stderr: file}).log(format).Info("done", "took", 1500*time.Microsecond)
		if text, err := os.ReadFile(file.Name()); err != nil || !strings.Contains(string(text), "1.5ms") || file.Close() != nil {
			t.Errorf("%s: %v, %s", format, err, text)
		}
	}
}

func TestExitCodes(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	database := "--database=sqlite:" + filepath.Join(folder, "test.db")
	good, bad := write("good.yaml", "account: Acme\n"), write("bad.yaml", "account: Acme\nsight: x\n")
	for _, c := range []struct {
		name   string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{"version", []string{"version"}, 0, "grapevine ", ""},
		{"help", []string{"--help"}, 0, "serve", ""},
		{"help of a command", []string{"serve", "--help"}, 0, "$GRAPEVINE_PUBLIC_URL", ""},
		{"no command", nil, 2, "", "grapevine: expected one of"},
		{"an unknown flag", []string{"serve", "--dialect=x"}, 2, "", "unknown flag --dialect"},
		{"a certificate without its key", []string{"serve", "--tls-cert=x", database}, 2, "", "--tls-key"},
		{"a log format that is none", []string{"verify", "--log=xml", database}, 2, "", "--log"},
		{"a proxy that is no network", []string{"serve", "--trust-proxy=here", database}, 2, "", "--trust-proxy"},
		{"apply a file that is wrong", []string{"apply", "-f", bad, database}, 2, "", "bad.yaml:2: sight: "},
		{"apply", []string{"apply", "-f", good, database}, 0, `"account_id"`, ""},
		{"verify", []string{"verify", database}, 0, "acme: ", ""},
		{"verify an account that is not there", []string{"verify", "--account=none", database}, 1, "", "none"},
		{"preview", []string{"mail", "preview", "share", database}, 0, "Subject: Ann Advocate thought of you", ""},
		{"preview a file", []string{"mail", "preview", "reward", "-f", good, "--as=eml"}, 0, "text/html", ""},
		{"preview of no kind", []string{"mail", "preview", "letter", database}, 2, "", "letter"},
		{"a public address that is none", []string{"serve", "--public-url=here", database}, 2, "", "--public-url here"},
		{"a public address with a password", []string{"serve", "--public-url=https://u:p@example.com", "--listen=127.0.0.1:0", database}, 2, "", "want https://host"},
		{"a public address of a preview that is none", []string{"mail", "preview", "share", "--public-url=here", database}, 2, "", "--public-url here"},
		{"nowhere to listen", []string{"serve", "--listen=here", database}, 2, "", "--listen here"},
		{"no such port to listen on", []string{"serve", "--listen=127.0.0.1:65536", database}, 2, "", "--listen 127.0.0.1:65536"},
		{"no such port of a mail server", []string{"serve", "--smtp=smtp://u:hidden@example.com:65536", "--listen=127.0.0.1:0", database}, 2, "", "--smtp"},
		{"a mail server that is none", []string{"serve", "--smtp=ftp://example.com", "--listen=127.0.0.1:0", database}, 2, "", "--smtp"},
		{"a database that is none", []string{"serve", "--database=mysql://example.com"}, 2, "", "--database mysql:…"},
		{"a database without a file", []string{"verify", "--database=sqlite:"}, 2, "", "sqlite:FILE"},
		{"PostgreSQL without a secret", []string{"verify", "--database=postgres://localhost/x"}, 2, "", "--secret-file"},
		{"no pause between tries", []string{"serve", "--webhook-retry-every=0s", database}, 2, "", "--webhook-retry-every"},
		{"a schedule that ends before it begins", []string{"serve", "--webhook-give-up=-1h", database}, 2, "", "--webhook-give-up"},
		{"likewise of questions", []string{"serve", "--validation-give-up=-1h", database}, 2, "", "--validation-give-up"},
		{"deliveries that are not named", []string{"hook", "replay", database}, 2, "", "--from"},
		{"rate limits that are none", []string{"serve", "--rate-limits=some", database}, 2, "", "--rate-limits"},
		{"unblock", []string{"unblock", "192.0.2.1", database}, 0, "192.0.2.1: 0 blocks lifted", ""},
		{"unblock what is no address", []string{"unblock", "example.com", database}, 1, "", "example.com"},
		{"a reward that is not there", []string{"reward", "deliver", "7", database}, 1, "", "7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := grapevine(t, c.args...)
			if code != c.code {
				t.Errorf("exit %d, want %d", code, c.code)
			}
			if !strings.Contains(stdout, c.stdout) || c.stdout == "" && stdout != "" {
				t.Errorf("stdout has %q, want %q", stdout, c.stdout)
			}
			if !strings.Contains(stderr, c.stderr) || c.stderr == "" && stderr != "" {
				t.Errorf("stderr has %q, want %q", stderr, c.stderr)
			}
		})
	}
}

func TestFlagsComeFromTheEnvironment(t *testing.T) {
	t.Setenv("GRAPEVINE_DATABASE", "mysql://nowhere")
	if code, _, stderr := grapevine(t, "verify"); code != 2 || !strings.Contains(stderr, "mysql:") {
		t.Errorf("exit %d, stderr %q: want the database of the environment", code, stderr)
	}
	missing := filepath.Join(t.TempDir(), "none.db")
	if _, _, stderr := grapevine(t, "verify", "--database=sqlite:"+missing); !strings.Contains(stderr, "none.db") {
		t.Errorf("stderr %q: want the database of the flag", stderr)
	}
}

func TestVersionNeedsNoDatabase(t *testing.T) {
	t.Setenv("GRAPEVINE_DATABASE", "mysql://nowhere")
	if code, _, stderr := grapevine(t, "version"); code != 0 {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
