package web

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
)

// encoding/json takes a name that differs from a field's in case for the
// field's, so that an `Amount` which nobody has a use for would replace the
// `amount` before it. Vendors tell names apart by case.

// onlyExact is text with the names hidden that encoding/json would mistake for
// a field's of v. It is text itself where there is none, as ever with clients
// that were written by the documentation; text is never changed. What is not
// JSON is left for encoding/json to complain of.
func onlyExact(text []byte, v any) []byte {
	r := exactReader{text: text}
	r.value(shapeOf(reflect.TypeOf(v)))
	if r.mended != nil {
		return r.mended
	}
	return text
}

// shape is what a type says of names: those of an object's fields, or the shape
// of what is in a list. A nil one says nothing.
type shape struct {
	fields map[string]reflect.Type
	within reflect.Type
}

var (
	shapes          sync.Map // reflect.Type -> *shape
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
)

func shapeOf(t reflect.Type) *shape {
	if known, ok := shapes.Load(t); ok {
		return known.(*shape)
	}
	s := newShape(t)
	shapes.Store(t, s)
	return s
}

func newShape(t reflect.Type) *shape {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(jsonUnmarshaler) { // it reads its names itself
		return nil
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return &shape{within: t.Elem()}
	case reflect.Struct:
		s := &shape{fields: map[string]reflect.Type{}}
		for _, field := range reflect.VisibleFields(t) {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			switch {
			case name == "-", !field.IsExported(), field.Anonymous && name == "":
			case name == "":
				s.fields[field.Name] = field.Type
			default:
				s.fields[name] = field.Type
			}
		}
		return s
	default:
		return nil
	}
}

// takes reports whether encoding/json would take a name for one of the fields'.
func (s *shape) takes(name string) bool {
	for field := range s.fields {
		if strings.EqualFold(field, name) {
			return true
		}
	}
	return false
}

// exactReader goes once through a JSON text.
type exactReader struct {
	text   []byte
	at     int
	mended []byte // nil until a name had to be hidden
}

// peek is what comes next after blanks, 0 at the end.
func (r *exactReader) peek() byte {
	for ; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// next reports whether c comes next, and passes it.
func (r *exactReader) next(c byte) bool {
	if r.peek() != c {
		return false
	}
	r.at++
	return true
}

// value passes a value. It goes no deeper than types do. False means that the
// text is no JSON, as of all that follows.
func (r *exactReader) value(s *shape) bool {
	switch {
	case s == nil:
		return r.skip()
	case s.fields != nil && r.peek() == '{':
		return r.list('}', func() bool {
			from := r.at
			if !r.quoted() {
				return false
			}
			within := r.field(s, from)
			return r.next(':') && r.value(within)
		})
	case s.within != nil && r.peek() == '[':
		within := shapeOf(s.within)
		return r.list(']', func() bool { return r.value(within) })
	}
	return r.skip()
}

// list passes what is in brackets, the first of which comes next.
func (r *exactReader) list(end byte, member func() bool) bool {
	r.at++
	if r.next(end) {
		return true
	}
	for r.peek() != 0 && member() {
		if r.next(end) {
			return true
		}
		if !r.next(',') {
			return false
		}
	}
	return false
}

// field is the shape of the field whose name was passed, in quotes from there
// on. What only looks like a field's name is hidden.
func (r *exactReader) field(s *shape, from int) *shape {
	name := r.text[from+1 : r.at-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		var plain string
		if json.Unmarshal(r.text[from:r.at], &plain) == nil {
			name = []byte(plain)
		}
	}
	if t, ok := s.fields[string(name)]; ok {
		return shapeOf(t)
	}
	if s.takes(string(name)) {
		if r.mended == nil {
			r.mended = bytes.Clone(r.text)
		}
		for i := from + 1; i < r.at-1; i++ {
			r.mended[i] = '?'
		}
	}
	return nil
}

// quoted passes a text in quotes.
func (r *exactReader) quoted() bool {
	if !r.next('"') {
		return false
	}
	for ; r.at < len(r.text); r.at++ {
		switch r.text[r.at] {
		case '\\':
			r.at++
		case '"':
			r.at++
			return true
		}
	}
	return false
}

// skip passes a value whose names nobody looks at.
func (r *exactReader) skip() bool {
	depth := 0
	for {
		switch r.peek() {
		case 0:
			return false
		case '"':
			if !r.quoted() {
				return false
			}
		case '{', '[':
			depth++
			r.at++
		case '}', ']':
			if depth == 0 { // nothing was there
				return false
			}
			depth--
			r.at++
		case ',', ':':
			if depth == 0 {
				return false
			}
			r.at++
			continue
		default:
			for r.at < len(r.text) && !bytes.ContainsRune([]byte(" \t\r\n\",:{}[]"), rune(r.text[r.at])) {
				r.at++
			}
		}
		if depth == 0 {
			return true
		}
	}
}
