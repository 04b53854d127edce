//go:build e2e

package e2e_test

import (
	"strings"
	"testing"
)

// The demo walks a referral through the API and says how it went.
func TestDemoWalksOnce(t *testing.T) {
	stdout, stderr, code := grapevine(t, "demo", "--once")
	if code != 0 {
		t.Fatalf("demo --once ended with %d\n%s%s", code, stdout, stderr)
	}
	told := strings.ToLower(stdout)
	for _, step := range []string{"link", "click", "purchase", "reward", "webhook", "signature"} {
		if !strings.Contains(told, step) {
			t.Errorf("the walk says nothing of %q:\n%s", step, stdout)
		}
	}
}
