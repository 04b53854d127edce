package app

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"grapevine/engine"
	"grapevine/model"
	"grapevine/money"
)

// ImportConfig is what ImportPeople does.
type ImportConfig struct {
	Config
	Account  string // slug; may be empty where there is one account
	Campaign int64
	File     string
	Notify   bool
	DryRun   bool
	Progress io.Writer // where a bar is drawn; nil is nowhere
}

// ErrRefused says that lines of a file were refused. Each was named.
var ErrRefused = errors.New("lines were refused")

// ImportPeople brings the people of a CSV file into a campaign. What is refused
// is named on report, a line each; out says what was done. A file that was
// imported before, or in part, goes on where it ended. It fails with
// ErrRefused.
func ImportPeople(ctx context.Context, c ImportConfig, out, report io.Writer) error {
	digest, lines, err := digestOf(c.File)
	if err != nil {
		return err
	}
	return writing(ctx, c.Config, writes, func(ctx context.Context, p *program) error {
		account, err := p.account(ctx, c.Account)
		if err != nil {
			return err
		}
		i := &importer{ImportConfig: c, core: p.core, account: account, digest: digest, lines: lines, report: report}
		if err := i.run(ctx); err != nil {
			return err
		}
		done := "imported"
		if c.DryRun {
			done = "could import"
		}
		fmt.Fprintf(out, "%s %d of %d lines, %d without their referrer, %d refused, %d done before\n", done, i.taken, i.taken+i.refused+i.before, i.alone, i.refused, i.before)
		if i.refused+i.alone > 0 {
			return ErrRefused
		}
		return nil
	})
}

// digestOf reads a file once: for its digest, and for how many lines it has.
func digestOf(name string) (digest string, lines int64, err error) {
	f, err := os.Open(name)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	hash := sha256.New()
	count := &lineCounter{}
	if _, err := io.Copy(io.MultiWriter(hash, count), f); err != nil {
		return "", 0, fmt.Errorf("read %s: %w", name, err)
	}
	return hex.EncodeToString(hash.Sum(nil)), count.n, nil
}

type lineCounter struct{ n int64 }

func (c *lineCounter) Write(b []byte) (int, error) {
	c.n += int64(strings.Count(string(b), "\n"))
	return len(b), nil
}

// importer is one import.
type importer struct {
	ImportConfig
	core    *engine.Engine
	account model.AccountID
	digest  string
	lines   int64 // of the file
	report  io.Writer

	taken, refused, before int64
	alone                  int64 // taken without the referrer that they name
}

// run goes through the file twice: for the people, and then for who brought
// them, who may come later in it.
func (i *importer) run(ctx context.Context) error {
	campaign := model.CampaignID(i.Campaign)
	people, referrers, err := i.core.ImportProgress(ctx, i.account, campaign, i.digest)
	if err != nil {
		return err
	}
	part := engine.Import{Campaign: campaign, File: i.digest, Notify: i.Notify, DryRun: i.DryRun}
	importPeople, importReferrers := i.core.ImportPeople, i.core.ImportReferrers
	if i.DryRun {
		r := newRehearsal(i.core)
		importPeople, importReferrers = r.people, r.referrers
	}
	err = i.pass("people", people, true, func(lines []engine.ImportLine) ([]engine.Refusal, error) {
		part.Lines = lines
		refused, err := importPeople(ctx, i.account, part)
		i.taken += int64(len(lines) - len(refused))
		i.refused += int64(len(refused))
		return refused, err
	})
	if err != nil {
		return err
	}
	return i.pass("referrers", referrers, false, func(lines []engine.ImportLine) ([]engine.Refusal, error) {
		part.Lines = lines
		refused, err := importReferrers(ctx, i.account, part)
		i.alone += int64(len(refused))
		return refused, err
	})
}

// pass reads the lines above one and hands them on, some at a time. The first
// pass names what cannot be read.
func (i *importer) pass(what string, above int64, first bool, do func([]engine.ImportLine) ([]engine.Refusal, error)) error {
	f, err := os.Open(i.File)
	if err != nil {
		return err
	}
	defer f.Close()
	table, err := readPeople(f)
	if err != nil {
		return fmt.Errorf("%s: %w", i.File, err)
	}
	var lot []engine.ImportLine
	flush := func() error {
		refused, err := do(lot)
		if err != nil {
			return err
		}
		for _, r := range refused {
			i.name(r.Line, r.Field+" "+r.Msg)
		}
		if len(lot) > 0 {
			i.draw(what, lot[len(lot)-1].Number)
		}
		lot = lot[:0]
		return nil
	}
	for {
		line, err := table.next()
		var wrong *lineError
		switch {
		case err == io.EOF:
			err := flush()
			i.draw(what, i.lines)
			return err
		case errors.As(err, &wrong):
			if wrong.line > above && first {
				i.refused++
				i.name(wrong.line, wrong.msg)
			}
			continue
		case err != nil:
			return fmt.Errorf("%s: %w", i.File, err)
		}
		if line.Number <= above {
			if first {
				i.before++
			}
			continue
		}
		if lot = append(lot, *line); len(lot) == engine.ImportLines {
			if err := flush(); err != nil {
				return err
			}
		}
	}
}

// name says what is wrong with a line.
func (i *importer) name(line int64, why string) {
	fmt.Fprintf(i.report, "%s:%d: %s\n", i.File, line, why)
}

// draw draws how far a pass has come.
func (i *importer) draw(what string, line int64) {
	if i.Progress == nil || i.lines == 0 {
		return
	}
	const width = 30
	done := int(min(width, width*line/i.lines))
	fmt.Fprintf(i.Progress, "\r%-10s [%s%s] %3d%%", what, strings.Repeat("=", done), strings.Repeat(" ", width-done), min(100, 100*line/i.lines))
	if line >= i.lines {
		fmt.Fprintln(i.Progress)
	}
}

// peopleTable reads people from CSV.
type peopleTable struct {
	csv     *csv.Reader
	columns []string
}

// lineError is a line that cannot be read. The next one may be.
type lineError struct {
	line int64
	msg  string
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.msg) }

// longestLine bounds a line in bytes.
const longestLine = 1 << 20

// peopleColumns are the columns that a file of people may have.
var peopleColumns = []string{
	"email", "id", "uuid", "code", "referrer_code", "referrer_email", "status", "created_at", "first_name", "last_name",
	"customer_id", "qualified_at", "points", "groups", "custom_var1", "custom_var2", "custom_var3",
}

// exported are columns of an export that say what else is true, and that an
// import finds out for itself.
var exported = []string{"campaign_id", "confirmed_at", "source", "referrals", "seen_at"}

func readPeople(r io.Reader) (*peopleTable, error) {
	table := csv.NewReader(bufio.NewReaderSize(&shortLines{r: withoutMark(r)}, 64<<10))
	table.FieldsPerRecord = -1
	table.ReuseRecord = true
	header, err := table.Read()
	if err == io.EOF {
		return nil, errors.New("the file is empty: its first line names the columns")
	}
	if err != nil {
		return nil, err
	}
	t := &peopleTable{csv: table}
	for _, name := range header {
		name = strings.ToLower(strings.TrimSpace(name))
		switch {
		case slices.Contains(t.columns, name):
			return nil, fmt.Errorf("line 1: the column %s comes twice", name)
		case !slices.Contains(peopleColumns, name) && !slices.Contains(exported, name):
			return nil, fmt.Errorf("line 1: there is no column %q: expected some of %s", name, strings.Join(peopleColumns, ", "))
		}
		t.columns = append(t.columns, name)
	}
	if !slices.Contains(t.columns, "email") {
		return nil, errors.New("line 1: the column email is missing")
	}
	return t, nil
}

// next reads a line. It fails with a lineError for one that cannot be.
func (t *peopleTable) next() (*engine.ImportLine, error) {
	cells, err := t.csv.Read()
	if err != nil {
		var wrong *csv.ParseError
		if errors.As(err, &wrong) && !errors.Is(err, errLongLine) {
			return nil, &lineError{int64(wrong.StartLine), wrong.Err.Error()}
		}
		return nil, err
	}
	number, _ := t.csv.FieldPos(0)
	l := &engine.ImportLine{Number: int64(number)}
	if len(cells) != len(t.columns) {
		return nil, &lineError{l.Number, fmt.Sprintf("has %d columns, and the first line %d", len(cells), len(t.columns))}
	}
	for i, cell := range cells {
		cell = strings.TrimSpace(cell)
		if !utf8.ValidString(cell) || strings.ContainsRune(cell, 0) {
			return nil, &lineError{l.Number, t.columns[i] + " is not UTF-8 text"}
		}
		if cell == "" {
			continue
		}
		if msg := set(l, t.columns[i], strings.Clone(cell)); msg != "" {
			return nil, &lineError{l.Number, t.columns[i] + " " + msg}
		}
	}
	return l, nil
}

// set puts a cell where it belongs, and says what is wrong with it.
func set(l *engine.ImportLine, column, cell string) (wrong string) {
	var ok bool
	switch column {
	case "email":
		l.Email = cell
	case "id":
		id, err := strconv.ParseInt(cell, 10, 64)
		if err != nil || id <= 0 || id >= 1<<53 {
			return fmt.Sprintf("must be a number from 1 to %d", int64(1<<53-1))
		}
		l.ID = model.ParticipantID(id)
	case "uuid":
		l.UUID = strings.ToLower(cell)
	case "code":
		l.Code = cell
	case "referrer_code":
		l.ReferrerCode = cell
	case "referrer_email":
		l.ReferrerEmail = cell
	case "status":
		if l.State = model.State(strings.ToLower(cell)); !slices.Contains(model.States, l.State) {
			return fmt.Sprintf("must be one of %v", model.States)
		}
	case "created_at":
		if l.JoinedAt, ok = momentOf(cell); !ok {
			return "must be a time such as 2026-03-01T09:30:00Z"
		}
	case "qualified_at":
		if l.QualifiedAt, ok = momentOf(cell); !ok {
			return "must be a time such as 2026-03-01T09:30:00Z"
		}
	case "points":
		points, err := money.Parse(cell)
		if err != nil {
			return "must be a number"
		}
		l.Points = points
	case "first_name":
		l.FirstName = cell
	case "last_name":
		l.LastName = cell
	case "customer_id":
		l.CustomerID = cell
	case "groups":
		for name := range strings.SplitSeq(cell, ",") {
			if name = strings.TrimSpace(name); name != "" {
				card(l).Groups = append(card(l).Groups, name)
			}
		}
	case "custom_var1", "custom_var2", "custom_var3":
		if len(cell) > engine.Longest {
			return fmt.Sprintf("is longer than %d bytes", engine.Longest)
		}
		card(l).Vars[column[len(column)-1]-'1'] = cell
	}
	return ""
}

// card is what a line tells of its participant.
func card(l *engine.ImportLine) *model.Card {
	if l.Card == nil {
		l.Card = &model.Card{}
	}
	return l.Card
}

// momentOf reads a time, in UTC where it names no zone.
func momentOf(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC().Truncate(time.Millisecond), true
		}
	}
	return time.Time{}, false
}

var errLongLine = errors.New("too long")

// shortLines fails at a line that is too long to be one, before it is held in
// memory. What follows it cannot be told from it, so that nothing does.
type shortLines struct {
	r      io.Reader
	ended  int // lines
	length int // of the one that follows, so far
}

func (s *shortLines) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	for _, c := range b[:n] {
		if s.length++; c == '\n' {
			s.ended, s.length = s.ended+1, 0
		}
		if s.length > longestLine {
			return 0, fmt.Errorf("line %d is %w: more than %d bytes", s.ended+1, errLongLine, longestLine)
		}
	}
	return n, err
}

// withoutMark skips the mark that some programs begin UTF-8 with.
func withoutMark(r io.Reader) io.Reader {
	buffered := bufio.NewReader(r)
	if mark, err := buffered.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		_, _ = buffered.Discard(3)
	}
	return buffered
}
