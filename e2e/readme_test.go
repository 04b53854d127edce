//go:build e2e

package e2e_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"grapevine/store/pgtest"
)

// section returns a section of the README, by its heading, without those
// below it.
func section(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), "\n"+heading+"\n")
	if !found {
		t.Fatalf("the README has no %q", heading)
	}
	body, _, _ := strings.Cut(after, "\n#")
	return body
}

// shell returns the blocks of a section that a reader pastes into a shell.
func shell(t *testing.T, heading string) []string {
	t.Helper()
	var blocks []string
	for _, m := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(section(t, heading), -1) {
		blocks = append(blocks, m[1])
	}
	if len(blocks) == 0 {
		t.Fatalf("%q has nothing to paste", heading)
	}
	return blocks
}

// Whoever pastes the README into a shell sees what it promises. Only ports, and
// the address of PostgreSQL, are others here.
func TestReadmeIsTrue(t *testing.T) {
	blocks := shell(t, "## Five minutes of real use")
	if !strings.HasPrefix(blocks[0], "go build ") {
		t.Fatalf("the first block does not build: %s", blocks[0])
	}
	blocks = blocks[1:] // TestMain has built, and the folder is empty
	t.Run("sqlite", func(t *testing.T) { paste(t, blocks) })
	t.Run("postgres", func(t *testing.T) {
		address := pgtest.URL(t)
		variables := shell(t, "### The same on PostgreSQL")[0]
		changed := regexp.MustCompile(`'postgres://[^']*'`).ReplaceAllLiteralString(variables, "'"+address+"'")
		if changed == variables {
			t.Fatalf("no address of a database in %s", variables)
		}
		paste(t, append([]string{changed}, blocks...))
	})
}

func paste(t *testing.T, blocks []string) {
	server, receiver := freeAddr(t), freeAddr(t)
	ports := strings.NewReplacer("localhost:8080", server, "localhost:9090", receiver)
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	printed := func() string {
		text, err := os.ReadFile(out.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	bash := exec.Command("bash", "-eu")
	bash.Dir = t.TempDir()
	bash.Env = append(os.Environ(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"))
	bash.Stdout, bash.Stderr = out, out
	bash.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // with what it starts
	in, err := bash.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := bash.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- bash.Wait() }()
	t.Cleanup(func() { syscall.Kill(-bash.Process.Pid, syscall.SIGKILL) })

	last := len(blocks) - 1
	for _, block := range blocks[:last] {
		io.WriteString(in, ports.Replace(block))
	}
	promised := []string{
		`"status":"ready"`,
		`"link":"http://` + server + `/r/ann`,
		"HTTP/1.1 302 Found", "Location: https://shop.example.com/?ref=ann", "&fbuy=eyJ", "Set-Cookie: gv=",
		`signed webhook: {"id":`, `"type":"advocateReward"`, `"type":"friendIncentive"`, `"couponCode":"HELLO-`,
		`"referralCode":{"code":"ann`, `"total":6`,
		"acme-outdoors: checked conversion 1, coupon 1, event 2, facet 4, ledger 1, ledger_entry 2, participant 1, person 2, reward 2; no difference",
	}
	missing := func() []string {
		text := printed()
		return slices.DeleteFunc(slices.Clone(promised), func(s string) bool { return strings.Contains(text, s) })
	}
	for end := time.Now().Add(time.Minute); len(missing()) > 0; time.Sleep(20 * time.Millisecond) {
		select {
		case err := <-ended:
			t.Fatalf("the shell ended: %v\n%s", err, printed())
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("the README promises %q, which did not come\n%s", missing(), printed())
		}
	}
	if events := regexp.MustCompile(`"eventId":"[^"]*"`).FindAllString(printed(), -1); len(events) != 2 || events[0] != events[1] {
		t.Errorf("the order sent twice is %q, want one event", events)
	}

	io.WriteString(in, ports.Replace(blocks[last]))
	in.Close()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Fatalf("what was started did not end\n%s", printed())
	}
}

// The README's table has every flag, with its variable, and no other.
func TestReadmeNamesEveryFlag(t *testing.T) {
	table := section(t, "### Commands and flags")
	var known []string
	for _, command := range [][]string{{"serve"}, {"apply"}, {"verify"}, {"reward", "deliver"}, {"demo"}} {
		help, _, _ := grapevine(t, append(command, "--help")...)
		_, flags, found := strings.Cut(help, "context-sensitive help.")
		if !found {
			t.Fatalf("help of %v: %s", command, help)
		}
		for _, m := range regexp.MustCompile(`(--[a-z-]+)[^$]*?\(\$(GRAPEVINE_[A-Z_]+)\)`).FindAllStringSubmatch(flags, -1) {
			known = append(known, m[1])
			if row := fmt.Sprintf("\n| `%s`", m[1]); !strings.Contains(table, row) || !strings.Contains(table, "| `"+m[2]+"` |") {
				t.Errorf("the table does not have %s with %s", m[1], m[2])
			}
		}
	}
	for _, m := range regexp.MustCompile("\n\\| `(--[a-z-]+)`").FindAllStringSubmatch(table, -1) {
		if !slices.Contains(known, m[1]) {
			t.Errorf("the table has %s, which no command has", m[1])
		}
	}
}
