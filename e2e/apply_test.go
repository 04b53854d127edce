//go:build e2e

package e2e_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	secondCampaign = "5c1d5f0a-8a51-4bb1-9d0e-2f6f7a0c1b2d"
	secondProject  = `  - name: Summer
    uuid: ` + secondCampaign + `
    status: launched
    rewards:
      - {name: A cap, to: advocate, on: purchase, value: {type: product, amount: 1, unit: cap}}
`
	// inForce is how long a running server may take to do what apply changed.
	inForce = 5 * time.Second
)

// What apply changes while a server runs under load is in force within five
// seconds, and costs no request.
func TestApplyReachesARunningServer(t *testing.T) {
	onEachEngine(t, func(t *testing.T, d database) {
		hook := receive(t)
		d.apply(t, project(hook.url, ""))
		s := d.serve(t)
		p := openShop(t, s)
		codes := p.links(t, advocates)
		if status, _, err := p.link(0, secondCampaign); status != http.StatusNotFound || err != nil {
			t.Fatalf("a campaign that is not there yet: %d, %v; want 404", status, err)
		}

		b := newBook()
		stop := make(chan struct{})
		var group sync.WaitGroup
		for range customers {
			group.Go(func() { b.customer(p, codes, stop) })
		}
		d.apply(t, project(hook.url, secondProject))
		applied := time.Now()
		for {
			status, code, err := p.link(0, secondCampaign)
			if err != nil {
				t.Fatal(err)
			}
			if status == http.StatusOK && code != "" {
				break
			}
			if time.Since(applied) > inForce {
				t.Errorf("the new campaign is answered %d, %v after apply", status, inForce)
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Logf("in force after %v", time.Since(applied).Round(time.Millisecond))
		close(stop)
		group.Wait()

		b.mu.Lock()
		unsure := len(b.unsure)
		b.mu.Unlock()
		if unsure > 0 {
			t.Errorf("%d orders were not answered while apply ran", unsure)
		}
		orders := b.repeat(t, p, codes)
		awaitTold(t, hook, len(orders))
		hook.check(t, orders)
		d.command(t, "verify")
	})
}

// Applying what apply printed changes nothing, and a file with a fault is
// refused with its line, whole.
func TestApplyIsRepeatable(t *testing.T) {
	onEachEngine(t, func(t *testing.T, d database) {
		given := project("https://shop.example.com/hooks", "")
		first := d.apply(t, given)
		if !json.Valid([]byte(first)) {
			t.Fatalf("apply printed no JSON: %s", first)
		}
		if again := d.apply(t, given); again != first {
			t.Errorf("applied again:\n%s\nat first:\n%s", again, first)
		}

		file := filepath.Join(t.TempDir(), "fault.yaml")
		fault := given + "  - {name: Summer, status: lunched}\n"
		if err := os.WriteFile(file, []byte(fault), 0o600); err != nil {
			t.Fatal(err)
		}
		stdout, stderr, code := grapevine(t, "apply", "-f", file, "--database", d.dsn, "--secret-file", d.secret)
		if code != 2 || stdout != "" || !strings.Contains(stderr, file) || !strings.Contains(stderr, "campaigns[1].status") {
			t.Errorf("a fault ends with %d, %q, %q; want 2, nothing, and file and path", code, stdout, stderr)
		}
		if again := d.apply(t, given); again != first {
			t.Errorf("the refused file changed something:\n%s\nbefore:\n%s", again, first)
		}
	})
}
