package prefinery_test

import (
	"strings"
	"testing"

	"grapevine/dialect/dialecttest"
)

// Who takes part in two betas does what is triggered in the one only, and may
// do it in the other afterwards.
func TestTriggersStayInTheirBeta(t *testing.T) {
	t.Parallel()
	dialecttest.OnBoth(t, func(t *testing.T, d *dialecttest.Stage) {
		s := enter(t, d)
		s.Apply(t, func(text string) string {
			return text + `
  - name: Second
    id: 15
    code: second
    status: launched
    rewards: [{name: Ten, descriptor: ten, id: 601, to: advocate, on: purchase, repeat: true, value: {type: cash, amount: 10, unit: USD}}]
`
		})
		for _, beta := range []string{"12", "15"} {
			s.body(t, "POST", "/api/v2/betas/"+beta+"/testers", `{"tester":{"email":"grace@example.org"}}`)
			s.body(t, "POST", "/api/v2/betas/"+beta+"/testers", `{"tester":{"email":"ada@example.org","referrer_id":"grace@example.org"}}`)
		}
		for _, c := range []struct {
			beta         string
			first, other int // rewards of beta 12 and 15 afterwards
			descriptor   string
		}{{"15", 0, 1, `"descriptor":"ten"`}, {"12", 2, 1, `"descriptor":"two_for_one"`}} {
			got := s.body(t, "POST", "/api/v2/betas/"+c.beta+"/rewards/trigger", `{"email":"ada@example.org","event":"purchase"}`)
			if !strings.Contains(got, c.descriptor) {
				t.Errorf("triggered in beta %s: %s", c.beta, got)
			}
			for beta, want := range map[string]int{"12": c.first, "15": c.other} {
				listed := s.body(t, "GET", "/api/v2/betas/"+beta+"/rewards", "")
				if n := strings.Count(listed, `"descriptor"`) - strings.Count(listed, `"free_month"`); n != want {
					t.Errorf("triggered in beta %s, beta %s has %d rewards, want %d: %s", c.beta, beta, n, want, listed)
				}
			}
		}
		s.Verify(t)
	})
}
