package main

import (
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// server is a running grapevine with the load's project applied.
type server struct {
	*process
	addr     string
	database database
	readyIn  time.Duration // from its start to the first 200 of /readyz
}

// database is where a server keeps what it knows.
type database struct {
	engine string // sqlite or postgres
	dsn    string // as --database takes it
	secret string // file
}

// build compiles the program as it is shipped, and returns the binary.
func build(dir string) (string, error) {
	binary := filepath.Join(dir, "grapevine")
	cmd := exec.Command("go", "build", "-trimpath", "-o", binary, "grapevine/cmd/grapevine")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build grapevine: %w: %s", err, tail(out, 2000))
	}
	return binary, nil
}

// static tells whether a binary runs without anything beside it.
func static(binary string) (bool, error) {
	f, err := elf.Open(binary)
	if err != nil {
		return false, err
	}
	defer f.Close()
	libraries, err := f.ImportedLibraries()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return false, err
	}
	interpreted := slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
	return len(libraries) == 0 && !interpreted, nil
}

// apply makes the database say what the project file says.
func (b *bench) apply(d database, project string) error {
	file := filepath.Join(b.dir, "project.yaml")
	if err := os.WriteFile(file, []byte(project), 0o600); err != nil {
		return err
	}
	cmd := exec.Command(b.binary, "apply", "-f", file, "--database", d.dsn, "--secret-file", d.secret)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("grapevine apply: %w: %s", err, tail(out, 2000))
	}
	return nil
}

// serve starts a server and returns when it is ready.
func (b *bench) serve(d database, flags ...string) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	started := time.Now()
	p, err := b.spawn("grapevine", b.binary, append([]string{"serve", "--listen", addr, "--public-url", "http://" + addr,
		"--database", d.dsn, "--secret-file", d.secret, "--log", "json", "--allow-private-hooks", "--rate-limits", "off"}, flags...)...)
	if err != nil {
		return nil, err
	}
	s := &server{process: p, addr: addr, database: d}
	if err := p.until(30*time.Second, func() bool { return answers(addr, "/readyz") }); err != nil {
		p.stop()
		return nil, err
	}
	s.readyIn = time.Since(started)
	return s, nil
}

// answers tells whether a GET of path is answered 200.
func answers(addr, path string) bool {
	c, err := dial(addr)
	if err != nil {
		return false
	}
	defer c.close()
	c.conn.SetDeadline(time.Now().Add(time.Second))
	a, err := c.do(request(nil, http.MethodGet, path, addr, "", nil))
	return err == nil && a.status == http.StatusOK
}

// call sends one JSON request and reads its JSON answer, which must be a 2xx.
func (s *server) call(c *client, token, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	c.conn.SetDeadline(time.Now().Add(callLimit))
	a, err := c.do(request(nil, method, path, s.addr, token, body))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if a.status/100 != 2 {
		return fmt.Errorf("%s %s: %d: %.300s", method, path, a.status, a.body)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(a.body, out)
}

// once is call on a connection of its own.
func (s *server) once(token, method, path string, in, out any) error {
	c, err := dial(s.addr)
	if err != nil {
		return err
	}
	defer c.close()
	return s.call(c, token, method, path, in, out)
}

// authorize returns a token, good for 20 minutes.
func (s *server) authorize() (string, error) {
	var got struct {
		Token string `json:"token"`
	}
	err := s.once("", http.MethodPost, "/v1/authorization", map[string]string{"key": apiKey, "secret": apiSecret}, &got)
	return got.Token, err
}

const (
	linkBatch   = 10 // requests that one batch may hold
	linkCallers = 16
)

// codes makes n advocates with a link each and returns their codes.
func (s *server) codes(n int) ([]string, error) {
	token, err := s.authorize()
	if err != nil {
		return nil, err
	}
	var (
		group  sync.WaitGroup
		codes  = make([]string, n)
		failed = make(chan error, linkCallers)
	)
	for i := range linkCallers {
		group.Go(func() {
			if err := s.links(token, codes, i*linkBatch, linkCallers*linkBatch); err != nil {
				failed <- err
			}
		})
	}
	group.Wait()
	select {
	case err := <-failed:
		return nil, err
	default:
		return codes, nil
	}
}

// links fills codes from first on, a batch in every step.
func (s *server) links(token string, codes []string, first, step int) error {
	type linkJSON struct {
		Email      string `json:"email"`
		CustomerID string `json:"customerId"`
		FirstName  string `json:"firstName"`
		CampaignID string `json:"campaignId"`
	}
	c, err := dial(s.addr)
	if err != nil {
		return err
	}
	defer c.close()
	for ; first < len(codes); first += step {
		part := codes[first:min(first+linkBatch, len(codes))]
		var in struct {
			Requests []linkJSON `json:"requests"`
		}
		for i := range part {
			in.Requests = append(in.Requests, linkJSON{
				Email:      fmt.Sprintf("advocate-%d@example.com", first+i),
				CustomerID: fmt.Sprintf("advocate-%d", first+i),
				FirstName:  "Ada",
				CampaignID: campaignUUID,
			})
		}
		var got struct {
			Purls []struct {
				ReferralCode string `json:"referralCode"`
			} `json:"purls"`
		}
		if err := s.call(c, token, http.MethodPost, "/v1/personal-referral-link-batch", in, &got); err != nil {
			return err
		}
		if len(got.Purls) != len(part) {
			return fmt.Errorf("asked for %d links, got %d", len(part), len(got.Purls))
		}
		for i, l := range got.Purls {
			part[i] = l.ReferralCode
		}
	}
	return nil
}

// counter returns the sum of one of the server's counters over its labels.
func (s *server) counter(name string) (float64, error) {
	c, err := dial(s.addr)
	if err != nil {
		return 0, err
	}
	defer c.close()
	c.conn.SetDeadline(time.Now().Add(callLimit))
	a, err := c.do(request(nil, http.MethodGet, "/metrics", s.addr, "", nil))
	if err != nil {
		return 0, err
	}
	sum, found := 0.0, false
	for line := range strings.Lines(string(a.body)) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		var n float64
		if _, err := fmt.Sscan(rest[strings.LastIndexByte(rest, ' ')+1:], &n); err != nil {
			return 0, fmt.Errorf("metric %q: %w", line, err)
		}
		sum, found = sum+n, true
	}
	if !found {
		return 0, fmt.Errorf("the server has no metric %s", name)
	}
	return sum, nil
}
