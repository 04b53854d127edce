package web

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"grapevine/model"
)

// MaxBody is how many bytes of a body are read.
const MaxBody = 1 << 20

// buffers are reused unless a large body made them large.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

const keptBuffer = 64 << 10

func putBuffer(b *bytes.Buffer) {
	if b.Cap() <= keptBuffer {
		b.Reset()
		buffers.Put(b)
	}
}

// ReadJSON reads the body, one JSON value, into v. It fails with Malformed:
// BodyTooLarge past MaxBody, with the field where a value has a wrong type.
// Names that v has no field of, case included, are ignored, as vendors do.
func ReadJSON(r *http.Request, v any) error { return ReadJSONWithin(r, v, MaxBody) }

// ReadJSONWithin is ReadJSON for bodies of at most so many bytes.
func ReadJSONWithin(r *http.Request, v any, most int64) error {
	b := buffers.Get().(*bytes.Buffer)
	defer putBuffer(b)
	if err := readBody(r, b, most); err != nil {
		return err
	}
	if len(bytes.TrimSpace(b.Bytes())) == 0 {
		return &model.Error{Kind: model.Malformed, Msg: "a JSON body is required"}
	}
	if !utf8.Valid(b.Bytes()) { // encoding/json would mend texts, and let it pass in what is kept as sent
		return &model.Error{Kind: model.Malformed, Msg: "the body is not UTF-8"}
	}
	if err := UnmarshalJSON(b.Bytes(), v); err != nil {
		return err
	}
	if HoldsNUL(b.Bytes()) {
		return &model.Error{Kind: model.Malformed, Msg: "text must not hold the character U+0000"}
	}
	return nil
}

// UnmarshalJSON reads JSON that came in a body into v, and fails as ReadJSON
// does. A name that differs from a field's in case is another name.
func UnmarshalJSON(text []byte, v any) error {
	if err := json.Unmarshal(onlyExact(text, v), v); err != nil {
		return explain(err)
	}
	return nil
}

// ReadBody reads the body as it was sent, for who verifies or keeps it. It
// fails as ReadJSON does.
func ReadBody(r *http.Request) ([]byte, error) {
	var b bytes.Buffer
	err := readBody(r, &b, MaxBody)
	return b.Bytes(), err
}

func readBody(r *http.Request, b *bytes.Buffer, most int64) error {
	if r.ContentLength <= most {
		_, err := b.ReadFrom(io.LimitReader(r.Body, most+1))
		if err != nil {
			return &model.Error{Kind: model.Malformed, Msg: "the body did not arrive whole", Err: err}
		}
	}
	if r.ContentLength > most || int64(b.Len()) > most {
		return &model.Error{
			Kind:   model.Malformed,
			Reason: model.BodyTooLarge,
			Msg:    "the body is larger than " + strconv.FormatInt(most, 10) + " bytes",
		}
	}
	return nil
}

// explain says what is wrong with a body, without Go's names.
func explain(err error) error {
	var known *model.Error
	if errors.As(err, &known) {
		return err
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		field := pathOnWire(wrong.Field)
		what := cmp.Or(field, "the body")
		return &model.Error{Kind: model.Malformed, Field: field, Msg: what + " must not be " + article(wrong.Value), Err: err}
	}
	return &model.Error{Kind: model.Malformed, Msg: "the body is not valid JSON", Err: err}
}

// pathOnWire leaves out what encoding/json adds to a path and the caller did
// not send: the names of embedded structs, which end in JSON as all of ours.
func pathOnWire(path string) string {
	names := slices.DeleteFunc(strings.Split(path, "."), func(name string) bool { return strings.HasSuffix(name, "JSON") })
	return strings.Join(names, ".")
}

func article(value string) string {
	if value == "array" || value == "object" {
		return "an " + value
	}
	return "a " + value
}

// HoldsNUL reports whether a text of valid JSON has a NUL in it, which
// PostgreSQL cannot keep and which no vendor's field can mean.
func HoldsNUL(body []byte) bool {
	for {
		at := bytes.Index(body, []byte(`\u0000`))
		if at < 0 {
			return false
		}
		before := at
		for before > 0 && body[before-1] == '\\' {
			before--
		}
		if (at-before)%2 == 0 { // the backslash is not itself escaped
			return true
		}
		body = body[at+1:]
	}
}

// WriteJSON answers v. The content type is application/json unless the
// handler has set another.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	b := buffers.Get().(*bytes.Buffer)
	defer putBuffer(b)
	if err := encode(b, v); err != nil {
		return err
	}
	return WriteEncoded(w, status, b.Bytes())
}

// EncodeJSON is what WriteJSON writes, for who writes it more than once.
func EncodeJSON(v any) ([]byte, error) {
	b := buffers.Get().(*bytes.Buffer)
	defer putBuffer(b)
	err := encode(b, v)
	return bytes.Clone(b.Bytes()), err
}

func encode(b *bytes.Buffer, v any) error {
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the line's end
	return nil
}

// WriteEncoded is WriteJSON of what EncodeJSON made.
func WriteEncoded(w http.ResponseWriter, status int, body []byte) error {
	if header := w.Header(); header["Content-Type"] == nil {
		header["Content-Type"] = jsonType
	}
	w.WriteHeader(status)
	_, err := w.Write(body)
	return err
}

var jsonType = []string{"application/json"}
