package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"strings"
	"sync/atomic"
	"time"
)

// sink is a mail server that takes all mail and counts it. It greets nobody
// before it is opened.
type sink struct {
	addr  string
	gate  chan struct{}
	mails atomic.Int64
	one   atomic.Pointer[[]byte] // the first of them
}

func (b *bench) sink() (*sink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b.atEnd(func() { l.Close() })
	s := &sink{addr: l.Addr().String(), gate: make(chan struct{})}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.talk(conn)
		}
	}()
	return s, nil
}

// open lets everybody in.
func (s *sink) open() { close(s.gate) }

func (s *sink) talk(conn net.Conn) {
	defer conn.Close()
	<-s.gate
	say := func(line string) bool {
		_, err := io.WriteString(conn, line+"\r\n")
		return err == nil
	}
	r := bufio.NewReader(conn)
	for going := say("220 sink"); going; {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " "); verb {
		case "DATA":
			going = say("354 go on") && s.take(r) == nil && say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			going = say("250 fine")
		}
	}
}

// take reads a mail up to the line that ends it.
func (s *sink) take(r *bufio.Reader) error {
	var mail []byte
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if bytes.Equal(line, []byte(".\r\n")) {
			break
		}
		if s.one.Load() == nil {
			mail = append(mail, line...)
		}
	}
	if mail != nil {
		s.one.CompareAndSwap(nil, &mail)
	}
	s.mails.Add(1)
	return nil
}

// bare sends the same mail again and again over some connections, and remembers
// nothing: what a Go client can do at most.
func (s *sink) bare(conns int, length time.Duration) (*round, error) {
	mail := *s.one.Load()
	before := s.mails.Load()
	failed := make(chan error, conns)
	started := time.Now()
	for range conns {
		go func() { failed <- s.sendFor(length, mail) }()
	}
	for range conns {
		if err := <-failed; err != nil {
			return nil, err
		}
	}
	return &round{Rate: float64(s.mails.Load()-before) / time.Since(started).Seconds()}, nil
}

func (s *sink) sendFor(length time.Duration, mail []byte) error {
	c, err := smtp.Dial(s.addr)
	if err != nil {
		return err
	}
	defer c.Close()
	for end := time.Now().Add(length); time.Now().Before(end); {
		if err := send(c, mail); err != nil {
			return fmt.Errorf("send to the sink: %w", err)
		}
	}
	return c.Quit()
}

func send(c *smtp.Client, mail []byte) error {
	if err := c.Mail("ann@example.com"); err != nil {
		return err
	}
	if err := c.Rcpt("frida@example.org"); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(mail); err != nil {
		return err
	}
	return w.Close()
}
