package engine_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"grapevine/engine"
	"grapevine/store/sqlite"
)

// BenchmarkClick is what a durable click costs without HTTP and signatures, by
// 64 callers on 10,000 codes: by new visitors, and by those who were here before.
func BenchmarkClick(b *testing.B) {
	for _, returning := range []bool{false, true} {
		b.Run(fmt.Sprintf("returning=%v", returning), func(b *testing.B) {
			database, err := sqlite.Open(b.Context(), sqlite.Config{Path: filepath.Join(b.TempDir(), "test.db")})
			if err != nil {
				b.Fatal(err)
			}
			s := newStage(b, database, fmt.Sprintf(clicking, "acme"))
			s.damaged = true // many rows, and nothing to verify
			codes := make([]string, 10_000)
			for i := range codes {
				codes[i] = s.link(fmt.Sprintf("n%d@example.com", i), 0)
			}
			for _, code := range codes { // they are found in memory from here on
				s.visit(engine.Visit{Code: code, Uncounted: true})
			}
			commits, _ := database.Commits()
			var next atomic.Int64
			cpu := cpuTime()
			b.SetParallelism(32)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				visit := engine.Visit{IP: "192.0.2.1", Agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"}
				for pb.Next() {
					visit.Code = codes[next.Add(7919)%int64(len(codes))]
					landing, err := s.core.Click(context.Background(), visit)
					if err != nil {
						b.Fatal(err)
					}
					if returning && landing.Cookie != "" {
						visit.Cookie = landing.Cookie
					}
				}
			})
			after, _ := database.Commits()
			b.ReportMetric(float64(cpuTime()-cpu)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(b.N)/float64(after-commits), "clicks/commit")
		})
	}
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
