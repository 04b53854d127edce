package prefinery

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"grapevine/model"
	"grapevine/web"
)

// read reads a body into v: JSON or a form, below the name of its resource or
// bare.
func read(r *http.Request, name string, v any) error {
	body, err := web.ReadBody(r)
	if err != nil {
		return err
	}
	text, err := asJSON(r.Header.Get("Content-Type"), body)
	if err != nil {
		return err
	}
	var wrapped map[string]json.RawMessage
	if err := web.UnmarshalJSON(text, &wrapped); err != nil {
		return err
	}
	if inside, ok := wrapped[name]; ok && bytes.HasPrefix(bytes.TrimSpace(inside), []byte("{")) {
		text = inside
	}
	return web.UnmarshalJSON(text, v)
}

// asJSON is a body as JSON. A form's curl line that sends JSON all the same is
// taken at its word; so is a body that does not say what it is.
func asJSON(contentType string, body []byte) ([]byte, error) {
	body = bytes.TrimSpace(body)
	if !utf8.Valid(body) {
		return nil, malformed("", "The body is not UTF-8.")
	}
	if len(body) == 0 {
		return []byte("{}"), nil
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil && contentType != "" {
		return nil, malformed("", "The content type cannot be read.")
	}
	isForm := media == "application/x-www-form-urlencoded"
	switch {
	case isForm && body[0] != '{':
		return formJSON(string(body))
	case isForm, media == "", media == "application/json", strings.HasSuffix(media, "+json"):
		if web.HoldsNUL(body) {
			return nil, malformed("", "Text must not hold the character U+0000.")
		}
		return body, nil
	}
	return nil, malformed("", "The content type must be application/json, or that of a form.")
}

// formJSON is a form as JSON: brackets in a name lead into objects, and empty
// ones into lists.
func formJSON(body string) ([]byte, error) {
	top := map[string]any{}
	for pair := range strings.SplitSeq(body, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err == nil {
			value, err = url.QueryUnescape(value)
		}
		if err != nil || !utf8.ValidString(name+value) || strings.ContainsRune(name+value, 0) {
			return nil, malformed("", "The form cannot be read.")
		}
		first, rest, _ := strings.Cut(name, "[")
		steps := []string{first}
		if rest != "" {
			steps = append(steps, strings.Split(strings.TrimSuffix(rest, "]"), "][")...)
		}
		if len(steps) > deepest || !put(top, steps, value) {
			return nil, malformed(name, "The form has "+name+" twice, as different things, or too deep.")
		}
	}
	return json.Marshal(top)
}

// deepest is how many names deep a form may go.
const deepest = 8

// put puts a value where steps lead; false where something else is there.
func put(into map[string]any, steps []string, value string) bool {
	name := steps[0]
	if len(steps) == 1 {
		if _, taken := into[name].(string); into[name] != nil && !taken {
			return false
		}
		into[name] = value
		return true
	}
	if steps[1] == "" {
		list, ok := into[name].([]any)
		if into[name] != nil && !ok {
			return false
		}
		into[name] = list
		if len(steps) == 2 {
			into[name] = append(list, value)
			return true
		}
		// A name that the last element has already begins the next one.
		last := len(list) - 1
		if last >= 0 {
			element, ok := list[last].(map[string]any)
			if !ok {
				return false
			}
			if _, taken := element[steps[2]]; !taken {
				return put(element, steps[2:], value)
			}
		}
		element := map[string]any{}
		into[name] = append(list, element)
		return put(element, steps[2:], value)
	}
	inner, ok := into[name].(map[string]any)
	if into[name] != nil && !ok {
		return false
	}
	if inner == nil {
		inner = map[string]any{}
		into[name] = inner
	}
	return put(inner, steps[1:], value)
}

func malformed(field, text string) error {
	return &model.Error{Kind: model.Malformed, Field: field, Msg: text}
}

// scalar is a text that may come as a number or a truth. null is as if it were
// not sent.
type scalar struct {
	text string
	sent bool
}

// UnmarshalJSON reads one.
func (s *scalar) UnmarshalJSON(raw []byte) error {
	switch raw[0] {
	case 'n':
		return nil
	case '"':
		s.sent = true
		return json.Unmarshal(raw, &s.text)
	case '{', '[':
		return &model.Error{Kind: model.Malformed, Msg: "A text or number is expected, and not " + string(raw[:1]) + "."}
	}
	s.text, s.sent = string(raw), true
	return nil
}

func (s scalar) trimmed() string { return strings.TrimSpace(s.text) }

// truth reads a flag as forms send it, too; what was not sent is false.
func (s scalar) truth() (yes, ok bool) {
	if s.trimmed() == "" {
		return false, true
	}
	yes, err := strconv.ParseBool(strings.ToLower(s.trimmed()))
	return yes, err == nil
}
