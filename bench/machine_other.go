//go:build !linux

package main

import (
	"errors"
	"os"
	"runtime"
	"time"
)

// cpu is not known here: the report leaves it out.
func (p *process) cpu() (time.Duration, error) { return 0, nil }

func (p *process) memory() (now, peak int64, err error) {
	return 0, 0, errors.New("memory is read from /proc, which only Linux has")
}

func syncData(f *os.File) error { return f.Sync() }

func machine() string { return runtime.GOOS }
