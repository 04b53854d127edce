package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"strconv"
	"time"
)

// client is one HTTP/1.1 connection that is kept open. It does only what the
// load needs, so that little of the machine goes to the load itself.
type client struct {
	conn   net.Conn
	r      *bufio.Reader
	answer answer
}

// answer is what the last call got. Its slices hold until the next call.
type answer struct {
	status   int
	location []byte
	cookie   []byte // name=value of the last Set-Cookie
	body     []byte
}

// callLimit ends a connection whose server does not answer.
const callLimit = 2 * time.Minute

func dial(addr string) (*client, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, r: bufio.NewReaderSize(conn, 16<<10)}, nil
}

func (c *client) close() { c.conn.Close() }

// do sends a whole request and reads the whole answer.
func (c *client) do(request []byte) (*answer, error) {
	if _, err := c.conn.Write(request); err != nil {
		return nil, err
	}
	a := &c.answer
	a.location, a.cookie, a.body = a.location[:0], a.cookie[:0], a.body[:0]

	line, err := c.line()
	if err != nil {
		return nil, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return nil, fmt.Errorf("answer begins %q", line)
	}
	if a.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return nil, fmt.Errorf("answer begins %q", line)
	}
	length, chunked, err := c.header(a)
	if err != nil {
		return nil, err
	}
	if chunked {
		return a, c.readChunks(a)
	}
	return a, c.readBody(a, length)
}

// header reads up to the empty line.
func (c *client) header(a *answer) (length int, chunked bool, err error) {
	for {
		line, err := c.line()
		if err != nil || len(line) == 0 {
			return length, chunked, err
		}
		// The names are spelt as Go's server, which stands on both sides, spells them.
		switch name, value, _ := bytes.Cut(line, []byte(": ")); string(name) {
		case "Content-Length":
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, false, fmt.Errorf("length %q", value)
			}
		case "Transfer-Encoding":
			chunked = true
		case "Location":
			a.location = append(a.location, value...)
		case "Set-Cookie":
			pair, _, _ := bytes.Cut(value, []byte(";"))
			a.cookie = append(a.cookie[:0], pair...)
		}
	}
}

// line reads one line of the header, which may not be longer than the buffer.
func (c *client) line() ([]byte, error) {
	line, err := c.r.ReadSlice('\n')
	return bytes.TrimRight(line, "\r\n"), err
}

func (c *client) readBody(a *answer, length int) error {
	if cap(a.body) < length {
		a.body = make([]byte, length)
	}
	a.body = a.body[:length]
	_, err := io.ReadFull(c.r, a.body)
	return err
}

func (c *client) readChunks(a *answer) (err error) {
	if a.body, err = io.ReadAll(httputil.NewChunkedReader(c.r)); err != nil {
		return err
	}
	_, err = c.line() // the empty line behind the last chunk
	return err
}

// request builds one request with a body of JSON, or none.
func request[P string | []byte](buf []byte, method string, path P, host, token string, body []byte) []byte {
	buf = append(buf[:0], method...)
	buf = append(buf, ' ')
	buf = append(buf, path...)
	buf = append(buf, " HTTP/1.1\r\nHost: "...)
	buf = append(buf, host...)
	if token != "" {
		buf = append(buf, "\r\nAuthorization: Bearer "...)
		buf = append(buf, token...)
	}
	if body != nil {
		buf = append(buf, "\r\nContent-Type: application/json\r\nContent-Length: "...)
		buf = strconv.AppendInt(buf, int64(len(body)), 10)
	}
	buf = append(buf, "\r\n\r\n"...)
	return append(buf, body...)
}
