package app

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"grapevine/model"
)

// moved is somebody's list of elsewhere.
const moved = "\xef\xbb\xbf" + `Email,id,uuid,code,referrer_code,referrer_email,status,created_at,first_name,last_name,customer_id,qualified_at,points,groups,custom_var1
ada@example.com,4711,0b6d1f0e-2f6a-4a52-9c37-6a1d8f5f2c11,Ada7k2q,grace9x,,applied,2025-03-01T09:30:00Z,Ada,Byron,c-1,,12.5,"Press,VIP",pro
grace@example.com,12,,grace9x,,,active,2024-01-05,Grace,,,2025-04-01 10:00:00,-3,,
joan@example.com,,,,,ADA@example.com,unconfirmed,,Joan,,,,,,
rita@example.com,,,,,,rejected,2025-03-02T00:00:00+01:00,,,,,,,
susi@example.com,,,,,,suspended,,,,,,,,
no address,,,,,,,,,,,,,,
ADA@example.com,,,,,,,,,,,,,,
code@example.com,,,grace9X,,,,,,,,,,,
word@example.com,,,api,,,,,,,,,,,
nobody@example.com,,,,unknown,,,,,,,,,,
self@example.com,,,,,self@example.com,,,,,,,,,
id@example.com,4711,,,,,,,,,,,,,
when@example.com,,,,,,,yesterday,,,,,,,
state@example.com,,,,,,happy,,,,,,,,
few@example.com,1
uuid@example.com,,0B6D1F0E-2f6a-4a52-9c37-6a1d8f5f2c11,,,,,,,,,,,,
grace@example.com,,,,ada7k2q,,,,,,,,,,
` + "bad\xff@example.com,,,,,,,,,,,,,,\n"

func writeFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "people.csv")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestPeopleAreImportedOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, c Config) {
		applyText(t, c, strings.Replace(acme, "campaigns:\n  - name: Evergreen\n", "campaigns:\n  - name: Evergreen\n    id: 4711\n", 1))
		file := writeFile(t, moved)
		run := func(dry bool) (string, string, error) {
			var out, report bytes.Buffer
			err := ImportPeople(t.Context(), ImportConfig{Config: c, Campaign: 4711, File: file, DryRun: dry}, &out, &report)
			return out.String(), strings.ReplaceAll(report.String(), file+":", ""), err
		}
		wantLines := []string{
			"7: email is no e-mail address", "8: email takes part already", "9: code is taken", "10: code cannot be a code",
			"13: id is that of another participant", "14: created_at must be a time", "15: status must be one of", "16: has 2 columns, and the first line 15", "17: uuid is that of another participant", "18: email takes part already", "19: email is not UTF-8 text",
		}
		out, report, err := run(true)
		if !errors.Is(err, ErrRefused) || out != "could import 7 of 18 lines, 2 without their referrer, 11 refused, 0 done before\n" {
			t.Errorf("dry run: %q, %v\n%s", out, err, report)
		}
		for _, want := range append([]string{"11: referrer is nobody", "12: referrer is nobody"}, wantLines...) {
			if !strings.Contains("\n"+report, "\n"+want) {
				t.Errorf("dry run: no %q in\n%s", want, report)
			}
		}
		if people := exportOf(t, c, "people"); strings.Contains(people, "ada@example.com") {
			t.Error("a dry run imported somebody")
		}
		out, report, err = run(false)
		if !errors.Is(err, ErrRefused) || out != "imported 7 of 18 lines, 2 without their referrer, 11 refused, 0 done before\n" {
			t.Errorf("%q, %v", out, err)
		}
		wantLines = append(wantLines, "11: referrer is nobody", "12: referrer is nobody")
		for _, want := range wantLines {
			if !strings.Contains("\n"+report, "\n"+want) {
				t.Errorf("no %q in\n%s", want, report)
			}
		}
		people := exportOf(t, c, "people")
		for _, want := range []string{
			"\nada@example.com,4711,0b6d1f0e-2f6a-4a52-9c37-6a1d8f5f2c11,4711,Ada7k2q,grace9x,applied,2025-03-01T09:30:00.000Z,Ada,Byron,c-1,,2025-03-01T09:30:00.000Z,12.5,added,0,\"Press,VIP\",pro,,,\n",
			"\ngrace@example.com,12,", ",4711,grace9x,,active,2024-01-05T00:00:00.000Z,Grace,,,2025-04-01T10:00:00.000Z,2024-01-05T00:00:00.000Z,-3,added,1,,,,,2024-01-05T00:00:00.000Z\n",
			",Ada7k2q,unconfirmed,", "\nrita@example.com,", ",rejected,2025-03-01T23:00:00.000Z,", ",suspended,",
		} {
			if !strings.Contains(people, want) {
				t.Errorf("no %q in\n%s", want, people)
			}
		}
		if out, report, err := run(false); !strings.HasPrefix(out, "imported 0 of ") {
			t.Errorf("again: %q, %v\n%s", out, err, report)
		}
		if again := exportOf(t, c, "people"); again != people {
			t.Errorf("the second time changed\n%s\nto\n%s", people, again)
		}
		if rewards := exportOf(t, c, "rewards"); strings.Count(rewards, "\n") != 1 { // the header
			t.Errorf("an import earned %s", rewards)
		}
		var said bytes.Buffer
		if err := Verify(t.Context(), c, "", &said); err != nil {
			t.Errorf("%v\n%s", err, &said)
		}
	})
}

func exportOf(t *testing.T, c Config, what string) string {
	t.Helper()
	var out bytes.Buffer
	if err := Export(t.Context(), c, "", what, CSV, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// What was exported is imported elsewhere, and exported again the same.
func TestExportIsImportedAgain(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, c Config) {
		applyText(t, c, acme)
		refer(t, c, start(t, ServeConfig{Config: c}).url)
		people := exportOf(t, c, "people")
		other := Config{Database: "sqlite:" + filepath.Join(t.TempDir(), "other.db"), Log: c.Log}
		applyText(t, other, strings.Replace(acme, "campaigns:\n  - name: Evergreen\n", "campaigns:\n  - name: Evergreen\n    id: 7\n", 1))
		var out, report bytes.Buffer
		err := ImportPeople(t.Context(), ImportConfig{Config: other, Campaign: 7, File: writeFile(t, people)}, &out, &report)
		if err != nil {
			t.Fatalf("%v\n%s", err, &report)
		}
		got, want := cutColumn(exportOf(t, other, "people"), "campaign_id"), cutColumn(people, "campaign_id")
		if cutColumn(got, "source") != cutColumn(want, "source") {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}

// cutColumn takes a column out of a table that quotes nothing.
func cutColumn(table, name string) string {
	lines := strings.Split(strings.TrimSpace(table), "\n")
	at := -1
	for i, line := range lines {
		cells := strings.Split(line, ",")
		for n, cell := range cells {
			if i == 0 && cell == name {
				at = n
			}
		}
		lines[i] = strings.Join(append(cells[:at:at], cells[at+1:]...), ",")
	}
	return strings.Join(lines, "\n")
}

// An import that ends in the middle goes on where it ended, piece by piece.
func TestImportGoesOn(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, c Config) {
		applyText(t, c, strings.Replace(acme, "campaigns:\n  - name: Evergreen\n", "campaigns:\n  - name: Evergreen\n    id: 7\n", 1))
		var text strings.Builder
		text.WriteString("email,code,referrer_code\n")
		for i := range 1000 {
			fmt.Fprintf(&text, "p%d@example.com,code-%d,code-%d\n", i, i, (i+1)%1000)
		}
		file := writeFile(t, text.String())
		bar := &stopping{after: 2}
		var out, report bytes.Buffer
		func() {
			defer func() {
				if recover() == nil {
					t.Error("it was not stopped")
				}
			}()
			_ = ImportPeople(t.Context(), ImportConfig{Config: c, Campaign: 7, File: file, Progress: bar}, &out, &report)
		}()
		if err := ImportPeople(t.Context(), ImportConfig{Config: c, Campaign: 7, File: file}, &out, &report); err != nil {
			t.Fatalf("%v\n%s", err, &report)
		}
		if want := "imported 400 of 1000 lines, 0 without their referrer, 0 refused, 600 done before\n"; out.String() != want {
			t.Errorf("got %q, want %q", out.String(), want)
		}
		people := exportOf(t, c, "people")
		for _, want := range []string{"p0@example.com,", "p999@example.com,"} {
			if strings.Count(people, "\n"+want) != 1 {
				t.Errorf("%s is there %d times", want, strings.Count(people, "\n"+want))
			}
		}
		if n := strings.Count(people, ",0,added,1,"); n != 1000 {
			t.Errorf("%d brought one each, want 1000", n)
		}
	})
}

// stopping is a terminal that goes away.
type stopping struct{ after int }

func (s *stopping) Write(b []byte) (int, error) {
	if s.after--; s.after < 0 {
		panic("the terminal went away")
	}
	return len(b), nil
}

// A dry run sees what lines far apart have in common.
func TestDryRunFindsWhatTheImportFinds(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, c Config) {
		applyText(t, c, strings.Replace(acme, "campaigns:\n  - name: Evergreen\n", "campaigns:\n  - name: Evergreen\n    id: 7\n", 1))
		var text strings.Builder
		text.WriteString("email,id,uuid,code,referrer_code,referrer_email\n")
		text.WriteString("ann@example.com,5,0b6d1f0e-2f6a-4a52-9c37-6a1d8f5f2c11,ann1,,last@example.com\n")
		for i := range 300 {
			fmt.Fprintf(&text, "p%d@example.com,,,,ANN1,\n", i)
		}
		text.WriteString("ann@example.com,,,,,\nb@example.com,5,,,,\nc@example.com,,0b6d1f0e-2f6a-4a52-9c37-6a1d8f5f2c11,,,\nd@example.com,,,ANN1,,\n")
		text.WriteString("last@example.com,,,,unknown,\nmore@example.com,,,,,b@example.com\n")
		file := writeFile(t, text.String())
		run := func(dry bool) (string, string) {
			var out, report bytes.Buffer
			if err := ImportPeople(t.Context(), ImportConfig{Config: c, Campaign: 7, File: file, DryRun: dry}, &out, &report); !errors.Is(err, ErrRefused) {
				t.Fatal(err)
			}
			_, said, _ := strings.Cut(out.String(), "303")
			return said, strings.ReplaceAll(report.String(), "would be there", "is there")
		}
		dry, dryReport := run(true)
		said, report := run(false)
		if dry != said || dryReport != report || strings.Count(report, "\n") != 6 {
			t.Errorf("a dry run says%s%sand the import%s%s", dry, dryReport, said, report)
		}
	})
}

func TestFilesThatAreNoListOfPeople(t *testing.T) {
	t.Parallel()
	c := Config{Database: "sqlite:" + filepath.Join(t.TempDir(), "a.db"), Log: quiet}
	applyText(t, c, strings.Replace(acme, "campaigns:\n  - name: Evergreen\n", "campaigns:\n  - name: Evergreen\n    id: 7\n", 1))
	for name, text := range map[string]string{
		"is empty":         "",
		"email is missing": "id,code\n1,a\n",
		`no column "mail"`: "mail\nada@example.com\n",
		"comes twice":      "email,Email\na,b\n",
		"line 3 is too long: more than 1048576 bytes": "email\na@example.com\n" + strings.Repeat("a", 10<<20) + "\n",
	} {
		err := ImportPeople(t.Context(), ImportConfig{Config: c, Campaign: 7, File: writeFile(t, text)}, &bytes.Buffer{}, &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{"email\na@example.com\n", "email\n", "email,id\na@example.com,x\n"} {
		var report bytes.Buffer
		err := ImportPeople(t.Context(), ImportConfig{Config: c, Campaign: 99, File: writeFile(t, text)}, &bytes.Buffer{}, &report)
		if model.ReasonOf(err) != model.CampaignUnknown || report.Len() > 0 {
			t.Errorf("an unknown campaign: %v %s", err, &report)
		}
	}
}
