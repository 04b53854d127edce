// Package projectfile reads and completes the YAML file that describes an
// account. It is the one place that knows how the file is written: names,
// values, defaults, what refers to what. It knows nothing of what is stored or
// of how a project is applied.
package projectfile

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"grapevine/model"
)

// MaxSize bounds a file in bytes.
const MaxSize = 4 << 20

// File is a project file that was read and found right.
type File struct {
	name    string
	root    *node
	project *model.Project
	unused  []problem
}

// Parse reads a project file. name is what problems call it. It returns
// Problems, all there are, where the file is not right.
func Parse(name string, data []byte) (*File, error) {
	root, problems := readTree(data)
	if root == nil {
		return nil, located(name, problems)
	}
	r := &reader{problems: problems}
	project := r.project(root)
	if len(r.problems) > 0 {
		return nil, located(name, r.problems)
	}
	byLine(r.unused)
	return &File{name: name, root: root, project: project, unused: r.unused}, nil
}

// Project is what the file says. Whoever applies it fills in what the file
// leaves out, and hands it back to Complete.
func (f *File) Project() *model.Project { return f.project.Clone() }

// Warnings names what is in the file and has no effect in this version, one a
// line.
func (f *File) Warnings() []string {
	lines := make([]string, len(f.unused))
	for i, p := range f.unused {
		lines[i] = p.at(f.name)
	}
	return lines
}

// Explain says where in the file an error of applying it stands, or each of
// several that are joined, in the way of Problems. An error that is about no
// place in the file is returned as is.
func (f *File) Explain(err error) error {
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	explained := &Problems{}
	for _, one := range all {
		e, ok := errors.AsType[*model.Error](one)
		if !ok || e.Field == "" {
			return err
		}
		explained.lines = append(explained.lines, problem{line: f.root.lineOf(e.Field), path: e.Field, text: "expected " + e.Msg}.at(f.name))
	}
	return explained
}

// Problems is everything that is wrong with a file.
type Problems struct{ lines []string }

// Error is one problem a line: FILE:LINE: path.to[0].name: what was expected.
func (p *Problems) Error() string { return strings.Join(p.lines, "\n") }

// problem is one thing that is wrong with a file, or useless in it.
type problem struct {
	line int
	path string
	text string
}

func (p problem) at(file string) string {
	path := p.path
	if path == "" {
		path = "file"
	}
	return fmt.Sprintf("%s:%d: %s: %s", file, p.line, printable(path), printable(p.text))
}

// printable keeps a problem on one line, whatever name the file has made up.
func printable(text string) string {
	if utf8.RuneCountInString(text) > mostText {
		text = string([]rune(text)[:mostText]) + "…"
	}
	if quoted := strconv.Quote(text); strings.ContainsFunc(text, unicode.IsControl) {
		return quoted[1 : len(quoted)-1]
	}
	return text
}

func byLine(problems []problem) {
	slices.SortStableFunc(problems, func(x, y problem) int { return cmp.Compare(x.line, y.line) })
}

// mostProblems bounds what one run reports.
const mostProblems = 200

func located(file string, problems []problem) error {
	byLine(problems)
	all := &Problems{}
	for i, p := range problems {
		if i == mostProblems {
			p.text = fmt.Sprintf("expected fewer mistakes: %d more are not shown", len(problems)-i)
			all.lines = append(all.lines, p.at(file))
			break
		}
		all.lines = append(all.lines, p.at(file))
	}
	return all
}
