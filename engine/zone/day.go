package zone

import "time"

// widest is more than any zone is ahead of UTC or behind it.
const widest = 26 * time.Hour

// Begins returns the moment at which a day begins in a zone; of date only year,
// month and day are read. The days of a zone follow each other without gap or
// overlap: where the clocks jump over midnight the day begins with the jump,
// where they show midnight twice it begins with the first, and a day that a
// zone left out begins and ends in one moment.
func Begins(date time.Time, in *time.Location) time.Time {
	year, month, day := date.Date()
	midnight := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	at := midnight.Add(-widest)
	for {
		_, offset := at.In(in).Zone()
		_, until := at.In(in).ZoneBounds()
		begins := midnight.Add(-time.Duration(offset) * time.Second)
		if begins.Before(at) {
			begins = at
		}
		if until.IsZero() || begins.Before(until) {
			return begins.UTC()
		}
		at = until
	}
}
