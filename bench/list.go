package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"grapevine/bench/feed"
)

const (
	listCampaigns = 4
	listCodes     = 64
	listReads     = 61 // of one page, whose median counts
	listWidget    = "Overlay"
	rareCampaign  = "Rare"
	pageGoal      = 20 * time.Millisecond
	tokenPages    = 10_000 // after which a new token is asked for
)

var listChannels = []string{"purl", "email", "facebook", "twitter"}

func listCampaignUUID(i int) string { return fmt.Sprintf("ef9befc6-18f1-418c-8914-5ee8d09bb5%02d", i) }

// listProject is a few campaigns whose links are followed, and one that hardly
// anybody knows.
func listProject() string {
	text := `account: Load
slug: load
site: https://shop.example.com
keys:
  friendbuy:
    merchant_id: 7b0f4a52-1111-4222-8333-444455556666
    key: ` + apiKey + `
    secret: ` + apiSecret + `
campaigns:
`
	for i := range listCampaigns + 1 {
		name := fmt.Sprint("Campaign ", i)
		if i == listCampaigns {
			name = rareCampaign
		}
		text += fmt.Sprintf("  - {name: %s, uuid: %s, status: launched, landing: \"https://shop.example.com/%d\", widgets: [{name: %s}]}\n",
			name, listCampaignUUID(i), i, listWidget)
	}
	return text
}

// listed is one list as the load asks for it.
type listed struct {
	name, path string
	two        string // two filters together
}

func listsOf() []listed {
	campaign := "campaignId=" + listCampaignUUID(0)
	return []listed{
		{"clicks", "clicks", campaign + "&channel=email"},
		{"widget views", "widget-views", campaign + "&widgetType=advocateShare"},
		{"shares", "shares", campaign + "&channel=email"},
		{"sign-ups", "account-sign-ups", ""},
		{"purchases", "purchases", ""},
		{"rewards", "rewards/referral", campaign + "&recipientType=advocate"},
		{"delivered", "distributed-advocate-rewards", ""},
		{"captures", "email-captures", campaign + "&emailCaptureType=friend"},
	}
}

// archive is a server whose account is full of listed rows.
type archive struct {
	*server
	bench    *bench
	shape    string
	feed     *feed.Feed
	from, to time.Time
	clicks   int
	token    string
	client   *client
	result   result
}

// list measures pages of lists: how long the first and the thousandth take,
// whether those far down take longer, and what the program costs beside the
// same queries without it.
func (b *bench) list() error {
	for _, engine := range b.engines() {
		for _, shape := range []string{"year", "day"} {
			if b.shape != shape && b.shape != "both" {
				continue
			}
			if err := b.listOn(engine, shape); err != nil {
				return fmt.Errorf("%s, %s: %w", engine, shape, err)
			}
		}
	}
	return nil
}

func (b *bench) listOn(engine, shape string) error {
	a, err := b.fill(engine, shape)
	if err != nil {
		return err
	}
	defer a.feed.Close()
	defer a.stop()
	if a.client, err = dial(a.addr); err != nil {
		return err
	}
	defer a.client.close()
	a.result = result{Name: fmt.Sprintf("lists of %d rows of a %s, %s", b.rows, shape, engine)}
	for _, measure := range []func() error{a.pages, a.rare, a.depth, a.bare} {
		if a.token, err = a.authorize(); err != nil {
			return err
		}
		if err := measure(); err != nil {
			return err
		}
	}
	notes, err := memoryNote(a.process)
	a.result.Notes = append(a.result.Notes, notes...)
	b.add(a.result)
	return err
}

// fill makes an account full of rows, and waits until they are counted.
func (b *bench) fill(engine, shape string) (*archive, error) {
	d, err := b.database(engine, "list"+shape)
	if err != nil {
		return nil, err
	}
	if err := b.apply(d, listProject()); err != nil {
		return nil, err
	}
	s, err := b.serve(d)
	if err != nil {
		return nil, err
	}
	a := &archive{bench: b, shape: shape, to: time.Now().Add(-time.Hour).UTC().Truncate(time.Minute)}
	a.from = a.to.AddDate(-1, 0, 0)
	campaigns := listCampaigns
	if shape == "day" {
		a.from, campaigns = a.to.Add(-24*time.Hour), 1
	}
	codes, rare, err := listLinks(s, campaigns)
	if err := firstOf(err, s.stop()); err != nil {
		return nil, err
	}
	if a.feed, err = feed.Open(context.Background(), d.dsn, "load"); err != nil {
		return nil, err
	}
	others := b.rows * 22 / 1000 // of 10 million, a thousand pages of 200
	a.clicks = b.rows - 6*others
	if err := a.feed.Fill(context.Background(), feed.Plan{
		Codes: codes, Rare: rare, Widget: listWidget, Clicks: a.clicks, Others: others, From: a.from, To: a.to, Progress: b.out,
	}); err != nil {
		return nil, err
	}
	if a.server, err = b.serve(d); err != nil {
		return nil, err
	}
	started := time.Now()
	for {
		done, err := a.feed.Counted(context.Background(), a.to)
		if err != nil {
			return nil, err
		}
		if done {
			break
		}
		if time.Since(started) > time.Hour {
			return nil, fmt.Errorf("the rows were not counted within an hour")
		}
		time.Sleep(200 * time.Millisecond)
	}
	fmt.Fprintf(b.out, "  counted in %v\n", time.Since(started).Round(time.Second))
	return a, nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// listLinks makes the links of the campaigns, over all channels, and the rare
// one.
func listLinks(s *server, campaigns int) (codes []string, rare string, err error) {
	token, err := s.authorize()
	if err != nil {
		return nil, "", err
	}
	link := func(i, campaign int, channel string) (string, error) {
		var got struct {
			ReferralCode string `json:"referralCode"`
		}
		err := s.once(token, http.MethodPost, "/v1/personal-referral-link", map[string]string{
			"email": fmt.Sprintf("advocate-%d@example.com", i), "customerId": fmt.Sprint("advocate-", i), "firstName": "Ada", "lastName": "Lovelace",
			"campaignId": listCampaignUUID(campaign), "channel": channel,
		}, &got)
		return got.ReferralCode, err
	}
	for i := range listCodes {
		code, err := link(i, i%campaigns, listChannels[i/listCampaigns%len(listChannels)])
		if err != nil {
			return nil, "", err
		}
		codes = append(codes, code)
	}
	rare, err = link(listCodes, listCampaigns, "linkedin")
	return codes, rare, err
}

// page is an answer, as far as the load reads it.
type page struct {
	NextPageToken string `json:"nextPageToken"`
	TotalResults  int64  `json:"totalResults"`
	Results       []any  `json:"results"`
}

func (a *archive) query(path, filter string, size int, token string) string {
	q := "/v1/analytics/" + path + "?fromDate=" + url.QueryEscape(a.from.Format(time.RFC3339)) + "&toDate=" + url.QueryEscape(a.to.Format(time.RFC3339)) +
		"&pageSize=" + strconv.Itoa(size)
	if filter != "" {
		q += "&" + filter
	}
	if token != "" {
		q += "&pageToken=" + url.QueryEscape(token)
	}
	return q
}

func (a *archive) get(path string) (p page, err error) {
	err = a.call(a.client, a.token, http.MethodGet, path, nil, &p)
	return p, err
}

// read reads one page again and again and returns its times.
func (a *archive) read(path string, times int) (*latencies, error) {
	var l latencies
	for i := range times + 3 {
		started := time.Now()
		if _, err := a.get(path); err != nil {
			return nil, err
		}
		if i >= 3 {
			l.add(time.Since(started))
		}
	}
	return &l, nil
}

// turn goes on a number of pages, and returns the last one's token and number.
func (a *archive) turn(path, filter string, size, pages int) (token string, number int, err error) {
	for number = 1; number < pages; number++ {
		if number%tokenPages == 0 { // what authorizes a walk of hours lives for minutes
			if a.token, err = a.authorize(); err != nil {
				return "", 0, err
			}
		}
		p, err := a.get(a.query(path, filter, size, token))
		if err != nil {
			return "", 0, err
		}
		if p.NextPageToken == "" {
			break
		}
		token = p.NextPageToken
	}
	return token, number, nil
}

// pages measures the first and the thousandth page of each list.
func (a *archive) pages() error {
	for _, l := range listsOf() {
		if err := a.both(l, ""); err != nil {
			return err
		}
		if l.two == "" {
			continue
		}
		if err := a.both(l, l.two); err != nil {
			return err
		}
	}
	return nil
}

func (a *archive) both(l listed, filter string) error {
	name := l.name
	if filter != "" {
		name += " by two filters"
	}
	for _, size := range []int{50, 200} {
		token, number, err := a.turn(l.path, filter, size, 1000)
		if err != nil {
			return err
		}
		for _, p := range []struct {
			number int
			token  string
		}{{1, ""}, {number, token}} {
			got, err := a.read(a.query(l.path, filter, size, p.token), listReads)
			if err != nil {
				return err
			}
			a.goal(fmt.Sprintf("%s, page %d of %d", name, p.number, size), got)
		}
	}
	return nil
}

func (a *archive) goal(name string, l *latencies) {
	fmt.Fprintf(a.bench.out, "  %-50s p50 %8s  p99 %8s\n", name, short(l.quantile(0.5)), short(l.quantile(0.99)))
	a.result.Goals = append(a.result.Goals, goal{
		Name: name, Got: float64(l.quantile(0.5)) / 1e6, Want: float64(pageGoal) / 1e6, AtMost: true, Unit: "ms",
	})
}

// rare measures what few rows match.
func (a *archive) rare() error {
	filter := "campaignId=" + listCampaignUUID(listCampaigns) + "&channel=linkedin"
	first, err := a.get(a.query("clicks", filter, 50, ""))
	if err != nil {
		return err
	}
	got, err := a.read(a.query("clicks", filter, 50, ""), listReads)
	if err != nil {
		return err
	}
	a.goal(fmt.Sprintf("clicks, a filter that %d of %d match", first.TotalResults, a.clicks), got)
	return nil
}

// depth compares a page far down with the first one.
func (a *archive) depth() error {
	pages := a.clicks * 95 / 100 / 50
	token, number, err := a.turn("clicks", "", 50, pages)
	if err != nil {
		return err
	}
	var first, deep latencies
	for range 20 { // in turns: what else happens on the machine meets both
		for _, p := range []struct {
			token string
			l     *latencies
		}{{"", &first}, {token, &deep}} {
			got, err := a.read(a.query("clicks", "", 50, p.token), 50)
			if err != nil {
				return err
			}
			p.l.merge(got)
		}
	}
	a.result.Goals = append(a.result.Goals, goal{
		Name: fmt.Sprintf("p99 of page %d, of the first one's (%v)", number, short(first.quantile(0.99))),
		Got:  float64(deep.quantile(0.99)) / float64(first.quantile(0.99)), Want: 1.3, AtMost: true, Unit: "times",
	})
	return nil
}

// bare compares pages over HTTP with the same queries in a loop.
func (a *archive) bare() error {
	path := a.query("clicks", "", 50, "")
	ours := &side{Name: "pages of 50 over HTTP", run: func() (*round, error) {
		l := &load{addr: a.addr, conns: 1, want: http.StatusOK, next: func(w *caller) []byte {
			w.buf = request(w.buf, http.MethodGet, path, a.addr, a.token, nil)
			return w.buf
		}}
		return l.run(a.process, after(warm, a.bench.length()))
	}}
	limit := &side{Name: "the same queries in a bare loop", run: func() (*round, error) {
		n, started := 0, time.Now()
		for ; time.Since(started) < a.bench.length(); n++ {
			if err := a.feed.Page(context.Background(), a.from, a.to, 50); err != nil {
				return nil, err
			}
		}
		return &round{Rate: float64(n) / time.Since(started).Seconds()}, nil
	}}
	if err := interleave(a.bench.rounds, a.bench.out, ours, limit); err != nil {
		return err
	}
	a.result.Ours, a.result.Limit = ours, limit
	a.result.Goals = append(a.result.Goals, rateGoal(ours, limit, 0.45))
	return nil
}
