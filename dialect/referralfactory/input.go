package referralfactory

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"grapevine/engine/address"
	"grapevine/model"
	"grapevine/web"
)

// input is the body of a call, a form or JSON, by names. A value is a text,
// a json.Number, a bool, nil, or something that no field is. What is wrong
// with the fields is gathered as they are read.
type input struct {
	values map[string]any
	faults
}

// readInput reads a body. It fails with Malformed.
func readInput(r *http.Request) (*input, error) {
	body, err := web.ReadBody(r)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(body) {
		return nil, &model.Error{Kind: model.Malformed, Msg: "The body is not UTF-8."}
	}
	in := &input{values: map[string]any{}}
	trimmed := bytes.TrimSpace(body)
	switch {
	case len(trimmed) == 0:
	case trimmed[0] == '{' || strings.Contains(r.Header.Get("Content-Type"), "json"):
		decoder := json.NewDecoder(bytes.NewReader(trimmed))
		decoder.UseNumber()
		err := decoder.Decode(&in.values)
		if _, after := decoder.Token(); err != nil || after != io.EOF {
			return nil, &model.Error{Kind: model.Malformed, Msg: "The body is not a JSON object.", Err: err}
		}
	default:
		if err := in.readForm(string(trimmed)); err != nil {
			return nil, err
		}
	}
	for name, value := range in.values {
		if text, ok := value.(string); ok && (strings.Contains(text, "\x00") || !utf8.ValidString(text)) {
			in.add(http.StatusBadRequest, name, called(name)+" must be UTF-8, without the character U+0000.")
		}
	}
	return in, in.err()
}

// readForm takes the last of values with one name, as PHP does, and all of a
// list, be they numbered or not. Other brackets make an object of it, which no
// field is, nor an element of one.
func (in *input) readForm(text string) error {
	form, err := url.ParseQuery(text)
	if err != nil {
		return &model.Error{Kind: model.Malformed, Msg: "The body is not a form that can be read.", Err: err}
	}
	for _, name := range sortedNames(form) {
		values := form[name]
		name, index, list := strings.Cut(name, "[")
		if !list {
			in.values[name] = values[len(values)-1]
			continue
		}
		texts, _ := in.values[name].([]any)
		for _, value := range values {
			one := any(value)
			if strings.Trim(index, "0123456789") != "]" {
				one = nil
			}
			texts = append(texts, one)
		}
		in.values[name] = texts
	}
	return nil
}

// called is a field as messages call it.
func called(field string) string { return "The " + strings.ReplaceAll(field, "_", " ") + " field" }

// has tells whether a field was sent, and is not null.
func (in *input) has(field string) bool { return in.values[field] != nil }

// need notes that a field which is required was not sent.
func (in *input) need(field string) bool {
	value := in.values[field]
	if text, ok := value.(string); value == nil || ok && strings.TrimSpace(text) == "" {
		in.add(http.StatusBadRequest, field, called(field)+" is required.")
		return false
	}
	return true
}

// text is a field as a text, "" where it was not sent.
func (in *input) text(field string) string {
	switch value := in.values[field].(type) {
	case nil:
		return ""
	case string:
		return strings.TrimSpace(value)
	case json.Number:
		return value.String()
	}
	in.add(http.StatusBadRequest, field, called(field)+" must be a string.")
	return ""
}

// email is a field as an address.
func (in *input) email(field string) string {
	text := in.text(field)
	if text != "" && !address.Valid(text) {
		in.add(http.StatusBadRequest, field, called(field)+" must be a valid email address.")
	}
	return text
}

// id is a field as a number, 0 where it was not sent.
func (in *input) id(field string) int64 {
	text := ""
	switch value := in.values[field].(type) {
	case nil:
		return 0
	case string:
		text = strings.TrimSpace(value)
	case json.Number:
		text = value.String()
	}
	if text == "" && in.values[field] == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		in.add(http.StatusBadRequest, field, called(field)+" must be a number.")
	}
	return n
}

// flag is a field as true or false, nil where it was not sent.
func (in *input) flag(field string) *bool {
	if !in.has(field) {
		return nil
	}
	yes, known := in.values[field].(bool)
	if !known {
		switch in.values[field] {
		case "1", "true", "True", json.Number("1"):
			yes, known = true, true
		case "0", "false", "False", json.Number("0"):
			known = true
		}
	}
	if !known {
		in.add(http.StatusBadRequest, field, called(field)+" must be true or false.")
	}
	return &yes
}

// list is a field of texts: a list, or one text.
func (in *input) list(field string) []string {
	var texts []string
	switch value := in.values[field].(type) {
	case nil:
	case string:
		texts = strings.Split(value, ",")
	case []any:
		for _, one := range value {
			text, ok := one.(string)
			if !ok {
				in.add(http.StatusBadRequest, field, called(field)+" must be a list of strings.")
			}
			texts = append(texts, text)
		}
	default:
		in.add(http.StatusBadRequest, field, called(field)+" must be a list of strings.")
	}
	return texts
}
