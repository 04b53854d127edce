package web

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// List writes a JSON array element by element, for answers that may be longer
// than what is worth holding in memory. Nothing is written before keptBuffer
// bytes are together or the list ends, so that a failure on the way to the
// first elements can still be answered as one.
type List struct {
	w      http.ResponseWriter
	status int
	buffer bytes.Buffer
	begun  bool // the status is out
	some   bool // an element is in
}

// NewList begins an answer with a status. Without End it is not whole.
func NewList(w http.ResponseWriter, status int) *List { return &List{w: w, status: status} }

// Add writes one element.
func (l *List) Add(element any) error {
	separator := byte('[')
	if l.some {
		separator = ','
	}
	l.some = true
	l.buffer.WriteByte(separator)
	encoder := json.NewEncoder(&l.buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(element); err != nil {
		return err
	}
	l.buffer.Truncate(l.buffer.Len() - 1) // the encoder ends with a line feed
	if l.buffer.Len() < keptBuffer {
		return nil
	}
	return l.flush()
}

// End closes the array and sends what is left of it.
func (l *List) End() error {
	if !l.some {
		l.buffer.WriteByte('[')
	}
	l.buffer.WriteByte(']')
	return l.flush()
}

func (l *List) flush() error {
	if !l.begun {
		l.begun = true
		l.w.Header()["Content-Type"] = jsonType
		l.w.WriteHeader(l.status)
	}
	_, err := l.buffer.WriteTo(l.w)
	return err
}
