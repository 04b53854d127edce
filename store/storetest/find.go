package storetest

import (
	"strings"
	"testing"

	"grapevine/store"
)

// Find reads every text of every table, and tells for each of the marks where
// it stands, as "table.column", in whatever case it is written there.
func Find(t *testing.T, e store.Engine, marks ...string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := e.View(t.Context(), func(c store.Conn) error {
		for _, table := range ReadSchema(t, e).Tables {
			for _, column := range table.Columns {
				if !strings.HasPrefix(strings.ToLower(column.Type), "text") {
					continue
				}
				place := table.Name + "." + column.Name
				seen := map[string]bool{}
				r := reader{t.Context(), c}
				var text string
				err := r.each(`SELECT `+column.Name+` FROM `+table.Name, func() {
					folded := strings.ToLower(text)
					for _, mark := range marks {
						if !seen[mark] && strings.Contains(folded, strings.ToLower(mark)) {
							seen[mark] = true
							found[mark] = append(found[mark], place)
						}
					}
				}, &text)
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
