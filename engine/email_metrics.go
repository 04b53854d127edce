package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"grapevine/engine/zone"
	"grapevine/model"
	"grapevine/store"
)

// mostDays bounds how many days are told apart in one answer: ten years.
const mostDays = 3660

// mailed is the channel of what is shared by mail.
const mailed = "email"

// MetricsQuery asks how mail did on whole days.
type MetricsQuery struct {
	From, To time.Time // dates, both inclusive: year, month and day are read
	Zone     *time.Location
	Campaign string // UUID; "" is any, an unknown one counts nothing
	Widget   string // UUID; "" is any, an unknown one counts nothing
	ByDay    bool   // tell each day apart too
}

// EmailMetrics is how mail did, in all and on each day.
type EmailMetrics struct {
	Emails
	Days []EmailDay // every one of the range, in order
}

// EmailDay is how mail did on a day of the zone.
type EmailDay struct {
	Date time.Time
	Emails
}

// Emails is how mail to friends did.
type Emails struct {
	Shares    EmailCounts // what advocates sent
	Reminders EmailCounts // what followed where nobody came
}

// EmailCounts counts what became of mail.
type EmailCounts struct {
	Shares     int64
	Recipients int64
	Delivered  int64
	Bounced    int64
	Spam       int64 // complaints
	Opens      int64
	Opened     int64 // mails, however often
	Clicks     int64
	Clicked    int64 // mails, however often
}

// counters are what the metrics count: rows of lists, by the facets they are
// in, each once. Machines are not among them.
var counters = slices.Concat(
	[]counter{{model.Shares, "", func(e *Emails, n int64) { e.Shares.Shares += n }}},
	countersOf(model.ShareMail, func(e *Emails) *EmailCounts { return &e.Shares }),
	countersOf(model.ReminderMail, func(e *Emails) *EmailCounts { return &e.Reminders }),
)

type counter struct {
	list model.List
	kind string // of the facets; "" is any
	add  func(e *Emails, n int64)
}

func countersOf(kind model.MailKind, in func(*Emails) *EmailCounts) []counter {
	var all []counter
	for mark, add := range map[model.Mark]func(c *EmailCounts, n int64){
		model.MarkShare:      func(c *EmailCounts, n int64) { c.Shares += n },
		model.MarkRecipient:  func(c *EmailCounts, n int64) { c.Recipients += n },
		model.MarkDelivered:  func(c *EmailCounts, n int64) { c.Delivered += n },
		model.MarkBounced:    func(c *EmailCounts, n int64) { c.Bounced += n },
		model.MarkSpam:       func(c *EmailCounts, n int64) { c.Spam += n },
		model.MarkOpen:       func(c *EmailCounts, n int64) { c.Opened += n; c.Opens += n },
		model.MarkOpenAgain:  func(c *EmailCounts, n int64) { c.Opens += n },
		model.MarkClick:      func(c *EmailCounts, n int64) { c.Clicked += n; c.Clicks += n },
		model.MarkClickAgain: func(c *EmailCounts, n int64) { c.Clicks += n },
	} {
		all = append(all, counter{model.MailMarks, model.MailFacetKind(kind, mark), func(e *Emails, n int64) { add(in(e), n) }})
	}
	return all
}

// EmailMetrics counts how mail did. Days begin and end with the zone's. Fails
// with Invalid where more days are to be told apart than fit an answer.
func (e *Engine) EmailMetrics(ctx context.Context, account model.AccountID, q MetricsQuery) (*EmailMetrics, error) {
	starts, err := q.starts()
	if err != nil {
		return nil, err
	}
	cfg, err := e.Config(ctx, account)
	if err != nil {
		return nil, err
	}
	var found *EmailMetrics
	err = e.store.View(ctx, account, func(tx *store.Tx) error {
		found = &EmailMetrics{}
		if q.ByDay {
			found.Days = make([]EmailDay, len(starts)-1)
		}
		known := map[model.List]map[model.FacetID]model.Facet{}
		for _, c := range counters {
			facets, err := q.facets(tx, cfg, c, known)
			if err != nil {
				return err
			}
			count := func(from, until time.Time) (int64, error) {
				return tx.CountRows(c.list, facets, from.UnixMilli(), until.UnixMilli())
			}
			add := func(at int, n int64) {
				c.add(&found.Emails, n)
				if q.ByDay {
					c.add(&found.Days[at].Emails, n)
				}
			}
			if err := spread(starts, count, add); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range found.Days {
		found.Days[i].Date = q.From.AddDate(0, 0, i)
	}
	return found, nil
}

// facets are those that are counted together and that the query asks for, of
// the facets of each list that are known by now.
func (q MetricsQuery) facets(tx *store.Tx, cfg *Config, counted counter, known map[model.List]map[model.FacetID]model.Facet) ([]model.FacetID, error) {
	var campaign model.CampaignID
	if q.Campaign != "" {
		c, err := cfg.CampaignByUUID(q.Campaign)
		if err != nil {
			return nil, nil // what is unknown counts nothing
		}
		campaign = c.ID
	}
	if known[counted.list] == nil {
		all, err := tx.Facets(counted.list)
		if err != nil {
			return nil, err
		}
		known[counted.list] = all
	}
	var facets []model.FacetID
	for id, f := range known[counted.list] {
		if f.Channel == mailed && (counted.kind == "" || f.Kind == counted.kind) && (campaign == 0 || f.Campaign == campaign) && (q.Widget == "" || f.WidgetID == q.Widget) {
			facets = append(facets, id)
		}
	}
	return facets, nil
}

// starts is when each part begins that is to be told apart, and when the last
// one ends: the days of the range, or the range as one.
func (q MetricsQuery) starts() ([]time.Time, error) {
	end := q.To.AddDate(0, 0, 1)
	if !q.ByDay {
		return []time.Time{zone.Begins(q.From, q.Zone), zone.Begins(end, q.Zone)}, nil
	}
	if q.To.After(q.From.AddDate(0, 0, mostDays-1)) {
		return nil, &model.Error{Kind: model.Invalid, Field: "days", Msg: fmt.Sprintf("no more than %d days can be told apart", mostDays)}
	}
	var starts []time.Time
	for date := q.From; !date.After(end); date = date.AddDate(0, 0, 1) {
		starts = append(starts, zone.Begins(date, q.Zone))
	}
	return starts, nil
}

// spread counts what lies between starts, part by part. It asks for halves of
// where there is something, so that years with nothing in them cost nothing.
func spread(starts []time.Time, count func(from, until time.Time) (int64, error), add func(part int, n int64)) error {
	var halve func(from, until int, n int64) error
	halve = func(from, until int, n int64) error {
		if n == 0 {
			return nil
		}
		if until-from == 1 {
			add(from, n)
			return nil
		}
		middle := (from + until) / 2
		early, err := count(starts[from], starts[middle])
		if err != nil {
			return err
		}
		if err := halve(from, middle, early); err != nil {
			return err
		}
		return halve(middle, until, n-early)
	}
	last := len(starts) - 1
	n, err := count(starts[0], starts[last])
	if err != nil {
		return err
	}
	return halve(0, last, n)
}
