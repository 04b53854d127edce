package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLicence(t *testing.T) {
	const (
		mit  = "Copyright 2026 A\n\nPermission is hereby granted, free\nof charge, to any person …"
		agpl = "                    GNU AFFERO GENERAL PUBLIC LICENSE\n                       Version 3, 19 November 2007"
		mpl  = "Mozilla Public License Version 2.0\n… means either the GNU General Public License, Version 2.0 …"
	)
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
		err   string
	}{
		{"a permissive one", map[string]string{"LICENSE": mit}, "MIT", ""},
		{"another spelling", map[string]string{"Licence.txt": mit}, "MIT", ""},
		{"one that names a refused one", map[string]string{"LICENSE": mpl}, "MPL", ""},
		{"one for a part", map[string]string{"LICENSE": mit, "LICENSE-2": mpl}, "MIT MPL", ""},
		{"a refused one", map[string]string{"COPYING": agpl}, "", "AGPL"},
		{"a refused one beside a permissive one", map[string]string{"LICENSE": mit, "LICENSE-2": agpl}, "", "AGPL"},
		{"a logo's beside", map[string]string{"LICENSE": mit, "LICENSE-LOGO": "See the web."}, "MIT", ""},
		{"a list of third parties beside", map[string]string{"LICENSE": mit, "LICENSE-3RD-PARTY.md": agpl}, "MIT", ""},
		{"only one for a part", map[string]string{"LICENSE-GO": mit}, "", "no licence file"},
		{"none", map[string]string{"README": mit, "license.go": mit}, "", "no licence file"},
		{"an unknown one", map[string]string{"LICENSE": "Ask me."}, "", "read it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range c.files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := licence(dir)
			if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %q, %v; want %q, %q", got, err, c.want, c.err)
			}
		})
	}
}
