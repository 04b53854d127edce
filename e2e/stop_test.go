//go:build e2e

package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A server that is asked to end under load answers what it has begun, and the
// next one goes on where it stopped.
func TestStoppedServerLosesNothing(t *testing.T) {
	onEachEngine(t, func(t *testing.T, d database) {
		hook := receive(t)
		d.apply(t, project(hook.url, ""))
		s := d.serve(t)
		p := openShop(t, s)
		codes := p.links(t, advocates)

		b := newBook()
		stop := make(chan struct{})
		var group sync.WaitGroup
		for range customers {
			group.Go(func() { b.customer(p, codes, stop) })
		}
		for range 3 {
			time.Sleep(700 * time.Millisecond)
			s.stop(t)
			s = d.start(t, s.addr)
			s.awaitReady(t)
		}
		time.Sleep(300 * time.Millisecond)
		close(stop)
		group.Wait()

		orders := b.repeat(t, p, codes)
		awaitTold(t, hook, len(orders))
		hook.check(t, orders)
		d.command(t, "verify")
	})
}

// A request whose first half was sent before SIGTERM, and the second after it,
// is answered.
func TestStoppedServerFinishesARequest(t *testing.T) {
	onEachEngine(t, func(t *testing.T, d database) {
		hook := receive(t)
		d.apply(t, project(hook.url, ""))
		s := d.serve(t)
		p := openShop(t, s)

		body := `{"orderId":"order-1","customerId":"friend-1","amount":10,"currency":"USD"}`
		head := fmt.Sprintf("POST /v1/event/purchase HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"+
			"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n", s.addr, p.token, len(body))
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		half := len(body) / 2
		if _, err := io.WriteString(conn, head+body[:half]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond) // until the server has read it
		if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		awaitClosed(t, s.addr)
		if _, err := io.WriteString(conn, body[half:]); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("the request was not answered: %v\n%s", err, s.log)
		}
		defer answer.Body.Close()
		got, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusCreated || !strings.Contains(string(got), "eventId") {
			t.Errorf("answer %d %s, %v; want 201 and an event", answer.StatusCode, got, err)
		}
		select {
		case <-s.done:
		case <-time.After(30 * time.Second):
			t.Fatalf("the server did not end\n%s", s.log)
		}
		if code := s.cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("the server ended with %d\n%s", code, s.log)
		}
	})
}

// awaitClosed waits until nobody accepts connections on addr.
func awaitClosed(t *testing.T, addr string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		conn.Close()
	}
	t.Fatal("the server still accepts connections 10 s after SIGTERM")
}
