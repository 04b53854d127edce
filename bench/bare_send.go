package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// bareSender signs a webhook and sends it again and again to receivers in turn,
// as many at once as ours, and does nothing else: what Go's HTTP client can do
// on this machine.
type bareSender struct {
	body   []byte
	urls   []string
	count  int64
	client http.Client
}

// sendBare prints how long it took.
func sendBare(o bareOptions) error {
	body, err := os.ReadFile(o.send)
	if err != nil {
		return err
	}
	s := &bareSender{body: body, urls: strings.Split(o.to, ","), count: o.count}
	s.client.Transport = &http.Transport{MaxIdleConnsPerHost: inFlight}
	began := time.Now()
	if err := s.run(); err != nil {
		return err
	}
	fmt.Println(time.Since(began))
	return nil
}

func (s *bareSender) run() error {
	var group sync.WaitGroup
	var sent atomic.Int64
	failed := make(chan error, inFlight)
	for range inFlight {
		group.Go(func() {
			for n := sent.Add(1); n <= s.count; n = sent.Add(1) {
				if err := s.post(s.urls[n%int64(len(s.urls))]); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	group.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

func (s *bareSender) post(url string) error {
	at := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte("another-signing-secret"))
	io.WriteString(mac, at+".")
	mac.Write(s.body)
	q, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(s.body))
	if err != nil {
		return err
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("X-Prefinery-Signature", "t="+at+",v1="+hex.EncodeToString(mac.Sum(nil)))
	a, err := s.client.Do(q)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	_, err = io.Copy(io.Discard, a.Body)
	return err
}
