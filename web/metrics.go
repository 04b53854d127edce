package web

import (
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts and times requests. Safe for concurrent use.
type Metrics struct {
	took *prometheus.HistogramVec

	// known finds a series without hashing its labels; it is replaced, never
	// changed.
	known atomic.Pointer[map[series]prometheus.Observer]
	mu    sync.Mutex // guards replacing known
}

// series is one combination of labels.
type series struct {
	route, method string
	class         int // of the status; gone is 0
}

// NewMetrics registers what Front measures.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "grapevine_http_request_seconds",
		Help:    "How long requests took, by route, method and class of status.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"route", "method", "status"})}
	m.known.Store(&map[series]prometheus.Observer{})
	registry.MustRegister(m.took)
	return m
}

var classes = [...]string{"gone", "1xx", "2xx", "3xx", "4xx", "5xx"}

// observe counts one request. A client that went away got no answer, whatever
// was written.
func (m *Metrics) observe(route, method string, status int, gone bool, took time.Duration) {
	if m == nil {
		return
	}
	s := series{route: route, method: method, class: min(status/100, 5)}
	if gone {
		s.class = 0
	}
	observer, ok := (*m.known.Load())[s]
	if !ok {
		observer = m.learn(s)
	}
	observer.Observe(took.Seconds())
}

// learn adds a series. What a client can choose freely does not become a label.
func (m *Metrics) learn(s series) prometheus.Observer {
	label := s
	if label.route == "" {
		label.route = "none"
	}
	switch s.method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
	default:
		label.method = "other"
	}
	observer := m.took.WithLabelValues(label.route, label.method, classes[label.class])
	if label != s {
		return observer
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	more := maps.Clone(*m.known.Load())
	more[s] = observer
	m.known.Store(&more)
	return observer
}
