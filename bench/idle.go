package main

import (
	"fmt"
	"os"
	"time"
)

const (
	idleStarts = 5
	idleRest   = 2 * time.Second // after being ready, before memory is read
)

// idle measures what the program is before anyone calls, and what it holds
// after clicks.
func (b *bench) idle() error {
	alone, err := static(b.binary)
	if err != nil {
		return err
	}
	s, codes, err := b.clickServer("idle", b.codes)
	if err != nil {
		return err
	}
	if err := s.stop(); err != nil {
		return err
	}

	var ready, held []float64
	for range idleStarts {
		if s, err = b.serve(s.database); err != nil {
			return err
		}
		ready = append(ready, float64(s.readyIn)/float64(time.Millisecond))
		time.Sleep(idleRest)
		now, _, err := s.memory()
		if err != nil {
			return err
		}
		held = append(held, megabytes(now))
		if err := s.stop(); err != nil {
			return err
		}
	}

	if s, err = b.serve(s.database); err != nil {
		return err
	}
	defer s.stop()
	if _, err := b.clicks(s.addr, codes, false).run(s.process, after(0, b.length())); err != nil {
		return err
	}
	now, peak, err := s.memory()
	if err != nil {
		return err
	}
	size, err := os.Stat(b.binary)
	if err != nil {
		return err
	}
	b.add(result{Name: "at rest, SQLite", Goals: []goal{
		{Name: "memory when idle, median of 5 starts", Got: median(held), Want: 41, AtMost: true, Unit: "MB"},
		{Name: "ready on an existing database, median of 5 starts", Got: median(ready), Want: 100, AtMost: true, Unit: "ms"},
		{Name: "memory after a click load", Got: megabytes(now), Want: 80, AtMost: true, Unit: "MB"},
		{Name: "memory at most, under a click load", Got: megabytes(peak), Want: 80, AtMost: true, Unit: "MB"},
		{Name: "static binary", Got: claim(alone), Want: 1, Unit: "(1 is yes)"},
	}, Notes: []string{fmt.Sprintf("the binary has %.0f MB; the click load took %v", megabytes(size.Size()), b.length())}})
	return nil
}

func claim(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}
