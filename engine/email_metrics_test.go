package engine

import (
	"slices"
	"testing"
	"time"

	"grapevine/engine/zone"
)

func TestSpreadCountsEachDayAndNoEmptyYears(t *testing.T) {
	t.Parallel()
	losAngeles, _ := zone.Load("America/Los_Angeles")
	day := func(text string) time.Time {
		date, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return date
	}
	for _, c := range []struct {
		name     string
		from, to string
		at       []string
		want     map[int]int64
		most     int // questions
	}{
		{"nothing in ten years", "2016-01-01", "2025-12-31", nil, nil, 1},
		{"a day", "2021-04-07", "2021-04-07", []string{"2021-04-07T07:00:00Z", "2021-04-08T06:59:59.999Z", "2021-04-08T07:00:00Z", "2021-04-07T06:59:59.999Z"},
			map[int]int64{0: 2}, 1},
		{"a day of 23 hours between others", "2021-03-13", "2021-03-15",
			[]string{"2021-03-14T07:59:00Z", "2021-03-14T08:00:00Z", "2021-03-15T06:59:00Z", "2021-03-15T07:00:00Z"},
			map[int]int64{0: 1, 1: 2, 2: 1}, 5},
		{"a day of 25 hours between others", "2021-11-06", "2021-11-08",
			[]string{"2021-11-07T06:59:00Z", "2021-11-07T07:00:00Z", "2021-11-08T07:59:00Z", "2021-11-08T08:00:00Z"},
			map[int]int64{0: 1, 1: 2, 2: 1}, 5},
		{"one day in ten years", "2016-01-01", "2025-12-31", []string{"2021-04-07T12:00:00Z"}, map[int]int64{1923: 1}, 14},
	} {
		starts, err := MetricsQuery{From: day(c.from), To: day(c.to), Zone: losAngeles, ByDay: true}.starts()
		if err != nil {
			t.Fatal(err)
		}
		var at []time.Time
		for _, text := range c.at {
			one, err := time.Parse(time.RFC3339, text)
			if err != nil {
				t.Fatal(err)
			}
			at = append(at, one)
		}
		asked := 0
		got := make([]int64, len(starts)-1)
		err = spread(starts, func(from, until time.Time) (int64, error) {
			asked++
			n := 0
			for _, one := range at {
				if !one.Before(from) && one.Before(until) {
					n++
				}
			}
			return int64(n), nil
		}, func(part int, n int64) { got[part] += n })
		if err != nil {
			t.Fatal(err)
		}
		want := make([]int64, len(got))
		for part, n := range c.want {
			want[part] = n
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", c.name, got, want)
		}
		if asked > c.most {
			t.Errorf("%s: %d questions, want no more than %d", c.name, asked, c.most)
		}
	}
}
