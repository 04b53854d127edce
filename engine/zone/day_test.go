package zone

import (
	"testing"
	"time"
)

func TestDaysBeginWithTheirZone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, zone, date string
		want             string
	}{
		{"in UTC", "UTC", "2021-04-07", "2021-04-07T00:00:00Z"},
		{"behind UTC", "America/Los_Angeles", "2021-04-07", "2021-04-07T07:00:00Z"},
		{"ahead of UTC", "Pacific/Kiritimati", "2021-04-07", "2021-04-06T10:00:00Z"},
		{"with half an hour", "Asia/Kolkata", "2021-04-07", "2021-04-06T18:30:00Z"},
		{"before the clocks go forward", "America/Los_Angeles", "2021-03-14", "2021-03-14T08:00:00Z"},
		{"after the clocks went forward", "America/Los_Angeles", "2021-03-15", "2021-03-15T07:00:00Z"},
		{"where they jump over midnight", "America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"},
		{"where they jump over midnight ahead of UTC", "Asia/Beirut", "2021-03-28", "2021-03-27T22:00:00Z"},
		{"where they go back at midnight", "America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00:00Z"},
		{"where they show midnight twice", "America/Havana", "2021-11-07", "2021-11-07T04:00:00Z"},
		{"left out", "Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"},
		{"after one that was left out", "Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"},
		{"after one that was had twice", "Pacific/Kwajalein", "1969-10-01", "1969-10-01T12:00:00Z"},
	} {
		in, ok := Load(c.zone)
		if !ok {
			t.Fatalf("no zone %s", c.zone)
		}
		date, err := time.Parse(time.DateOnly, c.date)
		if err != nil {
			t.Fatal(err)
		}
		if got := Begins(date, in).Format(time.RFC3339); got != c.want {
			t.Errorf("a day %s, %s of %s: begins %s, want %s", c.name, c.date, c.zone, got, c.want)
		}
	}
}

func TestDaysNeverRunBackwards(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"America/Los_Angeles", "America/Sao_Paulo", "America/St_Johns", "Asia/Beirut", "Africa/Cairo", "Pacific/Apia", "Europe/Lisbon"} {
		in, _ := Load(name)
		before := Begins(time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), in)
		for date := time.Date(1980, 1, 2, 0, 0, 0, 0, time.UTC); date.Year() < 2030; date = date.AddDate(0, 0, 1) {
			begins := Begins(date, in)
			if took := begins.Sub(before); took < 0 || took > 50*time.Hour {
				t.Fatalf("%s: the day before %s took %s", name, date.Format(time.DateOnly), took)
			}
			before = begins
		}
	}
}

func TestLoadTakesNoOtherMachinesZone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "Local", "America/Indiana", "Mars/Olympus", "../UTC", "america/new_york\x00"} {
		if _, ok := Load(name); ok {
			t.Errorf("%q is taken", name)
		}
	}
}
