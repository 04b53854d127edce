package app

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"grapevine/model"
)

func TestExportOfNothingIsATableWithAHeader(t *testing.T) {
	t.Parallel()
	c := Config{Database: "sqlite:" + filepath.Join(t.TempDir(), "test.db"), Log: quiet}
	applyText(t, c, acme)
	for what, header := range map[string]string{
		"people": "email,id,uuid,campaign_id,code,", "rewards": "id,uuid,campaign_id,rule,", "events": "id,uuid,kind,name,", "retention": "campaign_id,campaign,day,",
	} {
		var table, lines bytes.Buffer
		if err := errors.Join(Export(t.Context(), c, "", what, CSV, &table), Export(t.Context(), c, "", what, JSONLines, &lines)); err != nil {
			t.Fatal(err)
		}
		if got := table.String(); !strings.HasPrefix(got, header) || strings.Count(got, "\n") != 1 || lines.Len() > 0 {
			t.Errorf("%s: table %q, lines %q", what, got, lines.String())
		}
	}
}

func TestExportsAreTablesAndLines(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, c Config) {
		applyText(t, c, acme)
		refer(t, c, start(t, ServeConfig{Config: c}).url)
		for what, want := range map[string]struct{ rows, cell string }{
			"people":  {"email,id,uuid,campaign_id,code,", "ann@example.com"},
			"rewards": {"id,uuid,campaign_id,rule,trigger,role,state,", "ann@example.com"},
			"events":  {"id,uuid,kind,name,email,", "purchase"},
		} {
			var table, lines bytes.Buffer
			if err := Export(t.Context(), c, "", what, CSV, &table); err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(table.String(), want.rows) {
				t.Errorf("%s begins with %.60q", what, table.String())
			}
			rows, err := csv.NewReader(&table).ReadAll()
			if err != nil || len(rows) < 2 || !slices.ContainsFunc(rows, func(row []string) bool { return slices.Contains(row, want.cell) }) {
				t.Errorf("%s: %v, %v", what, rows, err)
			}
			if err := Export(t.Context(), c, "", what, JSONLines, &lines); err != nil {
				t.Fatal(err)
			}
			n := 0
			for decoder := json.NewDecoder(&lines); ; n++ {
				var row map[string]any
				if err := decoder.Decode(&row); err == io.EOF {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				for i, name := range rows[0] {
					if text, ok := row[name].(string); ok && text != rows[n+1][i] {
						t.Errorf("%s: %s is %q in a line and %q in the table", what, name, text, rows[n+1][i])
					}
					if _, has := row[name]; !has {
						t.Errorf("%s: a line has no %s", what, name)
					}
				}
			}
			if n != len(rows)-1 {
				t.Errorf("%s: %d lines and %d rows", what, n, len(rows)-1)
			}
		}
		if err := Export(t.Context(), c, "", "everything", CSV, io.Discard); model.KindOf(err) != model.Invalid {
			t.Errorf("what there is not: %v", err)
		}
		if err := Export(t.Context(), c, "nobody", "people", CSV, io.Discard); err == nil {
			t.Error("an account that there is not")
		}
	})
}
