// Command licences checks the licences of every module that Grapevine or its
// tests are built from: each must have one, and it must be one that lets
// Grapevine be given away under its own. It reads the module cache only.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	modules, err := modules()
	if err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
	failed := false
	for _, m := range modules {
		if name, err := licence(m.dir); err != nil {
			failed = true
			fmt.Fprintf(os.Stderr, "licences: %s: %v\n", m.path, err)
		} else {
			fmt.Printf("%-12s %s\n", name, m.path)
		}
	}
	if failed {
		os.Exit(1)
	}
}

type module struct {
	path string
	dir  string
}

// modules lists the modules whose packages are compiled, tests included.
func modules() ([]module, error) {
	list := exec.Command("go", "list", "-deps", "-test", "-tags", "e2e",
		"-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Dir}}{{end}}{{end}}", "./...")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("list modules: %w", err)
	}
	lines := strings.Split(string(out), "\n")
	slices.Sort(lines)
	var all []module
	for _, line := range slices.Compact(lines) {
		if path, dir, ok := strings.Cut(line, "\t"); ok {
			all = append(all, module{path, dir})
		}
	}
	return all, nil
}

// licence names the licences that stand in a module's root. It fails when there
// is none, or one that Grapevine cannot be combined with, or the module's own
// is one it does not know, which a person should read.
func licence(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var names []string
	own := false
	for _, e := range entries {
		covers := licenceFile(e.Name())
		if e.IsDir() || covers == nothing {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", err
		}
		name, err := classify(string(text))
		if covers == part && errors.Is(err, errUnknown) {
			continue // of a logo, say
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", e.Name(), err)
		}
		own = own || covers == whole
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if !own {
		return "", errors.New("has no licence file")
	}
	return strings.Join(names, " "), nil
}

// What a licence file covers of its module.
const (
	nothing = iota
	part    // LICENSE-GO
	whole   // LICENSE
)

// licenceFile tells by its name what a file covers as a licence. A list of
// third parties quotes licences and is none.
func licenceFile(name string) int {
	name = strings.ToUpper(name)
	if strings.HasSuffix(name, ".GO") || strings.Contains(name, "PARTY") {
		return nothing
	}
	for _, start := range []string{"LICENSE", "LICENCE", "COPYING", "UNLICENSE"} {
		switch rest, ok := strings.CutPrefix(name, start); {
		case !ok:
		case rest == "" || rest[0] == '.':
			return whole
		default:
			return part
		}
	}
	return nothing
}

// known are sentences by which licences are told apart. The one that comes first
// in a text decides: the Mozilla licence names the GNU ones further down.
var known = []struct {
	sentence string
	name     string
	refused  bool
}{
	{"mozilla public license", "MPL", false},
	{"affero general public license", "AGPL", true},
	{"gnu lesser general public license", "LGPL", true},
	{"gnu library general public license", "LGPL", true},
	{"gnu general public license", "GPL", true},
	{"server side public license", "SSPL", true},
	{"business source license", "BUSL", true},
	{"commons clause", "Commons Clause", true},
	{"apache license", "Apache-2.0", false},
	{"permission is hereby granted, free of charge", "MIT", false},
	{"redistribution and use in source and binary forms", "BSD", false},
	{"permission to use, copy, modify, and/or distribute", "ISC", false},
	{"permission to use, copy, modify, and distribute", "ISC", false},
	{"this is free and unencumbered software", "Unlicense", false},
	{"creative commons legal code cc0", "CC0", false},
	{"dedicated to the public domain", "public domain", false},
	{"in the public domain", "public domain", false},
}

var errUnknown = errors.New("is no licence known here: read it, then add it to the list")

// classify names the licence of a text.
func classify(text string) (string, error) {
	text = strings.Join(strings.Fields(strings.ToLower(text)), " ")
	first, found := len(text), -1
	for i, k := range known {
		if at := strings.Index(text, k.sentence); at >= 0 && at < first {
			first, found = at, i
		}
	}
	switch {
	case found < 0:
		return "", errUnknown
	case known[found].refused:
		return "", fmt.Errorf("%s cannot be combined with Apache-2.0 in one static binary", known[found].name)
	}
	return known[found].name, nil
}
