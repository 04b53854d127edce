// Package value is how Go values become arguments and columns become Go values,
// the same on both engines. There are three kinds of value: integer, text and
// bytes; a bool is the integer 0 or 1. It knows no driver and no NULL.
package value

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"unicode/utf8"

	"grapevine/store"
)

// Kind is what a column holds.
type Kind uint8

// The kinds of value.
const (
	Int Kind = iota
	Text
	Bytes
)

// Value is an argument of a statement.
type Value struct {
	Kind Kind
	Int  int64  // of an Int
	Data string // of Text and Bytes
}

// Of makes a Value of an integer, a string, a bool or a []byte, of named types
// too, or of what a pointer to one points to. It fails with store.ErrText on text that PostgreSQL would not keep.
func Of(arg any) (Value, error) {
	switch v := arg.(type) {
	case int64:
		return Value{Kind: Int, Int: v}, nil
	case string:
		return text(v)
	case int:
		return Value{Kind: Int, Int: int64(v)}, nil
	case bool:
		return boolean(v), nil
	case []byte:
		return Value{Kind: Bytes, Data: string(v)}, nil
	case nil:
		return Value{}, errors.New("argument is nil: columns are NOT NULL")
	}
	v := reflect.ValueOf(arg)
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	switch {
	case v.CanInt():
		return Value{Kind: Int, Int: v.Int()}, nil
	case v.CanUint():
		if v.Uint() > math.MaxInt64 {
			return Value{}, fmt.Errorf("argument %d does not fit a BIGINT", v.Uint())
		}
		return Value{Kind: Int, Int: int64(v.Uint())}, nil
	case v.Kind() == reflect.String:
		return text(v.String())
	case v.Kind() == reflect.Bool:
		return boolean(v.Bool()), nil
	case isBytes(v.Type()):
		return Value{Kind: Bytes, Data: string(v.Bytes())}, nil
	}
	return Value{}, fmt.Errorf("argument is a %T: not an integer, string, bool or []byte", arg)
}

func text(s string) (Value, error) {
	if strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s) {
		return Value{}, store.ErrText
	}
	return Value{Kind: Text, Data: s}, nil
}

func boolean(b bool) Value {
	if b {
		return Value{Kind: Int, Int: 1}
	}
	return Value{Kind: Int}
}

func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}

// SetInt stores an integer column in dest, a pointer to an integer or bool kind.
func SetInt(dest any, n int64) error {
	switch d := dest.(type) {
	case *int64:
		*d = n
		return nil
	case *int:
		if int64(int(n)) != n {
			return overflow(dest, n)
		}
		*d = int(n)
		return nil
	case *bool:
		*d = n == 1
		return checkBool(n)
	}
	v, err := target(dest)
	if err != nil {
		return err
	}
	switch {
	case v.CanInt():
		if v.OverflowInt(n) {
			return overflow(dest, n)
		}
		v.SetInt(n)
	case v.CanUint():
		if n < 0 || v.OverflowUint(uint64(n)) {
			return overflow(dest, n)
		}
		v.SetUint(uint64(n))
	case v.Kind() == reflect.Bool:
		v.SetBool(n == 1)
		return checkBool(n)
	default:
		return mismatch("an integer", dest)
	}
	return nil
}

// SetText stores a text column in dest, a pointer to a string or []byte kind.
// It copies b.
func SetText(dest any, b []byte) error {
	switch d := dest.(type) {
	case *string:
		*d = string(b)
		return nil
	case *[]byte:
		*d = clone(b)
		return nil
	}
	v, err := target(dest)
	if err != nil {
		return err
	}
	switch {
	case v.Kind() == reflect.String:
		v.SetString(string(b))
	case isBytes(v.Type()):
		v.SetBytes(clone(b))
	default:
		return mismatch("text", dest)
	}
	return nil
}

// SetBytes stores a column of bytes in dest, a pointer to a []byte kind. It
// copies b.
func SetBytes(dest any, b []byte) error {
	if d, ok := dest.(*[]byte); ok {
		*d = clone(b)
		return nil
	}
	v, err := target(dest)
	if err != nil {
		return err
	}
	if !isBytes(v.Type()) {
		return mismatch("bytes", dest)
	}
	v.SetBytes(clone(b))
	return nil
}

// clone never returns nil, so that an empty column reads the same everywhere.
func clone(b []byte) []byte { return append([]byte{}, b...) }

func target(dest any) (reflect.Value, error) {
	p := reflect.ValueOf(dest)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return reflect.Value{}, fmt.Errorf("destination is a %T: not a pointer", dest)
	}
	return p.Elem(), nil
}

func checkBool(n int64) error {
	if n != 0 && n != 1 {
		return fmt.Errorf("%d is neither 0 nor 1", n)
	}
	return nil
}

func overflow(dest any, n int64) error { return fmt.Errorf("%d does not fit a %T", n, dest) }

func mismatch(what string, dest any) error { return fmt.Errorf("%s does not go into a %T", what, dest) }
