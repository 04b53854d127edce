// Command bench loads the built program over loopback and prints what it does
// as a share of what this machine can do at most, measured in the same run:
// a bare Go handler, a PostgreSQL server under pgbench. It speaks HTTP to the
// binary as a customer would, and knows nothing of what is inside.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// bench is one run of this program.
type bench struct {
	options
	dir    string // for databases, logs and the binary; removed at the end
	binary string
	out    io.Writer // for people
	report report
	pg     *cluster // nil until a measure needs it

	mu      sync.Mutex
	endings []func() // guarded by mu; what is left of the run when it ends
}

type options struct {
	only    string
	engine  string
	rounds  int
	seconds int
	conns   int
	codes   int
	hot     bool
	adds    bool
	rows    int
	shape   string
	under   string
	json    bool
	bare    bareOptions
}

// warm is how long a load runs before it counts.
const warm = time.Second

// length is how long a round counts.
func (b *bench) length() time.Duration {
	if b.seconds == 0 {
		return 15 * time.Second
	}
	return time.Duration(b.seconds) * time.Second
}

// engines are the databases that writes are measured on.
func (b *bench) engines() []string {
	if b.engine == "both" {
		return []string{"sqlite", "postgres"}
	}
	return []string{b.engine}
}

// atEnd has f called when the run ends, whichever way; the last one first.
func (b *bench) atEnd(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.endings = append(b.endings, f)
}

func (b *bench) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range slices.Backward(b.endings) {
		f()
	}
	b.endings = nil
}

// measure is one thing that is measured, by the name that -only takes.
type measure struct {
	name string
	run  func(*bench) error
}

var measures = []measure{
	{"idle", (*bench).idle},
	{"click", (*bench).click},
	{"status", (*bench).status},
	{"purchase", (*bench).purchase},
	{"ledger", (*bench).ledger},
	{"list", (*bench).list},
	{"waitlist", (*bench).waitlist},
	{"users", (*bench).users},
	{"hooks", (*bench).hooks},
	{"mail", (*bench).mail},
}

func main() {
	var o options
	flag.StringVar(&o.only, "only", "", "comma-separated: idle, click, status, purchase, ledger, list, waitlist, users, hooks, mail (default all)")
	flag.StringVar(&o.engine, "engine", "both", "sqlite, postgres or both")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds of each side; medians are printed")
	flag.IntVar(&o.seconds, "seconds", 0, "length of a round; 0 is a whole minute for clicks and 15 s for the others")
	flag.IntVar(&o.conns, "connections", 64, "connections of the load")
	flag.IntVar(&o.codes, "codes", 10_000, "referral codes that are clicked and bought with")
	flag.BoolVar(&o.hot, "hot", false, "purchases all name the same referral code")
	flag.BoolVar(&o.adds, "adds", false, "ledger adjustments only add; else each connection adds and removes in turns")
	flag.IntVar(&o.rows, "rows", 200_000, "listed rows that lists are read of, and people who wait or take part; 10000000 and 1000000 are what the goals are for")
	flag.StringVar(&o.shape, "shape", "both", "listed rows are spread over a year in four campaigns, or all of a day in one: year, day or both")
	flag.StringVar(&o.under, "dir", "", "where databases are made and removed again (default the system's temporary folder)")
	flag.BoolVar(&o.json, "json", false, "print JSON on stdout, what is for people on stderr")
	flag.StringVar(&o.bare.addr, "bare", "", "be the bare handler, on this address")
	flag.IntVar(&o.bare.location, "bare-location", 0, "length of the bare handler's Location")
	flag.StringVar(&o.bare.body, "bare-body", "", "file that the bare handler answers")
	flag.StringVar(&o.bare.key, "bare-key", "", "key that the bare handler asks for")
	flag.StringVar(&o.bare.send, "bare-send", "", "be the bare client, and send this file")
	flag.StringVar(&o.bare.to, "bare-to", "", "comma-separated addresses that the bare client sends to")
	flag.Int64Var(&o.bare.count, "bare-count", 0, "how often the bare client sends")
	flag.Parse()

	if o.bare.addr != "" {
		fail(serveBare(o.bare))
	}
	if o.bare.send != "" {
		fail(sendBare(o.bare))
		return
	}
	// The load should cost little beside what it measures.
	debug.SetGCPercent(800)
	fail(run(o))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	var only []string
	if o.only != "" {
		only = strings.Split(o.only, ",")
	}
	for _, name := range only {
		if !slices.ContainsFunc(measures, func(m measure) bool { return m.name == name }) {
			return fmt.Errorf("-only %s: no such measure", name)
		}
	}
	if !slices.Contains([]string{"sqlite", "postgres", "both"}, o.engine) {
		return fmt.Errorf("-engine %s: sqlite, postgres or both", o.engine)
	}

	if !slices.Contains([]string{"year", "day", "both"}, o.shape) {
		return fmt.Errorf("-shape %s: year, day or both", o.shape)
	}

	b := &bench{options: o, out: os.Stdout, report: report{Machine: machine(), Rounds: o.rounds}}
	if o.json {
		b.out = os.Stderr
	}
	defer b.end()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		b.end()
		os.Exit(1)
	}()

	if err := b.prepare(); err != nil {
		return err
	}
	var failed error
	for _, m := range measures {
		if len(only) > 0 && !slices.Contains(only, m.name) {
			continue
		}
		fmt.Fprintf(b.out, "\n%s …\n", m.name)
		if err := m.run(b); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", m.name, err))
		}
	}
	return errors.Join(b.finish(), failed)
}

// prepare makes the run's folder and the binary in it.
func (b *bench) prepare() (err error) {
	if b.under != "" { // PostgreSQL's data belongs on the same disk
		if b.under, err = filepath.Abs(b.under); err != nil {
			return err
		}
		if err := os.Setenv("TMPDIR", b.under); err != nil {
			return err
		}
	}
	if b.dir, err = os.MkdirTemp(b.under, "grapevine-bench-"); err != nil {
		return err
	}
	b.atEnd(func() { os.RemoveAll(b.dir) })
	b.binary, err = build(b.dir)
	return err
}

// add keeps a result, which finish prints.
func (b *bench) add(r result) {
	b.report.Results = append(b.report.Results, r)
}

// finish prints the results together.
func (b *bench) finish() error {
	reached, all := 0, 0
	fmt.Fprintf(b.out, "\n%s\nmedians of %d rounds\n", b.report.Machine, b.rounds)
	for _, r := range b.report.Results {
		r.print(b.out)
		for _, g := range r.Goals {
			all++
			if g.reached() {
				reached++
			}
		}
	}
	fmt.Fprintf(b.out, "\n%d of %d goals reached\n", reached, all)
	if b.json {
		return b.report.printJSON(os.Stdout)
	}
	return nil
}
