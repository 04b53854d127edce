package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// receiver is a merchant's end of webhooks: it takes all that comes and counts
// what it was told.
type receiver struct {
	url   string
	items atomic.Int64 // rewards told, over all deliveries
	posts atomic.Int64 // deliveries
}

var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func (b *bench) receive() (*receiver, error) {
	r := &receiver{}
	server, url, err := listen(r)
	if err != nil {
		return nil, err
	}
	r.url = url + "/hook"
	b.atEnd(func() { server.Close() })
	return r, nil
}

// listen answers on a free address.
func listen(h http.Handler) (*http.Server, string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	server := &http.Server{Handler: h}
	go server.Serve(l)
	return server, "http://" + l.Addr().String(), nil
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(body)
	body.Reset()
	if _, err := io.Copy(body, q.Body); err != nil {
		return
	}
	r.items.Add(int64(bytes.Count(body.Bytes(), []byte(`"rewardId"`))))
	r.posts.Add(1)
}

// drainLimit is how long after a load the last webhook may come.
const drainLimit = 2 * time.Minute

// wait returns when as many items have come, and says how long that took.
func (r *receiver) wait(items int64) (time.Duration, error) {
	started := time.Now()
	for r.items.Load() < items {
		if time.Since(started) > drainLimit {
			return 0, fmt.Errorf("webhooks told of %d rewards within %v of the load's end, want %d", r.items.Load(), drainLimit, items)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(started), nil
}
