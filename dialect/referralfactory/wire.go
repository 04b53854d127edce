package referralfactory

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"
)

// object is a JSON object whose fields have an order: the documented one, or
// that in which a call asked for them.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON keeps the order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(m.value); err != nil {
			return nil, err
		}
		b.Truncate(b.Len() - 1) // the newline
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// only is the object with the fields asked for, in that order; nil is all.
func (o object) only(names []string) object {
	if names == nil {
		return o
	}
	chosen := make(object, 0, len(names))
	for _, name := range names {
		if i := slices.IndexFunc(o, func(m member) bool { return m.name == name }); i >= 0 {
			chosen = append(chosen, o[i])
		}
	}
	return chosen
}

// with adds a relation to a row, where it was asked for. make is not called
// where it was not; a nil object is null.
func (o object) with(q *query, name string, make func() object) object {
	if !q.with[name] {
		return o
	}
	var value any
	if related := make(); related != nil {
		value = related.only(q.onlyOf[name])
	}
	return append(o, member{name, value})
}

// shown is a time as every body has it.
func shown(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// shownOrNull is null for no time.
func shownOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return shown(t)
}

// orNull is null for a number that stands for nothing.
func orNull[N ~int64](n N) any {
	if n == 0 {
		return nil
	}
	return n
}

// textOrNull is null for an empty text.
func textOrNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}
