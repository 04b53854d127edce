package engine_test

import (
	"testing"

	"grapevine/engine"
)

// Somebody takes part under any of their names: those too that they brought
// along when they were merged.
func TestImportKnowsWhoWasMerged(t *testing.T) {
	onBoth(t, scores, func(t *testing.T, s *stage) {
		s.begin("ann@example.com", "", "")
		s.know("ann", "")
		s.know("ann", "ann@example.com") // one person from now on, who took part as the other
		for _, line := range []engine.ImportLine{
			{Number: 2, Email: "ann@example.com"}, {Number: 2, Email: "ann@example.com", CustomerID: "ann"},
		} {
			refused, err := s.core.ImportPeople(t.Context(), s.account, engine.Import{
				Campaign: s.project.Campaigns[0].ID, File: "f", Lines: []engine.ImportLine{line},
			})
			if err != nil || len(refused) != 1 || refused[0].Msg != "takes part already" {
				t.Errorf("%+v: refused %v, %v", line, refused, err)
			}
		}
	})
}
