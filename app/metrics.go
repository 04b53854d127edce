package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// registry holds what the server measures of itself.
func (p *program) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&jobGauges{program: p},
	)
	if commits, ok := p.store.Engine().(committer); ok {
		r.MustRegister(commitCounters(commits)...)
	}
	return r
}

// committer is an engine that commits several transactions together.
type committer interface {
	// Commits counts since the engine was opened.
	Commits() (commits, transactions int64)
}

func commitCounters(c committer) []prometheus.Collector {
	return []prometheus.Collector{
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "grapevine_store_commits_total",
			Help: "Commits of the database's writer.",
		}, func() float64 { commits, _ := c.Commits(); return float64(commits) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "grapevine_store_transactions_total",
			Help: "Transactions that those commits made durable: many share one.",
		}, func() float64 { _, transactions := c.Commits(); return float64(transactions) }),
	}
}

// jobGauges count jobs when they are asked for.
type jobGauges struct{ program *program }

var (
	jobsDue    = prometheus.NewDesc("grapevine_jobs_due", "Jobs that should have begun by now.", nil, nil)
	jobsDead   = prometheus.NewDesc("grapevine_jobs_dead", "Jobs that were given up and can be replayed.", nil, nil)
	jobsLag    = prometheus.NewDesc("grapevine_jobs_lag_seconds", "For how long the job that waits longest has been due.", nil, nil)
	failing    = prometheus.NewDesc("grapevine_endpoints_failing", "Endpoints that failed so often that they get single requests.", nil, nil)
	scrapeWait = 5 * time.Second
)

// Describe sends what Collect may send.
func (g *jobGauges) Describe(out chan<- *prometheus.Desc) {
	out <- jobsDue
	out <- jobsDead
	out <- jobsLag
	out <- failing
}

// Collect counts. Where the database does not answer there are no figures,
// rather than wrong ones.
func (g *jobGauges) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeWait)
	defer cancel()
	now := g.program.now()
	jobs, err := g.program.store.JobFigures(ctx, now)
	if err != nil {
		g.program.log.Error("jobs could not be counted", "err", err)
		return
	}
	lag := 0.0
	if jobs.Due > 0 {
		lag = now.Sub(jobs.Oldest).Seconds()
	}
	out <- prometheus.MustNewConstMetric(jobsDue, prometheus.GaugeValue, float64(jobs.Due))
	out <- prometheus.MustNewConstMetric(jobsDead, prometheus.GaugeValue, float64(jobs.Dead))
	out <- prometheus.MustNewConstMetric(jobsLag, prometheus.GaugeValue, lag)
	out <- prometheus.MustNewConstMetric(failing, prometheus.GaugeValue, float64(jobs.Failing))
}
