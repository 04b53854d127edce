package main

import (
	"os"
	"time"
)

// syncTime returns what it takes here, in the median, until a small write is
// on the disk: the least that a durable answer can take.
func (b *bench) syncTime() (time.Duration, error) {
	f, err := os.CreateTemp(b.dir, "sync-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 4096)
	times := make([]time.Duration, 200)
	for i := range times {
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		started := time.Now()
		if err := syncData(f); err != nil {
			return 0, err
		}
		times[i] = time.Since(started)
	}
	return median(times), nil
}
