package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// report is all that one run of this program measured.
type report struct {
	Machine string   `json:"machine"`
	Rounds  int      `json:"rounds"`
	Results []result `json:"results"`
}

// result is one comparison, or a few figures that need none.
type result struct {
	Name  string        `json:"name"`
	Sync  time.Duration `json:"fdatasync_ns"` // median, just before
	Ours  *side         `json:"ours,omitempty"`
	Limit *side         `json:"limit,omitempty"`
	Notes []string      `json:"notes,omitempty"`
	Goals []goal        `json:"goals,omitempty"`
}

// side is one of the two that are compared, with all of its rounds.
type side struct {
	Name   string  `json:"name"`
	Rounds []round `json:"rounds"`
	run    func() (*round, error)
}

// goal is a figure and what it has to reach.
type goal struct {
	Name   string  `json:"name"`
	Got    float64 `json:"got"`
	Want   float64 `json:"want"`
	AtMost bool    `json:"at_most"` // else at least
	Unit   string  `json:"unit,omitempty"`
}

func (g goal) reached() bool {
	if g.AtMost {
		return g.Got <= g.Want
	}
	return g.Got >= g.Want
}

// interleave runs n rounds of each side in turns, so that what changes on the
// machine meanwhile changes for all of them.
func interleave(n int, progress io.Writer, sides ...*side) error {
	for i := range n {
		for _, s := range sides {
			got, err := s.run()
			if err != nil {
				return fmt.Errorf("%s, round %d: %w", s.Name, i+1, err)
			}
			s.Rounds = append(s.Rounds, *got)
			fmt.Fprintf(progress, "  round %d  %s\n", i+1, s.line(*got))
		}
	}
	return nil
}

// typical is the median of each figure over the rounds.
func (s *side) typical() round {
	return round{
		Rate: medianOf(s.Rounds, func(r round) float64 { return r.Rate }),
		P50:  medianOf(s.Rounds, func(r round) time.Duration { return r.P50 }),
		P99:  medianOf(s.Rounds, func(r round) time.Duration { return r.P99 }),
		CPU:  medianOf(s.Rounds, func(r round) time.Duration { return r.CPU }),
	}
}

// ratios returns what f is for each round of ours, as a share of the limit's
// round that ran beside it.
func ratios(ours, limit *side, f func(round) float64) []float64 {
	all := []float64{}
	for i := range min(len(ours.Rounds), len(limit.Rounds)) {
		all = append(all, f(ours.Rounds[i])/f(limit.Rounds[i]))
	}
	return all
}

// rateGoal holds the rate of ours against the limit's.
func rateGoal(ours, limit *side, want float64) goal {
	return goal{
		Name: "rate, of " + limit.Name,
		Got:  median(ratios(ours, limit, func(r round) float64 { return r.Rate })),
		Want: want,
		Unit: "times",
	}
}

// cpuGoal holds the processor time of a request of ours against the limit's.
func cpuGoal(ours, limit *side, want float64) goal {
	return goal{
		Name:   "CPU per request, of " + limit.Name,
		Got:    median(ratios(ours, limit, func(r round) float64 { return float64(r.CPU) })),
		Want:   want,
		AtMost: true,
		Unit:   "times",
	}
}

func (s *side) line(r round) string {
	line := fmt.Sprintf("%-32s %9.0f/s", s.Name, r.Rate)
	if r.P50 > 0 {
		line += fmt.Sprintf("  p50 %8s", short(r.P50))
	}
	if r.P99 > 0 {
		line += fmt.Sprintf("  p99 %8s", short(r.P99))
	}
	if r.CPU > 0 {
		line += fmt.Sprintf("  CPU %8s a request", short(r.CPU))
	}
	return line
}

// print writes a result as a few lines for people.
func (r result) print(w io.Writer) {
	fmt.Fprintf(w, "\n%s\n", r.Name)
	for _, s := range []*side{r.Ours, r.Limit} {
		if s != nil {
			fmt.Fprintf(w, "  %s\n", s.line(s.typical()))
		}
	}
	for _, g := range r.Goals {
		bound, verdict := "at least", "reached"
		if g.AtMost {
			bound = "at most"
		}
		if !g.reached() {
			verdict = "MISSED"
		}
		fmt.Fprintf(w, "  %-55s %8.2f %s  (%s %g)  %s\n", g.Name, g.Got, g.Unit, bound, g.Want, verdict)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "  %s\n", n)
	}
	if r.Sync > 0 {
		fmt.Fprintf(w, "  fdatasync %s\n", short(r.Sync))
	}
}

// printJSON writes the whole report for programs.
func (r report) printJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// short writes a duration with three digits or so.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	default:
		return d.Round(100 * time.Nanosecond).String()
	}
}

func medianOf[T any, N int64 | float64 | time.Duration](all []T, f func(T) N) N {
	figures := make([]N, len(all))
	for i, one := range all {
		figures[i] = f(one)
	}
	return median(figures)
}

// median returns the middle one; of an even number, the lower of the two.
func median[N int64 | float64 | time.Duration](figures []N) N {
	if len(figures) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(figures))
	return sorted[(len(sorted)-1)/2]
}
