package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"grapevine/bench/feed"
)

const (
	factoryToken = "rf-load-token"
	usersGoal    = 30 * time.Millisecond
	usersReads   = 15 // of one list, whose median counts
	usersHalf    = 1  // the campaign that half of all take part in
)

const usersProject = `account: Load
slug: load
site: https://shop.example.com
keys:
  referral_factory: {token: ` + factoryToken + `}
campaigns:
  - {id: 1, name: Campaign 1, status: launched, share: {subject: Have a look, text: "I thought of you: {{.Link}}"}}
  - {id: 2, name: Campaign 2, status: launched}
`

// asked is a list of users as the load asks for it. Its pairs are names and
// values of the query.
type asked struct {
	name  string
	pairs []string
	goal  bool
}

func usersAsked(people int) []asked {
	filter := func(n int, field, operator, value string) []string {
		at := fmt.Sprintf("filters[%d]", n)
		return []string{at + "[field]", field, at + "[operator]", operator, at + "[value]", value}
	}
	joined := func(i int) string { return feed.Joined(i).Format(time.RFC3339) }
	between := append(filter(1, "qualified_at", "gte", joined(people/10)), filter(2, "qualified_at", "lt", joined(people/3))...)
	list := []asked{
		{"campaign, qualified between, by date, two relations", append(append(filter(0, "campaign_id", "equal", fmt.Sprint(usersHalf)), between...),
			"order[field]", "date", "order[direction]", "desc", "with[]", "referrer", "with[]", "rewards_due"), true},
		{"email like, one", filter(0, "email", "like", fmt.Sprintf("%d@", 10_000_000+people/2)), true},
		{"email like, all", filter(0, "email", "like", "@example"), true},
		{"no filter", nil, false},
		{"by email", []string{"order[field]", "email"}, false},
		{"reach, by reach", append(filter(0, "reach", "gt", "5"), "order[field]", "reach", "order[direction]", "desc"), false},
		{"meta", filter(0, "meta", "equal", "red"), false},
		{"date like", filter(0, "date", "like", "2026-01-02T"), false},
		{"url like", filter(0, "url", "like", "/w1000"), false},
		{"sharing like", filter(0, "sharing", "like", "/w1000"), false},
		{"sharing_message like", filter(0, "sharing_message", "like", "/w1000"), false},
		{"250 rows, all relations", []string{"per_page", "250", "with", "all"}, false},
		{"the page in the middle", []string{"page", fmt.Sprint(people / 50)}, false},
		{"the page in the middle, by date", []string{"page", fmt.Sprint(people / 50), "order[field]", "date"}, false},
		{"the page in the middle, by email", []string{"page", fmt.Sprint(people / 50), "order[field]", "email"}, false},
	}
	return list
}

// users measures lists of users, their totals included: the filters and orders
// that the goal is for, and others, which may cost more.
func (b *bench) users() error {
	for _, engine := range b.engines() {
		if err := b.usersOn(engine); err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
	}
	return nil
}

func (b *bench) usersOn(engine string) (err error) {
	d, err := b.database(engine, "users")
	if err != nil {
		return err
	}
	if err := b.apply(d, usersProject); err != nil {
		return err
	}
	f, err := feed.Open(context.Background(), d.dsn, "load")
	if err != nil {
		return err
	}
	defer f.Close()
	half := b.rows / 2
	err = f.FillPeople(context.Background(), []feed.Crowd{
		{Campaign: usersHalf, First: 0, People: half, Qualified: 3},
		{Campaign: usersHalf + 1, First: half, People: b.rows - half, Qualified: 3},
	}, b.out)
	if err != nil {
		return err
	}
	s, err := b.serve(d)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	c, err := dial(s.addr)
	if err != nil {
		return err
	}
	defer c.close()
	r := result{Name: fmt.Sprintf("users, %d, %s", b.rows, engine)}
	for _, a := range usersAsked(b.rows) {
		first, usual, total, err := s.readUsers(c, a)
		if err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
		if a.goal {
			r.Goals = append(r.Goals, goal{Name: a.name + ", median", Got: usual.Seconds() * 1000, Want: float64(usersGoal.Milliseconds()), AtMost: true, Unit: "ms"})
		}
		note := fmt.Sprintf("%s: %v, the first time %v, %d in all", a.name, short(usual), short(first), total)
		if usual > usersGoal {
			note += ": more than the goal allows"
		}
		r.Notes = append(r.Notes, note)
	}
	notes, err := memoryNote(s.process)
	r.Notes = append(r.Notes, notes...)
	b.add(r)
	return err
}

// readUsers reads a list some times: how long the first one took, the others in
// the middle, and how many users it has on all pages.
func (s *server) readUsers(c *client, a asked) (first, usual time.Duration, total int, err error) {
	query := ""
	for i := 0; i < len(a.pairs); i += 2 {
		query += "&" + url.QueryEscape(a.pairs[i]) + "=" + url.QueryEscape(a.pairs[i+1])
	}
	var took []time.Duration
	for range usersReads + 1 {
		var page struct{ Meta struct{ Total int } }
		started := time.Now()
		if err := s.call(c, factoryToken, http.MethodGet, "/api/v1/users?"+query, nil, &page); err != nil {
			return 0, 0, 0, err
		}
		took = append(took, time.Since(started))
		total = page.Meta.Total
	}
	return took[0], median(took[1:]), total, nil
}
